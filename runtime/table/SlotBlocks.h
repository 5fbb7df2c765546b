// How slots lie in the blocks of a SlotFile, and the header that tells a good block from a bad one. These bytes never
// outlive the process that wrote them.
#ifndef HETER_RUNTIME_TABLE_SLOTBLOCKS_H
#define HETER_RUNTIME_TABLE_SLOTBLOCKS_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>

namespace heter::runtime {

/// A file is segments of blocks of slots. A block is some pages of the disk: a header, the slots, and zeros.
struct SlotLayout {
  /// Blocks are the fewest pages, up to eight, of which a fifth at most is lost. REQUIRES: slotBytes >= 1.
  SlotLayout(size_t slotBytes, size_t segmentBytes);

  uint32_t slotsPerSegment() const { return slotsPerBlock * blocksPerSegment; }
  size_t segmentBytes() const { return blockBytes * blocksPerSegment; }
  /// From the start of the slot's segment.
  size_t byteOf(uint32_t slotInSegment) const;

  size_t slotBytes;
  size_t blockBytes;
  uint32_t slotsPerBlock;
  uint32_t blocksPerSegment;
};

/// What a block says of itself.
struct BlockHeader {
  uint64_t checksum; ///< XXH64 of what follows, under a seed that is the file's.
  uint32_t block;
  uint32_t generation; ///< How often the block was used before.
};

/// Completes a block whose slots are filled.
void sealBlock(const SlotLayout &layout, char *at, uint32_t block, uint32_t generation, uint64_t seed);
/// Says why what lies at `at` is not the block: "it is damaged", "an older one lies in its place", ..; null if it is.
const char *faultOfBlock(const SlotLayout &layout, const char *at, uint32_t block, uint32_t generation, uint64_t seed);

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SLOTBLOCKS_H
