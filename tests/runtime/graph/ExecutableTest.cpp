// The executor's order, sizes, failures and waits, on hand-built graphs.
#include "TestHandler.h"
#include "tests/runtime/support/GraphBuilder.h"
#include "tests/runtime/support/TestKernels.h"

#include "runtime/device/cpu/CpuDevice.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <random>
#include <thread>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Executable> make(const package::Graph &graph, const KernelObject &kernels, Device &device,
                                 Scheduler &scheduler, ExecutableOptions options = {}) {
  auto made = Executable::create(graph, kernels, device, scheduler, std::move(options));
  EXPECT_TRUE(made.ok()) << made.status().message();
  return made.ok() ? std::move(*made) : nullptr;
}

/// x -> 2x + 1.
GraphBuilder lineGraph() {
  GraphBuilder b;
  int x = b.placed("x", f32({-1})), y = b.placed("y", f32({-1})), z = b.placed("z", f32({-1}));
  b.input("x", x);
  b.kernel("double", {x}, {y});
  b.kernel("increment", {y}, {z});
  b.predict("z", z);
  return b;
}

/// Random sums and products over four inputs; the last value is predicted.
GraphBuilder randomGraph(unsigned seed, int nodes) {
  std::mt19937 random(seed);
  GraphBuilder b;
  std::vector<int> values;
  for (int i = 0; i < 4; ++i) {
    values.push_back(b.placed("in" + std::to_string(i), f32({-1})));
    b.input("in" + std::to_string(i), values.back());
  }
  for (int i = 0; i < nodes; ++i) {
    int x = values[random() % values.size()], y = values[random() % values.size()];
    values.push_back(b.placed("v" + std::to_string(i), f32({-1})));
    b.kernel(random() % 3 ? "add" : "mul", {x, y}, {values.back()});
  }
  for (size_t i = 4; i < values.size(); ++i)
    b.predict("v" + std::to_string(i - 4), values[i]);
  return b;
}

std::map<std::string, std::vector<float>> randomInputs(unsigned seed, int64_t examples) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-0.9f, 0.9f);
  std::map<std::string, std::vector<float>> inputs;
  for (int i = 0; i < 4; ++i)
    for (int64_t e = 0; e < examples; ++e)
      inputs["in" + std::to_string(i)].push_back(uniform(random));
  return inputs;
}

bool sameBits(const std::map<std::string, std::vector<float>> &a, const std::map<std::string, std::vector<float>> &b) {
  if (a.size() != b.size())
    return false;
  for (const auto &[name, values] : a)
    if (b.at(name).size() != values.size() ||
        std::memcmp(b.at(name).data(), values.data(), values.size() * sizeof(float)) != 0)
      return false;
  return true;
}

} // namespace

TEST(Executable, ExampleCountMayChangeEachFrame) {
  SimulatedScheduler scheduler(1);
  CpuDevice device;
  FunctionKernels kernels = simpleKernels();
  GraphBuilder b = lineGraph();
  auto executable = make(b.graph, kernels, device, scheduler);
  for (int64_t examples : {5, 200, 0, 3, 64, 65}) {
    TestHandler handler;
    for (int64_t e = 0; e < examples; ++e)
      handler.inputs["x"].push_back(static_cast<float>(e));
    handler.inputs["x"];
    ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(examples)));
    ASSERT_EQ(handler.predictions["z"].size(), static_cast<size_t>(examples));
    for (int64_t e = 0; e < examples; ++e)
      EXPECT_EQ(handler.predictions["z"][e], 2 * static_cast<float>(e) + 1);
  }
}

TEST(Executable, AnEmptyGraphEnds) {
  SimulatedScheduler scheduler(1);
  CpuDevice device;
  FunctionKernels kernels;
  package::Graph graph;
  auto executable = make(graph, kernels, device, scheduler);
  TestHandler handler;
  ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(3)));
}

