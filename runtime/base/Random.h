// Counter-based random numbers: every random value of a run is a pure function of (key, counter), so that sharding,
// threads and message order change nothing. Philox4x32-10 as published by Salmon, Moraes, Dror and Shaw,
// "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
#ifndef HETER_RUNTIME_BASE_RANDOM_H
#define HETER_RUNTIME_BASE_RANDOM_H

#include <array>
#include <cstdint>
#include <string_view>

namespace heter::runtime {

/// One Philox4x32-10 block. Word i of the counter and key is its i-th 32-bit word, least significant first.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// The key of a table or parameter: (seed xor XXH64(name, 0)) split into two words, low word first.
std::array<uint32_t, 2> philoxKey(uint64_t seed, std::string_view name);

/// A uniform float in [0, 1): the top 24 bits of `word` times 2^-24.
inline float uniformFloat(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

/// Fills `out[0..count)` with the initial values of columns [firstColumn, firstColumn + count) of `row`, uniform in
/// [-scale, scale): column c takes word c % 4 of philox4x32({row low, row high, (c / 4) low, (c / 4) high}, key), and
/// the value is (2 u - 1) * scale with u = uniformFloat(word), all in f32.
void fillUniform(float *out, int64_t count, std::array<uint32_t, 2> key, uint64_t row, int64_t firstColumn,
                 float scale);

/// The same for a normal distribution of standard deviation `scale`: columns 2k and 2k + 1 are the cosine and the sine
/// half of Box-Muller on their two words a, b, with u = (a + 1) 2^-32 and angle = 2 pi b 2^-32, computed in f64 and
/// rounded to f32.
void fillNormal(float *out, int64_t count, std::array<uint32_t, 2> key, uint64_t row, int64_t firstColumn, float scale);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_RANDOM_H
