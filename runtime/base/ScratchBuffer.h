// Memory for intermediate values that is kept from one use to the next, aligned for the widest vectors and, when it is
// large, in large pages.
#ifndef HETER_RUNTIME_BASE_SCRATCHBUFFER_H
#define HETER_RUNTIME_BASE_SCRATCHBUFFER_H

#include <cstdint>

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

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_SCRATCHBUFFER_H
