// The samples' own gradients: each model is emitted, differentiated and simplified as heterc does, and the slope of its
// loss along a random direction through all parameters and rows is compared with a central difference.
#include "dialects/nn/NN.h"
#include "frontend/emit/Emit.h"
#include "passes/Passes.h"
#include "tests/reference/Interpreter.h"
#include "tests/reference/RandomEnvironment.h"

#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

using namespace heter;
using reference::Environment;
using reference::Outcome;

namespace {

/// `environment` with its parameters and rows moved by `step` times those of `direction`.
Environment moved(Environment environment, const Environment &direction, double step) {
  for (auto &[name, parameter] : environment.parameters)
    for (size_t i = 0; i < parameter.numbers.size(); ++i)
      parameter.numbers[i] += step * direction.parameters.at(name).numbers[i];
  for (auto &[part, rows] : environment.tables)
    for (auto &[key, row] : rows)
      for (size_t i = 0; i < row.size(); ++i)
        row[i] += step * direction.tables.at(part).at(key)[i];
  return environment;
}

/// The slope along `direction` that the updates of `outcome` say.
double slope(const Outcome &outcome, const Environment &direction) {
  double sum = 0;
  for (const auto &[name, update] : outcome.updates)
    for (size_t i = 0; i < update.numbers.size(); ++i)
      sum += update.numbers[i] * direction.parameters.at(name).numbers[i];
  for (const auto &[part, rows] : outcome.rowUpdates)
    for (const auto &[key, row] : rows) {
      auto moving = direction.tables.at(part).find(key); // hashed keys have no row, so they do not move
      for (size_t i = 0; moving != direction.tables.at(part).end() && i < row.size(); ++i)
        sum += row[i] * moving->second[i];
    }
  return sum;
}

class SampleGradient : public testing::TestWithParam<const char *> {};

TEST_P(SampleGradient, EqualsCentralDifference) {
  mlir::MLIRContext context;
  std::string path = std::string(HETER_SAMPLES) + "/" + GetParam() + ".heter";
  mlir::OwningOpRef<mlir::ModuleOp> forward = frontend::compileSpec(path, context, llvm::errs());
  ASSERT_TRUE(forward);
  forward->walk([](nn::MinimizeOp minimize) { minimize.removeClipAttr(); }); // clipped, it is no gradient any more
  mlir::OwningOpRef<mlir::ModuleOp> backward = forward->clone();
  mlir::PassManager passes(&context);
  passes.addPass(createAutodiff());
  passes.addPass(createSimplify());
  ASSERT_TRUE(mlir::succeeded(passes.run(*backward)));

  const int64_t examples = 3;
  Environment at = reference::randomEnvironment(*forward, examples, 5, 0.2);
  Environment direction = reference::randomEnvironment(*forward, examples, 6, 1.0);
  const double step = 1e-6;
  mlir::Operation *program = forward->lookupSymbol("train");
  double above = reference::run(program, moved(at, direction, step)).minimized;
  double below = reference::run(program, moved(at, direction, -step)).minimized;
  double expected = (above - below) / (2 * step) * static_cast<double>(examples);
  double actual = slope(reference::run(backward->lookupSymbol("train"), at), direction);
  EXPECT_NEAR(actual, expected, 1e-5 * std::max(1.0, std::abs(expected)));
}

// ctr_dnn_large differs from ctr_dnn only in its sizes.
INSTANTIATE_TEST_SUITE_P(Samples, SampleGradient,
                         testing::Values("lr", "ctr_dnn", "ctr_dnn_2class", "deepfm", "two_classes", "wide_deep",
                                         "dcn_v2", "dlrm", "mmoe", "esmm"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
