// Matrix products against plain loops in double precision, in every form, on random shapes, with B from 0 up.
#include "LibraryRun.h"
#include "MatrixCollector.h"

#include "runtime/kernels/Bf16.h"

#include <gmock/gmock.h>
#include <thread>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::HasSubstr;

namespace {

/// out[b, i, j] = bias[j] + sum over k of a(b, i, k) * b(b, k, j), with each operand's address given by a function.
template <typename A, typename B>
void expectProduct(const std::vector<float> &out, int64_t batch, int64_t m, int64_t n, int64_t k, A a, B b,
                   const std::vector<float> &bias = {}) {
  ASSERT_EQ(out.size(), static_cast<size_t>(batch * m * n));
  for (int64_t e = 0; e < batch; ++e)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = bias.empty() ? 0 : bias[j], size = std::abs(sum);
        for (int64_t l = 0; l < k; ++l) {
          sum += double{a(e, i, l)} * double{b(e, l, j)};
          size += std::abs(double{a(e, i, l)} * double{b(e, l, j)});
        }
        ASSERT_NEAR(out[(e * m + i) * n + j], sum, 1e-6 * (1 + size)) << e << " " << i << " " << j;
      }
}

} // namespace

TEST(Matmul, RowsTimesOneMatrix) {
  std::mt19937 random(1);
  for (int64_t examples : {0, 1, 3, 64, 130})
    for (bool transposeB : {false, true})
      for (bool withBias : {false, true}) {
        int64_t k = random() % 70 + 1, n = random() % 70 + 1;
        std::vector<float> a = randomFloats(random, examples * k), b = randomFloats(random, k * n),
                           bias = randomFloats(random, n);
        std::vector<test::Operand> inputs = {operand(f32({-1, k}), a),
                                             operand(transposeB ? f32({n, k}) : f32({k, n}), b)};
        if (withBias)
          inputs.push_back(operand(f32({n}), bias));
        LibraryRun run{.examples = examples};
        ASSERT_TRUE(run.run("matmul", inputs, f32({-1, n}), {{"transpose_b", flag(transposeB)}}).ok());
        expectProduct(
            run.elements<float>(), 1, examples, n, k, [&](auto, auto i, auto l) { return a[i * k + l]; },
            [&](auto, auto l, auto j) { return transposeB ? b[j * k + l] : b[l * n + j]; },
            withBias ? bias : std::vector<float>{});
      }
}

TEST(Matmul, EndsWithAnActivation) {
  std::mt19937 random(7);
  for (auto [examples, k, n] : {std::tuple(3, 5, 4), std::tuple(130, 70, 33), std::tuple(600, 300, 300)})
    for (bool withBias : {false, true}) {
      std::vector<test::Operand> inputs = {operand(f32({-1, k}), randomFloats(random, int64_t{examples} * k)),
                                           operand(f32({k, n}), randomFloats(random, int64_t{k} * n))};
      if (withBias)
        inputs.push_back(operand(f32({n}), randomFloats(random, n)));
      LibraryRun plain{.examples = examples}, last{.examples = examples};
      ASSERT_TRUE(plain.run("matmul", inputs, f32({-1, n})).ok());
      ASSERT_TRUE(last.run("matmul", inputs, f32({-1, n}), {{"activation", text("relu")}}).ok());
      std::vector<float> expected = plain.elements<float>();
      for (float &value : expected)
        value = std::max(value, 0.0f);
      EXPECT_EQ(last.elements<float>(), expected);
    }
  LibraryRun run{.examples = 2};
  Status wrong =
      run.run("matmul", {operand(f32({-1, 2}), std::vector<float>(4)), operand(f32({2, 2}), std::vector<float>(4))},
              f32({-1, 2}), {{"activation", text("tanh")}});
  EXPECT_THAT(wrong.message(), HasSubstr("knows no activation `tanh`"));
}

