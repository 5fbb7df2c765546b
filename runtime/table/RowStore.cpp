// Slabs with a list of free rows.
#include "runtime/table/RowStore.h"

#include <bit>
#include <cassert>

namespace heter::runtime {

static constexpr size_t pieceBytes = size_t{32} << 10; // what a small range may waste at its end

RowSlabs::RowSlabs(RowArena &arena, size_t rowBytes)
    : arena_(arena), rowBytes_(rowBytes),
      shift_(static_cast<int>(std::bit_width(std::max<size_t>(pieceBytes / rowBytes, 1))) - 1) {}

uint32_t RowSlabs::allocate() {
  ++used_;
  if (firstFree_ != noRow) {
    const uint32_t row = firstFree_;
    std::memcpy(&firstFree_, at(row) + nextFreeAt, sizeof(firstFree_));
    return row;
  }
  assert(end_ < (uint32_t{1} << 30) && end_ >> shift_ < (uint32_t{1} << 24));
  if (end_ == slabEnd_) {
    const uint32_t rows = uint32_t{1} << (shift_ + sizeBits(end_ >> shift_));
    const auto slab = reinterpret_cast<uintptr_t>(arena_.allocate(rowBytes_ * rows));
    rowZero_.push_back(slab - size_t{end_} * rowBytes_);
    slabEnd_ += rows;
  }
  return end_++;
}

void RowSlabs::free(uint32_t row) {
  std::memcpy(at(row) + nextFreeAt, &firstFree_, sizeof(firstFree_));
  firstFree_ = row;
  --used_;
}

uint32_t RowStore::add(uint64_t key, bool isShort) {
  const uint32_t row = isShort ? slabs_[2].allocate() | shortBit : slabs_[0].allocate();
  Row added = at(row);
  added.setKey(key);
  added.setEpoch(0);
  added.setSeen(0);
  return row;
}

uint32_t RowStore::addOnDisk(Row from, bool isShort, uint32_t slot) {
  const uint32_t row = isShort ? slabs_[3].allocate() | shortBit | diskBit : slabs_[1].allocate() | diskBit;
  Row added = at(row);
  added.setKey(from.key());
  added.setEpoch(from.epoch());
  added.setSeen(from.seen());
  setSlot(row, slot);
  std::copy_n(from.floats(), keptFloats_, added.floats() + 1);
  return row;
}

uint32_t RowStore::slot(uint32_t row) const {
  uint32_t slot = 0;
  std::memcpy(&slot, at(row).floats(), sizeof(slot));
  return slot;
}

void RowStore::setSlot(uint32_t row, uint32_t slot) { std::memcpy(at(row).floats(), &slot, sizeof(slot)); }

} // namespace heter::runtime
