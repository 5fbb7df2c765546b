// Philox4x32-10 and the initial values that are made of it.
#include "runtime/base/Random.h"

#include "runtime/base/Hash.h"

#include <cmath>
#include <numbers>

namespace heter::runtime {

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

std::array<uint32_t, 2> philoxKey(uint64_t seed, std::string_view name) {
  uint64_t key = seed ^ hashBytes(name, 0);
  return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

/// The block that holds column `column` of `row`.
static std::array<uint32_t, 4> blockOf(std::array<uint32_t, 2> key, uint64_t row, uint64_t column) {
  uint64_t block = column / 4;
  return philox4x32({static_cast<uint32_t>(row), static_cast<uint32_t>(row >> 32), static_cast<uint32_t>(block),
                     static_cast<uint32_t>(block >> 32)},
                    key);
}

void fillUniform(float *out, int64_t count, std::array<uint32_t, 2> key, uint64_t row, int64_t firstColumn,
                 float scale) {
  std::array<uint32_t, 4> words{};
  for (int64_t i = 0; i < count; ++i) {
    int64_t column = firstColumn + i;
    if (i == 0 || column % 4 == 0)
      words = blockOf(key, row, column);
    out[i] = (2.0f * uniformFloat(words[column % 4]) - 1.0f) * scale;
  }
}

void fillNormal(float *out, int64_t count, std::array<uint32_t, 2> key, uint64_t row, int64_t firstColumn,
                float scale) {
  std::array<uint32_t, 4> words{};
  for (int64_t i = 0; i < count; ++i) {
    int64_t column = firstColumn + i;
    if (i == 0 || column % 4 == 0)
      words = blockOf(key, row, column);
    int64_t even = column % 4 & ~int64_t{1};
    double u = (static_cast<double>(words[even]) + 1.0) * 0x1p-32;
    double angle = 2.0 * std::numbers::pi * (static_cast<double>(words[even + 1]) * 0x1p-32);
    double radius = std::sqrt(-2.0 * std::log(u));
    out[i] = static_cast<float>(radius * (column % 2 ? std::sin(angle) : std::cos(angle)) * scale);
  }
}

} // namespace heter::runtime
