// TableRange: the rows of some virtual shards of one table, with their index, under one lock. It knows what one row
// goes through: it comes into being, is counted, admitted, updated, set aside for a snapshot that has not reached it,
// and evicted. In a table with a tier below memory it also leaves for the disk and comes back, and nobody can tell: who
// needs a row that is there names it, reads it with no lock held, and gives it back to the range before going on.
#ifndef HETER_RUNTIME_TABLE_TABLERANGE_H
#define HETER_RUNTIME_TABLE_TABLERANGE_H

#include "runtime/base/SharedMutex.h"
#include "runtime/table/RowClock.h"
#include "runtime/table/RowIndex.h"
#include "runtime/table/RowTier.h"
#include "runtime/table/RowUpdater.h"
#include "runtime/table/Schema.h"
#include "runtime/table/SetAsideRows.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace heter::runtime {

/// Gradient sums of unique keys, as an update takes them.
struct RowGradients {
  std::span<const uint64_t> keys;
  std::span<const float> gradients;   ///< dim floats a key.
  std::span<const float> counts = {}; ///< Shows and clicks, 2 floats a key; empty: shown once, never clicked.

  struct Counts {
    float shows = 1;
    float clicks = 0;
  };
  Counts countsOf(size_t position) const {
    return counts.empty() ? Counts{} : Counts{counts[2 * position], counts[2 * position + 1]};
  }
};

/// One key of a batched call.
struct BatchKey {
  uint64_t key;
  uint64_t hash;     ///< The range's.
  uint32_t position; ///< In the keys of its push, or of the pull.
  uint32_t push;     ///< Which push, of several.
};

/// A row outside its table. `state` has spec.floatsOf(!admitted) floats.
struct RowImage {
  uint64_t key;
  bool admitted; ///< Whether the row is whole; always, in tables that admit all keys.
  std::span<const float> state;
  uint16_t seen = 0; ///< The period of its last push, as RowPolicy counts them.
};

/// What the ranges of a table share. Changes only while no other call runs.
struct TableContext {
  explicit TableContext(const TableSpec &spec) : spec(spec) {}
  void setSeed(uint64_t seed);
  /// Sets a new row's floats.
  void initialize(Row row, bool isShort) const;
  void initializePart(size_t part, Row row) const;

  const TableSpec &spec;
  std::vector<std::array<uint32_t, 2>> seedKeys; ///< A Philox key a part.
  std::array<uint32_t, 2> admissionKey{};        ///< Of the draws.
};

class TableRange {
public:
  /// All outlive the range. Rows that a snapshot has set aside lie in `asides`. Without a tier (null) all rows are in
  /// memory; with one, those of `shards` virtual shards may take their part of it.
  TableRange(const TableContext &context, RowArena &arena, RowArena &asides, RangeHash hash, RowTier *tier = nullptr,
             int shards = 0);

  SharedMutex &mutex() const HETER_THREAD_ATTRIBUTE(lock_returned(mutex_)) { return mutex_; }

  /// To read from; see also RowReader.h.
  const RowIndex &index() const HETER_REQUIRES_SHARED(mutex_) { return index_; }
  const RowStore &rows() const HETER_REQUIRES_SHARED(mutex_) { return rows_; }

  /// Updates each key with its gradient in `pushes`. REQUIRES: keys are unique. Keys whose rows are on disk are left
  /// out: those rows are added to `onDisk`, with the positions of their keys in `keys`.
  void update(int part, std::span<const BatchKey> keys, std::span<const RowGradients> pushes, RowUpdater &updater,
              const TableTime &time, DiskRows &onDisk) HETER_REQUIRES(mutex_);

  /// Evicts rows of the virtual shards [first, end), which are the range's. Each shard may keep `memoryOfShard` bytes;
  /// -1: no limit. Gives the number evicted. Rows on disk that a snapshot wants first stay, and are added to `onDisk`.
  int64_t evict(int first, int end, int64_t memoryOfShard, const TableTime &time, DiskRows &onDisk)
      HETER_REQUIRES(mutex_);

