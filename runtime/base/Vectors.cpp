// Plain loops, compiled once for each instruction-set level; the loader picks. This file is built with -O3, which
// vectorises loops of unknown length.
#include "runtime/base/Vectors.h"

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

HETER_EACH_LEVEL void divideFloats(float *to, const float *from, float divisor, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = from[i] / divisor;
}

HETER_EACH_LEVEL void reluFloats(float *values, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = values[i] < 0 ? 0 : values[i];
}

} // namespace heter::runtime
