// Reuse of memory: with its ordering edges a shared plan gives right results in every order; without them the checking
// mode shows the fault.
#include "TestHandler.h"
#include "tests/runtime/support/GraphBuilder.h"
#include "tests/runtime/support/TestKernels.h"

#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/package/Package.h"

#include <cmath>

using namespace heter::runtime;
using namespace heter::runtime::test;

namespace {

/// a = 2x; b = a + 1 and c = 2a read a; d = x + 1 takes a's memory, after both if `ordered`. y = (b + c) + d.
GraphBuilder reuseGraph(bool ordered) {
  GraphBuilder g;
  int x = g.placed("x", f32({-1})), a = g.placed("a", f32({-1})), b = g.placed("b", f32({-1})),
      c = g.placed("c", f32({-1})), s = g.placed("s", f32({-1})), y = g.placed("y", f32({-1}));
  int d = g.placedAt("d", a);
  g.input("x", x);
  g.kernel("double", {x}, {a});
  int first = g.kernel("increment", {a}, {b}), second = g.kernel("double", {a}, {c});
  g.kernel("increment", {x}, {d}, ordered ? std::vector<int32_t>{first, second} : std::vector<int32_t>{});
  g.kernel("add", {b, c}, {s});
  g.kernel("add", {s, d}, {y});
  g.predict("y", y);
  return g;
}

/// How many of 100 orders give a wrong result.
int wrongResults(const package::Graph &graph) {
  int wrong = 0;
  CpuDevice device;
  FunctionKernels kernels = simpleKernels();
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SimulatedScheduler scheduler(seed);
    auto executable = Executable::create(graph, kernels, device, scheduler, {.poisonFreed = true});
    EXPECT_TRUE(executable.ok()) << executable.status().message();
    TestHandler handler;
    handler.inputs["x"] = {1, 2, 3};
    EXPECT_TRUE(runFrame(scheduler, **executable, handler, frameOf(3)).ok());
    // 2x + 1 + 4x + x + 1
    wrong += handler.predictions["y"] != std::vector<float>{9, 16, 23};
  }
  return wrong;
}

} // namespace

TEST(Memory, ReuseEdgesAreRespected) {
  GraphBuilder graph = reuseGraph(true);
  EXPECT_TRUE(verifyGraph(graph.graph).ok());
  EXPECT_EQ(wrongResults(graph.graph), 0);
}

TEST(Memory, MissingReuseEdgesShow) { EXPECT_GT(wrongResults(reuseGraph(false).graph), 0); }

TEST(Memory, PoisonReplacesWhatNobodyReadsAnyMore) {
  SimulatedScheduler scheduler(1);
  CpuDevice device;
  FunctionKernels kernels = simpleKernels();
  GraphBuilder b;
  int x = b.placed("x", f32({-1})), y = b.placed("y", f32({-1}));
  b.input("x", x);
  int user = b.kernel("double", {x}, {y});
  b.predict("y", y);
  // A node that only waits for x's last user looks at x's memory.
  b.node(NodeKind::SEND, "look", "", {}, {}, {{"channel", text("c")}}, {user});
  for (bool poison : {false, true}) {
    auto executable = Executable::create(b.graph, kernels, device, scheduler, {.poisonFreed = poison});
    ASSERT_TRUE(executable.ok());
    TestHandler handler;
    handler.inputs["x"] = {1, 2};
    float seen = 0;
    handler.other = [&](Frame &frame, int, Completion done) {
      seen = frame.value(x).f32()[1];
      done({});
    };
    ASSERT_OK(runFrame(scheduler, **executable, handler, frameOf(2)));
    EXPECT_EQ(std::isnan(seen), poison);
    EXPECT_EQ(handler.predictions["y"], (std::vector<float>{2, 4}));
  }
}