  /// The same for the shards alone whose rows have come to take more than policy.memoryToKeep() allows them; they give
  /// up a sixteenth more, so that it is long until their next time.
  int64_t evictOverfull(const TableTime &time) HETER_REQUIRES(mutex_);

  /// Makes the index ready for about `rows` rows. REQUIRES: there are none yet.
  void reserve(int64_t rows) HETER_REQUIRES(mutex_) { index_.reserve(rows, rows_); }
  /// Adds or replaces rows, of which the last of a key counts. REQUIRES: with a tier, that there is no snapshot.
  void put(std::span<const RowImage> images) HETER_REQUIRES(mutex_);

  /// Calls `visit` with each row of the segment that holds a position of the index, in no order, and gives where the
  /// segment ends; `visit` takes what it needs of a row. Those on disk are added to `onDisk` instead.
  uint64_t visitSegment(uint64_t position, const std::function<void(const RowImage &)> &visit, DiskRows &onDisk) const
      HETER_REQUIRES_SHARED(mutex_);
  /// The same with the row of a key, if there is one.
  void visitRow(uint64_t key, const std::function<void(const RowImage &)> &visit, DiskRows &onDisk) const
      HETER_REQUIRES_SHARED(mutex_);

  // With a tier: rows come from the disk and go there.

  /// Adds those of the keys' rows that are on disk.
  void findOnDisk(std::span<const BatchKey> keys, DiskRows &onDisk) const HETER_REQUIRES_SHARED(mutex_);
  /// What is known of a row on disk.
  DiskRow diskRow(uint64_t hash, uint32_t row, uint32_t position) const HETER_REQUIRES_SHARED(mutex_);
  /// Counts a use of a row in memory.
  void touch(uint32_t row) const HETER_REQUIRES_SHARED(mutex_) { clock_->touch(row); }
  /// Has a row that was read in memory from now on, unless it has come, gone or moved meanwhile. `bytes` are the row's.
  void bringBack(const DiskRow &row, Row bytes) HETER_REQUIRES(mutex_);

  /// Rows that are to leave, as they were when they were chosen.
  struct Leaving {
    std::vector<uint32_t> rows;
    std::vector<char> bytes; ///< One row after another.
    size_t left = 0;         ///< Rows that are done with, and their bytes.
    size_t leftBytes = 0;
  };
  bool isOverBudget() const HETER_REQUIRES_SHARED(mutex_) { return clock_ && bytesInMemory() > budget_; }
  /// By so much that nobody may add to it before rows have left.
  bool isFarOverBudget() const HETER_REQUIRES_SHARED(mutex_) {
    return clock_ && bytesInMemory() > budget_ + budget_ / 16;
  }
  /// Chooses rows whose leaving takes the range some way below its budget, at most some dozen; none if it is there.
  /// One call at a time.
  void chooseLeaving(Leaving &leaving) HETER_REQUIRES_SHARED(mutex_);
  /// Has the next rows of `leaving` be on disk, in `slots`, from now on; those that were used for writing since give
  /// their slots up.
  void leave(Leaving &leaving, std::span<const uint32_t> slots) HETER_REQUIRES(mutex_);
  /// A row on disk lies in slot `to`, no more in `from`; the one that is not used any more is freed. Whether it moved.
  bool move(uint64_t key, bool isShort, uint32_t from, uint32_t to) HETER_REQUIRES(mutex_);
  int64_t rowsInMemory() const HETER_REQUIRES_SHARED(mutex_) {
    return rows_.rowsInMemory(false) + rows_.rowsInMemory(true);
  }

  int64_t wholeRows() const HETER_REQUIRES_SHARED(mutex_) { return rows_.wholeRows(); }
  int64_t shortRows() const HETER_REQUIRES_SHARED(mutex_) { return rows_.shortRows(); }

  // Snapshots: of the rows as they were when it began, in the order in which they lie in memory, or with a tier, where
  // rows move, in that of mixed keys; and then of those that were set aside. One at a time.

