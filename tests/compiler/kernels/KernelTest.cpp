// Generated kernels against the double-precision reference of the nn dialect, on random values and batch sizes around
// the vector width, for every instruction-set level that the processor has.
//
// Tolerance: a kernel's elementary functions are within 4 units in the last place (MathTest), a chain of a few of them
// and f32 sums with a fixed tree stay below 2e-6 of the magnitude of what is added up. Values come from
// [-4, 4] or (0, 1), so that magnitude is the largest output or, for a sum of n terms, 4 sqrt(n).
#include "tests/compiler/kernels/CompiledKernels.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace heter::compiler {
namespace {

using reference::Tensor;

/// What an input holds: any number, one in (0.05, 1), a 0-or-1 label, or a class number below 7.
enum class Fill { Any, Share, Label, Class };

struct Case {
  std::string name;
  std::string text; ///< the func.func
  std::vector<Fill> fills;
};

std::string function(const std::string &name, const std::string &arguments, const std::string &body,
                     const std::string &result) {
  return "func.func @" + name + "(" + arguments + ") -> " + result + " {\n" + body + "\n  return %r : " + result +
         "\n}\n";
}

void addElementwise(std::vector<Case> &cases) {
  for (const char *type : {"tensor<?xf32>", "tensor<?x7xf32>", "tensor<?x3x5xf32>", "tensor<33xf32>", "tensor<f32>"}) {
    std::string t = type, suffix = std::to_string(cases.size());
    for (std::string op : {"neg", "relu", "floor", "sigmoid", "tanh", "exp", "square", "log", "sqrt"})
      cases.push_back({op + suffix,
                       function(op + suffix, "%x: " + t, "  %r = nn." + op + " %x : " + t, t),
                       {op == "log" || op == "sqrt" ? Fill::Share : Fill::Any}});
    for (std::string op : {"add", "sub", "mul", "div", "maximum", "minimum", "relu_grad"})
      cases.push_back({op + suffix,
                       function(op + suffix, "%x: " + t + ", %y: " + t, "  %r = nn." + op + " %x, %y : " + t, t),
                       {Fill::Any, op == "div" ? Fill::Share : Fill::Any}});
    cases.push_back(
        {"sce" + suffix,
         function("sce" + suffix, "%x: " + t + ", %y: " + t, "  %r = nn.sigmoid_cross_entropy %x, %y : " + t, t),
         {Fill::Any, Fill::Label}});
    cases.push_back({"log_loss" + suffix,
                     function("log_loss" + suffix, "%x: " + t + ", %y: " + t,
                              "  %r = nn.log_loss %x, %y epsilon(1.0e-04) : " + t, t),
                     {Fill::Share, Fill::Label}});
  }
}

void addComparisons(std::vector<Case> &cases) {
  for (std::string element : {"f32", "i64"})
    for (std::string comparison : {"gt", "lt", "ge", "le", "eq", "ne"}) {
      std::string name = "compare_" + comparison + "_" + element, shape = "tensor<?x3x", t = shape + element + ">";
      cases.push_back({name,
                       function(name, "%x: " + t + ", %y: " + t,
                                "  %c = nn.compare " + comparison + " %x, %y : " + t + "\n  %r = nn.cast %c : (" +
                                    shape + "i1>) -> " + shape + "f32>",
                                shape + "f32>"),
                       {Fill::Class, Fill::Class}});
    }
}

void addReductions(std::vector<Case> &cases) {
  struct Shape {
    const char *in, *axes, *out;
  };
  for (Shape s : {Shape{"tensor<?xf32>", "[0]", "tensor<f32>"},
                  {"tensor<?x1xf32>", "[0, 1]", "tensor<f32>"},
                  {"tensor<?x400xf32>", "[0]", "tensor<400xf32>"},
                  {"tensor<?x400xf32>", "[1]", "tensor<?xf32>"},
                  {"tensor<?x37xf32>", "[0, 1]", "tensor<f32>"},
                  {"tensor<?x26x9xf32>", "[1]", "tensor<?x9xf32>"},
                  {"tensor<?x26x9xf32>", "[2]", "tensor<?x26xf32>"},
                  {"tensor<?x26x9xf32>", "[0, 2]", "tensor<26xf32>"},
                  {"tensor<?x26x9xf32>", "[1, 2]", "tensor<?xf32>"},
                  {"tensor<?x2xf32>", "[1]", "tensor<?xf32>"},
                  {"tensor<?x1xf32>", "[1]", "tensor<?xf32>"},
                  {"tensor<5x33xf32>", "[0]", "tensor<33xf32>"}})
    for (std::string op : {"reduce_sum", "reduce_mean", "reduce_max"}) {
      std::string name = op + std::to_string(cases.size()), in = s.in, out = s.out;
      cases.push_back(
          {name,
           function(name, "%x: " + in, "  %r = nn." + op + " %x axes " + s.axes + " : (" + in + ") -> " + out, out),
           {Fill::Any}});
    }
}

void addRowOperations(std::vector<Case> &cases) {
  for (auto [type, axis] : {std::pair{"tensor<?x2xf32>", 1},
                            {"tensor<?x37xf32>", 1},
                            {"tensor<?x5x3xf32>", 1},
                            {"tensor<?x5x16xf32>", 2}}) {
    std::string t = type, a = " axis(" + std::to_string(axis) + ") : ", n = std::to_string(cases.size());
    cases.push_back(
        {"softmax" + n, function("softmax" + n, "%x: " + t, "  %r = nn.softmax %x" + a + t, t), {Fill::Any}});
    cases.push_back(
        {"softmax_grad" + n,
         function("softmax_grad" + n, "%g: " + t + ", %y: " + t, "  %r = nn.softmax_grad %g, %y" + a + t, t),
         {Fill::Any, Fill::Share}});
  }
  cases.push_back({"layer_norm",
                   function("layer_norm", "%x: tensor<?x37xf32>, %s: tensor<37xf32>, %b: tensor<37xf32>",
                            "  %r = nn.layer_norm %x, %s, %b epsilon(1.0e-05) : (tensor<?x37xf32>, tensor<37xf32>, "
                            "tensor<37xf32>) -> tensor<?x37xf32>",
                            "tensor<?x37xf32>"),
                   {Fill::Any, Fill::Any, Fill::Any}});
  cases.push_back({"layer_norm_grad",
                   function("layer_norm_grad", "%g: tensor<?x37xf32>, %x: tensor<?x37xf32>, %s: tensor<37xf32>",
                            "  %r = nn.layer_norm_grad %g, %x, %s epsilon(1.0e-05) : (tensor<?x37xf32>, "
                            "tensor<?x37xf32>, tensor<37xf32>) -> tensor<?x37xf32>",
                            "tensor<?x37xf32>"),
                   {Fill::Any, Fill::Any, Fill::Any}});
  // As the gradient of a layer_norm's own parameters has it.
  cases.push_back({"layer_norm_of_constants",
                   function("layer_norm_of_constants", "%x: tensor<?x37xf32>",
                            "  %s = nn.constant dense<1.0> : tensor<37xf32>\n  %b = nn.constant dense<0.5> : "
                            "tensor<37xf32>\n  %r = nn.layer_norm %x, %s, %b epsilon(1.0e-05) : (tensor<?x37xf32>, "
                            "tensor<37xf32>, tensor<37xf32>) -> tensor<?x37xf32>",
                            "tensor<?x37xf32>"),
                   {Fill::Any}});
  for (std::string label : {"f32", "i64"}) {
    cases.push_back({"softmax_cross_entropy_" + label,
                     function("softmax_cross_entropy_" + label, "%x: tensor<?x7xf32>, %y: tensor<?x" + label + ">",
                              "  %r = nn.softmax_cross_entropy %x, %y : (tensor<?x7xf32>, tensor<?x" + label +
                                  ">) -> tensor<?xf32>",
                              "tensor<?xf32>"),
                     {Fill::Any, Fill::Class}});
    cases.push_back({"softmax_cross_entropy_grad_" + label,
                     function("softmax_cross_entropy_grad_" + label,
                              "%g: tensor<?xf32>, %x: tensor<?x7xf32>, %y: tensor<?x" + label + ">",
                              "  %r = nn.softmax_cross_entropy_grad %g, %x, %y : (tensor<?xf32>, tensor<?x7xf32>, "
                              "tensor<?x" +
                                  label + ">) -> tensor<?x7xf32>",
                              "tensor<?x7xf32>"),
                     {Fill::Any, Fill::Any, Fill::Class}});
    // Together, and where nobody wants one of them.
    for (const std::string wanted : {"both", "loss", "gradient"}) {
      const std::string name = "loss_and_gradient_" + wanted + "_" + label;
      const std::string y = "tensor<?x" + label + ">", loss = "tensor<?xf32>", gradient = "tensor<?x7xf32>";
      const std::string values = wanted == "both" ? "%l, %d" : wanted == "loss" ? "%l" : "%d";
      const std::string types = wanted == "both" ? loss + ", " + gradient : wanted == "loss" ? loss : gradient;
      cases.push_back({name,
                       "func.func @" + name + "(%x: tensor<?x7xf32>, %y: " + y + ", %g: tensor<?xf32>) -> (" + types +
                           ") {\n  %l = nn.softmax_cross_entropy %x, %y : (tensor<?x7xf32>, " + y + ") -> " + loss +
                           "\n  %d = nn.softmax_cross_entropy_grad %g, %x, %y : (tensor<?xf32>, tensor<?x7xf32>, " + y +
                           ") -> " + gradient + "\n  return " + values + " : " + types + "\n}\n",
                       {Fill::Any, Fill::Class, Fill::Any}});
    }
  }
}

void addShapes(std::vector<Case> &cases) {
  auto broadcast = [&](const std::string &name, const std::string &in, const std::string &dims,
                       const std::string &out) {
    cases.push_back(
        {name,
         function(name, "%x: " + in + ", %y: " + out,
                  "  %b = nn.broadcast %x dims " + dims + " : " + in + " -> " + out + "\n  %r = nn.mul %b, %y : " + out,
                  out),
         {Fill::Any, Fill::Any}});
  };
  broadcast("broadcast_bias", "tensor<7xf32>", "[1]", "tensor<?x7xf32>");
  broadcast("broadcast_batch", "tensor<?xf32>", "[0]", "tensor<?x7xf32>");
  broadcast("broadcast_middle", "tensor<?x5xf32>", "[0, 2]", "tensor<?x3x5xf32>");
  broadcast("broadcast_one", "tensor<?x1xf32>", "[0, 1]", "tensor<?x20xf32>");
  broadcast("broadcast_scalar", "tensor<f32>", "[]", "tensor<?xf32>");
  cases.push_back({"reshape",
                   function("reshape", "%x: tensor<?x1x3xf32>",
                            "  %n = nn.neg %x : tensor<?x1x3xf32>\n"
                            "  %r = nn.reshape %n : tensor<?x1x3xf32> -> tensor<?x3x1xf32>",
                            "tensor<?x3x1xf32>"),
                   {Fill::Any}});
  cases.push_back({"cast",
                   function("cast", "%x: tensor<?x3xi64>", "  %r = nn.cast %x : (tensor<?x3xi64>) -> tensor<?x3xf32>",
                            "tensor<?x3xf32>"),
                   {Fill::Class}});
  cases.push_back({"constant_table",
                   function("constant_table", "%x: tensor<?x3xf32>",
                            "  %c = nn.constant dense<[1.5, -2.0, 3.25]> : tensor<3xf32>\n"
                            "  %b = nn.broadcast %c dims [1] : tensor<3xf32> -> tensor<?x3xf32>\n"
                            "  %r = nn.add %x, %b : tensor<?x3xf32>",
                            "tensor<?x3xf32>"),
                   {Fill::Any}});
}

void addFused(std::vector<Case> &cases) {
  // B is known from the output alone.
  cases.push_back({"fill",
                   function("fill", "",
                            "  %c = nn.constant dense<2.5> : tensor<f32>\n"
                            "  %r = nn.broadcast %c dims [] : tensor<f32> -> tensor<?x4xf32>",
                            "tensor<?x4xf32>"),
                   {}});
  cases.push_back({"fused_outputs",
                   R"(func.func @fused_outputs(%g: tensor<?x40xf32>, %y: tensor<?x40xf32>)
    -> (tensor<?x40xf32>, tensor<40xf32>) {
  %d = nn.relu_grad %g, %y : tensor<?x40xf32>
  %s = nn.reduce_sum %d axes [0] : (tensor<?x40xf32>) -> tensor<40xf32>
  return %d, %s : tensor<?x40xf32>, tensor<40xf32>
}
)",
                   {Fill::Any, Fill::Any}});
  cases.push_back({"fused_mean",
                   R"(func.func @fused_mean(%x: tensor<?x1xf32>, %c: tensor<?xf32>) -> tensor<f32> {
  %b = nn.broadcast %c dims [0] : tensor<?xf32> -> tensor<?x1xf32>
  %l = nn.sigmoid_cross_entropy %x, %b : tensor<?x1xf32>
  %r = nn.reduce_mean %l axes [0, 1] : (tensor<?x1xf32>) -> tensor<f32>
  return %r : tensor<f32>
}
)",
                   {Fill::Any, Fill::Label}});
  cases.push_back(
      {"fused_broadcast_sum",
       R"(func.func @fused_broadcast_sum(%x: tensor<?x6xf32>, %c: tensor<?xf32>) -> (tensor<?x6xf32>, tensor<?xf32>) {
  %b = nn.broadcast %c dims [0] : tensor<?xf32> -> tensor<?x6xf32>
  %m = nn.mul %x, %b : tensor<?x6xf32>
  %t = nn.tanh %m : tensor<?x6xf32>
  %s = nn.reduce_sum %t axes [1] : (tensor<?x6xf32>) -> tensor<?xf32>
  return %t, %s : tensor<?x6xf32>, tensor<?xf32>
}
)",
       {Fill::Any, Fill::Any}});
}

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

std::vector<Case> allCases() {
  std::vector<Case> cases;
  addElementwise(cases);
  addComparisons(cases);
  addReductions(cases);
  addRowOperations(cases);
  addShapes(cases);
  addFused(cases);
  return cases;
}

// A new pointwise operation must come with a case above, and so with a formula.
TEST(Kernels, CoverEveryPointwiseOperation) {
  std::string source;
  for (const Case &c : allCases())
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
  std::vector<Case> cases = allCases();
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
    source += function(comparison, "%x: tensor<?xf32>, %y: tensor<?xf32>",
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
