// What the processor would refuse ends the process as there, by the same signal, and the emulator says why; signals
// that are not its own are left alone.
#include "tests/tiles/TileCode.h"

#include <csignal>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace heter::test;
using ::testing::KilledBySignal;

namespace {

using TileRefusalTest = TileTest;

HETER_TILE_CODE void multiplyTiles012() { _tile_dpbf16ps(0, 1, 2); }
/// Which no assembler writes.
void multiplyTiles001() { asm volatile(".byte 0xc4, 0xe2, 0x72, 0x5c, 0xc0"); }

/// What is refused in a product of tiles of the given shapes, tile 0 being m x n words, 1 a x b and 2 c x d.
void multiplyShapes(int m, int n, int a, int b, int c, int d) {
  Configuration configuration = shapes();
  const int rows[] = {m, a, c}, words[] = {n, b, d};
  for (int i = 0; i < 3; ++i) {
    configuration.rows[i] = static_cast<uint8_t>(rows[i]);
    configuration.rowBytes[i] = static_cast<uint16_t>(4 * words[i]);
  }
  configure(configuration);
  multiplyTiles012();
}

template <typename Change> void configureChanged(Change change) {
  Configuration configuration = shapes();
  change(configuration);
  configure(configuration);
}

} // namespace

TEST_F(TileRefusalTest, RefusesTilesThatAreNotConfigured) {
  const auto dies = KilledBySignal(SIGILL);
  std::vector<uint8_t> memory(1024);
  release();
  EXPECT_EXIT(zeroFirst(), dies, says("tilezero tmm0 at .*this thread has no tiles configured"));
  EXPECT_EXIT(loadFirst(memory.data(), 64), dies, says("tileloadd tmm0 at .*no tiles configured"));
  EXPECT_EXIT(storeFirst(memory.data(), 64), dies, says("tilestored tmm0 at .*no tiles configured"));
  EXPECT_EXIT(multiplyTiles012(), dies,
              says("tdpbf16ps tmm0, tmm1, tmm2 at .*tile_emulator_test.*no tiles configured"));
  configure(shapes());
  EXPECT_EXIT(std::thread(zeroFirst).join(), dies, says("this thread has no tiles configured"));
  EXPECT_EXIT((release(), zeroFirst()), dies, says("this thread has no tiles configured"));
  EXPECT_EXIT((multiplyShapes(0, 0, 16, 16, 16, 16), 0), dies, says("tile 0 is configured with no rows"));
}

TEST_F(TileRefusalTest, RefusesShapesThatDoNotMatch) {
  const auto dies = KilledBySignal(SIGILL);
  EXPECT_EXIT(multiplyShapes(5, 16, 6, 16, 16, 16), dies,
              says("tdpbf16ps .*shapes do not match: 5 rows of 64 bytes, of 6"));
  EXPECT_EXIT(multiplyShapes(16, 5, 16, 16, 16, 6), dies, says("shapes do not match"));
  EXPECT_EXIT(multiplyShapes(16, 16, 16, 5, 6, 16), dies, says("shapes do not match"));
  configure(shapes());
  EXPECT_EXIT(multiplyTiles001(), dies, says("two of the tiles are one"));
  const auto withHalfWords = [](Configuration &c) { c.rowBytes[0] = 62; };
  EXPECT_EXIT((configureChanged(withHalfWords), multiplyTiles012()), dies, says("rows of 62 bytes"));
}

TEST_F(TileRefusalTest, RefusesConfigurationsThatNoProcessorHas) {
  const auto dies = KilledBySignal(SIGSEGV);
  EXPECT_EXIT(configureChanged([](Configuration &c) { c.palette = 2; }), dies, says("ldtilecfg at .*no palette 2"));
  EXPECT_EXIT(configureChanged([](Configuration &c) { c.reserved[3] = 1; }), dies, says("reserved byte"));
  EXPECT_EXIT(configureChanged([](Configuration &c) { c.rowBytes[8] = 64; }), dies, says("reserved byte"));
  EXPECT_EXIT(configureChanged([](Configuration &c) { c.rows[15] = 16; }), dies, says("reserved byte"));
  EXPECT_EXIT(configureChanged([](Configuration &c) { c.rows[7] = 17; }), dies,
              says("tile 7 cannot have 17 rows of 64"));
  EXPECT_EXIT(configureChanged([](Configuration &c) { c.rowBytes[1] = 68; }), dies,
              says("tile 1 cannot have 16 rows of 68"));
  EXPECT_EXIT(configureChanged([](Configuration &c) { c.rows[2] = 0; }), dies, says("tile 2 cannot have 0 rows of 64"));
}

TEST_F(TileRefusalTest, RefusesEncodingsThatNoProcessorHas) {
  const auto dies = KilledBySignal(SIGILL);
  configure(shapes());
  EXPECT_EXIT(asm volatile(".byte 0xc4, 0x62, 0x7b, 0x49, 0xc0"), dies, says("tilezero tmm8 at .*there is no tile 8"));
  EXPECT_EXIT(asm volatile(".byte 0xc4, 0xe2, 0xfb, 0x49, 0xc0"), dies, says("tilezero tmm0 at .*VEX.W is set"));
  EXPECT_EXIT(asm volatile(".byte 0xc4, 0xe2, 0x7b, 0x4b, 0x00"), dies, says("tileloadd tmm0 at .*no SIB byte"));
}

TEST_F(TileRefusalTest, OtherSignalsAreLeftAlone) {
  EXPECT_EXIT(asm volatile("ud2"), KilledBySignal(SIGILL), "^$");
  EXPECT_EXIT(raise(SIGILL), KilledBySignal(SIGILL), "^$");
  // Memory that is not there; a sanitizer would report it.
  EXPECT_EXIT((configure(shapes()), loadFirst(nullptr, 64)), [](int status) { return status != 0; }, "");
}

// As LLVM does when it writes a file, and the kernels' tests have it write some.
TEST_F(TileRefusalTest, AHandlerThatIsInstalledLaterGetsWhatIsLeft) {
  struct sigaction action = {}, before = {}, installed = {};
  action.sa_handler = [](int) { _exit(77); };
  ASSERT_EQ(sigaction(SIGILL, &action, &before), 0);
  ASSERT_EQ(sigaction(SIGILL, nullptr, &installed), 0);
  EXPECT_EQ(installed.sa_handler, action.sa_handler);
  configure(shapes());
  zeroFirst();
  EXPECT_EXIT(asm volatile("ud2"), ::testing::ExitedWithCode(77), "^$");
  EXPECT_EXIT(raise(SIGILL), ::testing::ExitedWithCode(77), "^$");
  ASSERT_EQ(sigaction(SIGILL, &before, nullptr), 0);
  EXPECT_EXIT(asm volatile("ud2"), KilledBySignal(SIGILL), "^$");
  ASSERT_NE(signal(SIGILL, action.sa_handler), SIG_ERR);
  zeroFirst();
  EXPECT_EXIT(asm volatile("ud2"), ::testing::ExitedWithCode(77), "^$");
  action.sa_handler = [](int) {};
  action.sa_flags = static_cast<int>(SA_RESETHAND); // Executed again, the instruction ends the process.
  ASSERT_EQ(sigaction(SIGILL, &action, nullptr), 0);
  EXPECT_EXIT(asm volatile("ud2"), KilledBySignal(SIGILL), "^$");
  signal(SIGILL, SIG_DFL);
}
