// The generated kernels on packed matrices: packing against the runtime's plain C++ bit for bit, products against sums
// in double precision, within what their precision allows; for extents with and without a rest, every end, and blocks
// in any order. The plain C++ products are held to the same. Processors without AMX skip the kernels for it; there
// kernel_test.tiles runs them with tiles emulated (tests/tiles).
#include "compiler/NativeCode.h"
#include "runtime/base/Processor.h"
#include "runtime/base/Scheduler.h"
#include "runtime/kernels/Bf16.h"
#include "runtime/kernels/Packed.h"
#include "tests/runtime/kernels/MatrixCollector.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

#include <algorithm>
#include <dlfcn.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <unistd.h>

using namespace heter;
using namespace heter::runtime;
using package::Packing;

namespace {

/// The kernels of a package without any of its own, for each level that multiplies packed matrices.
class TileKernelTest : public ::testing::TestWithParam<const char *> {
protected:
  static bool canRun(const std::string &level) { return std::ranges::count(usableLevels(), level) > 0; }

  static void SetUpTestSuite() {
    mlir::DialectRegistry registry;
    compiler::registerNativeCode(registry);
    mlir::MLIRContext context(registry);
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
    auto objects = compiler::compileKernels(*module, /*tiles=*/true);
    ASSERT_TRUE(mlir::succeeded(objects));
    for (const compiler::KernelObjectBytes &object : *objects)
      if (object.isa.tiles != compiler::TileProducts::None && canRun(object.isa.name))
        load(object);
  }
  static void load(const compiler::KernelObjectBytes &object) {
    std::string path = testing::TempDir() + "/heter-" + object.isa.name + "-" + std::to_string(getpid()) + ".so";
    ASSERT_FALSE(compiler::linkSharedObject(object.object, path));
    Level &level = levels_[object.isa.name];
    level.library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    std::filesystem::remove(path);
    ASSERT_TRUE(level.library);
    level.tiles.product = reinterpret_cast<KernelFunction>(dlsym(level.library, "heter.tiles.product"));
    level.tiles.pack = reinterpret_cast<KernelFunction>(dlsym(level.library, "heter.tiles.pack"));
  }
  static void TearDownTestSuite() {
    for (auto &[name, level] : levels_)
      dlclose(level.library);
    levels_.clear();
  }
  void SetUp() override {
    if (!canRun(GetParam()))
      GTEST_SKIP() << "this processor, or HETER_CPU_LEVEL, has no " << GetParam();
    tiles_ = levels_[GetParam()].tiles;
    ASSERT_TRUE(tiles_.product && tiles_.pack);
  }

  struct Level {
    void *library = nullptr;
    TileKernels tiles;
  };
  static inline std::map<std::string, Level> levels_;
  TileKernels tiles_;
};

INSTANTIATE_TEST_SUITE_P(Levels, TileKernelTest, ::testing::Values("x86-64-v4-amx", "x86-64-v4-bf16"));

std::vector<float> randomFloats(std::mt19937 &random, int64_t count) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<size_t>(count));
  for (float &value : values)
    value = uniform(random);
  return values;
}

/// Memory of a packed matrix, all of it written by whoever packs.
std::vector<uint16_t> packedMemory(int64_t rows, int64_t columns) {
  return std::vector<uint16_t>(static_cast<size_t>(roundToPacked(rows) * roundToPacked(columns)), 0xffff);
}

struct Result {
  std::vector<float> out, sums;
  std::array<std::vector<uint16_t>, 5> packed;
};

/// A product's exact result but for the rounding of double precision, and how far one in f32 may be from it.
///
/// Products of two bf16 are exact in f32. A sum of n such numbers in f32, in whatever order, is off by n u times the
/// sum of their sizes at most, where u = 2^-24 is what rounding to nearest 24 bits may change relative to the result
/// (terms in u squared fit into the two further n below). Cutting at 0 and masking only bring results nearer. A bf16,
/// of 8 bits, is off by 2^-8 of what it was rounded from. Processors take numbers below 2^-126 for 0 at each operation.
struct Reference {
  static constexpr double unitF32 = 0x1p-24, unitBf16 = 0x1p-8, smallest = 0x1p-126;

