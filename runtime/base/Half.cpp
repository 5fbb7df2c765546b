// f16 by integer arithmetic, the same on every machine.
#include "runtime/base/Half.h"

#include <bit>
#include <cmath>

namespace heter::runtime {

static constexpr uint16_t signBit = 0x8000, infinity = 0x7c00;

float fromHalf(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16;
  const uint32_t exponent = (half >> 10) & 31;
  const uint32_t fraction = half & 0x3ff;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

uint16_t toHalf(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & signBit);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00;
  if (magnitude >= 0x477ff000) // 65,520, which is as near to the next power of two as to the largest
    return sign | infinity;
  if (magnitude < 0x38800000) // below 2^-14 there are multiples of 2^-24
    return sign | static_cast<uint16_t>(std::lrint(std::bit_cast<float>(magnitude) * 0x1p24f));
  const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return sign | static_cast<uint16_t>((rounded - 0x38000000) >> 13);
}

uint16_t toHalfBelow(float value) {
  const uint16_t nearest = toHalf(value);
  if (fromHalf(nearest) <= value)
    return nearest;
  return static_cast<uint16_t>(nearest & signBit ? nearest + 1 : nearest - 1);
}

} // namespace heter::runtime
