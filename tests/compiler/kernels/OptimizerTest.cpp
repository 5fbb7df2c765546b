// Every rule of optimizers/ from its attribute to native code, along 60 steps of gradients: against the
// double-precision reference, and against figures recorded from PyTorch 2.15 where it has the same.
#include "passes/Passes.h"
#include "tests/compiler/kernels/CompiledKernels.h"
#include "tests/reference/Rules.h"

#include "dialects/nn/NN.h"
#include "dialects/ps/PS.h"
#include "dialects/task/Task.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace heter::compiler {
namespace {

using optimizers::Call;
using reference::Tensor;
using Numbers = std::map<std::string, double>;

constexpr int64_t kSteps = 60;

/// The kernels of one optimizer as the compiler makes them, and how to call them.
class CompiledOptimizer {
public:
  explicit CompiledOptimizer(const Call &call) {
    mlir::DialectRegistry registry;
    registry.insert<nn::NNDialect, ps::PSDialect, task::TaskDialect, mlir::func::FuncDialect>();
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    context.loadAllAvailableDialects();
    mlir::OpBuilder builder(&context);
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(builder.getUnknownLoc(), "m");
    (*module)->setAttr(nn::kModeAttr, builder.getStringAttr("local"));
    builder.setInsertionPointToEnd(module->getBody());
    auto part = nn::PartAttr::get(&context, "", 3, nn::InitAttr::get(&context, "zeros", 0.0),
                                  nn::OptimizerAttr::get(&context, withoutAverage(call)));
    nn::TableOp::create(builder, builder.getUnknownLoc(), "t", builder.getArrayAttr({part}), mlir::ArrayAttr());
    if (call.calls.count("average"))
      nn::ParameterOp::create(
          builder, builder.getUnknownLoc(), "p", mlir::RankedTensorType::get({3}, builder.getF32Type()),
          nn::InitAttr::get(&context, "zeros", 0.0), nn::OptimizerAttr::get(&context, call), mlir::FlatSymbolRefAttr());
    mlir::PassManager passes(&context);
    passes.addPass(createDistribute());
    passes.addPass(createOutline());
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)) && mlir::succeeded(passes.run(*module)));
    task::OptimizerOp op;
    for (auto found : module->getOps<task::OptimizerOp>())
      op = found; // The last: of the parameter, if there is one.
    update_ = op.getCallee().str();
    if (op.getRate())
      schedule_ = module->lookupSymbol<task::ScheduleOp>(*op.getRate()).getCallee().str();
    for (auto begin : {op.getSlotInit(), op.getScalarInit()})
      for (auto number : begin.getAsRange<mlir::FloatAttr>())
        state_.push_back(begin == op.getSlotInit()
                             ? reference::makeTensor({3}, std::vector<double>(3, number.getValueAsDouble()))
                             : reference::makeTensor({}, {number.getValueAsDouble()}));
    std::string source;
    llvm::raw_string_ostream stream(source);
    for (auto kernel : module->getOps<mlir::func::FuncOp>())
      kernel.print(stream, mlir::OpPrintingFlags().useLocalScope());
    kernels_ = std::make_unique<CompiledKernels>(source);
  }

  double rate(int64_t step) {
    Tensor input = reference::makeTensor({});
    input.numbers.clear();
    input.integers = {step};
    return kernels_->call(level(), schedule_, {input}, {reference::makeTensor({})})[0].numbers[0];
  }

  void step(int64_t step, const std::vector<double> &gradient) {
    std::vector<Tensor> states = {value_};
    states.insert(states.end(), state_.begin(), state_.end());
    std::vector<Tensor> inputs = states;
    inputs.push_back(reference::makeTensor({3}, gradient));
    if (!schedule_.empty())
      inputs.push_back(reference::makeTensor({}, {rate(step)}));
    std::vector<Tensor> results = kernels_->call(level(), update_, inputs, states);
    value_ = results[0];
    state_.assign(results.begin() + 1, results.end());
  }

  bool ok() const { return kernels_->ok(); }
  void begin(const std::vector<double> &value) { value_ = reference::makeTensor({3}, value); }
  const std::vector<double> &value() const { return value_.numbers; }
  std::vector<double> &slot(size_t i) { return state_[i].numbers; }

