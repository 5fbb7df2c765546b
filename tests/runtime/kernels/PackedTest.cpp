// Packed matrices in plain C++: where elements lie, and products against double precision, for extents with and without
// a rest. tests/compiler holds the generated kernels against these.
#include "runtime/kernels/Packed.h"

#include "LibraryRun.h"
#include "MatrixCollector.h"
#include "runtime/kernels/Bf16.h"

#include <gmock/gmock.h>
#include <set>

using namespace heter::runtime;
using namespace heter::runtime::test;
using package::Packing;
using ::testing::HasSubstr;

namespace {

constexpr Packing::type packings[] = {Packing::LEFT, Packing::LEFT_TRANSPOSED, Packing::RIGHT,
                                      Packing::RIGHT_TRANSPOSED};

std::vector<uint16_t> pack(Packing::type packing, const std::vector<float> &values, int64_t rows, int64_t columns) {
  std::vector<uint16_t> packed(static_cast<size_t>(roundToPacked(rows) * roundToPacked(columns)), 0xffff);
  PackedOutputs to{};
  to[packing] = packed.data();
  packMatrix({}, values.data(), rows, columns, to, nullptr);
  return packed;
}

package::TensorType packedType(std::vector<int64_t> shape, Packing::type packing) {
  package::TensorType type;
  type.element = package::ElementType::BF16;
  type.shape = std::move(shape);
  type.packing = packing;
  return type;
}

float rounded(float value) { return widen(roundToBf16(value)); }

} // namespace

TEST(Packed, EveryElementHasAPlaceOfItsOwn) {
  for (Packing::type packing : packings)
    for (auto [rows, columns] : {std::pair(64, 96), std::pair(32, 32)}) {
      std::set<int64_t> places;
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
          places.insert(packedIndex(packing, rows, columns, i, j));
      EXPECT_EQ(places.size(), static_cast<size_t>(rows * columns));
      EXPECT_EQ(*places.begin(), 0);
      EXPECT_EQ(*places.rbegin(), rows * columns - 1);
    }
  // As the page of the package format has it: rows of 32, and pairs of rows side by side.
  EXPECT_EQ(packedIndex(Packing::LEFT, 64, 64, 17, 33), (1 * 2 + 1) * 512 + 32 + 1);
  EXPECT_EQ(packedIndex(Packing::RIGHT, 64, 64, 33, 17), (1 * 2 + 1) * 512 + 0 * 32 + 2 + 1);
  EXPECT_EQ(packedIndex(Packing::LEFT_TRANSPOSED, 64, 96, 5, 70), packedIndex(Packing::LEFT, 96, 64, 70, 5));
  EXPECT_EQ(packedIndex(Packing::RIGHT_TRANSPOSED, 64, 96, 5, 70), packedIndex(Packing::RIGHT, 96, 64, 70, 5));
}

TEST(Packed, UnpackingGivesWhatWasRounded) {
  std::mt19937 random(1);
  for (auto [rows, columns] : {std::pair(1, 1), std::pair(33, 13), std::pair(64, 247)})
    for (Packing::type packing : packings) {
      std::vector<float> values = randomFloats(random, rows * columns), back(values.size());
      std::vector<uint16_t> packed = pack(packing, values, rows, columns);
      unpackMatrix(packing, packed.data(), rows, columns, back.data());
      for (size_t i = 0; i < values.size(); ++i)
        ASSERT_EQ(back[i], rounded(values[i]));
      // The rest is zeros, which products rely on.
      auto isZero = [](uint16_t value) { return value == 0; };
      EXPECT_EQ(std::count_if(packed.begin(), packed.end(), isZero),
                static_cast<int64_t>(packed.size()) - rows * columns +
                    std::count_if(back.begin(), back.end(), [](float value) { return value == 0; }));
    }
}

TEST(Packed, ProductsMeetDoublePrecision) {
  std::mt19937 random(2);
  for (auto [rows, columns, depth] : {std::tuple(1, 1, 1), std::tuple(40, 400, 13), std::tuple(65, 1, 247),
                                      std::tuple(0, 5, 3), std::tuple(5, 3, 0)}) {
    std::vector<float> a = randomFloats(random, rows * depth), b = randomFloats(random, depth * columns),
                       bias = randomFloats(random, columns), active = randomFloats(random, rows * columns);
    for (bool masked : {false, true}) {
      std::vector<uint16_t> left = pack(Packing::LEFT, a, rows, depth), right = pack(Packing::RIGHT, b, depth, columns),
                            mask = pack(Packing::LEFT, active, rows, columns);
      std::vector<float> out(static_cast<size_t>(rows * columns)), sums(static_cast<size_t>(columns), -1), scratch;
      PackedProduct product{rows, columns, depth, left.data(), right.data()};
      product.bias = masked ? nullptr : bias.data();
      product.relu = !masked;
      product.mask = masked ? mask.data() : nullptr;
      product.out = out.data();
      product.sums = sums.data();
      ASSERT_TRUE(multiplyPacked({}, product, scratch, nullptr).ok());
      for (int64_t j = 0; j < columns; ++j) {
        double total = 0;
        for (int64_t i = 0; i < rows; ++i) {
          double sum = masked ? 0 : bias[j];
          for (int64_t k = 0; k < depth; ++k)
            sum += double{rounded(a[i * depth + k])} * double{rounded(b[k * columns + j])};
          double expected = masked ? (rounded(active[i * columns + j]) > 0 ? sum : 0) : std::max(sum, 0.0);
          ASSERT_NEAR(out[i * columns + j], expected, 1e-6 * (1 + depth));
          total += expected;
        }
        ASSERT_NEAR(sums[j], total, 1e-6 * (1 + depth) * (1 + rows));
      }
    }
  }
}

