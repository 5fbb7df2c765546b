// Any legal placement partitions, verifies, comes to an end and computes what the uncut program computes: 1,000 random
// placements of each sample, and of random graphs.
#include "dialects/ps/PS.h"
#include "frontend/emit/Emit.h"
#include "passes/Passes.h"
#include "passes/Place/Placement.h"
#include "tests/passes/partition/RandomPlacement.h"
#include "tests/passes/partition/SymbolicRun.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <filesystem>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace heter;
using namespace heter::test;

namespace {

const StringRef kRoles[] = {"cpu-trainer", "heter-trainer.heter", "heter-trainer.gpu"};

class PartitionTest : public testing::Test {
protected:
  PartitionTest() {
    context_.disableMultithreading();
    context_.loadDialect<nn::NNDialect, ps::PSDialect>();
    passes_ = std::make_unique<PassManager>(&context_);
    passes_->addPass(createPartition());
  }

  /// Places copies of `module` at random, with `count` seeds from `firstSeed` on, cuts them and runs the pieces.
  void checkPlacements(ModuleOp module, uint64_t firstSeed, uint64_t count);

  MLIRContext context_;
  std::unique_ptr<PassManager> passes_;
};

void PartitionTest::checkPlacements(ModuleOp module, uint64_t firstSeed, uint64_t count) {
  Terms terms;
  std::map<std::string, Outcome> wholes;
  for (auto program : module.getOps<nn::ProgramOp>()) {
    wholes[program.getSymName().str()] = run(program, terms);
    ASSERT_EQ(wholes[program.getSymName().str()].stuck, "");
  }
  for (uint64_t seed = firstSeed; seed < firstSeed + count; ++seed) {
    SCOPED_TRACE(testing::Message() << "placement " << seed);
    OwningOpRef<ModuleOp> copy = module.clone();
    placeRandomly(*copy, kRoles, seed);
    ASSERT_TRUE(succeeded(verifyPlacement(*copy)));
    ASSERT_TRUE(succeeded(passes_->run(*copy)));
    ASSERT_TRUE(copy->getOps<nn::ProgramOp>().empty());
    for (const auto &[graph, whole] : wholes)
      for (Order order : {Order::Dataflow, Order::Listed}) {
        Outcome cut = run(*copy, graph, order, terms);
        ASSERT_EQ(cut.stuck, "");
        ASSERT_EQ(cut.effects, whole.effects);
      }
  }
}

/// A sample at stage place, as --mode=heter-ps has it; one without a mark begins with all ops on the cpu-trainer.
OwningOpRef<ModuleOp> placeSample(const std::string &path, MLIRContext &context) {
  std::string errors;
  llvm::raw_string_ostream out(errors);
  OwningOpRef<ModuleOp> module = frontend::compileSpec(path, context, out);
  if (!module)
    ADD_FAILURE() << errors;
  PassManager passes(&context);
  passes.addPass(createAutodiff());
  passes.addPass(createSimplify());
  passes.addPass(createDistribute());
  passes.addPass(createPlace());
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  bool marked = StringRef(text).contains("\"on:");
  (*module)->setAttr(nn::kModeAttr, StringAttr::get(&context, marked ? "heter-ps" : "ps"));
  if (failed(passes.run(*module)))
    return {};
  (*module)->setAttr(nn::kModeAttr, StringAttr::get(&context, "heter-ps"));
  return module;
}

TEST_F(PartitionTest, Samples) {
  int samples = 0;
  for (const auto &entry : std::filesystem::directory_iterator(HETER_SAMPLES)) {
    if (entry.path().extension() != ".heter")
      continue;
    SCOPED_TRACE(entry.path().string());
    OwningOpRef<ModuleOp> module = placeSample(entry.path().string(), context_);
    ASSERT_TRUE(module);
    ++samples;
    checkPlacements(*module, 0, 1000);
  }
  EXPECT_GE(samples, 6);
}

TEST_F(PartitionTest, SymbolicRunSeesDeadlock) {
  // %z needs %y needs %x: had one message carried %x and %z, neither role could go on.
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(R"mlir(
    ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?xf32>, tensor<?xf32>]
    ps.channel @c1 graph("train") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<?xf32>]
    ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
      %x = nn.input "x" : tensor<?xf32>
      %y = ps.recv @c1 : tensor<?xf32>
      %z = nn.relu %y : tensor<?xf32>
      ps.send @c0 (%x, %z) : tensor<?xf32>, tensor<?xf32>
    }
    ps.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") {
      %0:2 = ps.recv @c0 : tensor<?xf32>, tensor<?xf32>
      %y = nn.tanh %0#0 : tensor<?xf32>
      ps.send @c1 (%y) : tensor<?xf32>
    })mlir",
                                                             &context_);
  ASSERT_TRUE(module);
  Terms terms;
  EXPECT_NE(run(*module, "train", Order::Dataflow, terms).stuck, "");
}

/// A program of `size` ops on random earlier values, which predicts whatever is not used otherwise.
OwningOpRef<ModuleOp> makeRandomGraph(MLIRContext *context, uint64_t seed, int size) {
  std::mt19937_64 random(seed);
  OpBuilder builder(context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  (*module)->setAttr(nn::kModeAttr, builder.getStringAttr("heter-ps"));
  builder.setInsertionPointToEnd(module->getBody());
  auto program = nn::ProgramOp::create(builder, loc, "train");
  builder.setInsertionPointToEnd(&program.getBody().front());
  auto type = RankedTensorType::get({ShapedType::kDynamic, 4}, builder.getF32Type());
  auto cpu = nn::PlaceAttr::get(context, ps::kCpuTrainer, "pinned");
  std::vector<Value> values = {nn::InputOp::create(builder, loc, type, "x", /*label=*/false, cpu)};
  for (int index = 0; index < size; ++index) {
    auto pick = [&] { return values[random() % values.size()]; };
    Value a = pick(), b = pick();
    switch (random() % 4) {
    case 0:
      values.push_back(nn::ReluOp::create(builder, loc, type, a, nn::PlaceAttr()));
      break;
    case 1:
      values.push_back(nn::AddOp::create(builder, loc, type, a, b, nn::PlaceAttr()));
      break;
    case 2:
      values.push_back(nn::MulOp::create(builder, loc, type, a, b, nn::PlaceAttr()));
      break;
    default:
      Value count =
          nn::ExampleCountOp::create(builder, loc, RankedTensorType::get({}, builder.getF32Type()), nn::PlaceAttr());
      values.push_back(nn::BroadcastOp::create(builder, loc, type, count, ArrayRef<int64_t>(), nn::PlaceAttr()));
    }
  }
  for (auto [index, value] : llvm::enumerate(values))
    if (value.use_empty())
      nn::PredictOp::create(builder, loc, "p" + std::to_string(index), value, cpu);
  return module;
}

TEST_F(PartitionTest, RandomGraphs) {
  for (uint64_t seed = 0; seed < 300 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    OwningOpRef<ModuleOp> module = makeRandomGraph(&context_, seed, 5 + static_cast<int>(seed) % 60);
    checkPlacements(*module, seed * 5, 5);
  }
}

} // namespace
