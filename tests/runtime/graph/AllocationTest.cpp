// A graph's nodes allocate nothing once a frame of their size has run: a graph of many nodes costs as many allocations
// a frame as one of few. (oneDNN allocates inside its calls, so there is no matmul here.) Its own binary, because it
// replaces operator new.
#include "TestHandler.h"
#include "tests/runtime/support/GraphBuilder.h"
#include "tests/runtime/support/TestKernels.h"

#include <atomic>
#include <cstdlib>
#include <new>

static std::atomic<int64_t> allocations = 0;

// Not inlined, or the compiler sees malloc's memory given to delete.
[[gnu::noinline]] void *operator new(size_t bytes) {
  ++allocations;
  if (void *memory = std::malloc(bytes ? bytes : 1))
    return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void *memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void *memory, size_t) noexcept { std::free(memory); }

using namespace heter::runtime;
using namespace heter::runtime::test;

namespace {

/// `chains` independent chains of a kernel, a copy to the device, calls there and a copy back; and a lookup's gradient.
package::Graph graphOf(int chains) {
  GraphBuilder b;
  int x = b.bound("x", f32({-1})), ids = b.bound("ids", i64({-1})), keys = b.bound("keys", f32({0}), ValueKind::ROWS),
      places = b.placed("places", i64({-1}));
  b.input("x", x);
  b.input("ids", ids);
  b.library("unique_keys", {ids}, {keys, places});
  for (int i = 0; i < chains; ++i) {
    int y = b.placed("y", f32({-1})), dy = b.placed("dy", f32({-1}), Space::DEVICE),
        dz = b.placed("dz", f32({-1}), Space::DEVICE), dm = b.placed("dm", f32({-1, 1}), Space::DEVICE),
        z = b.placed("z", f32({-1})), matrix = b.placed("matrix", f32({-1, 1})),
        rows = b.bound("rows", f32({1}), ValueKind::ROWS);
    b.kernel("double", {x}, {y});
    b.copy(y, dy);
    b.kernel("increment", {dy}, {dz});
    b.library("reshape", {dz}, {dm});
    b.copy(dz, z);
    b.library("reshape", {z}, {matrix});
    b.library("lookup_grad", {keys, places, matrix}, {rows},
              {{"pools", text("none")}, {"dim", integer(1)}, {"begins", integers({0})}});
    b.node(NodeKind::PUSH_ROWS, "push", "", {rows}, {}, {{"table", text("t")}, {"part", text("")}});
  }
  return b.graph;
}

class QuietHandler final : public NodeHandler {
public:
  void start(Frame &frame, int node, Completion done) override {
    const package::Node &n = frame.node(node);
    if (n.kind != NodeKind::INPUT)
      return done({});
    bool isIds = n.attributes.at("input").text == "ids";
    done(isIds ? frame.bind(n.outputs[0], ids_.data(), frame.info().examples * 8)
               : frame.bind(n.outputs[0], x_.data(), frame.info().examples * 4));
  }

private:
  std::vector<int64_t> ids_ = std::vector<int64_t>(100, 7);
  std::vector<float> x_ = std::vector<float>(100, 1.0f);
};

int64_t allocationsOfAFrame(int chains) {
  SimulatedScheduler scheduler(1);
  FunctionKernels kernels = simpleKernels();
  auto device = makeDevice("cpu", scheduler);
  package::Graph graph = graphOf(chains);
  auto executable = Executable::create(graph, kernels, **device, scheduler);
  EXPECT_TRUE(executable.ok()) << executable.status().message();
  QuietHandler handler;
  for (int warm = 0; warm < 3; ++warm)
    EXPECT_TRUE(runFrame(scheduler, **executable, handler, frameOf(100)).ok());
  int64_t before = allocations;
  EXPECT_TRUE(runFrame(scheduler, **executable, handler, frameOf(100)).ok());
  EXPECT_TRUE(runFrame(scheduler, **executable, handler, frameOf(60)).ok());
  return allocations - before;
}

} // namespace

namespace {

/// `nodes` kernels, one behind the other or all behind the first, that each add to the float that they are given.
package::Graph bumps(int nodes, bool chain) {
  GraphBuilder b;
  int x = b.bound("x", f32({-1}));
  b.input("x", x);
  for (int i = 0; i < nodes; ++i)
    b.kernel("bump", {x}, {}, {chain ? i : 0});
  return b.graph;
}

/// On threads, with nothing allocated by the waiting itself.
int64_t allocationsOnThreads(const package::Graph &graph, int frames) {
  FunctionKernels kernels;
  static std::atomic<int64_t> bumped;
  bumped = 0;
  kernels.functions["bump"] = [](void *const *) { bumped.fetch_add(1, std::memory_order_relaxed); };
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(2);
  auto device = makeDevice("cpu", *scheduler);
  auto executable = Executable::create(graph, kernels, **device, *scheduler);
  EXPECT_TRUE(executable.ok()) << executable.status().message();
  QuietHandler handler;
  std::atomic<int> ended = 0;
  const auto run = [&](int count) {
    for (int i = 0; i < count; ++i) {
      ended = 0;
      (*executable)->run(frameOf(1), handler, [&ended](Status) {
        ended = 1;
        ended.notify_one();
      });
      ended.wait(0);
    }
  };
  run(10);
  const int64_t before = allocations;
  run(frames);
  const int64_t allocated = allocations - before;
  EXPECT_EQ(bumped, (10 + frames) * (static_cast<int64_t>(graph.nodes.size()) - 1));
  return allocated;
}

} // namespace

TEST(Allocation, FramesAllocateNothing) {
  for (bool chain : {true, false})
    EXPECT_EQ(allocationsOnThreads(bumps(1000, chain), 50), 0) << (chain ? "chain" : "fan-out");
}

TEST(Allocation, NodesAllocateNothing) { EXPECT_EQ(allocationsOfAFrame(1), allocationsOfAFrame(20)); }
