// Products on matrix tiles against sums in double precision: every order in memory, extents that fill no block, several
// stretches of k, and what is no ordinary number. Skipped where the machine has no tiles; there, the same test with
// tiles emulated (runtime_kernels_test.tiles, tests/tiles) runs them, and a few less where they would take long.
#include "runtime/kernels/TileProduct.h"

#include "runtime/base/Processor.h"
#include "runtime/base/Scheduler.h"
#include "tests/runtime/kernels/MatrixCollector.h"

#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

using namespace heter::runtime;

namespace {

class TileProductTest : public ::testing::Test {
protected:
  void SetUp() override {
    if (!haveTiles())
      GTEST_SKIP() << "this machine has no AMX tiles";
  }
};

/// A product with its operands, each row followed by numbers that are none of its business.
struct Case {
  Case(int64_t m, int64_t n, int64_t k, bool transposeA, bool transposeB, std::mt19937 &random) {
    constexpr int64_t gap = 3;
    product = {.m = m, .n = n, .k = k, .transposeA = transposeA, .transposeB = transposeB};
    product.strideA = (transposeA ? m : k) + gap;
    product.strideB = (transposeB ? k : n) + gap;
    product.strideOut = n + gap;
    std::normal_distribution<float> normal;
    for (auto [values, count] : {std::pair(&a, (transposeA ? k : m) * product.strideA),
                                 std::pair(&b, (transposeB ? n : k) * product.strideB), std::pair(&bias, n)}) {
      values->resize(static_cast<size_t>(count));
      for (float &value : *values)
        value = std::ldexp(normal(random), static_cast<int>(random() % 12) - 6);
    }
    out.assign(static_cast<size_t>(m * product.strideOut), -7);
  }

  float &atA(int64_t i, int64_t l) { return a[product.transposeA ? l * product.strideA + i : i * product.strideA + l]; }
  float &atB(int64_t l, int64_t j) { return b[product.transposeB ? j * product.strideB + l : l * product.strideB + j]; }
  float at(int64_t i, int64_t j) const { return out[static_cast<size_t>(i * product.strideOut + j)]; }

  void run(Scheduler *scheduler = nullptr) {
    product.a = a.data();
    product.b = b.data();
    product.out = out.data();
    multiplyTiles(product, scheduler);
  }

  /// Additions in f32 err by 2^-24 each, and chance lets the square root of them add up. With few of them a part that
  /// got lost, 2^-17 of a product, shows.
  void expectExact() {
    const double error = 0x1p-24 * std::min(2 + 2 * std::sqrt(static_cast<double>(product.k)), 16.0);
    for (int64_t i = 0; i < product.m; ++i)
      for (int64_t j = 0; j < product.n; ++j) {
        double sum = product.bias ? product.bias[j] : 0, size = std::abs(sum);
        for (int64_t l = 0; l < product.k; ++l) {
          sum += double{atA(i, l)} * double{atB(l, j)};
          size += std::abs(double{atA(i, l)} * double{atB(l, j)});
        }
        if (product.relu)
          sum = std::max(sum, 0.0);
        ASSERT_NEAR(at(i, j), sum, size * error)
            << product.m << " x " << product.n << " x " << product.k << " at " << i << ", " << j;
      }
    for (int64_t i = 0; i < product.m; ++i)
      for (int64_t j = product.n; j < product.strideOut; ++j)
        ASSERT_EQ(at(i, j), -7) << "written beside the result";
  }

  MatrixProduct product;
  std::vector<float> a, b, bias, out;
};

} // namespace

TEST_F(TileProductTest, BlocksHaveTheBitsOfTheWhole) {
  std::mt19937 random(11);
  const auto threads = makeThreadedScheduler(3);
  for (auto [m, n, k] :
       {std::tuple(1, 1, 1), std::tuple(300, 1100, 600), std::tuple(1100, 70, 33), std::tuple(257, 1025, 512)})
    for (bool transposeA : {false, true})
      for (bool transposeB : {false, true}) {
        if (tilesAreEmulated() && transposeA == transposeB)
          continue;
        Case whole(m, n, k, transposeA, transposeB, random);
        whole.run();
        for (Scheduler *scheduler : {static_cast<Scheduler *>(nullptr), threads.get()}) {
          test::MatrixCollector collector(m, n);
          multiplyTiles(whole.product, collector, scheduler);
          for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n; ++j)
              ASSERT_EQ(collector.values[static_cast<size_t>(i * n + j)], whole.at(i, j)) << i << ", " << j;
          EXPECT_EQ(collector.times, std::vector<int>(collector.times.size(), 1));
        }
      }
}

