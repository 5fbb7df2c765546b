// The elementary functions of kernels against libm in double precision: the error over the whole range in units in the
// last place, and what happens at the ends of the range.
#include "tests/compiler/kernels/CompiledKernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

namespace heter::compiler {
namespace {

const char *kSource = R"(
func.func @exp(%x: tensor<?xf32>) -> tensor<?xf32> {
  %r = nn.exp %x : tensor<?xf32>
  return %r : tensor<?xf32>
}
func.func @log(%x: tensor<?xf32>) -> tensor<?xf32> {
  %r = nn.log %x : tensor<?xf32>
  return %r : tensor<?xf32>
}
func.func @tanh(%x: tensor<?xf32>) -> tensor<?xf32> {
  %r = nn.tanh %x : tensor<?xf32>
  return %r : tensor<?xf32>
}
func.func @sigmoid(%x: tensor<?xf32>) -> tensor<?xf32> {
  %r = nn.sigmoid %x : tensor<?xf32>
  return %r : tensor<?xf32>
}
func.func @relu(%x: tensor<?xf32>) -> tensor<?xf32> {
  %r = nn.relu %x : tensor<?xf32>
  return %r : tensor<?xf32>
}
func.func @softplus(%x: tensor<?xf32>, %z: tensor<?xf32>) -> tensor<?xf32> {
  %r = nn.sigmoid_cross_entropy %x, %z : tensor<?xf32>
  return %r : tensor<?xf32>
}
)";

class Math : public testing::Test {
protected:
  static void SetUpTestSuite() { kernels = new CompiledKernels(kSource); }
  static void TearDownTestSuite() {
    delete kernels;
    kernels = nullptr;
  }

  std::vector<double> apply(const std::string &name, const std::vector<double> &numbers) {
    auto count = static_cast<int64_t>(numbers.size());
    std::vector<reference::Tensor> inputs = {reference::makeTensor({count}, numbers)};
    if (name == "softplus")
      inputs.push_back(reference::makeTensor({count}, std::vector<double>(count, 0)));
    return kernels->call(kernels->levels() - 1, name, inputs, {reference::makeTensor({count})})[0].numbers;
  }

  /// The largest error in units in the last place over `steps` floats of [low, high].
  double largestError(const std::string &name, double low, double high, const std::function<double(double)> &exact) {
    constexpr int64_t kSteps = 200001;
    std::vector<double> numbers(kSteps);
    for (int64_t i = 0; i < kSteps; ++i)
      numbers[i] = static_cast<float>(low + (high - low) * static_cast<double>(i) / (kSteps - 1));
    std::vector<double> results = apply(name, numbers);
    double largest = 0;
    for (int64_t i = 0; i < kSteps; ++i) {
      double wanted = exact(numbers[i]);
      float nearest = std::abs(static_cast<float>(wanted));
      double ulp = std::nextafter(nearest, std::numeric_limits<float>::infinity()) - nearest;
      largest = std::max(largest, std::abs(results[i] - wanted) / ulp);
    }
    return largest;
  }

  static CompiledKernels *kernels;
};
CompiledKernels *Math::kernels = nullptr;

TEST_F(Math, ErrorsAreAFewUnitsInTheLastPlace) {
  ASSERT_TRUE(kernels->ok());
  EXPECT_LE(largestError("exp", -87, 88.7, [](double x) { return std::exp(x); }), 2);
  EXPECT_LE(largestError("exp", -1, 1, [](double x) { return std::exp(x); }), 2);
  EXPECT_LE(largestError("log", 1e-30, 10, [](double x) { return std::log(x); }), 2);
  EXPECT_LE(largestError("log", 0.5, 2, [](double x) { return std::log(x); }), 2);
  EXPECT_LE(largestError("log", 1e10, 3e38, [](double x) { return std::log(x); }), 2);
  EXPECT_LE(largestError("tanh", -12, 12, [](double x) { return std::tanh(x); }), 3);
  EXPECT_LE(largestError("tanh", -0.7, 0.7, [](double x) { return std::tanh(x); }), 3);
  EXPECT_LE(largestError("sigmoid", -80, 80, [](double x) { return 1 / (1 + std::exp(-x)); }), 4);
  EXPECT_LE(
      largestError("softplus", -80, 80, [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }),
      4);
}

TEST_F(Math, EndsOfTheRange) {
  ASSERT_TRUE(kernels->ok());
  double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  EXPECT_EQ(apply("exp", {0, infinity, -infinity, 1000, -1000, 89}),
            (std::vector<double>{1, infinity, 0, infinity, 0, infinity}));
  EXPECT_EQ(apply("log", {1, infinity, 0, -0.0}), (std::vector<double>{0, infinity, -infinity, -infinity}));
  EXPECT_EQ(apply("tanh", {0, infinity, -infinity, 50}), (std::vector<double>{0, 1, -1, 1}));
  EXPECT_EQ(apply("sigmoid", {0, infinity, -infinity}), (std::vector<double>{0.5, 1, 0}));
  EXPECT_EQ(apply("relu", {-1, 0, 2, infinity, -infinity}), (std::vector<double>{0, 0, 2, infinity, 0}));
  for (const char *name : {"exp", "log", "tanh", "sigmoid", "relu", "softplus"})
    EXPECT_TRUE(std::isnan(apply(name, {nan})[0])) << name;
  EXPECT_TRUE(std::isnan(apply("log", {-1})[0]));
  // Denormals: exp runs through them, log takes them.
  EXPECT_NEAR(apply("exp", {-90})[0] / std::exp(-90.0), 1, 1e-4);
  EXPECT_NEAR(apply("log", {1e-40})[0], std::log(static_cast<double>(1e-40f)), 1e-5);
}

} // namespace
} // namespace heter::compiler
