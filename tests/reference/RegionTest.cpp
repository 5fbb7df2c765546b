// The reference on nn.if and nn.while, against values by hand, and that --heter-simplify changes nothing of them.
#include "dialects/nn/NN.h"
#include "passes/Passes.h"
#include "tests/reference/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

using namespace heter;

namespace {

/// Adds x (or, if the mean of x is not above 2, 1) until the sum of all is 10 or more, three times at most.
constexpr char kProgram[] = R"mlir(
nn.program @infer {
  %x = nn.input "x" : tensor<?xf32>
  %mean = nn.reduce_mean %x axes [0] : (tensor<?xf32>) -> tensor<f32>
  %two = nn.constant dense<2.0> : tensor<f32>
  %high = nn.compare gt %mean, %two : tensor<f32>
  %r = nn.while (%x) limit(3) : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>):
    %sum = nn.reduce_sum %a axes [0] : (tensor<?xf32>) -> tensor<f32>
    %bound = nn.constant dense<10.0> : tensor<f32>
    %more = nn.compare lt %sum, %bound : tensor<f32>
    nn.yield %more : tensor<i1>
  } do {
  ^bb0(%a: tensor<?xf32>):
    %step = nn.if %high -> tensor<?xf32> {
      nn.yield %x : tensor<?xf32>
    } else {
      %half = nn.constant dense<0.5> : tensor<f32>
      %one = nn.mul %half, %two : tensor<f32>
      %ones = nn.broadcast %one dims [] : tensor<f32> -> tensor<?xf32>
      nn.yield %ones : tensor<?xf32>
    }
    %next = nn.add %a, %step : tensor<?xf32>
    nn.yield %next : tensor<?xf32>
  }
  nn.predict "r" (%r) : tensor<?xf32>
})mlir";

TEST(Regions, ReferenceBeforeAndAfterSimplification) {
  mlir::MLIRContext context;
  context.loadDialect<nn::NNDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kProgram, &context);
  ASSERT_TRUE(module);
  auto expectPrediction = [&](std::vector<double> x, const std::vector<double> &wanted) {
    reference::Environment environment;
    environment.examples = static_cast<int64_t>(x.size());
    environment.inputs["x"] = reference::makeTensor({environment.examples}, std::move(x));
    reference::Outcome outcome = reference::run(module->lookupSymbol("infer"), environment);
    EXPECT_EQ(std::get<reference::Tensor>(outcome.predictions.at("r")).numbers, wanted);
  };
  for (bool simplified : {false, true}) {
    SCOPED_TRACE(simplified);
    expectPrediction({1, 5}, {2, 10});
    expectPrediction({4, 8}, {4, 8});
    expectPrediction({1, 2}, {4, 5});
    expectPrediction({2, 2, 2}, {4, 4, 4});
    mlir::PassManager passes(&context);
    passes.addPass(createSimplify());
    ASSERT_TRUE(mlir::succeeded(passes.run(*module)));
  }
}

} // namespace
