// Nested graphs: IF takes one region, WHILE carries values through rounds up to its limit; both on host and device.
#include "TestHandler.h"
#include "tests/runtime/support/GraphBuilder.h"
#include "tests/runtime/support/TestKernels.h"

#include "runtime/package/Package.h"

#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::HasSubstr;

namespace {

/// Runs `graph` on each kind of scheduler and device; returns the predictions, which must all agree.
std::map<std::string, std::vector<float>>
runEverywhere(const package::Graph &graph, std::map<std::string, std::vector<float>> inputs, int64_t examples) {
  FunctionKernels kernels = simpleKernels();
  std::map<std::string, std::vector<float>> result;
  auto check = [&](const TestHandler &handler) {
    if (result.empty())
      result = handler.predictions;
    EXPECT_EQ(result, handler.predictions);
  };
  for (const char *name : {"cpu", "separate"}) {
    SimulatedScheduler simulated(7);
    auto threaded = makeThreadedScheduler(2);
    for (Scheduler *scheduler : {static_cast<Scheduler *>(&simulated), threaded.get()}) {
      auto device = makeDevice(name, *scheduler);
      auto executable = Executable::create(graph, kernels, **device, *scheduler, {.poisonFreed = true});
      EXPECT_TRUE(executable.ok()) << executable.status().message();
      if (!executable.ok())
        return {};
      for (int repeat = 0; repeat < 3; ++repeat) {
        TestHandler handler;
        handler.inputs = inputs;
        Status status = scheduler == &simulated ? runFrame(simulated, **executable, handler, frameOf(examples))
                                                : runFrame(**executable, handler, frameOf(examples));
        EXPECT_TRUE(status.ok()) << status.message();
        check(handler);
      }
    }
  }
  return result;
}

/// y = a < b ? 2x : x, where the else region gives its argument back as it is.
GraphBuilder ifGraph(Space::type space) {
  GraphBuilder then;
  int tx = then.argument("x", f32({-1}), space), ty = then.placed("y", f32({-1}), space);
  then.kernel("double", {tx}, {ty});
  then.graph.results = {ty};
  GraphBuilder otherwise;
  otherwise.graph.results = {otherwise.argument("x", f32({-1}), space)};

  GraphBuilder b;
  int a = b.placed("a", f32({})), limit = b.placed("b", f32({})), condition = b.placed("condition", boolean()),
      x = b.placed("x", f32({-1})), in = x;
  b.input("a", a);
  b.input("b", limit);
  b.input("x", x);
  b.kernel("less", {a, limit}, {condition});
  int y = b.placed("y", f32({-1})), out = y;
  if (space == Space::DEVICE) {
    in = b.placed("dx", f32({-1}), space);
    out = b.bound("dy", f32({-1}), ValueKind::TENSOR, space);
    b.copy(x, in);
  }
  int node = b.node(NodeKind::IF, "choose", "", {condition, in}, {out});
  b.graph.nodes[node].regions = std::vector<package::Graph>{then.graph, otherwise.graph};
  if (space == Space::DEVICE)
    b.copy(out, y);
  b.predict("y", y);
  return b;
}

/// while i < n limit 8 { i = i + step; v = v * w }, i and n scalars.
GraphBuilder whileGraph(int64_t limit) {
  GraphBuilder condition;
  int ci = condition.argument("i", f32({1}));
  condition.argument("v", f32({-1}));
  int cn = condition.argument("n", f32({1}));
  condition.argument("w", f32({-1}));
  int less = condition.placed("less", boolean());
  condition.kernel("less", {ci, cn}, {less});
  condition.graph.results = {less};

  GraphBuilder body;
  int bi = body.argument("i", f32({1})), bv = body.argument("v", f32({-1}));
  body.argument("n", f32({1}));
  int bw = body.argument("w", f32({-1}));
  int i2 = body.placed("i2", f32({1})), v2 = body.placed("v2", f32({-1}));
  body.kernel("increment", {bi}, {i2});
  body.kernel("mul", {bv, bw}, {v2});
  body.graph.results = {i2, v2};

  GraphBuilder b;
  int i = b.placed("i", f32({1})), n = b.placed("n", f32({1})), v = b.placed("v", f32({-1})),
      w = b.placed("w", f32({-1})), iEnd = b.placed("i_end", f32({1})), vEnd = b.placed("v_end", f32({-1}));
  b.input("i", i);
  b.input("n", n);
  b.input("v", v);
  b.input("w", w);
  int node = b.node(NodeKind::WHILE, "loop", "", {i, v, n, w}, {iEnd, vEnd}, {{"limit", integer(limit)}});
  b.graph.nodes[node].regions = std::vector<package::Graph>{condition.graph, body.graph};
  b.predict("i", iEnd);
  b.predict("v", vEnd);
  return b;
}

} // namespace

