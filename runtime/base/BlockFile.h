// Scratch files of blocks: what the file seam offers to data that does not fit into memory. Blocks are read and written
// past the system's cache where the file system allows that, and the reads of one call are under way at once.
#ifndef HETER_RUNTIME_BASE_BLOCKFILE_H
#define HETER_RUNTIME_BASE_BLOCKFILE_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

namespace heter::runtime {

/// A file without a name that is gone when this object, or the process, is. Thread-safe, but a part is not read while
/// it is written. Every offset, size and address in memory is a multiple of `alignment`.
class BlockFile {
public:
  static constexpr size_t alignment = 4096;

  struct Read {
    uint64_t offset;
    std::span<char> to;
  };

  virtual ~BlockFile() = default;

  /// Fills every `to`, many at once and in any order; returns when all are filled or one has failed and none is under
  /// way. Blocks the thread. Bytes that are not there (the file ends before them) are a DataLoss.
  virtual Status read(std::span<const Read> reads) = 0;

  /// Returns when the system has taken all of `bytes`, which may take as long as the disk does. A full disk is
  /// ResourceExhausted; then what lies at `offset` is undefined. Nothing is ever synced: the bytes outlive no crash.
  virtual Status write(uint64_t offset, std::span<const char> bytes) = 0;

  /// For messages: `FOLDER/NAME`, though no file of that name is to be found.
  virtual const std::string &name() const = 0;
};

struct FreeMemory {
  void operator()(void *memory) const { std::free(memory); }
};
using BlockMemory = std::unique_ptr<char, FreeMemory>;

/// Memory that a BlockFile can read to and write from. Throws std::bad_alloc. REQUIRES: `bytes` is a multiple of
/// BlockFile::alignment.
BlockMemory allocateBlocks(size_t bytes);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_BLOCKFILE_H