TEST(Executable, ThreadsAndOrderDoNotChangeResults) {
  FunctionKernels kernels = simpleKernels();
  CpuDevice device;
  for (unsigned graphSeed = 0; graphSeed < 5; ++graphSeed) {
    GraphBuilder b = randomGraph(graphSeed, 40);
    std::map<std::string, std::vector<float>> expected;
    for (bool checking : {true, false}) // Otherwise kernels are no more than called.
      for (int threads : {1, 2, 0, -1, -2}) {
        TestHandler handler;
        handler.inputs = randomInputs(graphSeed, 100);
        if (threads > 0) {
          auto scheduler = makeThreadedScheduler(threads);
          auto executable = make(b.graph, kernels, device, *scheduler, {.poisonFreed = checking});
          for (int repeat = 0; repeat < 20; ++repeat)
            ASSERT_OK(runFrame(*executable, handler, frameOf(100)));
        } else {
          SimulatedScheduler scheduler(100 - threads);
          auto executable = make(b.graph, kernels, device, scheduler, {.poisonFreed = checking});
          ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(100)));
        }
        if (expected.empty())
          expected = handler.predictions;
        EXPECT_TRUE(sameBits(expected, handler.predictions)) << threads << (checking ? " checking" : "");
      }
  }
}

TEST(Executable, FramesRunAtOnceWithTheirOwnMemory) {
  auto scheduler = makeThreadedScheduler(2);
  CpuDevice device;
  FunctionKernels kernels = simpleKernels();
  GraphBuilder b = lineGraph();
  auto executable = make(b.graph, kernels, device, *scheduler);
  std::vector<std::unique_ptr<TestHandler>> handlers;
  std::vector<std::future<Status>> ends;
  for (int i = 0; i < 32; ++i) {
    handlers.push_back(std::make_unique<TestHandler>());
    handlers.back()->inputs["x"].assign(i + 1, static_cast<float>(i));
    auto end = std::make_shared<std::promise<Status>>();
    ends.push_back(end->get_future());
    executable->run(frameOf(i + 1), *handlers.back(), [end](Status status) { end->set_value(std::move(status)); });
  }
  for (int i = 0; i < 32; ++i) {
    ASSERT_OK(ends[i].get());
    EXPECT_EQ(handlers[i]->predictions["z"], std::vector<float>(i + 1, 2.0f * static_cast<float>(i) + 1));
  }
}

TEST(Executable, HandlersCompleteFromOtherThreads) {
  auto scheduler = makeThreadedScheduler(2);
  CpuDevice device;
  FunctionKernels kernels = simpleKernels();
  GraphBuilder b;
  int x = b.bound("x", f32({-1})), y = b.placed("y", f32({-1}));
  b.node(NodeKind::RECV, "receive x", "", {}, {x}, {{"channel", text("c0")}});
  b.kernel("double", {x}, {y});
  b.predict("y", y);
  auto executable = make(b.graph, kernels, device, *scheduler);
  std::vector<std::thread> threads;
  TestHandler handler;
  handler.other = [&](Frame &frame, int node, Completion done) {
    threads.emplace_back([&frame, node, done = std::move(done)]() mutable {
      std::this_thread::sleep_for(2ms);
      auto data = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3});
      done(frame.bind(frame.node(node).outputs[0], data->data(), 12, data));
    });
  };
  for (int repeat = 0; repeat < 10; ++repeat) {
    ASSERT_OK(runFrame(*executable, handler, frameOf(3)));
    EXPECT_EQ(handler.predictions["y"], (std::vector<float>{2, 4, 6}));
  }
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Executable, AFailureEndsTheFrameAfterWhatIsOutstanding) {
  SimulatedScheduler scheduler(1);
  CpuDevice device;
  FunctionKernels kernels = simpleKernels();
  GraphBuilder b;
  int x = b.bound("x", f32({-1})), y = b.bound("y", f32({-1})), z = b.placed("z", f32({-1}));
  b.node(NodeKind::RECV, "slow", "", {}, {x}, {{"channel", text("slow")}});
  b.node(NodeKind::RECV, "broken", "", {}, {y}, {{"channel", text("broken")}});
  b.kernel("add", {x, y}, {z});
  b.predict("z", z);
  auto executable = make(b.graph, kernels, device, scheduler);
  TestHandler handler;
  std::vector<float> data = {1, 2};
  handler.other = [&](Frame &frame, int node, Completion done) {
    if (textAttribute(frame.node(node), "channel") == "broken")
      return done(Status::unavailable("the peer is gone"));
    scheduler.postAt(50ms, [&frame, &data, node, done = std::move(done)]() mutable {
      done(frame.bind(frame.node(node).outputs[0], data.data(), 8));
    });
  };
  Status result;
  TimePoint end{};
  executable->run(frameOf(2), handler, [&](Status status) {
    result = std::move(status);
    end = scheduler.now();
  });
  scheduler.runUntilIdle();
  EXPECT_EQ(result.code(), StatusCode::Unavailable);
  EXPECT_THAT(result.message(), HasSubstr("`broken`: the peer is gone"));
  EXPECT_EQ(end, 50ms);
  EXPECT_TRUE(handler.predictions.empty());

  // The pooled frame works again.
  handler.other = [&](Frame &frame, int node, Completion done) {
    done(frame.bind(frame.node(node).outputs[0], data.data(), 8));
  };
  ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(2)));
  EXPECT_EQ(handler.predictions["z"], (std::vector<float>{2, 4}));
}

