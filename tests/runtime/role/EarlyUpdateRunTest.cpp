// Local runs that update a large parameter within their frames: the bits of updates at each step's end, and a frame
// that fails behind such an update ends the run with the last save as it was.
#include "tests/runtime/role/TinyGraphs.h"
#include "tests/runtime/role/TinyRun.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heter::runtime::test {
namespace {

using testing::HasSubstr;

constexpr int64_t rows = 256, columns = 128;

int valueOf(const package::Graph &graph, const std::string &name) {
  for (size_t v = 0; v < graph.values.size(); ++v)
    if (graph.values[v].name == name)
      return static_cast<int>(v);
  ADD_FAILURE() << "no value " << name;
  return 0;
}

/// Beside the tiny model, x = dense spread over `rows` columns, h = x big, and x^T h as the gradient of `big`. The
/// report at the end, if `fails`, does not fit a frame of less than 8 examples.
Package widePackage(bool fails) {
  Package package = tinyPackage("local");
  package::Parameter big = package.info.parameters[0];
  big.name = "big";
  big.shape = {rows, columns};
  big.init.scale = 0.01;
  package.info.parameters.insert(package.info.parameters.begin(), big);
  GraphBuilder g;
  g.graph = package.programs[0].train;
  const int x = g.placed("x", batchOf(rows)), w = g.bound("big", f32({rows, columns})),
            h = g.placed("h", batchOf(columns)), gradient = g.placed("gradient", f32({rows, columns}));
  g.kernel("spread", {valueOf(g.graph, "dense")}, {x});
  const int pull = g.node(NodeKind::PULL_DENSE, "big", "", {}, {w}, {{"parameter", text("big")}}),
            multiply = g.library("matmul", {x, w}, {h});
  g.library("matmul", {x, h}, {gradient}, {{"transpose_a", flag(true)}});
  const int push = g.node(NodeKind::PUSH_DENSE, "big", "", {gradient}, {},
                          {{"parameter", text("big")}, {"update_after", integers({pull, multiply})}});
  if (fails) {
    const int labels = g.placed("labels", f32({8}));
    g.kernel("zeros", {valueOf(g.graph, "dense")}, {labels});
    g.node(NodeKind::REPORT, "late", "", {valueOf(g.graph, "p"), labels}, {},
           {{"metric", text("auc")}, {"name", text("late")}}, {push});
  }
  package.programs[0].train = g.graph;
  package.hash = programHash(package.info, package.programs);
  return package;
}

Outcome run(const RunOptions &options, bool fails = false) {
  Simulation simulation;
  simulation.kernels.functions["spread"] = [](void *const *args) {
    for (int64_t e = 0; e < memref(args, 0).size(0); ++e)
      for (int64_t i = 0; i < rows; ++i)
        memref(args, 1).data()[e * rows + i] =
            memref(args, 0).data()[e * denseSize + i % denseSize] * static_cast<float>(i % 7);
  };
  simulation.kernels.functions["zeros"] = [](void *const *args) { std::fill_n(memref(args, 1).data(), 8, 0.0F); };
  return simulate(widePackage(fails), options, simulation);
}

TEST(EarlyUpdateRun, hasTheBitsOfUpdatesAtTheEnd) {
  TinyData data(100);
  RunOptions options = tinyOptions(data);
  options.saveFolder = data.path("early");
  const Outcome early = run(options);
  ASSERT_TRUE(early.result.ok()) << early.result.status().message();
  options.saveFolder = data.path("checked");
  options.poisonFreed = true;
  options.saveEvery = 3;
  const Outcome checked = run(options);
  ASSERT_TRUE(checked.result.ok()) << checked.result.status().message();
  RunOptions atTheEnd = tinyOptions(data);
  atTheEnd.saveFolder = data.path("at-the-end");
  atTheEnd.update = UpdateMode::HalfAsync;
  atTheEnd.staleness = 1;
  atTheEnd.inFlight = 1;
  const Outcome late = run(atTheEnd);
  ASSERT_TRUE(late.result.ok()) << late.result.status().message();
  EXPECT_EQ(losses(early.result), losses(late.result));
  EXPECT_EQ(dump(options.saveFolder), dump(atTheEnd.saveFolder));
  EXPECT_EQ(dump(data.path("early")), dump(atTheEnd.saveFolder));
}

TEST(EarlyUpdateRun, failsBehindAnUpdateAndKeepsTheLastSave) {
  TinyData data(197); // 24 frames of 8, and one of 5
  RunOptions options = tinyOptions(data);
  options.saveFolder = data.path("failed");
  options.saveEvery = 8;
  const Outcome failed = run(options, /*fails=*/true);
  EXPECT_THAT(std::string(failed.result.status().message()), HasSubstr("compares 5 predictions with 8 labels"));
  options.saveFolder = data.path("whole");
  options.maxExamples = 192;
  const Outcome whole = run(options, /*fails=*/true);
  ASSERT_TRUE(whole.result.ok()) << whole.result.status().message();
  EXPECT_EQ(dump(data.path("failed")), dump(options.saveFolder));
}

} // namespace
} // namespace heter::runtime::test
