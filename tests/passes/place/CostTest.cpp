// FLOPs and bytes of single ops, counted by hand.
#include "passes/Place/Cost.h"
#include "dialects/ps/PS.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace heter;

namespace {

/// The costs of the last op of a program's `body`.
struct Costs {
  Amount flops;
  Amount bytes; ///< of its first result
};

Costs costsOf(StringRef body) {
  MLIRContext context;
  context.loadDialect<nn::NNDialect, ps::PSDialect>();
  std::string source = ("nn.program @train {\n" + body + "\n}").str();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, ParserConfig(&context));
  if (!module) {
    ADD_FAILURE() << "cannot read " << source;
    return {};
  }
  Operation *op = &(*module->getOps<nn::ProgramOp>().begin()).getBody().front().back();
  return {flopsOf(op), bytesOf(op->getResult(0).getType())};
}

void expectAmount(const Amount &amount, int64_t perExample, int64_t perBatch) {
  EXPECT_EQ(amount.perExample, perExample);
  EXPECT_EQ(amount.perBatch, perBatch);
}

TEST(Cost, Linear) {
  Costs costs = costsOf(R"(%x = nn.input "x" : tensor<?x3xf32>
    %w = nn.constant dense<0.0> : tensor<3x5xf32>
    %b = nn.constant dense<0.0> : tensor<5xf32>
    %y = nn.linear %x, %w, %b : (tensor<?x3xf32>, tensor<3x5xf32>, tensor<5xf32>) -> tensor<?x5xf32>)");
  expectAmount(costs.flops, 2 * 3 * 5 + 5, 0);
  expectAmount(costs.bytes, 20, 0);
}

TEST(Cost, ProductOverTheExamplesCountsForEach) {
  Costs costs = costsOf(R"(%x = nn.input "x" : tensor<?x3xf32>
    %y = nn.input "y" : tensor<?x5xf32>
    %g = nn.matmul %x, %y {transpose_a = true} : (tensor<?x3xf32>, tensor<?x5xf32>) -> tensor<3x5xf32>)");
  expectAmount(costs.flops, 2 * 3 * 5, 0);
  expectAmount(costs.bytes, 0, 60);
}

TEST(Cost, TransposedProduct) {
  Costs costs = costsOf(R"(%x = nn.input "x" : tensor<?x5xf32>
    %w = nn.constant dense<0.0> : tensor<3x5xf32>
    %y = nn.matmul %x, %w {transpose_b = true} : (tensor<?x5xf32>, tensor<3x5xf32>) -> tensor<?x3xf32>)");
  expectAmount(costs.flops, 2 * 3 * 5, 0);
}

TEST(Cost, ReductionOverTheExamplesCountsForEach) {
  Costs costs = costsOf(R"(%x = nn.input "x" : tensor<?x7xf32>
    %y = nn.reduce_sum %x axes [0] : (tensor<?x7xf32>) -> tensor<7xf32>)");
  expectAmount(costs.flops, 7, 0);
  expectAmount(costs.bytes, 0, 28);
}

TEST(Cost, Regions) {
  const char *body = R"(%x = nn.input "x" : tensor<?x7xf32>
    %one = nn.constant dense<1.0> : tensor<f32>
    %yes = nn.compare lt %one, %one : tensor<f32>
    %y = nn.if %yes -> tensor<?x7xf32> {
      %a = nn.sigmoid %x : tensor<?x7xf32>
      nn.yield %a : tensor<?x7xf32>
    } else {
      %a = nn.add %x, %x : tensor<?x7xf32>
      nn.yield %a : tensor<?x7xf32>
    })";
  expectAmount(costsOf(body).flops, 3 * 7, 0);
  const char *loop = R"(%x = nn.input "x" : tensor<?x7xf32>
    %one = nn.constant dense<1.0> : tensor<f32>
    %y = nn.while (%x) limit(9) : (tensor<?x7xf32>) -> tensor<?x7xf32> {
    ^bb0(%a: tensor<?x7xf32>):
      %more = nn.compare lt %one, %one : tensor<f32>
      nn.yield %more : tensor<i1>
    } do {
    ^bb0(%a: tensor<?x7xf32>):
      %b = nn.add %a, %x : tensor<?x7xf32>
      nn.yield %b : tensor<?x7xf32>
    })";
  expectAmount(costsOf(loop).flops, 7, 1);
}

TEST(Cost, OncePerMicroBatch) {
  Costs costs = costsOf(R"(%c = nn.constant dense<0.0> : tensor<7xf32>
    %y = nn.relu %c : tensor<7xf32>)");
  expectAmount(costs.flops, 0, 7);
}

TEST(Cost, MovingIsNotComputing) {
  Costs costs = costsOf(R"(%x = nn.input "x" : tensor<?x2x3xf32>
    %y = nn.reshape %x : tensor<?x2x3xf32> -> tensor<?x6xf32>)");
  expectAmount(costs.flops, 0, 0);
  expectAmount(costsOf(R"(%x = nn.input "x" : tensor<?x26xi64>)").bytes, 208, 0);
}

TEST(Cost, Text) {
  EXPECT_EQ(formatNumber(0), "0");
  EXPECT_EQ(formatNumber(999), "999");
  EXPECT_EQ(formatNumber(1000), "1,000");
  EXPECT_EQ(formatNumber(1234567), "1,234,567");
  EXPECT_EQ(describe({1044, 0}, "B"), "1,044 B an example");
  EXPECT_EQ(describe({0, 0}, "B"), "0 B an example");
  EXPECT_EQ(describe({0, 4}, "B"), "4 B a micro-batch");
  EXPECT_EQ(describe({4, 8}, "B"), "4 B an example + 8 B a micro-batch");
}

} // namespace
