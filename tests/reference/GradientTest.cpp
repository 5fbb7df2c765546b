// Every gradient rule against central differences: small programs are differentiated by --heter-autodiff, the result
// runs in the double-precision interpreter, and each entry of each parameter and table row is moved both ways. The
// same gradients must come out after --heter-simplify.
#include "dialects/nn/NN.h"
#include "passes/Passes.h"
#include "tests/reference/GradientCases.h"
#include "tests/reference/Interpreter.h"
#include "tests/reference/RandomEnvironment.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>
#include <gtest/gtest.h>
#include <set>

using namespace heter;
using reference::Environment;
using reference::GradientCase;
using reference::kGradientCases;
using reference::Outcome;

namespace {

std::string axesOf(const std::string &type) {
  std::string axes;
  int rank = static_cast<int>(std::count(type.begin(), type.end(), 'x'));
  for (int axis = 0; axis < rank; ++axis)
    axes += (axis ? ", " : "") + std::to_string(axis);
  return axes;
}

std::string programOf(const GradientCase &test) {
  std::string part = " [#nn.part<\"\", 6, #nn.init<\"zeros\", 0.0>, #nn.optimizer<\"sgd\", {lr = 0.1 : f64}>>]\n";
  std::string type = test.result, text = "nn.table @a" + part + "nn.table @b" + part + test.declarations;
  text += "\nnn.program @train {\n%ia = nn.input \"ia\" : tensor<?xi64>\n%ib = nn.input \"ib\" : tensor<?xi64>\n"
          "%click = nn.input \"click\" label : tensor<?xf32>\n"
          "%a = nn.lookup @a part(\"\") (%ia) : tensor<?xi64> -> tensor<?x6xf32>\n"
          "%b = nn.lookup @b part(\"\") (%ib) : tensor<?xi64> -> tensor<?x6xf32>\n";
  text += std::string(test.body) + "\n";
  bool scalar = type == "tensor<f32>", batched = type.find('?') != std::string::npos;
  if (batched)
    text += "%weights = nn.input \"weights\" : " + type + "\n";
  else
    text += "%weights = nn.constant dense<" + std::string(scalar ? "1.5" : "0.75") + "> : " + type + "\n";
  text += "%weighted = nn.mul %y, %weights : " + type + "\n";
  text += scalar ? "%loss = nn.neg %weighted : tensor<f32>\n"
                 : "%loss = nn.reduce_mean %weighted axes [" + axesOf(type) + "] : (" + type + ") -> tensor<f32>\n";
  return text + "nn.minimize %loss with #nn.optimizer<\"sgd\", {lr = 0.1 : f64}>\n}\n";
}

class Gradient : public testing::TestWithParam<GradientCase> {
protected:
  Gradient() { context.loadDialect<nn::NNDialect>(); }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const GradientCase &test) {
    return mlir::parseSourceString<mlir::ModuleOp>(programOf(test), &context);
  }

  static mlir::Operation *train(mlir::ModuleOp module) { return module.lookupSymbol("train"); }

  mlir::MLIRContext context;
};

/// The derivative of the loss by `entry`, times the number of examples.
double centralDifference(mlir::Operation *program, const Environment &environment, double &entry) {
  const double step = 1e-5, middle = entry;
  entry = middle + step;
  double above = reference::run(program, environment).minimized;
  entry = middle - step;
  double below = reference::run(program, environment).minimized;
  entry = middle;
  return (above - below) / (2 * step) * static_cast<double>(environment.examples);
}

void expectNear(double actual, double expected, const std::string &what) {
  EXPECT_NEAR(actual, expected, 1e-6 * std::max(1.0, std::abs(expected))) << what;
}

