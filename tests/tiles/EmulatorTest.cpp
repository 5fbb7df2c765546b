// The tile instructions themselves, executed by the emulator or, where there is AMX, by the processor: what they load,
// store and multiply. Products are compared bit for bit with sums in the order of Intel's manual.
#include "tests/tiles/TileCode.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cpuid.h>
#include <dlfcn.h>
#include <limits>
#include <random>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace heter::runtime;
using namespace heter::test;

// A function for each register: loads tile 0 from 16 bytes behind the address in it, with the stride in another
// register, and the other way round. They stand in a table.
asm(R"(
  .macro heter_load base, index
  .pushsection heter_loads, "aw"
  .quad 771f
  .popsection
771:
  .irp saved, rbx, rbp, r12, r13, r14, r15, rdi, rsi
  push %\saved
  .endr
  pop %\index
  pop %\base
  tileloadd 16(%\base, %\index, 1), %tmm0
  .irp saved, r15, r14, r13, r12, rbp, rbx
  pop %\saved
  .endr
  ret
  .endm
  .text
  .irp other, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
  heter_load rax, \other
  heter_load \other, rax
  .endr
)");
using LoadFunction = void (*)(const void *address, int64_t stride);
extern "C" const LoadFunction heterLoadsBegin[] asm("__start_heter_loads");
extern "C" const LoadFunction heterLoadsEnd[] asm("__stop_heter_loads");

namespace {

using TileEmulatorTest = TileTest;

constinit Configuration ofRipRelativeLoad asm("heterRipRelative") __attribute__((used)) = shapes(3, 5, 7);

/// A tile of up to 16 x 16 words, tight.
using Words = std::vector<uint32_t>;
using Floats = std::vector<float>;

uint32_t pairOf(float first, float second) {
  return std::bit_cast<uint32_t>(first) >> 16 | (std::bit_cast<uint32_t>(second) & 0xffff0000);
}
float firstOf(uint32_t pair) { return std::bit_cast<float>(pair << 16); }
float secondOf(uint32_t pair) { return std::bit_cast<float>(pair & 0xffff0000); }

/// sums += left * right, m x n by k pairs, by the instruction.
HETER_TILE_CODE void multiply(Floats &sums, const Words &left, const Words &right, int m, int n, int k) {
  configure(shapes(m, n, k));
  asm volatile("" ::: "memory");
  _tile_loadd(0, sums.data(), 4 * n);
  _tile_loadd(1, left.data(), 4 * k);
  _tile_stream_loadd(2, right.data(), 4 * n);
  _tile_dpbf16ps(0, 1, 2);
  _tile_stored(0, sums.data(), 4 * n);
  asm volatile("" ::: "memory");
  release();
}

/// The same as the manual has it, for what does not come near 2^-126.
Floats expectedSums(Floats sums, const Words &left, const Words &right, int64_t m, int64_t n, int64_t k) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      float first = 0, second = 0;
      for (int64_t l = 0; l < k; ++l) {
        const uint32_t a = left[static_cast<size_t>(i * k + l)], b = right[static_cast<size_t>(l * n + j)];
        first = std::fma(firstOf(a), firstOf(b), first);
        second = std::fma(secondOf(a), secondOf(b), second);
      }
      sums[static_cast<size_t>(i * n + j)] += first + second;
    }
  return sums;
}

/// One sum of products, from `sum` on, in an otherwise empty product.
float sumOf(float sum, std::vector<std::pair<float, float>> lefts, std::vector<std::pair<float, float>> rights) {
  const int k = static_cast<int>(lefts.size());
  Floats sums = {sum};
  Words left, right;
  for (size_t i = 0; i < lefts.size(); ++i) {
    left.push_back(pairOf(lefts[i].first, lefts[i].second));
    right.push_back(pairOf(rights[i].first, rights[i].second));
  }
  multiply(sums, left, right, 1, 1, k);
  return sums[0];
}

bool processorHas(int subleaf, int registerNumber, int bit) {
  unsigned values[4] = {};
  __get_cpuid_count(7, static_cast<unsigned>(subleaf), &values[0], &values[1], &values[2], &values[3]);
  return (values[registerNumber] >> bit & 1) != 0;
}

} // namespace

// Without this, tests of tiles would be skipped, and nobody would see it.
TEST(TileEmulator, GivesTheLevelToAnyProcessorWithBf16Vectors) {
  ASSERT_NE(dlsym(RTLD_DEFAULT, "heterTileEmulator"), nullptr) << "the emulator is not preloaded";
  const bool hasVectors = processorHas(1, 0, 5), hasTiles = processorHas(0, 3, 24);
  EXPECT_EQ(tilesAreEmulated(), !hasTiles);
  if (!hasVectors)
    GTEST_SKIP() << "the kernels for tiles need AVX-512 with bf16";
  EXPECT_EQ(processorLevels().front(), tileLevel);
}

