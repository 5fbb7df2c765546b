// The ways to have many reads of a file under way at once: a queue of the kernel's, and threads that wait for one read
// each.
#ifndef HETER_RUNTIME_BASE_BLOCKREADER_H
#define HETER_RUNTIME_BASE_BLOCKREADER_H

#include "runtime/base/BlockFile.h"

#include <memory>
#include <span>
#include <string>

namespace heter::runtime {

/// Thread-safe.
class BlockReader {
public:
  virtual ~BlockReader() = default;
  /// As BlockFile::read, of an open file; `name` is for messages.
  virtual Status read(int descriptor, std::span<const BlockFile::Read> reads, const std::string &name) = 0;
};

/// By io_uring; null where the kernel, or a container's filter, refuses it.
std::unique_ptr<BlockReader> makeQueuedReader();

/// By threads, which are started when they are first needed.
std::unique_ptr<BlockReader> makeThreadedReader();

/// One read, by the calling thread.
Status readBlock(int descriptor, BlockFile::Read read, const std::string &name);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_BLOCKREADER_H