private:
  static Call withoutAverage(Call call) {
    call.calls.erase("average");
    return call;
  }
  size_t level() const { return kernels_->levels() - 1; }

  std::string update_, schedule_;
  Tensor value_;
  std::vector<Tensor> state_;
  std::unique_ptr<CompiledKernels> kernels_;
};

std::vector<double> firstValue() { return {0.5, 0.25, 0}; }

std::vector<double> gradientOf(int64_t step) {
  std::vector<double> gradient;
  for (int i = 0; i < 3; ++i)
    gradient.push_back(std::sin(0.7 * static_cast<double>(step) + 1.3 * i) + 0.2);
  return gradient;
}

void expectNear(const std::vector<double> &actual, const std::vector<double> &wanted, double tolerance,
                const std::string &what) {
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(actual[i], wanted[i], tolerance) << what << ", element " << i;
}

/// Options beside the learning rate that let each part of a formula show.
std::vector<Call> optimizerCases() {
  std::vector<Call> cases;
  for (const optimizers::UpdateRule &rule : optimizers::optimizers()) {
    Numbers plain = {{"lr", 0.05}};
    cases.push_back({rule.name, plain, {}});
    Numbers other = plain;
    for (const optimizers::Option &option : rule.options)
      if (option.otherwise)
        other[option.name] = *option.otherwise * 0.5 + (option.below <= 1 ? 0.0 : 0.1);
    cases.push_back({rule.name, other, {}});
    cases.push_back({rule.name, {{"lr", 0.05}, {"l2", 0.1}, {"least", -0.1}, {"most", 0.4}}, {}});
  }
  return cases;
}

TEST(Optimizers, FollowTheReference) {
  for (const Call &given : optimizerCases()) {
    const Call call = optimizers::complete(given);
    CompiledOptimizer compiled(given);
    ASSERT_TRUE(compiled.ok()) << toText(call);
    compiled.begin(firstValue());
    std::vector<double> value = firstValue();
    reference::OptimizerState state;
    for (int64_t step = 0; step < kSteps; ++step) {
      compiled.step(step, gradientOf(step));
      reference::applyOptimizer(call, step, gradientOf(step), value, state);
      expectNear(compiled.value(), value, 1e-5, toText(call) + ", step " + std::to_string(step));
      if (HasFailure())
        return;
    }
  }
}

// bench/peers/setup-venv makes the environment; gradients and first values are those above, in f64.
TEST(Optimizers, EndWherePyTorchEnds) {
  const std::vector<std::pair<Call, std::vector<double>>> recorded = {
      {{"sgd", {{"lr", 0.05}}, {}}, {-0.218794958522, -0.355018619555, -0.483889991183}},
      {{"sgd", {{"lr", 0.05}, {"l2", 0.1}}, {}}, {-0.250366146352, -0.327668393382, -0.414851278101}},
      {{"momentum", {{"lr", 0.05}, {"momentum", 0.8}}, {}}, {-2.754683926320, -2.804677228842, -2.481568243487}},
      {{"nesterov", {{"lr", 0.05}, {"momentum", 0.8}}, {}}, {-2.822542099578, -2.798760402629, -2.469144585973}},
      {{"adagrad", {{"lr", 0.05}, {"initial", 0.3}}, {}}, {0.249242436773, 0.051872588104, -0.137905547385}},
      {{"adam", {{"lr", 0.01}}, {}}, {0.290403815864, 0.061492197114, -0.144555672943}},
      {{"adam", {{"lr", 0.01}, {"l2", 0.1}}, {}}, {0.265955283064, 0.051357458210, -0.140559239307}},
      {{"adamw", {{"lr", 0.01}, {"decay", 0.1}}, {}}, {0.268324253823, 0.053028356072, -0.140652438195}}};
  for (const auto &[call, wanted] : recorded) {
    std::vector<double> value = firstValue();
    reference::OptimizerState state;
    CompiledOptimizer compiled(call);
    ASSERT_TRUE(compiled.ok()) << toText(call);
    compiled.begin(firstValue());
    for (int64_t step = 0; step < kSteps; ++step) {
      reference::applyOptimizer(optimizers::complete(call), step, gradientOf(step), value, state);
      compiled.step(step, gradientOf(step));
    }
    expectNear(value, wanted, 1e-9, "the reference's " + toText(call));
    expectNear(compiled.value(), wanted, 1e-5, toText(call));
  }
}