/// Checks the updates of `outcome` against central differences of `program`.
void expectGradients(mlir::Operation *program, Environment &environment, const Outcome &outcome) {
  for (auto &[name, parameter] : environment.parameters) {
    auto update = outcome.updates.find(name);
    ASSERT_NE(update, outcome.updates.end()) << name;
    EXPECT_EQ(update->second.shape, parameter.shape);
    for (size_t i = 0; i < parameter.numbers.size(); ++i)
      expectNear(update->second.numbers[i], centralDifference(program, environment, parameter.numbers[i]),
                 name + "[" + std::to_string(i) + "]");
  }
  for (auto &[part, rows] : environment.tables)
    for (auto &[key, row] : rows)
      for (size_t i = 0; i < row.size(); ++i) {
        double actual = 0;
        if (auto update = outcome.rowUpdates.find(part); update != outcome.rowUpdates.end())
          if (auto found = update->second.find(key); found != update->second.end())
            actual = found->second[i];
        expectNear(actual, centralDifference(program, environment, row[i]),
                   part.first + "." + part.second + "[" + std::to_string(key) + "][" + std::to_string(i) + "]");
      }
}

/// Checks that simplification changed no update.
void expectSame(const Outcome &actual, const Outcome &expected) {
  ASSERT_EQ(actual.updates.size(), expected.updates.size());
  for (const auto &[name, update] : expected.updates)
    for (size_t i = 0; i < update.numbers.size(); ++i)
      EXPECT_NEAR(actual.updates.at(name).numbers[i], update.numbers[i],
                  1e-12 * std::max(1.0, std::abs(update.numbers[i])));
  ASSERT_EQ(actual.rowUpdates.size(), expected.rowUpdates.size());
  for (const auto &[part, rows] : expected.rowUpdates)
    for (const auto &[key, row] : rows)
      for (size_t i = 0; i < row.size(); ++i)
        EXPECT_NEAR(actual.rowUpdates.at(part).at(key)[i], row[i], 1e-12 * std::max(1.0, std::abs(row[i])));
}

TEST_P(Gradient, EqualsCentralDifferences) {
  mlir::OwningOpRef<mlir::ModuleOp> forward = parse(GetParam());
  ASSERT_TRUE(forward);
  // Warnings about @a and @b are no matter here.
  mlir::ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &diagnostic) {
    return mlir::success(diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning);
  });
  mlir::OwningOpRef<mlir::ModuleOp> differentiated = forward->clone(), simplified = forward->clone();
  mlir::PassManager autodiff(&context), simplify(&context);
  autodiff.addPass(createAutodiff());
  ASSERT_TRUE(mlir::succeeded(autodiff.run(*differentiated)));
  simplify.addPass(createAutodiff());
  simplify.addPass(createSimplify());
  ASSERT_TRUE(mlir::succeeded(simplify.run(*simplified)));
  for (int64_t examples : {1, 3, 8}) {
    SCOPED_TRACE(examples);
    Environment environment = reference::randomEnvironment(*forward, examples, static_cast<uint64_t>(examples), 1.5);
    Outcome outcome = reference::run(train(*differentiated), environment);
    expectGradients(train(*forward), environment, outcome);
    expectSame(reference::run(train(*simplified), environment), outcome);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Gradient, testing::ValuesIn(kGradientCases),
                         [](const auto &info) { return std::string(info.param.name); });

/// The square root of the sum of the squares of all updates of dense parameters.
double globalNorm(const Outcome &outcome) {
  double sum = 0;
  for (const auto &[name, update] : outcome.updates)
    for (double value : update.numbers)
      sum += value * value;
  return std::sqrt(sum);
}

