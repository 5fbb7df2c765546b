// TableSnapshot: a table as it is at one instant, read while it changes. Beginning one copies nothing; from then on an
// update copies a row aside before it first changes it, if the snapshot has not come to it yet.
//
// Each snapshot ends an epoch, and rows are marked with the epoch in which they changed last: so a snapshot can also
// give just the rows that changed after an earlier one.
#ifndef HETER_RUNTIME_TABLE_TABLESNAPSHOT_H
#define HETER_RUNTIME_TABLE_TABLESNAPSHOT_H

#include "runtime/table/SparseTable.h"

namespace heter::runtime {

/// One at a time for a table. Used by one thread; others may pull, update and evict beside it.
class TableSnapshot {
public:
  /// The instant. REQUIRES: no update or eviction runs meanwhile, and the table outlives the snapshot.
  explicit TableSnapshot(SparseTable &table);
  ~TableSnapshot();
  TableSnapshot(const TableSnapshot &) = delete;
  TableSnapshot &operator=(const TableSnapshot &) = delete;

  const SparseTable &table() const { return table_; }
  /// The epoch that ended with this snapshot: a later one gives the rows changed since by visit(epoch()).
  uint16_t epoch() const { return epoch_; }

  /// Calls `visit` with every row that changed after epoch `since` (0: every row), ordered by mixed key, and so by
  /// virtual shard. Locks some hundred rows at a time, never while `visit` runs. Stops at the first error. The marks
  /// begin anew after 65,534 epochs: an epoch of before is then a FailedPrecondition. REQUIRES: called once.
  Status visit(uint16_t since, const std::function<Status(const RowImage &)> &visit);

  /// The keys whose rows were evicted after epoch `since`, in order of their mixed keys; some may have new rows.
  std::vector<uint64_t> erased(uint16_t since) const;
  /// No later snapshot asks for what was erased up to epoch `until`.
  void forgetErased(uint16_t until);

private:
  SparseTable &table_;
  uint16_t epoch_ = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_TABLESNAPSHOT_H
