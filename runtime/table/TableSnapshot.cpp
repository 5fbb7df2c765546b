// A snapshot of a table is one of each of its ranges.
#include "runtime/table/TableSnapshot.h"

#include <algorithm>
#include <cassert>

namespace heter::runtime {

// Rows come from the disk and go there also at the instant. So what moves is noted first; then it is seen which slots
// count; then ranges begin, one by one, and tell by these two of each row where it was at that time.
TableSnapshot::TableSnapshot(SparseTable &table, OnDisk onDisk)
    : table_(table), apart_(onDisk == OnDisk::Apart && table.tier()) {
  if (apart_) {
    for (const bool isShort : {false, true})
      if (const SlotFile *file = table_.tier()->file(isShort))
        pins_.push_back(file->pin());
    for (const std::unique_ptr<TableRange> &range : table_.ranges_) {
      WriterLock lock(range->mutex());
      range->noteMoves();
    }
    for (const bool isShort : {false, true})
      if (const SlotFile *file = table_.tier()->file(isShort))
        onDisk_.slots[isShort] = file->settledSlots();
  }
  for (const std::unique_ptr<TableRange> &range : table_.ranges_) {
    WriterLock lock(range->mutex());
    range->beginSnapshot(apart_ ? &onDisk_ : nullptr);
    epoch_ = static_cast<uint16_t>(range->epoch() - 1);
  }
}

TableSnapshot::~TableSnapshot() {
  for (const std::unique_ptr<TableRange> &range : table_.ranges_) {
    WriterLock lock(range->mutex());
    range->endSnapshot();
  }
  table_.asides_->lend();
}

Status TableSnapshot::check(uint16_t since) const {
  if (since >= epoch_)
    return Status::failedPrecondition("no rows are marked as changed since epoch " + std::to_string(since) +
                                      ": the marks began anew, and all rows are wanted");
  return {};
}

StatusOr<bool> TableSnapshot::next(int range, uint16_t since, const std::function<void(const RowImage &)> &visit) {
  TableRange &from = *table_.ranges_[static_cast<size_t>(range)];
  DiskRows onDisk(table_.tier());
  bool any = false;
  {
    ReaderLock lock(from.mutex());
    any = from.nextOfSnapshot(since, visit, onDisk);
  }
  HETER_RETURN_IF_ERROR(SparseTable::visitOnDisk(onDisk, visit));
  return any;
}

size_t TableSnapshot::pieces(uint16_t since) {
  pieces_.clear();
  if (!apart_)
    return 0;
  SlotsOnDisk changed;
  for (const bool isShort : {false, true})
    if (const SlotFile *file = table_.tier()->file(isShort))
      changed.slots[isShort] = file->noSlots();
  for (const std::unique_ptr<TableRange> &range : table_.ranges_)
    if (since > 0) {
      ReaderLock lock(range->mutex());
      range->addChangedApart(since, changed);
    }
  wanted_ = since > 0 ? std::move(changed) : onDisk_;
  for (const bool isShort : {false, true})
    for (uint32_t segment = 0; segment < wanted_.slots[isShort].segments(); ++segment)
      if (wanted_.slots[isShort].hasAny(segment))
        pieces_.push_back({segment, isShort});
  return pieces_.size();
}

Status TableSnapshot::visitPiece(size_t piece, const std::function<void(const RowImage &)> &visit) const {
  const auto [segment, isShort] = pieces_[piece];
  const auto floats = static_cast<size_t>(table_.spec().floatsOf(isShort));
  const Status status = table_.tier()->file(isShort)->visitSegment(
      segment, wanted_.slots[isShort], [&, isShort = isShort](uint32_t, const char *bytes) {
        const Row row(const_cast<char *>(bytes));
        visit({row.key(), !isShort, {row.floats(), floats}, row.seen()});
      });
  return status.ok() ? status : table_.tier()->fail(status);
}

int TableSnapshot::rangeOf(uint64_t key) const { return table_.rangeOfShard_[static_cast<size_t>(shardOf(key))]; }

Status TableSnapshot::visit(uint16_t since, const std::function<Status(const RowImage &)> &visit) {
  assert(!apart_);
  HETER_RETURN_IF_ERROR(check(since));
  std::vector<RowImage> rows;
  std::vector<std::vector<float>> states;
  const auto copy = [&](const RowImage &row) {
    rows.push_back(row);
    states.emplace_back(row.state.begin(), row.state.end());
  };
  for (int range = 0; range < ranges; ++range)
    for (;; rows.clear(), states.clear()) {
      HETER_ASSIGN_OR_RETURN(const bool any, next(range, since, copy));
      if (!any)
        break;
      for (size_t i = 0; i < rows.size(); ++i) {
        rows[i].state = states[i];
        HETER_RETURN_IF_ERROR(visit(rows[i]));
      }
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
