// Frames on devices: the separate-memory device finds missing copies, the timed one shows that frames overlap.
#include "TestHandler.h"
#include "tests/runtime/support/GraphBuilder.h"
#include "tests/runtime/support/TestKernels.h"

#include "runtime/package/VerifyGraph.h"

#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

/// x -> 4x + b computed on the device, through a library call and two kernels. Without `copies` a kernel gets the host
/// value as it is.
GraphBuilder deviceGraph(bool copies) {
  GraphBuilder b;
  int x = b.placed("x", f32({-1})), dx = b.placed("dx", f32({-1}), Space::DEVICE),
      reshaped = b.placed("reshaped", f32({-1, 1}), Space::DEVICE), flat = b.placed("flat", f32({-1}), Space::DEVICE),
      twice = b.placed("twice", f32({-1}), Space::DEVICE), result = b.placed("result", f32({-1}), Space::DEVICE),
      y = b.placed("y", f32({-1}));
  b.input("x", x);
  if (copies)
    b.copy(x, dx);
  b.library("reshape", {copies ? dx : x}, {reshaped});
  b.library("reshape", {reshaped}, {flat});
  b.kernel("double", {flat}, {twice});
  b.kernel("double", {twice}, {result});
  b.copy(result, y);
  b.predict("y", y);
  return b;
}

} // namespace

TEST(DeviceExecution, EveryDeviceGivesTheSame) {
  FunctionKernels kernels = simpleKernels();
  GraphBuilder b = deviceGraph(true);
  EXPECT_TRUE(verifySpaces(b.graph).ok());
  for (const char *name : {"cpu", "separate", "timed:20ms"}) {
    SimulatedScheduler scheduler(3);
    auto device = makeDevice(name, scheduler);
    ASSERT_TRUE(device.ok());
    auto executable = Executable::create(b.graph, kernels, **device, scheduler, {.poisonFreed = true});
    ASSERT_TRUE(executable.ok()) << executable.status().message();
    for (int64_t examples : {3, 0, 100}) {
      TestHandler handler;
      handler.inputs["x"].assign(examples, 1.5f);
      ASSERT_OK(runFrame(scheduler, **executable, handler, frameOf(examples)));
      EXPECT_EQ(handler.predictions["y"], std::vector<float>(examples, 6.0f)) << name;
    }
  }
}

TEST(DeviceExecution, SeparateMemoryCatchesAMissingCopy) {
  FunctionKernels kernels = simpleKernels();
  GraphBuilder b = deviceGraph(false);
  EXPECT_THAT(verifySpaces(b.graph).message(), HasSubstr("a copy node is missing"));
  SimulatedScheduler scheduler(3);
  auto device = makeDevice("separate", scheduler);
  auto executable = Executable::create(b.graph, kernels, **device, scheduler);
  ASSERT_TRUE(executable.ok());
  TestHandler handler;
  handler.inputs["x"] = {1};
  Status status = runFrame(scheduler, **executable, handler, frameOf(1));
  EXPECT_EQ(status.code(), StatusCode::Internal);
  EXPECT_THAT(status.message(), HasSubstr("`reshape`: host address"));
}

TEST(DeviceExecution, FramesOverlapOnATimedDevice) {
  FunctionKernels kernels = simpleKernels();
  GraphBuilder b = deviceGraph(true);
  auto timeOf = [&](int frames) {
    SimulatedScheduler scheduler(5);
    auto device = makeDevice("timed:20ms", scheduler);
    auto executable = Executable::create(b.graph, kernels, **device, scheduler);
    std::vector<TestHandler> handlers(frames);
    int ended = 0;
    for (TestHandler &handler : handlers) {
      handler.inputs["x"] = {1, 2};
      (*executable)->run(frameOf(2), handler, [&](Status status) { ended += status.ok(); });
    }
    scheduler.runUntilIdle();
    EXPECT_EQ(ended, frames);
    return scheduler.now();
  };
  EXPECT_EQ(timeOf(1), 80ms) << "four calls in a row";
  EXPECT_EQ(timeOf(16), 80ms) << "sixteen frames wait at the same time";
}