TEST(Packed, LibraryCallsPackAndMultiply) {
  std::mt19937 random(3);
  const int64_t examples = 37, depth = 13, columns = 40;
  std::vector<float> a = randomFloats(random, examples * depth), g = randomFloats(random, examples * columns);
  LibraryRun left{.examples = examples};
  ASSERT_TRUE(left.run("pack", {operand(f32({-1, depth}), a)}, packedType({-1, depth}, Packing::LEFT_TRANSPOSED)).ok());
  ASSERT_EQ(left.elements<uint16_t>(), pack(Packing::LEFT_TRANSPOSED, a, examples, depth));
  LibraryRun product{.examples = examples};
  ASSERT_TRUE(product
                  .run("product",
                       {operand(packedType({-1, depth}, Packing::LEFT_TRANSPOSED), left.elements<uint16_t>()),
                        operand(packedType({-1, columns}, Packing::RIGHT), pack(Packing::RIGHT, g, examples, columns))},
                       f32({depth, columns}))
                  .ok());
  std::vector<float> out = product.elements<float>();
  for (int64_t i = 0; i < depth; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (int64_t e = 0; e < examples; ++e)
        sum += double{rounded(a[e * depth + i])} * double{rounded(g[e * columns + j])};
      ASSERT_NEAR(out[i * columns + j], sum, 1e-5);
    }
}

TEST(Packed, BlocksMakeUpTheWhole) {
  std::mt19937 random(4);
  const int64_t rows = 70, columns = 40, depth = 13;
  const std::vector<uint16_t> left = pack(Packing::LEFT, randomFloats(random, rows * depth), rows, depth),
                              right = pack(Packing::RIGHT, randomFloats(random, depth * columns), depth, columns);
  std::vector<float> out(static_cast<size_t>(rows * columns)), scratch;
  PackedProduct product{rows, columns, depth, left.data(), right.data()};
  product.out = out.data();
  ASSERT_TRUE(multiplyPacked({}, product, scratch, nullptr).ok());
  MatrixCollector collector(rows, columns);
  product.out = nullptr;
  product.blocks = &collector;
  ASSERT_TRUE(multiplyPacked({}, product, scratch, nullptr).ok());
  EXPECT_EQ(collector.values, out);
  EXPECT_EQ(collector.times, std::vector<int>(out.size(), 1));
}

TEST(Packed, RefusesWhatDoesNotFit) {
  auto left = [](std::vector<int64_t> shape) {
    return operand(packedType(std::move(shape), Packing::LEFT), std::vector<uint16_t>(32 * 32));
  };
  auto right = [](std::vector<int64_t> shape) {
    return operand(packedType(std::move(shape), Packing::RIGHT), std::vector<uint16_t>(32 * 32));
  };
  auto message = [](const std::vector<test::Operand> &inputs, package::TensorType out, Attributes attributes = {}) {
    LibraryRun run{.examples = 4};
    return std::string(run.run("product", inputs, std::move(out), std::move(attributes)).message());
  };
  EXPECT_THAT(message({left({-1, 3}), right({4, 5})}, f32({-1, 5})), HasSubstr("extents do not agree"));
  EXPECT_THAT(message({left({-1, 4}), left({4, 5})}, f32({-1, 5})), HasSubstr("a left and a right factor"));
  EXPECT_THAT(message({left({-1, 4}), right({4, 5})}, f32({-1, 6})), HasSubstr("does not fit the result"));
  EXPECT_THAT(message({left({-1, 4}), right({4, 5}), operand(f32({6}), std::vector<float>(6))}, f32({-1, 5})),
              HasSubstr("the bias does not fit"));
  EXPECT_THAT(message({left({-1, 4}), right({4, 5})}, f32({-1, 5}), {{"activation", text("tanh")}}),
              HasSubstr("knows no activation `tanh`"));
  EXPECT_THAT(message({left({-1, 4}), right({4, 5})}, f32({-1, 5}), {{"activation", text("relu_grad")}}),
              HasSubstr("wants the activation"));
  EXPECT_THAT(message({left({-1, 4}), right({4, 5}), left({-1, 6})}, f32({-1, 5}), {{"activation", text("relu_grad")}}),
              HasSubstr("another shape"));
  LibraryRun run{.examples = 4};
  EXPECT_THAT(run.run("pack", {operand(f32({-1, 4}), std::vector<float>(16))}, f32({-1, 4})).message(),
              HasSubstr("is not the input, packed"));
}