/// One column, depth one, and one column summed over the batch, with every end and with threads.
TEST(Matmul, ThinProducts) {
  std::mt19937 random(9);
  auto scheduler = makeThreadedScheduler(2);
  for (auto [examples, k, n] : {std::tuple(1, 1, 1), std::tuple(5, 33, 1), std::tuple(700, 400, 1),
                                std::tuple(700, 1, 400), std::tuple(3, 1, 70)})
    for (bool transposeB : {false, true})
      for (bool relu : {false, true}) {
        const std::vector<float> a = randomFloats(random, int64_t{examples} * k),
                                 b = randomFloats(random, int64_t{k} * n), bias = randomFloats(random, n);
        const std::vector<test::Operand> inputs = {
            operand(f32({-1, k}), a), operand(transposeB ? f32({n, k}) : f32({k, n}), b), operand(f32({n}), bias)};
        Attributes attributes = {{"transpose_b", flag(transposeB)}};
        LibraryRun plain{.examples = examples}, last{.examples = examples, .scheduler = scheduler.get()};
        ASSERT_TRUE(plain.run("matmul", inputs, f32({-1, n}), attributes).ok());
        expectProduct(
            plain.elements<float>(), 1, examples, n, k, [&, k = k](auto, auto i, auto l) { return a[i * k + l]; },
            [&, n = n, k = k](auto, auto l, auto j) { return transposeB ? b[j * k + l] : b[l * n + j]; }, bias);
        if (relu)
          attributes["activation"] = text("relu");
        ASSERT_TRUE(last.run("matmul", inputs, f32({-1, n}), attributes).ok());
        std::vector<float> expected = plain.elements<float>();
        for (float &value : expected)
          value = relu ? std::max(value, 0.0f) : value;
        EXPECT_EQ(last.elements<float>(), expected);
      }
  for (auto [examples, m] : {std::pair(1, 5), std::pair(130, 64), std::pair(700, 400), std::pair(0, 3)}) {
    const std::vector<float> a = randomFloats(random, int64_t{examples} * m), b = randomFloats(random, examples);
    LibraryRun run{.examples = examples, .scheduler = scheduler.get()};
    ASSERT_TRUE(run.run("matmul", {operand(f32({-1, m}), a), operand(f32({-1, 1}), b)}, f32({m, 1}),
                        {{"transpose_a", flag(true)}})
                    .ok());
    expectProduct(
        run.elements<float>(), 1, m, 1, examples, [&, m = m](auto, auto i, auto l) { return a[l * m + i]; },
        [&](auto, auto l, auto) { return b[l]; });
  }
}

