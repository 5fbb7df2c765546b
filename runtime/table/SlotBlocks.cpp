// Headers of blocks, and the choice of their size.
#include "runtime/table/SlotBlocks.h"

#include "runtime/base/BlockFile.h"
#include "runtime/base/Hash.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string_view>

namespace heter::runtime {
namespace {
constexpr size_t pageBytes = BlockFile::alignment;

size_t blockBytesFor(size_t slotBytes) {
  constexpr size_t mostPages = 8;
  const size_t least = (slotBytes + sizeof(BlockHeader) + pageBytes - 1) / pageBytes;
  for (size_t pages = least; pages <= mostPages; ++pages) {
    const size_t room = pages * pageBytes - sizeof(BlockHeader);
    if (room % slotBytes * 5 <= pages * pageBytes)
      return pages * pageBytes;
  }
  return least * pageBytes;
}

uint64_t checksumOf(const SlotLayout &layout, const char *at, uint64_t seed) {
  constexpr size_t from = sizeof(BlockHeader::checksum);
  return hashBytes(std::string_view(at + from, layout.blockBytes - from), seed);
}
} // namespace

SlotLayout::SlotLayout(size_t slotBytes, size_t segmentBytes)
    : slotBytes(slotBytes), blockBytes(blockBytesFor(slotBytes)),
      slotsPerBlock(static_cast<uint32_t>((blockBytes - sizeof(BlockHeader)) / slotBytes)),
      blocksPerSegment(static_cast<uint32_t>(std::max<size_t>(1, (segmentBytes + blockBytes - 1) / blockBytes))) {
  assert(slotBytes >= 1 && "a slot holds something");
}

size_t SlotLayout::byteOf(uint32_t slotInSegment) const {
  return slotInSegment / slotsPerBlock * blockBytes + sizeof(BlockHeader) + slotInSegment % slotsPerBlock * slotBytes;
}

void sealBlock(const SlotLayout &layout, char *at, uint32_t block, uint32_t generation, uint64_t seed) {
  BlockHeader header{0, block, generation};
  std::memcpy(at, &header, sizeof(header));
  header.checksum = checksumOf(layout, at, seed);
  std::memcpy(at, &header, sizeof(header));
}

const char *faultOfBlock(const SlotLayout &layout, const char *at, uint32_t block, uint32_t generation, uint64_t seed) {
  BlockHeader header;
  std::memcpy(&header, at, sizeof(header));
  if (header.checksum != checksumOf(layout, at, seed))
    return "it is damaged";
  if (header.block != block)
    return "another block lies in its place";
  return header.generation == generation ? nullptr : "an older block lies in its place";
}

} // namespace heter::runtime
