// Large pages are asked for, not demanded: a system that has none gives ordinary ones.
#include "runtime/base/ScratchBuffer.h"

#include <cstdlib>
#include <new>
#include <sys/mman.h>
#include <utility>

namespace heter::runtime {

void *allocateAligned(int64_t bytes) {
  constexpr int64_t line = 64, largePage = int64_t{2} << 20;
  const int64_t alignment = bytes >= largePage ? largePage : line;
  const int64_t size = (bytes > 0 ? bytes + line - 1 : line) / line * line;
  void *memory = nullptr;
  if (posix_memalign(&memory, static_cast<size_t>(alignment), static_cast<size_t>(size)))
    throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  // Whole large pages only: the rest would be rounded up to one.
  if (size >= largePage)
    madvise(memory, static_cast<size_t>(size / largePage * largePage), MADV_HUGEPAGE);
#endif
  return memory;
}

ScratchBuffer::~ScratchBuffer() { std::free(memory_); }

char *ScratchBuffer::ensure(int64_t bytes) {
  if (bytes > capacity_) {
    std::free(memory_);
    memory_ = nullptr;
    capacity_ = 0;
    memory_ = static_cast<char *>(allocateAligned(bytes));
    capacity_ = bytes;
  }
  return memory_;
}

std::unique_ptr<ScratchBuffer> ScratchPool::take() {
  MutexLock lock(mutex_);
  if (idle_.empty())
    return std::make_unique<ScratchBuffer>();
  std::unique_ptr<ScratchBuffer> buffer = std::move(idle_.back());
  idle_.pop_back();
  return buffer;
}

void ScratchPool::giveBack(std::unique_ptr<ScratchBuffer> buffer) {
  MutexLock lock(mutex_);
  idle_.push_back(std::move(buffer));
}

} // namespace heter::runtime