/// In each way of computing a product: thin, short sides, tiles, and no examples at all.
TEST(Matmul, EndsWithAMaskAndTheSumsOfColumns) {
  std::mt19937 random(10);
  auto scheduler = makeThreadedScheduler(2);
  for (auto [examples, k, n] : {std::tuple(70, 1, 40), std::tuple(70, 5, 1), std::tuple(600, 20, 30),
                                std::tuple(600, 300, 300), std::tuple(0, 40, 40)}) {
    const std::vector<float> a = randomFloats(random, int64_t{examples} * k), b = randomFloats(random, int64_t{k} * n),
                             active = randomFloats(random, int64_t{examples} * n);
    const std::vector<test::Operand> factors = {operand(f32({-1, k}), a), operand(f32({n, k}), b)};
    std::vector<test::Operand> inputs = factors;
    inputs.push_back(operand(f32({-1, n}), active));
    LibraryRun plain{.examples = examples};
    LibraryRun masked{.examples = examples, .scheduler = scheduler.get(), .second = f32({n})};
    ASSERT_TRUE(plain.run("matmul", factors, f32({-1, n}), {{"transpose_b", flag(true)}}).ok());
    const Attributes attributes = {{"transpose_b", flag(true)}, {"activation", text("relu_grad")}};
    ASSERT_TRUE(masked.run("matmul", inputs, f32({-1, n}), attributes).ok());
    std::vector<float> expected = plain.elements<float>();
    std::vector<double> sums(static_cast<size_t>(n)), sizes(sums.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      expected[i] = active[i] > 0 ? expected[i] : 0;
      sums[i % sums.size()] += expected[i];
      sizes[i % sums.size()] += std::abs(expected[i]);
    }
    EXPECT_EQ(masked.elements<float>(), expected);
    ASSERT_EQ(masked.secondResult.size(), sums.size());
    for (size_t j = 0; j < sums.size(); ++j)
      EXPECT_NEAR(masked.secondResult[j], sums[j], sizes[j] * 0x1p-21) << j;
  }
  const auto refused = [](std::vector<test::Operand> inputs, package::TensorType out, package::TensorType second) {
    LibraryRun run{.examples = 1, .second = std::move(second)};
    return run.run("matmul", inputs, std::move(out), {{"activation", text("relu_grad")}}).message();
  };
  const test::Operand x = operand(f32({-1, 2}), std::vector<float>(2)), w = operand(f32({2, 3}), std::vector<float>(6)),
                      y = operand(f32({-1, 3}), std::vector<float>(3));
  EXPECT_THAT(refused({x, w}, f32({-1, 3}), f32({3})), HasSubstr("wants the activation"));
  EXPECT_THAT(refused({x, w, x}, f32({-1, 3}), f32({3})), HasSubstr("wants the activation"));
  EXPECT_THAT(refused({x, w, y}, f32({-1, 3}), f32({2})), HasSubstr("does not fit the result"));
}

/// The product of operands rounded to bf16, in double precision, is met as closely as one of f32 operands.
TEST(Matmul, RoundsOperandsToBf16) {
  std::mt19937 random(8);
  for (auto [examples, k, n] : {std::tuple(3, 5, 4), std::tuple(130, 70, 33), std::tuple(600, 300, 300)}) {
    std::vector<float> a = randomFloats(random, int64_t{examples} * k), b = randomFloats(random, int64_t{k} * n);
    LibraryRun run{.examples = examples};
    ASSERT_TRUE(run.run("matmul", {operand(f32({-1, k}), a), operand(f32({k, n}), b)}, f32({-1, n}),
                        {{"precision", text("bf16")}})
                    .ok());
    for (std::vector<float> *operand : {&a, &b})
      for (float &value : *operand)
        value = widen(roundToBf16(value));
    expectProduct(
        run.elements<float>(), 1, examples, n, k, [&, k = k](auto, auto i, auto l) { return a[i * k + l]; },
        [&, n = n](auto, auto l, auto j) { return b[l * n + j]; });
  }
  LibraryRun run{.examples = 2};
  Status wrong =
      run.run("matmul", {operand(f32({-1, 2}), std::vector<float>(4)), operand(f32({2, 2}), std::vector<float>(4))},
              f32({-1, 2}), {{"precision", text("f16")}});
  EXPECT_THAT(wrong.message(), HasSubstr("knows no precision `f16`"));
}

