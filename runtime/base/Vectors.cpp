// Plain loops, compiled once for each instruction-set level; the loader picks. This file is built with -O3, which
// vectorises loops of unknown length.
#include "runtime/base/Vectors.h"

#include <cmath>

// Sanitizers run before the loader's choice can be made.
#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define HETER_EACH_LEVEL __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define HETER_EACH_LEVEL
#endif

namespace heter::runtime {

HETER_EACH_LEVEL void addFloats(float *to, const float *from, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] += from[i];
}

HETER_EACH_LEVEL static void multiplyFloats(float *to, const float *from, float factor, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = from[i] * factor;
}

HETER_EACH_LEVEL static void divideEach(float *to, const float *from, float divisor, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = from[i] / divisor;
}

void divideFloats(float *to, const float *from, float divisor, int64_t count) {
  // The reciprocal of a power of two is exact, so that both ways round the same number.
  int exponent = 0;
  const float inverse = 1 / divisor;
  if (std::frexp(divisor, &exponent) == 0.5F && std::isnormal(inverse))
    return multiplyFloats(to, from, inverse, count);
  divideEach(to, from, divisor, count);
}

void fetchFloats(const float *from, int64_t count) {
  constexpr int64_t line = 16;
  for (int64_t i = 0; i < count; i += line)
    __builtin_prefetch(from + i, 0, 2);
}

HETER_EACH_LEVEL void reluFloats(float *values, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = values[i] < 0 ? 0 : values[i];
}

} // namespace heter::runtime
