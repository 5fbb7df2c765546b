// bf16: the upper half of an f32.
#ifndef HETER_RUNTIME_KERNELS_BF16_H
#define HETER_RUNTIME_KERNELS_BF16_H

#include <bit>
#include <cstdint>

namespace heter::runtime {

/// The nearest bf16, ties to even; NaN stays a (quiet) NaN, and what is smaller than any normal number becomes 0 with
/// its sign, as the processors' own instructions do it.
inline uint16_t roundToBf16(float number) {
  const auto bits = std::bit_cast<uint32_t>(number);
  if ((bits & 0x7f800000) == 0)
    return static_cast<uint16_t>(bits >> 16 & 0x8000);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float widen(uint16_t bf16) { return std::bit_cast<float>(static_cast<uint32_t>(bf16) << 16); }

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_BF16_H