Call sgdWith(const Call &schedule) { return {"sgd", {}, {{"lr", schedule}}}; }

TEST(Schedules, FollowTheirClosedForms) {
  const Call exponential = {"exponential", {{"from", 0.1}, {"rate", 0.9}, {"every", 30}}, {}};
  const std::vector<Call> cases = {exponential,
                                   {"step", {{"from", 0.1}, {"rate", 0.5}, {"every", 30}}, {}},
                                   {"polynomial", {{"from", 0.1}, {"over", 80}, {"power", 2}, {"to", 0.02}}, {}},
                                   {"polynomial", {{"from", 0.1}, {"over", 80}, {"power", 0.5}}, {}},
                                   {"polynomial", {{"from", 0.1}, {"over", 80}, {"power", 1.7}}, {}},
                                   {"linear", {{"from", 0.1}, {"over", 80}, {"to", 0.02}}, {}},
                                   {"cosine", {{"from", 0.1}, {"over", 100}, {"to", 0.01}}, {}},
                                   {"noam", {{"scale", 2}, {"dim", 512}, {"over", 40}}, {}},
                                   {"warmup", {{"to", 0.1}, {"over", 50}}, {}},
                                   {"warmup", {{"over", 50}}, {{"to", exponential}}}};
  std::set<std::string> covered;
  for (const Call &schedule : cases) {
    covered.insert(schedule.name);
    const Call call = optimizers::complete(sgdWith(schedule));
    CompiledOptimizer compiled(sgdWith(schedule));
    ASSERT_TRUE(compiled.ok()) << toText(call);
    for (int64_t step : {0, 1, 29, 30, 39, 40, 49, 50, 59, 60, 79, 80, 81, 99, 100, 101, 1000, 1000000}) {
      const double wanted = reference::learningRate(call, step);
      EXPECT_NEAR(compiled.rate(step), wanted, 2e-6 * std::abs(wanted) + 1e-8) << toText(call) << ", step " << step;
    }
    compiled.begin(firstValue());
    compiled.step(40, {1, 2, 3});
    const double rate = reference::learningRate(call, 40);
    expectNear(compiled.value(), {0.5 - rate, 0.25 - 2 * rate, -3 * rate}, 1e-6, toText(call));
  }
  for (const optimizers::ScheduleRule &rule : optimizers::schedules())
    EXPECT_TRUE(covered.count(rule.name)) << rule.name << " has no case";
}