  Reference(const PackedProduct &product, const float *a, const float *b, const float *active)
      : rows(product.rows), columns(product.columns), values(static_cast<size_t>(rows * columns)),
        errors(values.size()), sums(static_cast<size_t>(columns)), sumErrors(sums.size()) {
    const auto rounded = [](float value) -> double { return widen(roundToBf16(value)); };
    const auto added = static_cast<double>(product.depth + 1 + 2);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        double sum = product.bias ? product.bias[j] : 0, size = std::abs(sum);
        for (int64_t l = 0; l < product.depth; ++l) {
          const double term = rounded(a[i * product.depth + l]) * rounded(b[l * columns + j]);
          sum += term;
          size += std::abs(term);
        }
        if (product.relu)
          sum = std::max(sum, 0.0);
        const bool masked = product.mask && !(rounded(active[i * columns + j]) > 0);
        const auto at = static_cast<size_t>(i * columns + j), column = static_cast<size_t>(j);
        values[at] = masked ? 0 : sum;
        errors[at] = masked ? 0 : added * (unitF32 * size + smallest);
        sums[column] += values[at];
        sumErrors[column] +=
            errors[at] + static_cast<double>(rows + 2) * (unitF32 * (std::abs(values[at]) + errors[at]) + smallest);
      }
  }

  void expectPacked(Packing::type packing, const std::vector<uint16_t> &packed) const {
    for (int64_t i = 0; i < roundToPacked(rows); ++i)
      for (int64_t j = 0; j < roundToPacked(columns); ++j) {
        const float got = widen(packed[static_cast<size_t>(packedIndex(packing, rows, columns, i, j))]);
        const auto at = static_cast<size_t>(i * columns + j);
        if (i >= rows || j >= columns)
          ASSERT_EQ(got, 0) << "the rest of packing " << packing << " at " << i << ", " << j;
        else
          ASSERT_NEAR(got, values[at], errors[at] + unitBf16 * (std::abs(values[at]) + errors[at]) + smallest)
              << "packing " << packing << " at " << i << ", " << j;
      }
  }

  int64_t rows, columns;
  std::vector<double> values, errors, sums, sumErrors;
};

constexpr std::tuple<int64_t, int64_t, int64_t> extents[] = {
    {1, 1, 1},        {64, 64, 64},   {33, 13, 247}, {247, 400, 70}, {512, 1, 400},
    {300, 290, 1100}, {70, 560, 530}, {45, 81, 33},  {5, 7, 0},      {0, 7, 5}};

/// What follows a product, and what of it is wanted.
struct End {
  bool out = false, bias = false, relu = false, mask = false, sums = false;
  std::vector<Packing::type> packings = {};
};
const std::vector<Packing::type> allPackings = {Packing::LEFT, Packing::LEFT_TRANSPOSED, Packing::RIGHT,
                                                Packing::RIGHT_TRANSPOSED};

/// Computes the product and compares what its end gives.
void expectProduct(const TileKernels &kernels, PackedProduct product, const End &end, const Reference &reference) {
  const size_t count = reference.values.size(), columns = reference.sums.size();
  Result result;
  result.out.assign(count + 1, 77);
  result.sums.assign(columns + 1, 77);
  product.out = end.out ? result.out.data() : nullptr;
  product.sums = end.sums ? result.sums.data() : nullptr;
  for (Packing::type packing : end.packings)
    product.packed[packing] = (result.packed[packing] = packedMemory(product.rows, product.columns)).data();
  std::vector<float> scratch;
  ASSERT_TRUE(multiplyPacked(kernels, product, scratch, nullptr).ok());
  EXPECT_EQ(result.out.back(), 77);
  EXPECT_EQ(result.sums.back(), 77);
  for (size_t i = 0; product.out && i < count; ++i)
    ASSERT_NEAR(result.out[i], reference.values[i], reference.errors[i]) << "result " << i;
  for (size_t j = 0; product.sums && j < columns; ++j)
    ASSERT_NEAR(result.sums[j], reference.sums[j], reference.sumErrors[j]) << "sum " << j;
  for (Packing::type packing : end.packings)
    reference.expectPacked(packing, result.packed[packing]);
}

/// A product of random operands with each end, by the kernels and by plain C++.
void expectEnds(const TileKernels &kernels, std::mt19937 &random, int64_t rows, int64_t columns, int64_t depth,
                const std::vector<End> &ends) {
  for (size_t number = 0; number < ends.size(); ++number) {
    const End &end = ends[number];
    std::vector<float> a = randomFloats(random, rows * depth), b = randomFloats(random, depth * columns),
                       bias = randomFloats(random, columns), active = randomFloats(random, rows * columns);
    std::vector<uint16_t> left = packedMemory(rows, depth), right = packedMemory(depth, columns),
                          mask = packedMemory(rows, columns);
    PackedOutputs to{};
    to[Packing::LEFT] = left.data();
    packMatrix({}, a.data(), rows, depth, to, nullptr);
    to[Packing::LEFT] = mask.data();
    packMatrix({}, active.data(), rows, columns, to, nullptr);
    to = {};
    to[Packing::RIGHT] = right.data();
    packMatrix({}, b.data(), depth, columns, to, nullptr);
    PackedProduct product{rows, columns, depth, left.data(), right.data()};
    product.bias = end.bias ? bias.data() : nullptr;
    product.relu = end.relu;
    product.mask = end.mask ? mask.data() : nullptr;
    const Reference reference(product, a.data(), b.data(), active.data());
    for (const TileKernels &some : {TileKernels{}, kernels}) {
      SCOPED_TRACE(::testing::Message() << rows << " x " << columns << " x " << depth << ", end " << number << ", "
                                        << (some.product ? "kernels" : "plain C++"));
      expectProduct(some, product, end, reference);
    }
  }
}

} // namespace