TEST(Bf16, RoundsToTheNearestTiesToEven) {
  EXPECT_EQ(roundToBf16(1.0f), 0x3f80);
  EXPECT_EQ(roundToBf16(1.0f + 0x1p-8f), 0x3f80);            // a tie, down to even
  EXPECT_EQ(roundToBf16(1.0f + 0x1p-7f + 0x1p-8f), 0x3f82);  // a tie, up to even
  EXPECT_EQ(roundToBf16(1.0f + 0x1p-8f + 0x1p-20f), 0x3f81); // above the tie
  EXPECT_EQ(roundToBf16(-3.0f), 0xc040);
  EXPECT_EQ(roundToBf16(std::numeric_limits<float>::infinity()), 0x7f80);
  EXPECT_EQ(roundToBf16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_TRUE(std::isnan(widen(roundToBf16(std::bit_cast<float>(0x7f800001)))));
  EXPECT_EQ(roundToBf16(-1e-39f), 0x8000);
}

TEST(Matmul, LeadingExtentsAreRows) {
  std::mt19937 random(2);
  std::vector<float> a = randomFloats(random, 5 * 4 * 3), b = randomFloats(random, 3 * 6);
  LibraryRun run{.examples = 5};
  ASSERT_TRUE(run.run("matmul", {operand(f32({-1, 4, 3}), a), operand(f32({3, 6}), b)}, f32({-1, 4, 6})).ok());
  expectProduct(
      run.elements<float>(), 1, 20, 6, 3, [&](auto, auto i, auto l) { return a[i * 3 + l]; },
      [&](auto, auto l, auto j) { return b[l * 6 + j]; });
}

TEST(Matmul, SumsOverTheBatch) {
  std::mt19937 random(3);
  for (int64_t examples : {0, 1, 7, 128}) {
    int64_t k = random() % 50 + 1, n = random() % 50 + 1;
    std::vector<float> a = randomFloats(random, examples * 2 * k), b = randomFloats(random, examples * 2 * n);
    LibraryRun run{.examples = examples};
    ASSERT_TRUE(run.run("matmul", {operand(f32({-1, 2, k}), a), operand(f32({-1, 2, n}), b)}, f32({k, n}),
                        {{"transpose_a", flag(true)}})
                    .ok());
    expectProduct(
        run.elements<float>(), 1, k, n, examples * 2, [&](auto, auto i, auto l) { return a[l * k + i]; },
        [&](auto, auto l, auto j) { return b[l * n + j]; });
  }
}

TEST(Matmul, LargeProductsAreCutWithoutASeam) {
  std::mt19937 random(6);
  for (auto [m, n] : {std::pair<int64_t, int64_t>(530, 250), {250, 530}}) {
    const int64_t k = 1020;
    std::vector<float> a = randomFloats(random, m * k), b = randomFloats(random, k * n), bias = randomFloats(random, n);
    for (bool transposeB : {false, true}) {
      LibraryRun rows{.examples = m};
      ASSERT_TRUE(rows.run("matmul",
                           {operand(f32({-1, k}), a), operand(transposeB ? f32({n, k}) : f32({k, n}), b),
                            operand(f32({n}), bias)},
                           f32({-1, n}), {{"transpose_b", flag(transposeB)}})
                      .ok());
      expectProduct(
          rows.elements<float>(), 1, m, n, k, [&](auto, auto i, auto l) { return a[i * k + l]; },
          [&](auto, auto l, auto j) { return transposeB ? b[j * k + l] : b[l * n + j]; }, bias);
    }
    LibraryRun overBatch{.examples = k};
    ASSERT_TRUE(overBatch
                    .run("matmul", {operand(f32({-1, m}), a), operand(f32({-1, n}), b)}, f32({m, n}),
                         {{"transpose_a", flag(true)}})
                    .ok());
    expectProduct(
        overBatch.elements<float>(), 1, m, n, k, [&](auto, auto i, auto l) { return a[l * m + i]; },
        [&](auto, auto l, auto j) { return b[l * n + j]; });
  }
}

TEST(Matmul, AProductAnExample) {
  std::mt19937 random(4);
  for (int64_t examples : {0, 1, 9})
    for (bool transposeA : {false, true})
      for (bool transposeB : {false, true}) {
        int64_t m = random() % 9 + 1, n = random() % 9 + 1, k = random() % 9 + 1;
        std::vector<float> a = randomFloats(random, examples * m * k), b = randomFloats(random, examples * k * n);
        LibraryRun run{.examples = examples};
        ASSERT_TRUE(run.run("matmul",
                            {operand(transposeA ? f32({-1, k, m}) : f32({-1, m, k}), a),
                             operand(transposeB ? f32({-1, n, k}) : f32({-1, k, n}), b)},
                            f32({-1, m, n}), {{"transpose_a", flag(transposeA)}, {"transpose_b", flag(transposeB)}})
                        .ok());
        expectProduct(
            run.elements<float>(), examples, m, n, k,
            [&](auto e, auto i, auto l) { return a[e * m * k + (transposeA ? l * m + i : i * k + l)]; },
            [&](auto e, auto l, auto j) { return b[e * k * n + (transposeB ? j * k + l : l * n + j)]; });
      }
}

TEST(Matmul, VectorTimesMatrixOfEachExample) {
  std::mt19937 random(5);
  std::vector<float> a = randomFloats(random, 6 * 4), b = randomFloats(random, 6 * 4 * 5);
  LibraryRun run{.examples = 6};
  ASSERT_TRUE(run.run("matmul", {operand(f32({-1, 4}), a), operand(f32({-1, 4, 5}), b)}, f32({-1, 5})).ok());
  expectProduct(
      run.elements<float>(), 6, 1, 5, 4, [&](auto e, auto, auto l) { return a[e * 4 + l]; },
      [&](auto e, auto l, auto j) { return b[(e * 4 + l) * 5 + j]; });
}

TEST(Matmul, ThreadsGiveTheSameBits) {
  std::mt19937 random(6);
  std::vector<float> a = randomFloats(random, 128 * 247), b = randomFloats(random, 247 * 400);
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> threads;
  for (auto &result : results)
    threads.emplace_back([&] {
      LibraryRun run{.examples = 128};
      EXPECT_TRUE(run.run("matmul", {operand(f32({-1, 247}), a), operand(f32({247, 400}), b)}, f32({-1, 400})).ok());
      result = run.elements<float>();
    });
  for (std::thread &thread : threads)
    thread.join();
  for (const auto &result : results)
    EXPECT_EQ(result, results[0]);
}

TEST(Matmul, RefusesWhatDoesNotFit) {
  LibraryRun run{.examples = 1};
  auto refused = [&](package::TensorType a, package::TensorType b, package::TensorType out,
                     Attributes attributes = {}) {
    return run.run("matmul", {operand<float>(a, {}), operand<float>(b, {})}, out, std::move(attributes)).message();
  };
  EXPECT_THAT(refused(f32({-1, 3}), f32({4, 5}), f32({-1, 5})), HasSubstr("extents do not agree"));
  EXPECT_THAT(refused(f32({-1, 3}), f32({3, 5}), f32({-1, 6})), HasSubstr("extents do not agree"));
  EXPECT_THAT(refused(f32({-1, 3}), f32({-1, 5}), f32({3, 5})), HasSubstr("wants transpose_a"));
  EXPECT_THAT(refused(i64({-1, 3}), f32({3, 5}), f32({-1, 5})), HasSubstr("wrong element type"));
}

// By tiles where there are some, through memory otherwise, and for a product that is thin or too narrow for tiles.
TEST(Matmul, BlocksHaveTheBitsOfTheWhole) {
  std::mt19937 random(12);
  const auto threads = makeThreadedScheduler(3);
  for (auto [examples, m, n] :
       {std::tuple(70, 300, 1100), std::tuple(70, 90, 7), std::tuple(70, 90, 1), std::tuple(0, 90, 40)})
    for (Scheduler *scheduler : {static_cast<Scheduler *>(nullptr), threads.get()}) {
      const Operand a = operand(f32({-1, m}), randomFloats(random, examples * m)),
                    b = operand(f32({-1, n}), randomFloats(random, examples * n));
      LibraryRun whole{.examples = examples, .scheduler = scheduler};
      ASSERT_TRUE(whole.run("matmul", {a, b}, f32({m, n}), {{"transpose_a", flag(true)}}).ok());
      MatrixCollector collector(m, n);
      LibraryRun run{.examples = examples, .scheduler = scheduler, .blocks = &collector};
      ASSERT_TRUE(run.run("matmul", {a, b}, f32({m, n}), {{"transpose_a", flag(true)}}).ok());
      EXPECT_EQ(collector.values, whole.elements<float>());
      EXPECT_EQ(collector.times, std::vector<int>(collector.times.size(), 1));
    }
}