  /// With `apart`, which outlives the snapshot, rows that are on disk at the instant are left to who reads those slots:
  /// nextOfSnapshot() leaves them out, wherever they are by then. `apart` says which slots these are at some time since
  /// noteMoves(); from before that call to the end they must be pinned.
  void beginSnapshot(const SlotsOnDisk *apart = nullptr) HETER_REQUIRES(mutex_);
  /// Remembers rows that lose their slots from now on. REQUIRES: there is a tier, and no snapshot.
  void noteMoves() HETER_REQUIRES(mutex_) { notesMoves_ = true; }
  /// Of the rows left out, the slots of those that changed after epoch `since`. REQUIRES: nextOfSnapshot() gave false.
  void addChangedApart(uint16_t since, SlotsOnDisk &slots) const HETER_REQUIRES_SHARED(mutex_);
  /// Calls `visit`, which takes what it needs, with the next rows of the snapshot that changed after epoch `since`, a
  /// thousand at most and maybe none; false if there are no more. Pulls may run beside it. Those on disk are added to
  /// `onDisk` instead. REQUIRES: one call at a time, and `since` is that of the first one.
  bool nextOfSnapshot(uint16_t since, const std::function<void(const RowImage &)> &visit, DiskRows &onDisk)
      HETER_REQUIRES_SHARED(mutex_);
  void endSnapshot() HETER_REQUIRES(mutex_);

  /// Rows are marked with this when they change. A snapshot ends an epoch.
  uint16_t epoch() const HETER_REQUIRES(mutex_) { return epoch_; }

  struct Erased {
    uint64_t key;
    uint16_t epoch;
  };
  /// Rows evicted, and when; a key may be back.
  std::vector<Erased> &erased() HETER_REQUIRES(mutex_) { return erased_; }

private:
  /// As those of RowStore, and the clock knows.
  uint32_t addRow(uint64_t key, bool isShort, uint8_t uses = RowClock::created) HETER_REQUIRES(mutex_);
  void removeRow(uint32_t row) HETER_REQUIRES(mutex_);
  int64_t bytesInMemory() const HETER_REQUIRES_SHARED(mutex_) {
    return rows_.rowsInMemory(false) * spec_.rowMemory(false) + rows_.rowsInMemory(true) * spec_.rowMemory(true);
  }
  uint32_t create(const BatchKey &key, bool isShort) HETER_REQUIRES(mutex_);
  void putOne(uint64_t hash, const RowImage &image) HETER_REQUIRES(mutex_);
  /// The row of a key that is pushed to the counting part and has none, or RowIndex::none if it gets none.
  uint32_t createCounted(const BatchKey &key, const TableTime &time) HETER_REQUIRES(mutex_);
  /// Counts a push to a row.
  void count(Row at, RowGradients::Counts counts, uint16_t period) HETER_REQUIRES(mutex_);
  uint32_t admit(const BatchKey &key, uint32_t row) HETER_REQUIRES(mutex_);
  /// Counts what a row that comes (or goes) takes of its shard's memory, if that is limited.
  void tally(uint64_t key, uint32_t row, bool comes) HETER_REQUIRES(mutex_);
  void markChanged(uint64_t hash, uint32_t row) HETER_REQUIRES(mutex_) {
    Row at = rows_.at(row);
    if (at.epoch() != epoch_) {
      setAside(hash, row);
      at.setEpoch(epoch_);
    }
  }
  RowImage imageOf(uint32_t row) const HETER_REQUIRES_SHARED(mutex_);
  void prefetch(uint32_t row) const HETER_REQUIRES_SHARED(mutex_);
  /// Whether a snapshot has not come to the row yet, and wants it.
  bool wantsAside(uint64_t hash, uint32_t row) const HETER_REQUIRES(mutex_) {
    const uint16_t epoch = rows_.at(row).epoch();
    return inSnapshot_ && epoch != epoch_ && epoch > since_ && !isWalked(hash, row) && !isApart(row);
  }
  bool isWalked(uint64_t hash, uint32_t row) const HETER_REQUIRES(mutex_) {
    return tier_ ? RowIndex::position(hash) < walked_ : RowStore::numberOf(row) < walkedRows_[RowStore::isShort(row)];
  }
  /// Whether a row, which has not changed since, was on disk at the instant of a snapshot that leaves such rows out.
  bool isApart(uint32_t row) const HETER_REQUIRES_SHARED(mutex_) {
    return apart_ && ((RowStore::isOnDisk(row) && apart_->has(RowStore::isShort(row), rows_.slot(row))) ||
                      (!moved_.empty() && moved_.contains(rows_.key(row))));
  }
  /// Remembers that a row on disk loses its slot, if a snapshot has to know. REQUIRES: nobody was given the slot yet.
  void noteMove(uint32_t row) HETER_REQUIRES(mutex_);
  void setAside(uint64_t hash, uint32_t row) HETER_REQUIRES(mutex_);
  using RowVisit = std::function<void(const RowImage &)>;
  // As nextOfSnapshot(): rows that were not set aside.
  bool walkMemory(const RowVisit &visit) HETER_REQUIRES_SHARED(mutex_);
  bool walkIndex(const RowVisit &visit, DiskRows &onDisk) HETER_REQUIRES_SHARED(mutex_);
  void beginEpochsAnew() HETER_REQUIRES(mutex_);
  struct Candidate;
  /// Sets a candidate's score and age, and whether it goes for either.
  void rate(Candidate &candidate, uint16_t period) const HETER_REQUIRES(mutex_);
  /// Has those go that score least, until the others fit.
  void keepWithin(std::span<Candidate> ofShard, int64_t memoryBytes) const HETER_REQUIRES(mutex_);