// torch.optim.lr_scheduler's StepLR(30, 0.5), PolynomialLR(80, 2), LinearLR(1, 0.2, 80) and CosineAnnealingLR(100,
// 0.01) from 0.1, at steps 1, 45 and 79.
TEST(Schedules, ArePyTorchs) {
  const std::vector<std::pair<Call, std::vector<double>>> recorded = {
      {{"step", {{"from", 0.1}, {"rate", 0.5}, {"every", 30}}, {}}, {0.1, 0.05, 0.025}},
      {{"polynomial", {{"from", 0.1}, {"over", 80}, {"power", 2}}, {}}, {0.097515625, 0.019140625, 1.5625e-05}},
      {{"linear", {{"from", 0.1}, {"over", 80}, {"to", 0.02}}, {}}, {0.099, 0.055, 0.021}},
      {{"cosine", {{"from", 0.1}, {"over", 100}, {"to", 0.01}}, {}},
       {0.09997779521645793, 0.0620395509268104, 0.01944302444309392}}};
  const int64_t steps[] = {1, 45, 79};
  for (const auto &[schedule, wanted] : recorded)
    for (size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(reference::learningRate(optimizers::complete(sgdWith(schedule)), steps[i]), wanted[i], 1e-12)
          << toText(schedule) << ", step " << steps[i];
}

TEST(Averages, AreThoseOfAllValues) {
  for (const Call &average : {Call{"ema", {{"decay", 0.9}}, {}}, Call{"ema", {{"decay", 0.999}}, {}},
                              Call{"window", {{"over", 7}}, {}}, Call{"window", {{"over", 1000}}, {}}}) {
    const Call call = optimizers::complete({"adam", {{"lr", 0.05}}, {{"average", average}}});
    CompiledOptimizer compiled(call);
    ASSERT_TRUE(compiled.ok()) << toText(call);
    compiled.begin(firstValue());
    constexpr size_t kAverage = 2; // After the optimizer's own two slots.
    compiled.slot(kAverage) = firstValue();
    std::vector<double> value = firstValue();
    reference::OptimizerState state;
    for (int64_t step = 0; step < kSteps; ++step) {
      compiled.step(step, gradientOf(step));
      reference::applyOptimizer(call, step, gradientOf(step), value, state);
      const std::string what = toText(call) + ", step " + std::to_string(step);
      expectNear(compiled.value(), value, 1e-5, what);
      expectNear(compiled.slot(kAverage), reference::averageOf(call, state), 1e-5, "average of " + what);
      if (HasFailure())
        return;
    }
  }
}

// Where the gradient has been zero for long, only what decays moves; and a row of any length is one row.
TEST(Optimizers, RowsAreSeenWhole) {
  CompiledOptimizer compiled({"rowwise_adagrad", {{"lr", 1}}, {}});
  ASSERT_TRUE(compiled.ok());
  compiled.begin({0, 0, 0});
  compiled.step(0, {3, 0, 0}); // The mean square is 3.
  expectNear(compiled.value(), {-3 / std::sqrt(3.0), 0, 0}, 1e-6, "one large gradient");
  expectNear(compiled.slot(0), {3}, 1e-6, "the row's sum");
}

TEST(Rules, RefuseWhatTheyDoNotKnow) {
  EXPECT_EQ(optimizers::checkOptimizer({"adam", {{"lr", 1}}, {}}), "");
  EXPECT_EQ(optimizers::checkOptimizer({"adam", {}, {}}), "optimizer 'adam' needs option 'lr'");
  EXPECT_EQ(optimizers::checkOptimizer({"adam", {{"lr", 1}, {"beta", 1}}, {}}),
            "optimizer 'adam' has no option 'beta'");
  EXPECT_EQ(optimizers::checkOptimizer({"adam", {{"lr", 1}, {"beta1", 1}}, {}}),
            "expected option 'beta1' of optimizer 'adam' to be at least 0 and below 1, got 1");
  EXPECT_EQ(optimizers::checkOptimizer({"sgd", {{"lr", 1}, {"least", 2}, {"most", 1}}, {}}),
            "expected option 'least' of optimizer 'sgd' not to be above 'most'");
  EXPECT_EQ(optimizers::checkOptimizer({"sgd", {{"lr", 1e39}}, {}}),
            "expected option 'lr' of optimizer 'sgd' to be a number that f32 can hold, got 1e+39");
  const std::string byZero = "expected the learning rate of optimizer 'ftrl', which divides by it, to stay above 0";
  EXPECT_EQ(optimizers::checkOptimizer({"ftrl", {{"lr", 0}}, {}}), byZero);
  const optimizers::Call falls = {"linear", {{"from", 1}, {"over", 9}}, {}};
  EXPECT_EQ(optimizers::checkOptimizer({"ftrl", {}, {{"lr", falls}}}), byZero);
  EXPECT_EQ(optimizers::checkOptimizer({"ftrl", {}, {{"lr", {"warmup", {{"over", 3}}, {{"to", falls}}}}}}), byZero);
  EXPECT_EQ(optimizers::checkOptimizer({"ftrl", {}, {{"lr", {"linear", {{"from", 1}, {"over", 9}, {"to", 0.1}}, {}}}}}),
            "");
  EXPECT_EQ(optimizers::checkOptimizer({"adam", {}, {{"lr", falls}}}), "");
  EXPECT_EQ(optimizers::checkOptimizer(sgdWith({"cosin", {}, {}})), "there is no schedule 'cosin'");
  EXPECT_EQ(optimizers::checkOptimizer(sgdWith({"warmup", {{"to", 1}, {"over", 1.5}}, {}})),
            "expected option 'over' of schedule 'warmup' to be 1 or more, got 1.5");
  EXPECT_EQ(optimizers::checkOptimizer({"sgd", {{"lr", 1}}, {{"average", {"swa", {}, {}}}}}),
            "expected average ema or window, got 'swa'");
  EXPECT_TRUE(
      optimizers::checkOptimizer({"adan", {{"lr", 1}}, {}}).starts_with("expected one of the optimizers sgd, "));
}

} // namespace
} // namespace heter::compiler
