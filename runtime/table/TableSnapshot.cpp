// A snapshot of a table is one of each of its ranges.
#include "runtime/table/TableSnapshot.h"

#include <algorithm>
#include <cassert>

namespace heter::runtime {

TableSnapshot::TableSnapshot(SparseTable &table) : table_(table) {
  for (const std::unique_ptr<TableRange> &range : table_.ranges_) {
    WriterLock lock(range->mutex());
    range->beginSnapshot();
    epoch_ = static_cast<uint16_t>(range->epoch() - 1);
  }
}

TableSnapshot::~TableSnapshot() {
  for (const std::unique_ptr<TableRange> &range : table_.ranges_) {
    WriterLock lock(range->mutex());
    range->endSnapshot();
  }
}

Status TableSnapshot::visit(uint16_t since, const std::function<Status(const RowImage &)> &visit) {
  if (since >= epoch_)
    return Status::failedPrecondition("no rows are marked as changed since epoch " + std::to_string(since) +
                                      ": the marks began anew, and all rows are wanted");
  CopiedRows rows;
  for (const std::unique_ptr<TableRange> &range : table_.ranges_)
    for (;;) {
      {
        WriterLock lock(range->mutex());
        if (!range->nextOfSnapshot(since, rows))
          break;
      }
      for (const RowImage &row : rows.images)
        HETER_RETURN_IF_ERROR(visit(row));
    }
  return {};
}

std::vector<uint64_t> TableSnapshot::erased(uint16_t since) const {
  std::vector<uint64_t> keys;
  for (const std::unique_ptr<TableRange> &range : table_.ranges_) {
    WriterLock lock(range->mutex());
    for (const TableRange::Erased &erased : range->erased())
      if (erased.epoch > since && erased.epoch <= epoch_)
        keys.push_back(erased.key);
  }
  std::sort(keys.begin(), keys.end(), [](uint64_t a, uint64_t b) { return mixKey(a) < mixKey(b); });
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

void TableSnapshot::forgetErased(uint16_t until) {
  for (const std::unique_ptr<TableRange> &range : table_.ranges_) {
    WriterLock lock(range->mutex());
    std::erase_if(range->erased(), [=](const TableRange::Erased &erased) { return erased.epoch <= until; });
  }
}

} // namespace heter::runtime
