// 16-bit floats of IEEE 754 (f16): 1 sign bit, 5 of the exponent, 10 of the fraction. Not bf16.
#ifndef HETER_RUNTIME_BASE_HALF_H
#define HETER_RUNTIME_BASE_HALF_H

#include <cstdint>

namespace heter::runtime {

inline constexpr float largestHalf = 65504;

/// Exact.
float fromHalf(uint16_t half);
/// The nearest f16, of two the even one; beyond the largest infinity; a quiet NaN for NaN.
uint16_t toHalf(float value);
/// The largest f16 that is not above the value. REQUIRES: the value is a number between -largestHalf and largestHalf.
uint16_t toHalfBelow(float value);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_HALF_H