TEST(Executable, WrongOrMissingBindingsAreErrors) {
  SimulatedScheduler scheduler(1);
  CpuDevice device;
  FunctionKernels kernels;
  GraphBuilder b;
  int x = b.bound("x", f32({-1, 3}));
  b.node(NodeKind::RECV, "receive", "", {}, {x}, {{"channel", text("c")}});
  auto executable = make(b.graph, kernels, device, scheduler);
  TestHandler handler;
  std::vector<float> data(6);
  handler.other = [&](Frame &frame, int, Completion done) { done(frame.bind(x, data.data(), 20)); };
  Status wrong = runFrame(scheduler, *executable, handler, frameOf(2));
  EXPECT_THAT(wrong.message(), HasSubstr("`x` has 24 bytes for 2 examples, but 20 were brought"));
  handler.other = [&](Frame &, int, Completion done) { done({}); };
  Status missing = runFrame(scheduler, *executable, handler, frameOf(2));
  EXPECT_THAT(missing.message(), HasSubstr("output `x` was not filled"));
}

TEST(Executable, OwnersAreReleasedWhenTheFrameEnds) {
  SimulatedScheduler scheduler(1);
  CpuDevice device;
  FunctionKernels kernels;
  GraphBuilder b;
  int w = b.bound("w", f32({4}));
  b.node(NodeKind::PULL_DENSE, "w", "", {}, {w}, {{"parameter", text("w")}});
  b.predict("w", w);
  auto executable = make(b.graph, kernels, device, scheduler);
  auto version = std::make_shared<std::vector<float>>(4, 1.5f);
  TestHandler handler;
  handler.other = [&](Frame &frame, int, Completion done) { done(frame.bind(w, version->data(), 16, version)); };
  ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(1)));
  EXPECT_EQ(handler.predictions["w"], std::vector<float>(4, 1.5f));
  EXPECT_EQ(version.use_count(), 1);
}

TEST(Executable, RowGradientsReachTheHandler) {
  SimulatedScheduler scheduler(1);
  CpuDevice device;
  FunctionKernels kernels;
  GraphBuilder b;
  int ids = b.bound("ids", i64({-1, 2})), dy = b.bound("dy", f32({-1, 2, 1})),
      rows = b.bound("rows", f32({1}), ValueKind::ROWS), different = b.bound("keys", f32({0}), ValueKind::ROWS),
      places = b.placed("places", i64({-1, 2}));
  b.node(NodeKind::RECV, "ids", "", {}, {ids}, {{"channel", text("ids")}});
  b.node(NodeKind::RECV, "dy", "", {}, {dy}, {{"channel", text("dy")}});
  b.library("unique_keys", {ids}, {different, places});
  b.library("lookup_grad", {different, places, dy}, {rows},
            {{"pools", text("none")}, {"dim", integer(1)}, {"begins", integers({0})}});
  b.node(NodeKind::PUSH_ROWS, "push", "", {rows}, {}, {{"table", text("t")}, {"part", text("")}});
  auto executable = make(b.graph, kernels, device, scheduler);
  std::vector<int64_t> idData = {7, 9, 7, 7};
  std::vector<float> dyData = {1, 2, 4, 8};
  std::vector<uint64_t> keys;
  std::vector<float> sums;
  TestHandler handler;
  handler.other = [&](Frame &frame, int node, Completion done) {
    const package::Node &n = frame.node(node);
    if (n.kind == NodeKind::PUSH_ROWS) {
      const TensorRef &value = frame.value(n.inputs[0]);
      keys.assign(value.keys, value.keys + value.count);
      sums.assign(value.f32(), value.f32() + value.count);
      return done({});
    }
    n.name == "ids" ? done(frame.bind(ids, idData.data(), 32)) : done(frame.bind(dy, dyData.data(), 16));
  };
  ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(2)));
  EXPECT_EQ(keys, (std::vector<uint64_t>{7, 9}));
  EXPECT_EQ(sums, (std::vector<float>{13, 2}));
}