TEST_F(TileEmulatorTest, ConfigurationsAreKept) {
  EXPECT_EQ(stored(), Configuration{.palette = 0});
  configure(shapes(3, 5, 7));
  EXPECT_EQ(stored(), shapes(3, 5, 7));
  configure(Configuration{.palette = 0});
  EXPECT_EQ(stored(), Configuration{.palette = 0});
  configure(shapes());
  release();
  EXPECT_EQ(stored(), Configuration{.palette = 0});
}

TEST_F(TileEmulatorTest, LoadsAndStoresRowsAsConfigured) {
  std::vector<uint8_t> from(16 * 100), to(16 * 70, 0xee), expected = to;
  for (size_t i = 0; i < from.size(); ++i)
    from[i] = static_cast<uint8_t>(i * 7 + i / 256);
  configure(shapes(5, 3));
  loadFirst(from.data(), 100);
  storeFirst(to.data(), 70);
  for (size_t i = 0; i < 5; ++i)
    std::copy_n(&from[100 * i], 12, &expected[70 * i]);
  EXPECT_EQ(to, expected);
  // From the last row to the first one, and the same row each time.
  loadFirst(&from[400], -100);
  storeFirst(&to[280], -70);
  EXPECT_EQ(to, expected);
  loadFirst(from.data(), 0);
  storeFirst(to.data(), 70);
  for (size_t i = 0; i < 5; ++i)
    EXPECT_TRUE(std::equal(&to[70 * i], &to[70 * i + 12], from.data()));
  zeroFirst();
  storeFirst(to.data(), 70);
  for (size_t i = 0; i < 5; ++i)
    EXPECT_EQ(std::vector<uint8_t>(&to[70 * i], &to[70 * i + 13]),
              (std::vector<uint8_t>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xee}));
  // A configuration begins with zeros.
  loadFirst(from.data(), 100);
  configure(shapes(5, 3));
  storeFirst(to.data(), 70);
  for (size_t i = 0; i < 5; ++i)
    EXPECT_EQ(std::ranges::count(&to[70 * i], &to[70 * i + 12], 0), 12);
}

TEST_F(TileEmulatorTest, TouchesNoMemoryBesideTheRows) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void *memory = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  char *end = static_cast<char *>(memory) + page;
  ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
  configure(shapes(5, 3));
  loadFirst(end - 4 * 100 - 12, 100);
  storeFirst(end - 4 * 100 - 12, 100);
  munmap(memory, 2 * page);
}

TEST_F(TileEmulatorTest, EachRegisterMayHoldAddressesAndStrides) {
  ASSERT_EQ(heterLoadsEnd - heterLoadsBegin, 28);
  std::vector<uint8_t> from(16 + 16 * 80), to(16 * 64);
  for (size_t i = 0; i < from.size(); ++i)
    from[i] = static_cast<uint8_t>(i * 13 + i / 128);
  configure(shapes());
  for (const LoadFunction *load = heterLoadsBegin; load != heterLoadsEnd; ++load) {
    zeroFirst();
    (*load)(from.data(), 80);
    storeFirst(to.data(), 64);
    for (size_t i = 0; i < 16; ++i)
      ASSERT_TRUE(std::equal(&to[64 * i], &to[64 * i] + 64, &from[16 + 80 * i]))
          << "function " << load - heterLoadsBegin;
  }
}

TEST_F(TileEmulatorTest, ConfigurationsMayLieOnTheStackAndBesideTheCode) {
  asm volatile("ldtilecfg heterRipRelative(%%rip)" ::: "memory");
  EXPECT_EQ(stored(), shapes(3, 5, 7));
  const Configuration other = shapes(9, 10, 11);
  Configuration back;
  asm volatile(
      "lea -320(%%rsp), %%rsp\n vmovdqu64 (%0), %%zmm0\n vmovdqu64 %%zmm0, 64(%%rsp)\n ldtilecfg 64(%%rsp)\n"
      "mov $32, %%ecx\n sttilecfg 64(%%rsp, %%rcx, 2)\n vmovdqu64 128(%%rsp), %%zmm0\n vmovdqu64 %%zmm0, (%1)\n"
      "lea 320(%%rsp), %%rsp"
      :
      : "r"(&other), "r"(&back)
      : "xmm0", "rcx", "memory");
  EXPECT_EQ(back, other);
}

TEST_F(TileEmulatorTest, ProductsHaveTheBitsOfTheManual) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const auto value = [&] { return std::ldexp(normal(random), static_cast<int>(random() % 20) - 10); };
  for (auto [m, n, k] : {std::tuple(16, 16, 16), std::tuple(1, 1, 1), std::tuple(5, 7, 3), std::tuple(16, 1, 16),
                         std::tuple(2, 16, 13), std::tuple(13, 15, 1)}) {
    Floats sums(static_cast<size_t>(m * n));
    Words left(static_cast<size_t>(m * k)), right(static_cast<size_t>(k * n));
    for (float &sum : sums)
      sum = value();
    for (Words *words : {&left, &right})
      for (uint32_t &word : *words)
        word = pairOf(value(), value());
    const Floats expected = expectedSums(sums, left, right, m, n, k);
    multiply(sums, left, right, m, n, k);
    EXPECT_EQ(sums, expected) << m << " x " << n << " x " << k;
  }
}