TEST(ControlFlow, IfTakesOneRegion) {
  for (Space::type space : {Space::HOST, Space::DEVICE}) {
    GraphBuilder b = ifGraph(space);
    ASSERT_OK(verifyGraph(b.graph));
    auto yes = runEverywhere(b.graph, {{"a", {1}}, {"b", {2}}, {"x", {1, 2, 3}}}, 3);
    EXPECT_EQ(yes["y"], (std::vector<float>{2, 4, 6}));
    auto no = runEverywhere(b.graph, {{"a", {2}}, {"b", {1}}, {"x", {1, 2, 3}}}, 3);
    EXPECT_EQ(no["y"], (std::vector<float>{1, 2, 3}));
  }
}

TEST(ControlFlow, WhileCarriesValues) {
  GraphBuilder b = whileGraph(8);
  ASSERT_OK(verifyGraph(b.graph));
  auto five = runEverywhere(b.graph, {{"i", {0}}, {"n", {5}}, {"v", {1, 1}}, {"w", {2, 3}}}, 2);
  EXPECT_EQ(five["i"], (std::vector<float>{5}));
  EXPECT_EQ(five["v"], (std::vector<float>{32, 243}));
  auto none = runEverywhere(b.graph, {{"i", {0}}, {"n", {0}}, {"v", {1, 1}}, {"w", {2, 3}}}, 2);
  EXPECT_EQ(none["v"], (std::vector<float>{1, 1}));
}

TEST(ControlFlow, WhileStopsAtItsLimit) {
  GraphBuilder b = whileGraph(3);
  auto limited = runEverywhere(b.graph, {{"i", {0}}, {"n", {100}}, {"v", {1}}, {"w", {2}}}, 1);
  EXPECT_EQ(limited["i"], (std::vector<float>{3}));
  EXPECT_EQ(limited["v"], (std::vector<float>{8}));
}

TEST(ControlFlow, ManyRoundsNeedNoStack) {
  GraphBuilder b = whileGraph(100000);
  auto many = runEverywhere(b.graph, {{"i", {0}}, {"n", {20000}}, {"v", {1}}, {"w", {1}}}, 1);
  EXPECT_EQ(many["i"], (std::vector<float>{20000}));
}

TEST(ControlFlow, FailuresInsideNameTheOuterNode) {
  GraphBuilder b = ifGraph(Space::HOST);
  GraphBuilder inner;
  inner.argument("x", f32({-1}));
  int y = inner.bound("y", f32({-1}));
  inner.node(NodeKind::RECV, "inside", "", {}, {y}, {{"channel", text("c")}});
  inner.graph.results = {y};
  for (package::Node &node : b.graph.nodes)
    if (node.kind == NodeKind::IF)
      node.regions[0] = inner.graph;
  SimulatedScheduler scheduler(1);
  FunctionKernels kernels = simpleKernels();
  auto device = makeDevice("cpu", scheduler);
  auto executable = Executable::create(b.graph, kernels, **device, scheduler);
  ASSERT_TRUE(executable.ok()) << executable.status().message();
  TestHandler handler;
  handler.inputs = {{"a", {1}}, {"b", {2}}, {"x", {1}}};
  handler.other = [](Frame &, int, Completion done) { done(Status::unavailable("no peer")); };
  Status status = runFrame(scheduler, **executable, handler, frameOf(1));
  EXPECT_THAT(status.message(), HasSubstr("`choose`: `inside`: no peer"));
}