TEST_P(TileKernelTest, PacksAsPlainCodeDoes) {
  std::mt19937 random(1);
  for (auto [rows, columns, depth] : extents) {
    std::vector<float> values = randomFloats(random, rows * columns);
    if (!values.empty())
      values.front() = 1e-40F;
    std::array<std::vector<uint16_t>, 5> expected, got;
    PackedOutputs toExpected{}, toGot{};
    for (int packing = Packing::LEFT; packing <= Packing::RIGHT_TRANSPOSED; ++packing) {
      toExpected[packing] = (expected[packing] = packedMemory(rows, columns)).data();
      toGot[packing] = (got[packing] = packedMemory(rows, columns)).data();
    }
    packMatrix({}, values.data(), rows, columns, toExpected, nullptr);
    packMatrix(tiles_, values.data(), rows, columns, toGot, nullptr);
    EXPECT_EQ(got, expected) << rows << " x " << columns;
    // One alone is the same.
    std::vector<uint16_t> alone = packedMemory(rows, columns);
    PackedOutputs toAlone{};
    toAlone[Packing::LEFT_TRANSPOSED] = alone.data();
    packMatrix(tiles_, values.data(), rows, columns, toAlone, nullptr);
    EXPECT_EQ(alone, expected[Packing::LEFT_TRANSPOSED]);
  }
}

TEST_P(TileKernelTest, BlocksHaveTheBitsOfTheWhole) {
  std::mt19937 random(7);
  const auto threads = makeThreadedScheduler(3);
  for (auto [rows, columns, depth] : extents) {
    std::vector<float> a = randomFloats(random, rows * depth), b = randomFloats(random, depth * columns), scratch;
    std::vector<uint16_t> left = packedMemory(rows, depth), right = packedMemory(depth, columns);
    PackedOutputs toLeft{}, toRight{};
    toLeft[Packing::LEFT] = left.data();
    toRight[Packing::RIGHT] = right.data();
    packMatrix(tiles_, a.data(), rows, depth, toLeft, nullptr);
    packMatrix(tiles_, b.data(), depth, columns, toRight, nullptr);
    PackedProduct product{rows, columns, depth, left.data(), right.data()};
    std::vector<float> out(static_cast<size_t>(rows * columns));
    product.out = out.data();
    ASSERT_TRUE(multiplyPacked(tiles_, product, scratch, nullptr).ok());
    product.out = nullptr;
    for (Scheduler *scheduler : {static_cast<Scheduler *>(nullptr), threads.get()}) {
      test::MatrixCollector collector(rows, columns);
      product.blocks = &collector;
      ASSERT_TRUE(multiplyPacked(tiles_, product, scratch, scheduler).ok());
      EXPECT_EQ(collector.values, out) << rows << " x " << columns << " over " << depth;
      EXPECT_EQ(collector.times, std::vector<int>(out.size(), 1));
    }
  }
}

TEST_P(TileKernelTest, MultipliesAsExactlyAsItsPrecisionAllows) {
  std::mt19937 random(2);
  for (auto [rows, columns, depth] : extents)
    expectEnds(tiles_, random, rows, columns, depth,
               {{.out = true},
                {.bias = true, .packings = allPackings},
                {.bias = true, .relu = true, .packings = allPackings},
                {.out = true, .mask = true, .sums = true, .packings = allPackings}});
}

// Where nothing but the f32 matrix is wanted sums go straight there, so each thing must be enough to keep them back.
TEST_P(TileKernelTest, EachEndAloneBesideTheMatrix) {
  std::mt19937 random(4);
  std::vector<End> ends = {{.out = true, .bias = true},
                           {.out = true, .relu = true},
                           {.out = true, .mask = true},
                           {.out = true, .sums = true}};
  for (Packing::type packing : allPackings)
    ends.push_back({.out = true, .packings = {packing}});
  expectEnds(tiles_, random, 70, 50, 40, ends);
}

TEST_P(TileKernelTest, ManyExamplesAreTheSumsOfTheSameBlocks) {
  // The same rows give the same bits, however many others there are in blocks of their own.
  std::mt19937 random(3);
  const int64_t rows = 512, columns = 64, depth = 100;
  std::vector<float> a = randomFloats(random, rows * depth), b = randomFloats(random, depth * columns), scratch;
  std::vector<uint16_t> left = packedMemory(rows, depth), right = packedMemory(depth, columns);
  PackedOutputs to{};
  to[Packing::LEFT] = left.data();
  packMatrix(tiles_, a.data(), rows, depth, to, nullptr);
  to = {};
  to[Packing::RIGHT] = right.data();
  packMatrix(tiles_, b.data(), depth, columns, to, nullptr);
  std::vector<float> all(rows * columns), some(64 * columns);
  PackedProduct product{rows, columns, depth, left.data(), right.data()};
  product.out = all.data();
  ASSERT_TRUE(multiplyPacked(tiles_, product, scratch, nullptr).ok());
  product.rows = 64;
  product.out = some.data();
  ASSERT_TRUE(multiplyPacked(tiles_, product, scratch, nullptr).ok());
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
}
