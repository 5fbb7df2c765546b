// FlushesSubnormals: arithmetic that takes numbers below 2^-126 for zero, on the thread that holds one. Schedulers hold
// one while a task runs (docs/decisions/subnormals.md says why).
#ifndef HETER_RUNTIME_BASE_SUBNORMALS_H
#define HETER_RUNTIME_BASE_SUBNORMALS_H

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <cstdint>
#endif

namespace heter::runtime {

/// From its construction to its destruction, operands and results of single and double precision that are subnormal
/// count as zero of the same sign. Both on one thread; nests.
class FlushesSubnormals {
public:
  FlushesSubnormals() : before_(get()) {
    if (const Control wanted = before_ | flush; wanted != before_)
      set(wanted);
  }
  ~FlushesSubnormals() {
    if ((before_ & flush) != flush)
      set(before_);
  }
  FlushesSubnormals(const FlushesSubnormals &) = delete;
  FlushesSubnormals &operator=(const FlushesSubnormals &) = delete;

private:
#if defined(__SSE2__)
  using Control = unsigned;
  static constexpr Control flush = 0x8040; // MXCSR: results (FTZ) and operands (DAZ)
  static Control get() { return _mm_getcsr(); }
  static void set(Control control) { _mm_setcsr(control); }
#elif defined(__aarch64__)
  using Control = uint64_t;
  static constexpr Control flush = uint64_t{1} << 24; // FPCR.FZ
  static Control get() {
    Control control;
    asm volatile("mrs %0, fpcr" : "=r"(control));
    return control;
  }
  static void set(Control control) { asm volatile("msr fpcr, %0" : : "r"(control)); }
#else
#error "how does this processor flush subnormal numbers?"
#endif

  const Control before_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_SUBNORMALS_H
