// Memory for blocks.
#include "runtime/base/BlockFile.h"

#include <new>

namespace heter::runtime {

BlockMemory allocateBlocks(size_t bytes) {
  BlockMemory memory(static_cast<char *>(std::aligned_alloc(BlockFile::alignment, bytes)));
  if (!memory)
    throw std::bad_alloc();
  return memory;
}

} // namespace heter::runtime
