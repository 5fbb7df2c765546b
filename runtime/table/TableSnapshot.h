// TableSnapshot: a table as it is at one instant, read while it changes. Beginning one copies nothing; from then on an
// update copies a row aside before it first changes it, if the snapshot has not come to it yet.
//
// Each snapshot ends an epoch, and rows are marked with the epoch in which they changed last: so a snapshot can also
// give just the rows that changed after an earlier one.
#ifndef HETER_RUNTIME_TABLE_TABLESNAPSHOT_H
#define HETER_RUNTIME_TABLE_TABLESNAPSHOT_H

#include "runtime/table/SparseTable.h"

namespace heter::runtime {

/// One at a time for a table. Others may pull, update and evict beside it.
class TableSnapshot {
public:
  /// The pieces of consecutive virtual shards that a table's rows are kept in.
  static constexpr int ranges = SparseTable::Update::pieces;

  /// How rows are given that are on disk at the instant.
  enum class OnDisk {
    InOrder, ///< Among the others, each read where its key lies in the order of keys.
    Apart,   ///< Behind the others, in the order of the files: see pieces().
  };
  /// The instant. REQUIRES: no update or eviction runs meanwhile, and the table outlives the snapshot.
  explicit TableSnapshot(SparseTable &table, OnDisk onDisk = OnDisk::InOrder);
  ~TableSnapshot();
  TableSnapshot(const TableSnapshot &) = delete;
  TableSnapshot &operator=(const TableSnapshot &) = delete;

  const SparseTable &table() const { return table_; }
  /// The epoch that ended with this snapshot: a later one gives the rows changed since by visit(epoch()).
  uint16_t epoch() const { return epoch_; }

  /// Whether it can be told what changed after epoch `since` (0: what is there at all). The marks begin anew after
  /// 65,534 epochs: an epoch of before is then a FailedPrecondition.
  Status check(uint16_t since) const;

  /// Calls `visit` with the next rows of a range that changed after epoch `since`; false if there are no more. These
  /// are a thousand at most, maybe none, in no order; they may be pulled but not change meanwhile, and `visit` takes
  /// what it needs. Different ranges may be read at once. An error: rows on disk cannot be read. REQUIRES:
  /// check(since), which is that of the first call.
  StatusOr<bool> next(int range, uint16_t since, const std::function<void(const RowImage &)> &visit);

  // Rows on disk that are given apart. What the disk holds of the instant stays there until the snapshot is gone.

  /// In how many pieces they come: those that changed after epoch `since`. REQUIRES: next() gave false for each range.
  size_t pieces(uint16_t since);
  /// Calls `visit` with the rows of a piece, about a megabyte of a file, each block of which is read once. Different
  /// pieces may be read at once. REQUIRES and errors: as next(), and pieces() gave more than `piece`.
  Status visitPiece(size_t piece, const std::function<void(const RowImage &)> &visit) const;
  /// The range of a key.
  int rangeOf(uint64_t key) const;

  /// Calls `visit` with every row that changed after epoch `since`, in no order. Stops at the first error. REQUIRES:
  /// called once, instead of next(), and rows on disk are given in order.
  Status visit(uint16_t since, const std::function<Status(const RowImage &)> &visit);

  /// The keys whose rows were evicted after epoch `since`, in order of their mixed keys; some may have new rows.
  std::vector<uint64_t> erased(uint16_t since) const;
  /// No later snapshot asks for what was erased up to epoch `until`.
  void forgetErased(uint16_t until);

private:
  struct Piece {
    uint32_t segment;
    bool isShort;
  };

  SparseTable &table_;
  uint16_t epoch_ = 0;
  bool apart_ = false;
  std::vector<SlotFile::Pin> pins_; ///< While rows are given apart.
  SlotsOnDisk onDisk_;              ///< At the instant.
  SlotsOnDisk wanted_;              ///< By pieces().
  std::vector<Piece> pieces_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_TABLESNAPSHOT_H
