// Slabs with a list of free rows.
#include "runtime/table/RowStore.h"

#include <bit>
#include <cassert>

namespace heter::runtime {

static constexpr size_t slabBytes = size_t{32} << 10; // what a range may waste at its end

RowSlabs::RowSlabs(RowArena &arena, size_t rowBytes)
    : arena_(arena), rowBytes_(rowBytes),
      shift_(static_cast<int>(std::bit_width(std::max<size_t>(slabBytes / rowBytes, 1))) - 1),
      mask_((uint32_t{1} << shift_) - 1) {}

uint32_t RowSlabs::allocate() {
  ++used_;
  if (firstFree_ != noRow) {
    const uint32_t row = firstFree_;
    std::memcpy(&firstFree_, at(row), sizeof(firstFree_));
    return row;
  }
  assert(end_ < (uint32_t{1} << 31));
  if (end_ >> shift_ == slabs_.size())
    slabs_.push_back(arena_.allocate(rowBytes_ << shift_));
  return end_++;
}

void RowSlabs::free(uint32_t row) {
  std::memcpy(at(row), &firstFree_, sizeof(firstFree_));
  firstFree_ = row;
  --used_;
}

uint32_t RowStore::add(uint64_t key, bool isShort) {
  const uint32_t row = isShort ? short_.allocate() | shortBit : whole_.allocate();
  Row added = at(row);
  added.setKey(key);
  added.setEpoch(0);
  added.setSeen(0);
  return row;
}

} // namespace heter::runtime
