// The encodings of the tile instructions that Heter's code has, as Intel's manual gives them (volume 2, VEX prefixes of
// three bytes, map 0F38). Nothing here allocates: a signal handler reads with it.
#ifndef HETER_TESTS_TILES_DECODE_H
#define HETER_TESTS_TILES_DECODE_H

#include <cstdint>

namespace heter::test {

enum class TileOperation {
  LoadConfiguration,
  StoreConfiguration,
  Release,
  Zero,
  Load,
  LoadPassing,
  Store,
  MultiplyBf16,
};

/// The instruction's name in assembly.
const char *nameOf(TileOperation operation);

/// Registers are numbered as in encodings: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15.
struct TileAddress {
  static constexpr int none = -1, instruction = 16; ///< `instruction`: the address behind the instruction.
  int base = none, index = none, scale = 1;
  int64_t displacement = 0;
};

struct TileInstruction {
  TileOperation operation = TileOperation::Release;
  int length = 0;
  int tile = 0, left = 0, right = 0; ///< May be 8 and above, which no processor has.
  TileAddress address;
  const char *malformed = nullptr; ///< Why the processor refuses the encoding, unless null.
};

/// Reads the instruction at `code`; false if it is none of these. REQUIRES: `code` can be read as far as a processor
/// reads it.
bool decodeTileInstruction(const uint8_t *code, TileInstruction &instruction);

} // namespace heter::test

#endif // HETER_TESTS_TILES_DECODE_H
