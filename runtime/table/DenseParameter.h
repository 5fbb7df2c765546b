// What a store holds of one dense parameter, for DenseStore and the updates that it runs.
#ifndef HETER_RUNTIME_TABLE_DENSEPARAMETER_H
#define HETER_RUNTIME_TABLE_DENSEPARAMETER_H

#include "runtime/base/ScratchBuffer.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/table/ParameterStore.h"

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace heter::runtime {

/// Buffers of one size. A buffer comes back when its last holder lets go, from whatever thread. Thread-safe.
class DenseBufferPool : public std::enable_shared_from_this<DenseBufferPool> {
public:
  DenseBufferPool(int64_t elements, std::shared_ptr<SharedPages> memory)
      : bytes_(elements * static_cast<int64_t>(sizeof(float)) + 64), memory_(std::move(memory)) {}

  std::shared_ptr<float[]> take() HETER_EXCLUDES(mutex_) {
    float *buffer = nullptr;
    {
      MutexLock lock(mutex_);
      if (!free_.empty()) {
        buffer = free_.back();
        free_.pop_back();
      }
    }
    if (!buffer) {
      buffer = static_cast<float *>(memory_->take(bytes_));
      made_.fetch_add(1, std::memory_order_relaxed);
    }
    return {buffer, [pool = shared_from_this()](float *p) { pool->giveBack(p); }};
  }

  /// Of all buffers, whoever holds them.
  int64_t memoryBytes() const { return made_.load(std::memory_order_relaxed) * bytes_; }

private:
  void giveBack(float *buffer) HETER_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    free_.push_back(buffer);
  }

  const int64_t bytes_;
  const std::shared_ptr<SharedPages> memory_;
  std::atomic<int64_t> made_ = 0;
  Mutex mutex_;
  std::vector<float *> free_ HETER_GUARDED_BY(mutex_);
};

/// Tells when all who hold something that was lent have let go of it. Holders may let go on any thread; all else wants
/// a caller that excludes the rest.
class Lending {
public:
  Lending() { begin(); }
  /// Lends something anew.
  void begin() {
    over_ = std::make_shared<std::atomic<bool>>(false);
    hold_ = std::shared_ptr<const void>(over_.get(),
                                        [over = over_](const void *) { over->store(true, std::memory_order_release); });
  }
  /// To be kept for as long as what was lent is read. REQUIRES: not end() since begin().
  const std::shared_ptr<const void> &hold() const { return hold_; }
  /// Lends no more. Whether nobody holds it: then all reading has been done, and what was lent may change.
  bool end() {
    hold_.reset();
    return over_->load(std::memory_order_acquire);
  }

private:
  std::shared_ptr<std::atomic<bool>> over_;
  std::shared_ptr<const void> hold_;
};

/// Slots and scalars have no versions: only updates and checkpoints see them.
struct DenseParameter {
  DenseParameter(const ParameterSpec &s, int server, int serverCount, std::shared_ptr<SharedPages> memory)
      : spec(s), layout(s.name, s.elements, server, serverCount),
        pool(std::make_shared<DenseBufferPool>(layout.localElements(), std::move(memory))) {}

  const ParameterSpec &spec;
  DenseLayout layout;
  std::shared_ptr<DenseBufferPool> pool;
  std::shared_ptr<float[]> values;
  std::shared_ptr<void> copies;                ///< Of `values`, by StoreOptions::copies; null if there are none.
  Lending lending;                             ///< Of `values` and `copies`, to versions.
  std::vector<std::shared_ptr<float[]>> slots; ///< localElements() floats each.
  std::vector<float> scalars;                  ///< The optimizer's scalars, block after block.
  bool updatedEarly = false;                   ///< Within the step that is not closed yet.

  float *scalarsOf(int64_t localBlock) {
    return scalars.data() + static_cast<size_t>(localBlock) * spec.optimizer.scalars.size();
  }
  size_t localElements() const { return static_cast<size_t>(layout.localElements()); }
  /// The slot that stands for the values in tests and predictions, or null.
  float *average() {
    return spec.optimizer.averaged < 0 ? nullptr : slots[static_cast<size_t>(spec.optimizer.averaged)].get();
  }
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_DENSEPARAMETER_H
