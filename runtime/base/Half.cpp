// f16 as compilers have it: the same numbers on every machine, by instruction or by their libraries.
#include "runtime/base/Half.h"

#include <bit>

namespace heter::runtime {

float fromHalf(uint16_t half) { return static_cast<float>(std::bit_cast<_Float16>(half)); }

uint16_t toHalf(float value) { return std::bit_cast<uint16_t>(static_cast<_Float16>(value)); }

uint16_t toHalfBelow(float value) {
  const uint16_t nearest = toHalf(value);
  if (fromHalf(nearest) <= value)
    return nearest;
  return static_cast<uint16_t>(nearest & 0x8000 ? nearest + 1 : nearest - 1);
}

} // namespace heter::runtime
