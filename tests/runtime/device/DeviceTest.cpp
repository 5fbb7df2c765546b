// Each device's memory, copies and calls, and the errors of wrong names and wrong addresses.
#include "runtime/device/Device.h"

#include <cstring>
#include <gmock/gmock.h>

using namespace heter::runtime;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

/// Runs an asynchronous operation under virtual time and gives its outcome.
template <typename Start> Status finish(SimulatedScheduler &scheduler, Start start) {
  Status result = Status::internal("never ended");
  start([&](Status status) { result = std::move(status); });
  scheduler.runUntilIdle();
  return result;
}

} // namespace

TEST(Device, CopiesAndCallsOnEveryDevice) {
  for (const char *name : {"cpu", "separate", "timed:5ms"}) {
    SimulatedScheduler scheduler(1);
    auto device = makeDevice(name, scheduler);
    ASSERT_TRUE(device.ok()) << device.status().message();
    EXPECT_EQ((*device)->name(), name);
    auto a = (*device)->allocate(64), b = (*device)->allocate(100);
    ASSERT_TRUE(a.ok() && b.ok());
    int32_t in[4] = {1, 2, 3, 4}, out[4] = {};
    EXPECT_TRUE(
        finish(scheduler, [&](Completion done) { (*device)->copyToDevice(*a, in, sizeof in, std::move(done)); }).ok());
    Operand operands[2] = {{*a, sizeof in}, {*b, sizeof in}};
    EXPECT_TRUE(finish(scheduler, [&](Completion done) {
                  (*device)->launch(
                      operands,
                      [](std::span<const Operand> given) -> Status {
                        for (int i = 0; i < 4; ++i)
                          static_cast<int32_t *>(given[1].pointer)[i] =
                              10 * static_cast<int32_t *>(given[0].pointer)[i];
                        return {};
                      },
                      std::move(done));
                }).ok());
    EXPECT_TRUE(
        finish(scheduler, [&](Completion done) { (*device)->copyOnDevice(*a, *b, sizeof in, std::move(done)); }).ok());
    EXPECT_TRUE(
        finish(scheduler, [&](Completion done) { (*device)->copyToHost(out, *a, sizeof out, std::move(done)); }).ok());
    EXPECT_THAT(out, ::testing::ElementsAre(10, 20, 30, 40));
    ASSERT_TRUE((*device)->fill(*a, 0xff, sizeof in).ok());
    (void)finish(scheduler, [&](Completion done) { (*device)->copyToHost(out, *a, sizeof out, std::move(done)); });
    EXPECT_THAT(out, ::testing::Each(-1));
    (*device)->release(*a);
    (*device)->release(*b);
  }
}

TEST(Device, CallsFailWithTheirStatus) {
  for (const char *name : {"cpu", "separate", "timed:5ms"}) {
    SimulatedScheduler scheduler(1);
    auto device = makeDevice(name, scheduler);
    Status status = finish(scheduler, [&](Completion done) {
      (*device)->launch({}, [](auto) { return Status::internal("broken"); }, std::move(done));
    });
    EXPECT_EQ(status.message(), "broken");
  }
}

TEST(Device, SeparateMemoryRefusesTheWrongSide) {
  SimulatedScheduler scheduler(1);
  auto device = makeDevice("separate", scheduler);
  auto memory = (*device)->allocate(64);
  char host[64] = {};
  auto launch = [&](void *pointer, int64_t bytes) {
    Operand operands[] = {{pointer, bytes}};
    return finish(scheduler,
                  [&](Completion done) { (*device)->launch(operands, [](auto) { return Status(); }, std::move(done)); })
        .message();
  };
  EXPECT_EQ(launch(*memory, 64), "");
  EXPECT_EQ(launch(static_cast<char *>(*memory) + 32, 32), "");
  EXPECT_THAT(launch(host, 64), HasSubstr("where a device address is due; a copy node is missing"));
  EXPECT_THAT(launch(*memory, 65), HasSubstr("leaves its allocation"));
  EXPECT_THAT(launch(static_cast<char *>(*memory) - 128, 1), ::testing::AnyOf(HasSubstr("allocation")));
  auto toDevice =
      finish(scheduler, [&](Completion done) { (*device)->copyToDevice(*memory, *memory, 64, std::move(done)); });
  EXPECT_THAT(toDevice.message(), HasSubstr("where a host address is due"));
  auto toHost = finish(scheduler, [&](Completion done) { (*device)->copyToHost(host, host, 64, std::move(done)); });
  EXPECT_THAT(toHost.message(), HasSubstr("where a device address is due"));
  (*device)->release(*memory);
  EXPECT_THAT(launch(*memory, 64), HasSubstr("in no allocation"));
}

TEST(Device, TimedCallsOverlap) {
  SimulatedScheduler scheduler(1);
  auto device = makeDevice("timed:20ms", scheduler);
  int ended = 0;
  for (int i = 0; i < 16; ++i)
    (*device)->launch({}, [](auto) { return Status(); }, [&](Status) { ++ended; });
  EXPECT_EQ(ended, 0);
  scheduler.runUntilIdle();
  EXPECT_EQ(ended, 16);
  EXPECT_EQ(scheduler.now(), 20ms);
}

TEST(Device, NamesAndTimesAreChecked) {
  SimulatedScheduler scheduler(1);
  auto message = [&](const char *name) { return makeDevice(name, scheduler).status().message(); };
  EXPECT_THAT(message("cuda"), HasSubstr("`cuda` is not supported yet"));
  EXPECT_EQ(makeDevice("opencl", scheduler).status().code(), StatusCode::Unimplemented);
  EXPECT_THAT(message("seperate"), HasSubstr("did you mean `separate`?"));
  EXPECT_THAT(message("timed"), HasSubstr("timed:20ms"));
  EXPECT_THAT(message("timed:20"), HasSubstr("`20` is no time"));
  EXPECT_THAT(message("timed:-1ms"), HasSubstr("is no time"));
  EXPECT_THAT(message("cpu:3"), HasSubstr("takes no `:`"));
  EXPECT_EQ(*parseDuration("1.5s"), 1500ms);
  EXPECT_EQ(*parseDuration("300us"), 300us);
}
