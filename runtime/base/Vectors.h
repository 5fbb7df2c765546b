// Loops over arrays of floats that are worth the widest vectors of the machine. Every function gives the same bits on
// every machine: it does one rounding an element and never reorders a sum.
#ifndef HETER_RUNTIME_BASE_VECTORS_H
#define HETER_RUNTIME_BASE_VECTORS_H

#include <cstdint>

namespace heter::runtime {

/// to[i] += from[i] for i < count.
void addFloats(float *to, const float *from, int64_t count);

/// to[i] = from[i] / divisor for i < count. `to` may be `from`.
void divideFloats(float *to, const float *from, float divisor, int64_t count);

/// Brings from[0] .. from[count - 1] into the second-level cache.
void fetchFloats(const float *from, int64_t count);

/// Sets negative values[i] to 0 for i < count; NaN stays.
void reluFloats(float *values, int64_t count);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_VECTORS_H
