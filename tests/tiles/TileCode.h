// What the tests of tile instructions share: configurations, and the instructions as functions.
#ifndef HETER_TESTS_TILES_TILECODE_H
#define HETER_TESTS_TILES_TILECODE_H

#include "runtime/base/Processor.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <immintrin.h>

#define HETER_TILE_CODE __attribute__((target("amx-tile,amx-bf16"), noinline))

namespace heter::test {

struct alignas(64) Configuration {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t rowBytes[16] = {};
  uint8_t rows[16] = {};

  bool operator==(const Configuration &) const = default;
};
static_assert(sizeof(Configuration) == 64);

/// Tiles 0, 1 and 2 as of a product of m x 2k by 2k x n; all others are whole.
constexpr Configuration shapes(int m = 16, int n = 16, int k = 16) noexcept {
  Configuration result;
  for (int i = 0; i < 8; ++i) {
    result.rowBytes[i] = static_cast<uint16_t>(4 * (i == 0 || i == 2 ? n : i == 1 ? k : 16));
    result.rows[i] = static_cast<uint8_t>(i == 0 || i == 1 ? m : i == 2 ? k : 16);
  }
  return result;
}

HETER_TILE_CODE inline void configure(const Configuration &configuration) { _tile_loadconfig(&configuration); }
HETER_TILE_CODE inline Configuration stored() {
  Configuration result;
  _tile_storeconfig(&result);
  return result;
}
HETER_TILE_CODE inline void release() { _tile_release(); }
HETER_TILE_CODE inline void zeroFirst() { _tile_zero(0); }
HETER_TILE_CODE inline void loadFirst(const void *from, int64_t stride) { _tile_loadd(0, from, stride); }
HETER_TILE_CODE inline void storeFirst(void *to, int64_t stride) {
  _tile_stored(0, to, stride);
  asm volatile("" ::: "memory");
}

class TileTest : public ::testing::Test {
protected:
  void SetUp() override {
    if (!runtime::mayUseTiles())
      GTEST_SKIP() << "no tiles: the emulator is not preloaded, or there is no AVX-512 with bf16";
  }
  void TearDown() override {
    if (runtime::mayUseTiles())
      release();
  }
  /// What the emulator says; processors say nothing.
  static const char *says(const char *text) { return runtime::tilesAreEmulated() ? text : ""; }
};

} // namespace heter::test

#endif // HETER_TESTS_TILES_TILECODE_H