TEST_F(TileProductTest, EveryOrderInMemory) {
  std::mt19937 random(1);
  for (bool transposeA : {false, true})
    for (bool transposeB : {false, true})
      for (auto [m, n, k] : {std::tuple(1, 1, 1), std::tuple(40, 33, 1), std::tuple(35, 40, 2), std::tuple(32, 32, 32),
                             std::tuple(48, 80, 600), std::tuple(33, 70, 31), std::tuple(300, 17, 247),
                             std::tuple(40, 290, 1100), std::tuple(290, 150, 100)}) {
        Case one(m, n, k, transposeA, transposeB, random);
        one.run();
        one.expectExact();
      }
}

TEST_F(TileProductTest, EndsWithBiasAndActivation) {
  std::mt19937 random(2);
  for (int64_t k : {40, 513, 1025})
    for (bool relu : {false, true}) {
      Case one(70, 50, k, false, false, random);
      one.product.relu = relu;
      one.product.bias = one.bias.data();
      one.run();
      one.expectExact();
    }
}

TEST_F(TileProductTest, EndsWithAMaskAndTheSumsOfColumns) {
  std::mt19937 random(5);
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(3);
  for (auto [m, n, k] : {std::tuple(70, 50, 40), std::tuple(33, 600, 513), std::tuple(600, 33, 1025)}) {
    Case plain(m, n, k, false, true, random), one = plain;
    plain.run();
    std::vector<float> mask(one.out.size()), sums(static_cast<size_t>(n));
    for (float &value : mask) // Also what is no number, and both zeros: not above 0.
      value = std::array{-1.0F, -0.0F, 0.0F, 0x1p-126F, 2.0F, std::numeric_limits<float>::quiet_NaN()}[random() % 6];
    one.product.mask = mask.data();
    one.product.sums = sums.data();
    one.run(scheduler.get());
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0, size = 0;
      for (int64_t i = 0; i < m; ++i) {
        const float expected = mask[static_cast<size_t>(i * one.product.strideOut + j)] > 0 ? plain.at(i, j) : 0;
        ASSERT_EQ(one.at(i, j), expected) << i << " " << j;
        sum += expected;
        size += std::abs(expected);
      }
      ASSERT_NEAR(sums[static_cast<size_t>(j)], sum, size * 0x1p-21) << j;
    }
    const std::vector<float> threaded = sums;
    one.run();
    EXPECT_EQ(sums, threaded);
  }
}

TEST_F(TileProductTest, ThreadsAndOtherRowsChangeNoBit) {
  std::mt19937 random(3);
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(3);
  Case whole(700, 90, 600, false, false, random), threaded = whole, part = whole;
  whole.run();
  threaded.run(scheduler.get());
  EXPECT_EQ(whole.out, threaded.out);
  for (int64_t rows : {45, 1}) { // So few that the other operand is cut.
    part.product.m = rows;
    part.run();
    for (int64_t i = 0; i < part.product.m; ++i)
      for (int64_t j = 0; j < part.product.n; ++j)
        ASSERT_EQ(part.at(i, j), whole.at(i, j));
  }
}

// Few pieces of one stretch, with which threads that have none of their own help.
TEST_F(TileProductTest, HelpWithAPieceChangesNoBit) {
  std::mt19937 random(9);
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(3);
  for (auto [m, n, k] : {std::tuple(512, 400, 247), std::tuple(300, 720, 40), std::tuple(400, 1300, 512)}) {
    Case alone(m, n, k, false, true, random);
    std::vector<float> mask(alone.out), sums(static_cast<size_t>(n)), helpedSums(sums);
    for (float &value : mask)
      value = static_cast<float>(random() % 2);
    alone.product.mask = mask.data();
    alone.product.sums = sums.data();
    Case helped = alone;
    helped.product.sums = helpedSums.data();
    alone.run();
    for (int round = 0; round < (tilesAreEmulated() ? 2 : 10); ++round) {
      helped.out.assign(helped.out.size(), -7);
      helped.run(scheduler.get());
      ASSERT_EQ(helped.out, alone.out) << m << " x " << n << " x " << k;
      ASSERT_EQ(helpedSums, sums);
    }
  }
}

TEST_F(TileProductTest, WhatIsNotFiniteStaysInItsRow) {
  for (bool transposed : {false, true})
    for (float value : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      std::mt19937 random(4);
      Case one(64, 64, 64, transposed, transposed, random);
      one.atA(3, 5) = value;
      one.product.relu = true;
      one.run();
      for (int64_t i = 0; i < 64; ++i)
        for (int64_t j = 0; j < 64; ++j)
          ASSERT_EQ(std::isnan(one.at(i, j)), i == 3) << i << " " << j;
    }
}
