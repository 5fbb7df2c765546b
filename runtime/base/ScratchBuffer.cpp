// Large pages are asked for, not demanded: a system that has none gives ordinary ones.
#include "runtime/base/ScratchBuffer.h"

#include "runtime/base/PageMapping.h"

#include <cstdlib>
#include <new>
#include <sys/mman.h>
#include <utility>

namespace heter::runtime {

static constexpr int64_t line = 64, largePage = static_cast<int64_t>(hugePage);

void *allocateAligned(int64_t bytes) {
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

SharedPages::~SharedPages() {
  for (void *memory : allocated_)
    std::free(memory);
}

char *SharedPages::allocate(int64_t bytes) {
  allocated_.push_back(nullptr);
  allocated_.back() = allocateAligned(bytes);
  return static_cast<char *>(allocated_.back());
}

void *SharedPages::take(int64_t bytes) {
  // A program with little memory takes no large page for it, and what is left of a page is smaller than each in it.
  constexpr int64_t least = largePage / 32, most = largePage / 2;
  MutexLock lock(mutex_);
  if (bytes < least || bytes > most)
    return allocate(bytes);
  bytes = (bytes + line - 1) / line * line;
  if (bytes > left_) {
    free_ = allocate(largePage);
    left_ = largePage;
  }
  left_ -= bytes;
  return std::exchange(free_, free_ + bytes);
}

} // namespace heter::runtime
