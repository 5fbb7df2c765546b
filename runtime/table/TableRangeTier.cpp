// Rows of a range come from the disk and go there.
#include "runtime/table/RowFinder.h"
#include "runtime/table/TableRange.h"

#include <algorithm>

namespace heter::runtime {

void TableRange::findOnDisk(std::span<const BatchKey> keys, DiskRows &onDisk) const {
  RowFinder finder(index_, rows_, keys, Row::headerBytes);
  finder.forEach([&](uint32_t i, uint32_t row, Row) HETER_REQUIRES_SHARED(mutex_) {
    if (RowStore::isOnDisk(row) && row != RowIndex::none)
      onDisk.add(diskRow(keys[i].hash, row, i));
  });
}

DiskRow TableRange::diskRow(uint64_t hash, uint32_t row, uint32_t position) const {
  const Row at = rows_.at(row);
  return {at.key(), hash, rows_.slot(row), position, at.epoch(), at.seen(), RowStore::isShort(row)};
}

void TableRange::bringBack(const DiskRow &row, Row bytes) {
  const uint32_t from = index_.find(row.hash, row.key, rows_);
  if (from == RowIndex::none || !RowStore::isOnDisk(from) || RowStore::isShort(from) != row.isShort ||
      rows_.slot(from) != row.slot)
    return;
  const uint32_t to = addRow(row.key, row.isShort, RowClock::fetched);
  Row at = rows_.at(to);
  std::copy_n(bytes.floats(), spec_.floatsOf(row.isShort), at.floats());
  at.setEpoch(rows_.at(from).epoch()); // which may have begun anew since it was written
  at.setSeen(rows_.at(from).seen());
  index_.replace(row.hash, from, to);
  removeRow(from);
}

void TableRange::chooseLeaving(Leaving &leaving) {
  constexpr size_t most = 48; // others wait while they are copied, and while they leave
  leaving.rows.clear();
  leaving.bytes.clear();
  leaving.left = leaving.leftBytes = 0;
  if (!isOverBudget())
    return;
  int64_t excess = bytesInMemory() - (budget_ - budget_ / 32); // so that it is a while until the next time
  while (excess > 0 && leaving.rows.size() < most) {
    const uint32_t row = clock_->next();
    if (row == RowIndex::none)
      return;
    const bool isShort = RowStore::isShort(row);
    const char *bytes = rows_.at(row).at(0);
    leaving.rows.push_back(row);
    leaving.bytes.insert(leaving.bytes.end(), bytes, bytes + rows_.rowBytes(isShort));
    excess -= spec_.rowMemory(isShort);
  }
}

void TableRange::leave(Leaving &leaving, std::span<const uint32_t> slots) {
  for (const uint32_t slot : slots) {
    const uint32_t row = leaving.rows[leaving.left++];
    const char *bytes = leaving.bytes.data() + leaving.leftBytes;
    const bool isShort = RowStore::isShort(row);
    const size_t size = rows_.rowBytes(isShort);
    const Row at = rows_.at(row);
    if (clock_->has(row) && std::equal(bytes, bytes + size, at.at(0))) {
      const uint64_t hash = index_.hash()(at.key());
      index_.replace(hash, row, rows_.addOnDisk(at, isShort, slot));
      tier_->settle(isShort, slot);
      removeRow(row);
    } else { // it was changed or removed
      tier_->free(isShort, slot);
    }
    leaving.leftBytes += size;
  }
}

bool TableRange::move(uint64_t key, bool isShort, uint32_t from, uint32_t to) {
  const uint32_t row = index_.find(index_.hash()(key), key, rows_);
  const bool moves =
      row != RowIndex::none && RowStore::isOnDisk(row) && RowStore::isShort(row) == isShort && rows_.slot(row) == from;
  if (moves) {
    noteMove(row);
    rows_.setSlot(row, to);
    tier_->settleInstead(isShort, from, to);
  } else {
    tier_->free(isShort, to);
  }
  return moves;
}

//===--- Snapshots that leave out what is on disk -----------------------------------------------------------------===//

void TableRange::noteMove(uint32_t row) {
  if (!notesMoves_)
    return;
  const Row at = rows_.at(row);
  const Moved moved{at.key(), rows_.slot(row), at.epoch(), RowStore::isShort(row)};
  if (!inSnapshot_)
    movedEarly_.push_back(moved);
  else if (apart_ && apart_->has(moved.isShort, moved.slot) && RowIndex::position(index_.hash()(moved.key)) >= walked_)
    moved_.emplace(moved.key, moved);
}

void TableRange::addChangedApart(uint16_t since, SlotsOnDisk &slots) const {
  for (const DiskRow &row : apartRows_)
    slots.slots[row.isShort].add(row.slot);
  for (const auto &[key, row] : moved_)
    if (row.epoch > since)
      slots.slots[row.isShort].add(row.slot);
}

} // namespace heter::runtime
