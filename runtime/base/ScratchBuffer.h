// Memory for intermediate values that is kept from one use to the next, aligned for the widest vectors and, when it is
// large, in large pages.
#ifndef HETER_RUNTIME_BASE_SCRATCHBUFFER_H
#define HETER_RUNTIME_BASE_SCRATCHBUFFER_H

#include "runtime/base/ThreadAnnotations.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace heter::runtime {

/// Aligned memory of at least `bytes` that asks the system for large pages where that pays; throws std::bad_alloc. To
/// be given back by std::free.
void *allocateAligned(int64_t bytes);

/// Grows and never shrinks; what it held is lost when it grows. Thread-compatible.
class ScratchBuffer {
public:
  ScratchBuffer() = default;
  ~ScratchBuffer();
  ScratchBuffer(const ScratchBuffer &) = delete;
  ScratchBuffer &operator=(const ScratchBuffer &) = delete;

  /// At least `bytes`, aligned to 64.
  char *ensure(int64_t bytes);

private:
  char *memory_ = nullptr;
  int64_t capacity_ = 0;
};

/// Buffers for calls that each use many threads: as many as calls run at once, where one a thread would lie idle
/// mostly. Outlives what it lends. Thread-safe.
class ScratchPool {
public:
  /// A buffer until this goes. Thread-compatible.
  class Lent {
  public:
    explicit Lent(ScratchPool &pool) : pool_(pool), buffer_(pool.take()) {}
    ~Lent() { pool_.giveBack(std::move(buffer_)); }
    Lent(const Lent &) = delete;
    Lent &operator=(const Lent &) = delete;

    ScratchBuffer *operator->() { return buffer_.get(); }

  private:
    ScratchPool &pool_;
    std::unique_ptr<ScratchBuffer> buffer_;
  };

private:
  std::unique_ptr<ScratchBuffer> take();
  void giveBack(std::unique_ptr<ScratchBuffer> buffer);

  Mutex mutex_;
  std::vector<std::unique_ptr<ScratchBuffer>>
      idle_ HETER_GUARDED_BY(mutex_); ///< The one that was used last comes last.
};

/// Memory for things that live as long as each other: those of a medium size share large pages, where each alone would
/// have small ones, of which the processor keeps too few in mind while rows are looked for all over a table.
/// Thread-safe.
class SharedPages {
public:
  SharedPages() = default;
  ~SharedPages();
  SharedPages(const SharedPages &) = delete;
  SharedPages &operator=(const SharedPages &) = delete;

  /// Memory of its own, aligned to 64, until this goes; throws std::bad_alloc.
  void *take(int64_t bytes) HETER_EXCLUDES(mutex_);

private:
  char *allocate(int64_t bytes) HETER_REQUIRES(mutex_);

  Mutex mutex_;
  std::vector<void *> allocated_ HETER_GUARDED_BY(mutex_);
  char *free_ HETER_GUARDED_BY(mutex_) = nullptr; ///< The rest of the last page.
  int64_t left_ HETER_GUARDED_BY(mutex_) = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_SCRATCHBUFFER_H
