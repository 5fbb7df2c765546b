// Sums of products follow the manual's order: the first and the second halves of pairs are summed apart, by fused
// multiply-adds along the depth, and both sums together are added to what was there.
#include "tests/tiles/Tiles.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <immintrin.h>

#define HETER_AVX512_CODE __attribute__((target("avx512f"), noinline))

namespace heter::test {
namespace {

[[gnu::format(printf, 3, 4)]] bool refuse(TileFault &fault, bool isProtection, const char *format, ...) {
  fault.isProtection = isProtection;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(fault.reason, sizeof(fault.reason), format, arguments);
  va_end(arguments);
  return false;
}

bool isZero(const void *memory, size_t size) {
  const auto *bytes = static_cast<const uint8_t *>(memory);
  for (size_t i = 0; i < size; ++i)
    if (bytes[i] != 0)
      return false;
  return true;
}

/// Rows of `rowBytes` bytes. Of its own so that no instruction comes before MXCSR is set.
HETER_AVX512_CODE void multiplyRows(uint8_t (*sums)[64], const uint8_t (*lefts)[64], const uint8_t (*rights)[64],
                                    int rows, int rowBytes, int depth) {
  const auto columns = static_cast<__mmask16>((1U << rowBytes / 4) - 1);
  constexpr __mmask16 all = 0xffff; // Of g++ 12 the shift without a mask reads what nobody set.
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000));
  for (int i = 0; i < rows; ++i) {
    __m512 first = _mm512_setzero_ps(), second = _mm512_setzero_ps();
    for (int k = 0; k < depth; ++k) {
      int pair;
      std::memcpy(&pair, lefts[i] + 4 * k, sizeof(pair));
      const __m512i left = _mm512_set1_epi32(pair), right = _mm512_load_si512(rights[k]);
      // A bf16 is the upper half of an f32.
      first = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_maskz_slli_epi32(all, left, 16)),
                              _mm512_castsi512_ps(_mm512_maskz_slli_epi32(all, right, 16)), first);
      second = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(left, upper)),
                               _mm512_castsi512_ps(_mm512_and_si512(right, upper)), second);
    }
    const __m512 sum = _mm512_add_ps(_mm512_load_ps(sums[i]), _mm512_add_ps(first, second));
    _mm512_store_ps(sums[i], _mm512_maskz_mov_ps(columns, sum));
  }
}

} // namespace

bool Tiles::loadConfiguration(const void *memory, TileFault &fault) {
  Configuration next;
  std::memcpy(&next, memory, sizeof(next));
  if (next.palette > 1)
    return refuse(fault, true, "there is no palette %d", next.palette);
  if (next.palette == 0) {
    release();
    return true;
  }
  if (!isZero(next.reserved, sizeof(next.reserved)) || !isZero(next.reservedRowBytes, sizeof(next.reservedRowBytes)) ||
      !isZero(next.reservedRows, sizeof(next.reservedRows)))
    return refuse(fault, true, "a reserved byte of the configuration is not 0");
  for (int i = 0; i < count; ++i)
    if (next.rows[i] > maxRows || next.rowBytes[i] > maxRowBytes || (next.rows[i] == 0) != (next.rowBytes[i] == 0))
      return refuse(fault, true, "tile %d cannot have %d rows of %d bytes", i, next.rows[i], next.rowBytes[i]);
  // For loads that were interrupted, which no code begins with.
  if (next.startRow != 0)
    return refuse(fault, true, "start_row is %d, and the emulator resumes no loads", next.startRow);
  release();
  configuration_ = next;
  return true;
}

void Tiles::storeConfiguration(void *memory) const { std::memcpy(memory, &configuration_, sizeof(configuration_)); }

void Tiles::release() {
  std::memset(&configuration_, 0, sizeof(configuration_));
  std::memset(data_, 0, sizeof(data_));
}

bool Tiles::checkTile(int tile, TileFault &fault) const {
  if (configuration_.palette == 0)
    return refuse(fault, false, "this thread has no tiles configured");
  if (tile >= count)
    return refuse(fault, false, "there is no tile %d", tile);
  if (configuration_.rows[tile] == 0)
    return refuse(fault, false, "tile %d is configured with no rows", tile);
  if (configuration_.rowBytes[tile] % 4 != 0)
    return refuse(fault, false, "tile %d has rows of %d bytes, which are no whole words", tile,
                  configuration_.rowBytes[tile]);
  return true;
}

bool Tiles::zero(int tile, TileFault &fault) {
  if (!checkTile(tile, fault))
    return false;
  std::memset(data_[tile], 0, sizeof(data_[tile]));
  return true;
}

bool Tiles::load(int tile, const char *memory, int64_t stride, TileFault &fault) {
  if (!zero(tile, fault))
    return false;
  for (int i = 0; i < configuration_.rows[tile]; ++i)
    std::memcpy(data_[tile][i], memory + i * stride, configuration_.rowBytes[tile]);
  return true;
}

bool Tiles::store(int tile, char *memory, int64_t stride, TileFault &fault) const {
  if (!checkTile(tile, fault))
    return false;
  for (int i = 0; i < configuration_.rows[tile]; ++i)
    std::memcpy(memory + i * stride, data_[tile][i], configuration_.rowBytes[tile]);
  return true;
}

bool Tiles::multiplyBf16(int sum, int left, int right, TileFault &fault) {
  if (!checkTile(sum, fault) || !checkTile(left, fault) || !checkTile(right, fault))
    return false;
  if (sum == left || sum == right || left == right)
    return refuse(fault, false, "two of the tiles are one");
  const uint8_t *rows = configuration_.rows;
  const uint16_t *rowBytes = configuration_.rowBytes;
  if (rows[sum] != rows[left] || rowBytes[left] / 4 != rows[right] || rowBytes[sum] != rowBytes[right])
    return refuse(fault, false, "shapes do not match: %d rows of %d bytes, of %d rows of %d and %d rows of %d",
                  rows[sum], rowBytes[sum], rows[left], rowBytes[left], rows[right], rowBytes[right]);
  // No exceptions, rounding to nearest even, what is below 2^-126 is 0 before and after.
  constexpr unsigned masked = 0x1f80, flushToZero = 0x8000, denormalsAreZero = 0x40;
  _mm_setcsr(masked | flushToZero | denormalsAreZero);
  multiplyRows(data_[sum], data_[left], data_[right], rows[sum], rowBytes[sum], rows[right]);
  return true;
}

} // namespace heter::test