  const TableContext &context_;
  const TableSpec &spec_;
  mutable SharedMutex mutex_;
  RowStore rows_ HETER_GUARDED_BY(mutex_);
  RowIndex index_ HETER_GUARDED_BY(mutex_);
  uint16_t epoch_ HETER_GUARDED_BY(mutex_) = 1;
  std::vector<Erased> erased_ HETER_GUARDED_BY(mutex_);
  int64_t memoryOfShard_;                                    ///< What a shard may take; 0: anything.
  std::vector<int64_t> shardBytes_ HETER_GUARDED_BY(mutex_); ///< What each takes, if that is limited.
  std::vector<int> overfull_ HETER_GUARDED_BY(mutex_);       ///< Those that went beyond it.

  RowTier *const tier_;
  const int64_t budget_ = 0; ///< Bytes of rows in memory.
  /// Null without a tier. Its counts also change under a shared lock.
  const std::unique_ptr<RowClock> clock_;

  /// A row that has lost the slot that it had, as it was then.
  struct Moved {
    uint64_t key;
    uint32_t slot;
    uint16_t epoch;
    bool isShort;
  };
  bool notesMoves_ HETER_GUARDED_BY(mutex_) = false;
  std::vector<Moved> movedEarly_ HETER_GUARDED_BY(mutex_); ///< Before the snapshot knew which slots count.
  /// By key: those that were on disk at the instant, and moved before the snapshot came to them.
  std::unordered_map<uint64_t, Moved> moved_ HETER_GUARDED_BY(mutex_);
  const SlotsOnDisk *apart_ HETER_GUARDED_BY(mutex_) = nullptr;

  bool inSnapshot_ HETER_GUARDED_BY(mutex_) = false;
  // Changed by who holds the mutex alone, and by the one call of nextOfSnapshot, which excludes all of these.
  uint16_t since_ = 0;                   ///< The snapshot is asked for what changed after this epoch.
  uint64_t walked_ = 0;                  ///< With a tier, positions below are in the snapshot already ..
  std::array<uint32_t, 2> walkedRows_{}; ///< .. without, numbers below, of whole and of short rows.
  SetAsideRows asides_;
  std::vector<DiskRow> apartRows_; ///< Rows left out that changed after what the snapshot is asked for, if not moved.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_TABLERANGE_H
