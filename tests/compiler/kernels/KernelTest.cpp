// Generated kernels against the double-precision reference of the nn dialect, on random values and batch sizes around
// the vector width, for every instruction-set level that the processor has.
//
// Tolerance: a kernel's elementary functions are within 4 units in the last place (MathTest), a chain of a few of them
// and f32 sums with a fixed tree stay below 2e-6 of the magnitude of what is added up. Values come from
// [-4, 4] or (0, 1), so that magnitude is the largest output or, for a sum of n terms, 4 sqrt(n).
#include "tests/compiler/kernels/CompiledKernels.h"
#include "tests/compiler/kernels/KernelCases.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace heter::compiler {
namespace {

using reference::Tensor;

Tensor randomTensor(const Case &c, size_t input, mlir::Type type, int64_t batch, std::mt19937_64 &random) {
  auto tensor = llvm::cast<mlir::RankedTensorType>(type);
  std::vector<int64_t> shape;
  for (int64_t size : tensor.getShape())
    shape.push_back(size == mlir::ShapedType::kDynamic ? batch : size);
  Tensor result = reference::makeTensor(shape);
  for (double &number : result.numbers) {
    double unit = static_cast<double>(random() >> 40) / double(1 << 24);
    Fill fill = c.fills[input];
    double value = fill == Fill::Any     ? 8 * unit - 4
                   : fill == Fill::Share ? 0.05 + 0.9 * unit
                   : fill == Fill::Label ? std::floor(2 * unit)
                                         : std::floor(7 * unit);
    number = static_cast<float>(value); // what the kernel sees
  }
  if (!tensor.getElementType().isInteger(64))
    return result;
  return reference::makeIntegers(shape, std::vector<int64_t>(result.numbers.begin(), result.numbers.end()));
}

/// The kernel's outputs by the reference, operation by operation.
std::vector<Tensor> expected(mlir::func::FuncOp kernel, const std::vector<Tensor> &inputs, int64_t batch) {
  llvm::DenseMap<mlir::Value, reference::Value> values;
  for (auto [argument, input] : llvm::zip(kernel.getArguments(), inputs))
    values[argument] = input;
  reference::Environment environment;
  environment.examples = batch;
  for (mlir::Operation &op : kernel.front().without_terminator()) {
    std::vector<reference::Value> operands;
    for (mlir::Value operand : op.getOperands())
      operands.push_back(values[operand]);
    values[op.getResult(0)] = reference::evaluate(&op, operands, environment).front();
  }
  std::vector<Tensor> results;
  for (mlir::Value output : kernel.front().getTerminator()->getOperands())
    results.push_back(std::get<Tensor>(values[output]));
  return results;
}

/// `terms` numbers of magnitude 4 were added up for each element; their sum may be small, its rounding is not.
void compare(const Tensor &actual, const Tensor &wanted, double terms, const std::string &what) {
  ASSERT_EQ(actual.shape, wanted.shape);
  double largest = std::max(1.0, 4 * std::sqrt(terms - 1));
  for (double number : wanted.numbers)
    largest = std::max(largest, std::abs(number));
  for (int64_t e = 0; e < wanted.count(); ++e)
    ASSERT_NEAR(actual.numbers[e], wanted.numbers[e], 2e-6 * largest) << what << ", element " << e;
}

// A new pointwise operation must come with a case, and so with a formula.
TEST(Kernels, CoverEveryPointwiseOperation) {
  std::string source;
  for (const Case &c : kernelCases())
    source += c.text;
  mlir::MLIRContext context;
  context.loadDialect<nn::NNDialect>();
  int count = 0;
  for (mlir::RegisteredOperationName op : context.getRegisteredOperations())
    if (op.hasTrait<nn::Pointwise>()) {
      ++count;
      EXPECT_NE(source.find(op.getStringRef().str() + " "), std::string::npos) << op.getStringRef().str();
    }
  EXPECT_GE(count, 19);
}

TEST(Kernels, AgreeWithTheReference) {
  std::vector<Case> cases = kernelCases();
  std::string source;
  for (const Case &c : cases)
    source += c.text;
  CompiledKernels kernels(source);
  ASSERT_TRUE(kernels.ok()) << "this processor has no instruction-set level that kernels are made for";
  std::mt19937_64 random(7);
  for (const Case &c : cases) {
    auto kernel = kernels.module().lookupSymbol<mlir::func::FuncOp>(c.name);
    for (int64_t batch : {1, 3, 16, 64, 257}) {
      std::vector<Tensor> inputs;
      for (size_t i = 0; i < kernel.getNumArguments(); ++i)
        inputs.push_back(randomTensor(c, i, kernel.getArgument(i).getType(), batch, random));
      std::vector<Tensor> wanted = expected(kernel, inputs, batch);
      std::vector<Tensor> first;
      for (size_t level = 0; level < kernels.levels(); ++level) {
        std::vector<Tensor> actual = kernels.call(level, c.name, inputs, wanted);
        for (size_t i = 0; i < wanted.size(); ++i) {
          double terms = c.text.find("nn.reduce_sum") == std::string::npos
                             ? 1
                             : std::max(1.0, double(inputs[0].count()) / double(wanted[i].count()));
          compare(actual[i], wanted[i], terms, c.name + " with batch " + std::to_string(batch));
          if (HasFatalFailure())
            return;
        }
        // Every level computes the same bits.
        if (level == 0)
          first = actual;
        for (size_t i = 0; i < wanted.size(); ++i)
          EXPECT_EQ(actual[i].numbers, first[i].numbers) << c.name << " differs between levels";
      }
    }
  }
}

TEST(Kernels, MaxGradSharesAmongEqualElements) {
  CompiledKernels kernels(R"(
func.func @max_grad(%g: tensor<?xf32>, %x: tensor<?x3x2xf32>, %y: tensor<?xf32>) -> tensor<?x3x2xf32> {
  %r = nn.max_grad %g, %x, %y axes [1, 2] : (tensor<?xf32>, tensor<?x3x2xf32>, tensor<?xf32>) -> tensor<?x3x2xf32>
  return %r : tensor<?x3x2xf32>
})");
  ASSERT_TRUE(kernels.ok());
  auto result = kernels.call(0, "max_grad",
                             {reference::makeTensor({2}, {6, 1}),
                              reference::makeTensor({2, 3, 2}, {1, 4, 4, 2, 0, -1, 9, 8, 7, 6, 5, 4}),
                              reference::makeTensor({2}, {4, 9})},
                             {reference::makeTensor({2, 3, 2})});
  EXPECT_EQ(result[0].numbers, (std::vector<double>{0, 3, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0}));
}

TEST(Kernels, NanComparesWithNothing) {
  std::string source;
  std::vector<std::string> comparisons = {"gt", "lt", "ge", "le", "eq", "ne"};
  for (const std::string &comparison : comparisons)
    source += kernelText(comparison, "%x: tensor<?xf32>, %y: tensor<?xf32>",
                         "  %c = nn.compare " + comparison + " %x, %y : tensor<?xf32>\n" +
                             "  %r = nn.cast %c : (tensor<?xi1>) -> tensor<?xf32>",
                         "tensor<?xf32>");
  CompiledKernels kernels(source);
  ASSERT_TRUE(kernels.ok());
  Tensor left = reference::makeTensor({3}, {std::nan(""), 1, std::nan("")});
  Tensor right = reference::makeTensor({3}, {1, std::nan(""), std::nan("")});
  for (const std::string &comparison : comparisons)
    EXPECT_EQ(kernels.call(0, comparison, {left, right}, {left})[0].numbers,
              std::vector<double>(3, comparison == "ne" ? 1 : 0))
        << comparison;
}

TEST(Kernels, OptimizersOfAnyLength) {
  CompiledKernels kernels(R"(
func.func @momentum(%v: tensor<?xf32>, %m: tensor<?xf32>, %p: tensor<f32>, %g: tensor<?xf32>)
    -> (tensor<?xf32>, tensor<?xf32>, tensor<f32>) {
  %beta = nn.constant dense<0.5> : tensor<f32>
  %np = nn.mul %p, %beta : tensor<f32>
  %b = nn.broadcast %np dims [] : tensor<f32> -> tensor<?xf32>
  %s = nn.mul %m, %b : tensor<?xf32>
  %nm = nn.add %s, %g : tensor<?xf32>
  %nv = nn.sub %v, %nm : tensor<?xf32>
  return %nv, %nm, %np : tensor<?xf32>, tensor<?xf32>, tensor<f32>
})");
  ASSERT_TRUE(kernels.ok());
  for (int64_t n : {1, 9, 16, 400}) {
    Tensor value = reference::makeTensor({n}, std::vector<double>(n, 10));
    auto result =
        kernels.call(kernels.levels() - 1, "momentum",
                     {value, reference::makeTensor({n}, std::vector<double>(n, 4)), reference::makeTensor({}, {0.5}),
                      reference::makeTensor({n}, std::vector<double>(n, 1))},
                     {value, value, reference::makeTensor({})});
    EXPECT_EQ(result[0].numbers, std::vector<double>(n, 8));
    EXPECT_EQ(result[1].numbers, std::vector<double>(n, 2));
    EXPECT_EQ(result[2].numbers, std::vector<double>{0.25});
  }
}

// Labels come from data, and may hold anything: a row of NaN says so, and nothing is read outside of the row.
TEST(Kernels, ALabelThatNamesNoClassGivesNaN) {
  for (const std::string element : {"f32", "i64"}) {
    const std::string y = "tensor<?x" + element + ">";
    CompiledKernels kernels("func.func @both(%x: tensor<?x3xf32>, %y: " + y +
                            ", %g: tensor<?xf32>) -> (tensor<?xf32>, tensor<?x3xf32>) {\n"
                            "  %l = nn.softmax_cross_entropy %x, %y : (tensor<?x3xf32>, " +
                            y +
                            ") -> tensor<?xf32>\n"
                            "  %d = nn.softmax_cross_entropy_grad %g, %x, %y : (tensor<?xf32>, tensor<?x3xf32>, " +
                            y + ") -> tensor<?x3xf32>\n  return %l, %d : tensor<?xf32>, tensor<?x3xf32>\n}\n");
    ASSERT_TRUE(kernels.ok());
    const std::vector<double> labels = element == "f32"
                                           ? std::vector<double>{0, -1, 3, 2, 5e8, -5e8, 1e30, -0.4, std::nan(""), 2.6}
                                           : std::vector<double>{0, -1, 3, 2, 5e8, -5e8, 9e18, 1, -9e18, 3};
    const std::vector<bool> areClasses = {true, false, false, true, false, false, false, true, false, false};
    const auto count = static_cast<int64_t>(labels.size());
    Tensor label = element == "f32"
                       ? reference::makeTensor({count}, labels)
                       : reference::makeIntegers({count}, std::vector<int64_t>(labels.begin(), labels.end()));
    for (size_t level = 0; level < kernels.levels(); ++level) {
      auto result = kernels.call(level, "both",
                                 {reference::makeTensor({count, 3}, std::vector<double>(3 * labels.size(), 0.5)), label,
                                  reference::makeTensor({count}, std::vector<double>(labels.size(), 1))},
                                 {reference::makeTensor({count}), reference::makeTensor({count, 3})});
      for (size_t row = 0; row < labels.size(); ++row) {
        EXPECT_EQ(!std::isnan(result[0].numbers[row]), areClasses[row]) << element << " " << labels[row];
        for (size_t i = 0; i < 3; ++i)
          EXPECT_EQ(!std::isnan(result[1].numbers[3 * row + i]), areClasses[row]) << element << " " << labels[row];
        if (areClasses[row]) {
          EXPECT_NEAR(result[0].numbers[row], std::log(3.0), 1e-6);
        }
      }
    }
  }
}

TEST(Kernels, RefuseWhatNoKernelComputes) {
  auto compiles = [](const std::string &source) {
    testing::TestPartResultArray failures;
    testing::ScopedFakeTestPartResultReporter reporter(&failures);
    return CompiledKernels(source).ok();
  };
  EXPECT_FALSE(compiles(R"(func.func @matmul(%a: tensor<?x4xf32>, %b: tensor<4x2xf32>) -> tensor<?x2xf32> {
    %r = nn.matmul %a, %b : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
    return %r : tensor<?x2xf32>
  })"));
  EXPECT_FALSE(compiles(R"(func.func @identity(%a: tensor<?x4xf32>) -> tensor<?x4xf32> {
    return %a : tensor<?x4xf32>
  })"));
  EXPECT_FALSE(compiles(R"(func.func @softmax_of_sum(%a: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %s = nn.add %a, %a : tensor<?x4xf32>
    %r = nn.softmax %s axis(1) : tensor<?x4xf32>
    return %r : tensor<?x4xf32>
  })"));
}

} // namespace
} // namespace heter::compiler