// The gradients of dense parameters are scaled to the norm, all by one factor, or stay as they are below it.
TEST_F(Gradient, ClipsByTheGlobalNorm) {
  const GradientCase &test =
      *std::find_if(std::begin(kGradientCases), std::end(kGradientCases),
                    [](const GradientCase &one) { return std::string_view(one.name) == "linear"; });
  mlir::OwningOpRef<mlir::ModuleOp> plain = parse(test);
  Environment environment = reference::randomEnvironment(*plain, 3, 1, 1.5);
  auto differentiate = [&](double clip) {
    mlir::OwningOpRef<mlir::ModuleOp> module = parse(test);
    if (clip > 0)
      module->walk([&](nn::MinimizeOp op) { op.setClipAttr(mlir::OpBuilder(op).getF64FloatAttr(clip)); });
    mlir::PassManager passes(&context);
    passes.addPass(createAutodiff());
    EXPECT_TRUE(mlir::succeeded(passes.run(*module)));
    return reference::run(train(*module), environment);
  };
  Outcome whole = differentiate(0);
  const double norm = globalNorm(whole) / 3;
  ASSERT_GT(norm, 0.01);
  expectSame(differentiate(norm * 2), whole);
  Outcome clipped = differentiate(norm / 4);
  EXPECT_NEAR(globalNorm(clipped) / 3, norm / 4, 1e-6 * norm);
  for (const auto &[name, update] : whole.updates)
    for (size_t i = 0; i < update.numbers.size(); ++i)
      EXPECT_NEAR(clipped.updates.at(name).numbers[i], update.numbers[i] / 4, 1e-6 * std::abs(update.numbers[i]));
  EXPECT_EQ(clipped.rowUpdates, whole.rowUpdates);
}

// Every element of the mean gradient is kept within the bounds, and what lies within them is as it was.
TEST_F(Gradient, ClipsEachValue) {
  const GradientCase &test =
      *std::find_if(std::begin(kGradientCases), std::end(kGradientCases),
                    [](const GradientCase &one) { return std::string_view(one.name) == "linear"; });
  Environment environment = reference::randomEnvironment(*parse(test), 3, 1, 1.5);
  auto differentiate = [&](double clip) {
    mlir::OwningOpRef<mlir::ModuleOp> module = parse(test);
    if (clip > 0)
      module->walk([&](nn::MinimizeOp op) { op.setClipValueAttr(mlir::OpBuilder(op).getF64FloatAttr(clip)); });
    mlir::PassManager passes(&context);
    passes.addPass(createAutodiff());
    EXPECT_TRUE(mlir::succeeded(passes.run(*module)));
    return reference::run(train(*module), environment);
  };
  Outcome whole = differentiate(0);
  std::vector<double> magnitudes;
  for (const auto &[name, update] : whole.updates)
    for (double value : update.numbers)
      magnitudes.push_back(std::abs(value) / 3);
  std::sort(magnitudes.begin(), magnitudes.end());
  ASSERT_GT(magnitudes.size(), 3U);
  expectSame(differentiate(magnitudes.back() * 2), whole);
  // Between two magnitudes: some elements are cut, some are not.
  const size_t middle = magnitudes.size() / 2;
  const double most = (magnitudes[middle - 1] + magnitudes[middle]) / 2;
  Outcome clipped = differentiate(most);
  size_t cut = 0;
  for (const auto &[name, update] : whole.updates)
    for (size_t i = 0; i < update.numbers.size(); ++i) {
      const double mean = update.numbers[i] / 3;
      cut += std::abs(mean) > most ? 1 : 0;
      EXPECT_NEAR(clipped.updates.at(name).numbers[i] / 3, std::clamp(mean, -most, most), 1e-6 * std::abs(mean));
    }
  EXPECT_EQ(cut, magnitudes.size() - middle);
  EXPECT_EQ(clipped.rowUpdates, whole.rowUpdates);
}

// A new differentiable operation must come with a case above.
TEST_F(Gradient, CoversEveryDifferentiableOperation) {
  std::set<std::string> covered;
  for (const GradientCase &test : kGradientCases) {
    mlir::OwningOpRef<mlir::ModuleOp> module = parse(test);
    ASSERT_TRUE(module) << test.name;
    module->walk([&](mlir::Operation *op) { covered.insert(op->getName().getStringRef().str()); });
  }
  for (mlir::RegisteredOperationName op : context.getRegisteredOperations())
    if (op.hasInterface<nn::DifferentiableOpInterface>()) {
      EXPECT_TRUE(covered.count(op.getStringRef().str())) << op.getStringRef().str() << " has no gradient test";
    }
}

} // namespace