TEST_F(TileEmulatorTest, TheOrderOfSums) {
  constexpr float large = 0x1p24F; // and one more is no f32
  // Halves of pairs are summed apart.
  EXPECT_EQ(sumOf(0, {{large, 1}, {-large, 0}}, {{1, 1}, {1, 1}}), 1);
  EXPECT_EQ(sumOf(0, {{1, large}, {0, -large}}, {{1, 1}, {1, 1}}), 1);
  // Along the depth one follows another.
  EXPECT_EQ(sumOf(0, {{large, 0}, {1, 0}, {-large, 0}}, {{1, 1}, {1, 1}, {1, 1}}), 0);
  EXPECT_EQ(sumOf(0, {{large, 0}, {-large, 0}, {1, 0}}, {{1, 1}, {1, 1}, {1, 1}}), 1);
  // What was there comes last.
  EXPECT_EQ(sumOf(1, {{large, 0}, {-large, 0}}, {{1, 1}, {1, 1}}), 1);
  EXPECT_EQ(sumOf(1, {{large, -large}}, {{1, 1}}), 1);
  EXPECT_EQ(sumOf(-large, {{large, 1}}, {{1, 1}}), 0);
}

TEST_F(TileEmulatorTest, RoundingIsToNearestAndSmallIsZeroWhateverTheThreadHasSet) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const unsigned before = _mm_getcsr();
  for (unsigned setting : {0x1f80U, 0x5f80U, 0x3f80U, 0x7f80U, 0x9fc0U}) { // To nearest, up, down, to 0, small is 0.
    _mm_setcsr(setting);
    const float up = sumOf(0x1p24F, {{1, 0}}, {{1, 0}}), even = sumOf(0x1.000002p24F, {{1, 0}}, {{1, 0}});
    const float operand = sumOf(0, {{0x1p-130F, 0}}, {{0x1p100F, 0}}),
                product = sumOf(0, {{0x1p-100F, 0}}, {{0x1p-30F, 0}});
    const float sum = sumOf(0x1p-130F, {{0, 0}}, {{0, 0}}), least = sumOf(0, {{0x1p-100F, 0}}, {{0x1p-26F, 0}});
    // 2^-127; were the product cut by itself, 2^-126 would be left.
    const float fused = sumOf(0, {{0x1p-126F, 0}, {-0x1p-117F, 0}}, {{1, 0}, {0x1p-10F, 0}});
    // 2^-127 from what is larger, in the last sum and in the one before it.
    const float difference = sumOf(0x1.8p-126F, {{-0x1p-126F, 0}}, {{1, 0}});
    const float between = sumOf(0x1p-126F, {{0x1.8p-126F, -0x1p-126F}}, {{1, 1}});
    const float huge = sumOf(0, {{0x1p100F, 0}}, {{0x1p100F, 0}});
    const float none = sumOf(0, {{infinity, 0}}, {{0, 0}});
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    EXPECT_EQ(after, setting);
    EXPECT_EQ(up, 0x1p24F) << std::hex << setting;
    EXPECT_EQ(even, 0x1.000004p24F) << std::hex << setting;
    EXPECT_EQ(operand, 0);
    EXPECT_EQ(product, 0);
    EXPECT_EQ(sum, 0);
    EXPECT_EQ(least, 0x1p-126F);
    EXPECT_EQ(fused, 0);
    EXPECT_EQ(difference, 0);
    EXPECT_EQ(between, 0x1p-126F);
    EXPECT_EQ(huge, infinity);
    EXPECT_TRUE(std::isnan(none));
  }
}

TEST_F(TileEmulatorTest, EachThreadHasTilesOfItsOwn) {
  constexpr int threads = 4, rounds = 200;
  std::atomic<int> wrong = 0, configured = 0;
  std::vector<std::thread> all;
  all.reserve(threads);
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      const Configuration mine = shapes(1 + t, 2 + t, 3 + t);
      std::vector<uint32_t> from(16 * 16, static_cast<uint32_t>(t + 1)), to(16 * 16);
      configure(mine);
      loadFirst(from.data(), 64);
      for (++configured; configured < threads;)
        std::this_thread::yield();
      for (int i = 0; i < rounds; ++i) {
        std::fill(to.begin(), to.end(), 0);
        storeFirst(to.data(), 64);
        wrong += std::ranges::count(to, static_cast<uint32_t>(t + 1)) != (1 + t) * (2 + t) || stored() != mine;
      }
      release();
    });
  for (std::thread &thread : all)
    thread.join();
  EXPECT_EQ(wrong, 0);
}
