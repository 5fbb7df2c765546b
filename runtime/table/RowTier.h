// RowTier: where the rows of one table lie that its memory has no room for, with their figures. A row on disk is what
// it is in memory, key and marks included, in a slot of a SlotFile; whole and short rows have a file each. The rows of
// a batch are read at once, with no lock of the table held.
#ifndef HETER_RUNTIME_TABLE_ROWTIER_H
#define HETER_RUNTIME_TABLE_ROWTIER_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/table/RowStore.h"
#include "runtime/table/Schema.h"
#include "runtime/table/SlotFile.h"
#include "runtime/table/TierPlace.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace heter::runtime {

/// A row on disk as its range knew it.
struct DiskRow {
  uint64_t key;
  uint64_t hash; ///< The range's.
  uint32_t slot;
  uint32_t position; ///< What it is to who asked for it.
  uint16_t epoch;
  uint16_t seen;
  bool isShort;
};

class DiskRows;

/// The slots of the rows that are on disk at one instant, of whole rows and of short ones.
struct SlotsOnDisk {
  std::array<SlotSet, 2> slots;
  bool has(bool isShort, uint32_t slot) const { return slots[isShort].has(slot); }
};

/// Thread-safe.
class RowTier {
public:
  /// `spec` outlives it. See SlotFileOptions for `background`.
  static StatusOr<std::unique_ptr<RowTier>> create(const TierPlace &place, const TableSpec &spec,
                                                   BackgroundRunner background);

  /// Null if the table has no such rows.
  SlotFile *file(bool isShort) const { return files_[isShort].get(); }
  size_t rowBytes(bool isShort) const;

  /// Takes a row's bytes, as they lie in memory, and gives its slot. Blocks. An error is the tier's from then on.
  StatusOr<uint32_t> append(bool isShort, const char *row);
  void free(bool isShort, uint32_t slot) { files_[isShort]->free(slot); }
  /// As those of SlotFile: the row is on disk, and no more in memory, from now on.
  void settle(bool isShort, uint32_t slot) { files_[isShort]->settle(slot); }
  void settleInstead(bool isShort, uint32_t from, uint32_t to) { files_[isShort]->settleInstead(from, to); }

  /// Reads the rows of `rows`. Blocks. An error is the tier's from then on.
  Status read(DiskRows &rows);

  /// The first error. Nothing is written after it; what was written can be read.
  Status status() const HETER_EXCLUDES(mutex_);
  Status fail(Status why) HETER_EXCLUDES(mutex_);

  void countPull(size_t inMemory, size_t onDisk) {
    keysPulled_.fetch_add(static_cast<int64_t>(inMemory + onDisk), std::memory_order_relaxed);
    keysOnDisk_.fetch_add(static_cast<int64_t>(onDisk), std::memory_order_relaxed);
  }
  /// All but rowsInMemory and rowsOnDisk.
  void addFigures(TierFigures &figures) const;

private:
  explicit RowTier(const TableSpec &spec) : spec_(spec) {}

  const TableSpec &spec_;
  std::array<std::unique_ptr<SlotFile>, 2> files_; ///< Of whole rows, of short ones.
  std::atomic<int64_t> keysPulled_{0};
  std::atomic<int64_t> keysOnDisk_{0};
  std::atomic<bool> failed_{false};
  mutable Mutex mutex_;
  Status status_ HETER_GUARDED_BY(mutex_);
};

/// Rows on disk that somebody wants, and while it lives their slots stay theirs. Not thread-safe; gone before its tier.
class DiskRows {
public:
  explicit DiskRows(RowTier *tier) : tier_(tier) {}

  bool empty() const { return rows_.empty(); }
  std::span<const DiskRow> rows() const { return rows_; }
  /// REQUIRES: the lock of the row's range is held, at least shared, since the row was found.
  void add(const DiskRow &row);
  /// Blocks.
  Status read() { return tier_->read(*this); }
  /// The bytes of a row as they would lie in memory. REQUIRES: read() was ok.
  Row row(size_t i) const { return Row(const_cast<char *>(bytes_.data()) + begins_[i]); }
  std::span<const float> floats(size_t i) const {
    return {row(i).floats(), (tier_->rowBytes(rows_[i].isShort) - Row::headerBytes) / sizeof(float)};
  }
  void clear();
  /// Adds what another one wants, whose positions begin at `first`. REQUIRES: neither was read.
  void append(DiskRows &&other, uint32_t first);

private:
  friend class RowTier;
  RowTier *tier_;
  std::vector<DiskRow> rows_;
  std::vector<SlotFile::Pin> pins_; ///< Older than every row; of each file, if any row is there.
  std::vector<char> bytes_;
  std::vector<size_t> begins_; ///< Of each row in `bytes_`.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWTIER_H
