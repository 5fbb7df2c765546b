// The state of a thread's tiles and what the instructions do with it, as the "Operation" sections of Intel's manual say
// (volume 2; exceptions of tiles: its classes AMX-E1 to AMX-E6). Nothing here allocates: a signal handler runs it.
#ifndef HETER_TESTS_TILES_TILES_H
#define HETER_TESTS_TILES_TILES_H

#include <cstddef>
#include <cstdint>

namespace heter::test {

/// Why a processor would not execute an instruction.
struct TileFault {
  bool isProtection = false; ///< A general-protection exception, not an undefined instruction.
  char reason[160] = {};
};

/// What the instructions see of one thread. All zero is the state a thread begins with. Functions give false, with a
/// fault, where a processor would have raised an exception, and then change nothing.
class Tiles {
public:
  static constexpr int count = 8, maxRows = 16, maxRowBytes = 64;

  bool loadConfiguration(const void *memory, TileFault &fault);
  void storeConfiguration(void *memory) const;
  void release();
  bool zero(int tile, TileFault &fault);
  bool load(int tile, const char *memory, int64_t stride, TileFault &fault);
  bool store(int tile, char *memory, int64_t stride, TileFault &fault) const;
  /// Adds the product of `left` and `right`, pairs of bf16, to the f32 of `sum`. REQUIRES: a processor with AVX-512;
  /// nobody minds what becomes of MXCSR.
  bool multiplyBf16(int sum, int left, int right, TileFault &fault);

private:
  struct Configuration {
    uint8_t palette, startRow, reserved[14];
    uint16_t rowBytes[count], reservedRowBytes[count];
    uint8_t rows[count], reservedRows[count];
  };
  static_assert(sizeof(Configuration) == 64);

  bool checkTile(int tile, TileFault &fault) const;

  Configuration configuration_;
  alignas(64) uint8_t data_[count][maxRows][maxRowBytes];
};

} // namespace heter::test

#endif // HETER_TESTS_TILES_TILES_H