TEST(Executable, TimesEachNode) {
  SimulatedScheduler scheduler(1);
  CpuDevice device;
  FunctionKernels kernels = simpleKernels();
  GraphBuilder b = lineGraph();
  std::map<std::string, Duration> times;
  ExecutableOptions options;
  options.nodeTimer = [&](const package::Node &node, const FrameInfo &, TimePoint start, TimePoint end) {
    times[node.name] = end - start;
  };
  auto executable = make(b.graph, kernels, device, scheduler, options);
  TestHandler handler;
  handler.inputs["x"] = {1};
  ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(1)));
  EXPECT_EQ(times.size(), 4u);
}

TEST(Executable, KeptFramesAreNotUsedAgain) {
  SimulatedScheduler scheduler(1);
  CpuDevice device;
  FunctionKernels kernels = simpleKernels();
  GraphBuilder b;
  int x = b.placed("x", f32({-1})), y = b.placed("y", f32({-1}));
  b.input("x", x);
  b.kernel("double", {x}, {y});
  b.node(package::NodeKind::PUSH_DENSE, "push w", "", {y}, {}, {{"parameter", text("w")}});
  auto executable = make(b.graph, kernels, device, scheduler);
  std::vector<std::shared_ptr<const void>> kept;
  std::vector<const float *> pushed;
  TestHandler handler;
  handler.other = [&](Frame &frame, int node, Completion done) {
    int value = frame.node(node).inputs[0];
    kept.push_back(frame.keep(value));
    pushed.push_back(frame.value(value).f32());
    done({});
  };
  for (float value : {1.0F, 2.0F}) {
    handler.inputs["x"] = {value};
    ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(1)));
  }
  ASSERT_TRUE(kept[0] && kept[1]);
  EXPECT_EQ(*pushed[0], 2.0F);
  EXPECT_EQ(*pushed[1], 4.0F);
  kept.erase(kept.begin());
  handler.inputs["x"] = {3};
  ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(1)));
  EXPECT_EQ(pushed[2], pushed[0]) << "a frame that nobody keeps is used again";
  EXPECT_EQ(*pushed[1], 4.0F);
  kept.clear();

  ExecutableOptions poison;
  poison.poisonFreed = true;
  auto checking = make(b.graph, kernels, device, scheduler, poison);
  ASSERT_OK(runFrame(scheduler, *checking, handler, frameOf(1)));
  EXPECT_FALSE(kept.back()) << "poisoned memory cannot be kept";
}

TEST(Executable, UnknownFunctionsAreNamed) {
  SimulatedScheduler scheduler(1);
  CpuDevice device;
  FunctionKernels kernels;
  GraphBuilder b = lineGraph();
  auto missing = Executable::create(b.graph, kernels, device, scheduler);
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.status().message(), HasSubstr("kernel `double` is not in test kernels"));

  GraphBuilder l;
  int x = l.placed("x", f32({-1, 2})), y = l.placed("y", f32({-1, 2}));
  l.input("x", x);
  l.library("reshap", {x}, {y});
  auto misspelt = Executable::create(l.graph, kernels, device, scheduler);
  ASSERT_FALSE(misspelt.ok());
  EXPECT_THAT(misspelt.status().message(), HasSubstr("did you mean `reshape`?"));
}
