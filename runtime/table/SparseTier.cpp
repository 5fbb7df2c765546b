// Rows of a table come from the tier below memory and go there. Files are read and written with no lock held; what was
// chosen or read before is checked again under the lock of its range.
#include "runtime/table/SparseTable.h"
#include "runtime/table/SparseTableLife.h"

#include <algorithm>

namespace heter::runtime {

Status SparseTable::tierStatus() const { return tier_ ? tier_->status() : noTier_; }

TierFigures SparseTable::tierFigures() const {
  TierFigures figures;
  if (!tier_)
    return figures;
  for (const std::unique_ptr<TableRange> &range : ranges_) {
    ReaderLock lock(range->mutex());
    figures.rowsInMemory += range->rowsInMemory();
    figures.rowsOnDisk += range->wholeRows() + range->shortRows() - range->rowsInMemory();
  }
  tier_->addFigures(figures);
  return figures;
}

//===--- From the disk --------------------------------------------------------------------------------------------===//

Status SparseTable::finishPull(int part, DiskRows &onDisk, float *out) {
  if (onDisk.empty())
    return {};
  HETER_RETURN_IF_ERROR(onDisk.read());
  const PartSpec &spec = spec_.parts[static_cast<size_t>(part)];
  const auto dim = static_cast<size_t>(spec.dim);
  for (size_t i = 0; i < onDisk.rows().size(); ++i)
    copyFloats(out + onDisk.rows()[i].position * dim, onDisk.row(i).floats() + spec.offset, dim);
  const Excess excess = bringBack(onDisk);
  if (excess == Excess::Much || (excess == Excess::Some && !background_))
    trim();
  else if (excess == Excess::Some)
    trimSoon();
  return {};
}

SparseTable::Excess SparseTable::bringBack(const DiskRows &onDisk) {
  constexpr size_t atOnce = 8; // while pulls wait
  Excess excess = Excess::None;
  std::array<std::vector<size_t>, rangeCount> ofRange;
  for (size_t i = 0; i < onDisk.rows().size(); ++i)
    ofRange[rangeOfShard_[static_cast<size_t>(shardOf(onDisk.rows()[i].key))]].push_back(i);
  for (size_t r = rangeCount; r-- > 0;) // pulls come to the first range first: two that meet here meet once
    for (size_t first = 0; first < ofRange[r].size(); first += atOnce) {
      WriterLock lock(ranges_[r]->mutex());
      for (size_t i = first; i < std::min(first + atOnce, ofRange[r].size()); ++i)
        ranges_[r]->bringBack(onDisk.rows()[ofRange[r][i]], onDisk.row(ofRange[r][i]));
      if (ranges_[r]->isOverBudget())
        excess = std::max(excess, ranges_[r]->isFarOverBudget() ? Excess::Much : Excess::Some);
    }
  return excess;
}

Status SparseTable::visitOnDisk(DiskRows &onDisk, const std::function<void(const RowImage &)> &visit) {
  if (onDisk.empty())
    return {};
  HETER_RETURN_IF_ERROR(onDisk.read());
  for (size_t i = 0; i < onDisk.rows().size(); ++i) {
    const DiskRow &row = onDisk.rows()[i];
    visit({row.key, !row.isShort, onDisk.floats(i), row.seen});
  }
  return {};
}

//===--- To the disk ----------------------------------------------------------------------------------------------===//

void SparseTable::trimSoon() {
  if (trimsSoon_.exchange(true))
    return;
  background_([life = life_] {
    MutexLock lock(life->mutex);
    if (!life->table)
      return;
    life->table->trimsSoon_ = false; // who finds rows to trim from now on may come after them
    life->table->trim();
  });
}

void SparseTable::trim() {
  if (!tier_)
    return;
  for (int range = 0; range < rangeCount; ++range)
    trimRange(range);
  for (const bool shortRows : {false, true})
    compact(shortRows);
}

void SparseTable::finishTrim() {
  MutexLock lock(life_->mutex);
  trim();
}

void SparseTable::trimRange(int r) {
  const auto number = static_cast<size_t>(r);
  TableRange &range = *ranges_[number];
  {
    ReaderLock lock(range.mutex());
    if (!range.isOverBudget())
      return;
  }
  if (trimming_[number].exchange(true))
    return;                         // another thread is at it
  constexpr size_t leaveAtOnce = 8; // while pulls wait
  TableRange::Leaving leaving;
  std::vector<uint32_t> slots;
  while (slots.size() == leaving.rows.size() && tier_->status().ok()) {
    {
      ReaderLock lock(range.mutex());
      range.chooseLeaving(leaving);
    }
    if (leaving.rows.empty())
      break;
    slots.clear();
    const char *bytes = leaving.bytes.data();
    for (const uint32_t row : leaving.rows) {
      const bool isShort = RowStore::isShort(row);
      const StatusOr<uint32_t> slot = tier_->append(isShort, bytes);
      if (!slot.ok())
        break; // the rows stay in memory, and the tier says why
      slots.push_back(*slot);
      bytes += tier_->rowBytes(isShort);
    }
    for (std::span<const uint32_t> rest = slots; !rest.empty();
         rest = rest.subspan(std::min(leaveAtOnce, rest.size()))) {
      WriterLock lock(range.mutex());
      range.leave(leaving, rest.first(std::min(leaveAtOnce, rest.size())));
    }
  }
  trimming_[number] = false;
}

void SparseTable::compact(bool shortRows) {
  const SlotFile *file = tier_->file(shortRows);
  if (!file || compacting_.exchange(true))
    return;
  while (tier_->status().ok()) {
    const std::optional<std::vector<uint32_t>> slots = file->nextToCompact();
    if (!slots || moveRows(shortRows, *slots) == 0)
      break;
  }
  compacting_ = false;
}

size_t SparseTable::moveRows(bool shortRows, std::span<const uint32_t> slots) {
  constexpr size_t atOnce = 1024;
  SlotFile &file = *tier_->file(shortRows);
  const size_t size = file.slotBytes();
  std::vector<char> bytes(std::min(atOnce, slots.size()) * size);
  size_t moved = 0;
  for (; !slots.empty(); slots = slots.subspan(std::min(atOnce, slots.size()))) {
    const SlotFile::Pin pin = file.pin(); // of those that are freed meanwhile, too
    const std::span<const uint32_t> some = slots.first(std::min(atOnce, slots.size()));
    std::vector<SlotFile::Read> reads;
    for (size_t i = 0; i < some.size(); ++i)
      reads.push_back({some[i], bytes.data() + i * size});
    if (Status status = file.read(reads); !status.ok())
      return static_cast<void>(tier_->fail(std::move(status))), moved;
    for (size_t i = 0; i < some.size(); ++i) {
      const StatusOr<uint32_t> to = tier_->append(shortRows, bytes.data() + i * size);
      if (!to.ok())
        return moved;
      const uint64_t key = Row(bytes.data() + i * size).key();
      TableRange &range = *ranges_[rangeOfShard_[static_cast<size_t>(shardOf(key))]];
      WriterLock lock(range.mutex());
      moved += range.move(key, shortRows, some[i], *to);
    }
  }
  return moved;
}

} // namespace heter::runtime
