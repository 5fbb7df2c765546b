// Runs that end before their data does: interrupted by their user, or because the disk takes no more.
#include "tests/runtime/base/HookedFiles.h"
#include "tests/runtime/role/TinyRun.h"

#include "runtime/base/Log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heter::runtime::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class EndEarlyTest : public testing::TestWithParam<const char *> {
protected:
  EndEarlyTest() {
    options_.servers = options_.cpuTrainers = 2;
    options_.microBatches = 4;
    options_.testFiles = {data_.file()};
    setLogSink([](LogLevel, std::string_view) {}); // About old saves that could not be removed.
  }
  ~EndEarlyTest() override { setLogSink(nullptr); }

  TinyData data_;
  Package package_ = tinyPackage(GetParam());
  RunOptions options_ = tinyOptions(data_);
};

INSTANTIATE_TEST_SUITE_P(Modes, EndEarlyTest, testing::Values("local", "heter-ps"),
                         [](const auto &info) { return info.param == std::string("local") ? "Local" : "HeterPs"; });

TEST_P(EndEarlyTest, AnInterruptStopsSteppingAndTellsWhatWasDone) {
  if (GetParam() == std::string("local"))
    GTEST_SKIP() << "a local run takes no virtual time; the end-to-end tests interrupt one";
  options_.saveFolder = data_.path("model");
  Outcome whole = simulate(package_, options_, 1, milliseconds(20));
  ASSERT_TRUE(whole.result.ok());
  EXPECT_FALSE(whole.result->interrupted);
  EXPECT_TRUE(whole.result->saved);
  std::string saved = dump(options_.saveFolder);
  for (uint64_t seed = 1; seed < 6; ++seed) {
    TimePoint when = milliseconds(100 + 60 * seed);
    Simulation simulation{.seed = seed, .weather = MemoryNetwork::randomDelay(seed, milliseconds(20))};
    simulation.before = [&](InProcessRun &run, SimulatedScheduler &scheduler) {
      scheduler.postAt(when, [&] { run.interrupt(); });
    };
    Outcome outcome = simulate(package_, options_, std::move(simulation));
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.status().message();
    const RunResult &result = *outcome.result;
    EXPECT_TRUE(result.interrupted);
    EXPECT_FALSE(result.saved);
    EXPECT_LT(outcome.end - when, seconds(2)) << "seed " << seed;
    EXPECT_LT(result.steps, whole.result->steps);
    EXPECT_EQ(result.losses.size(), static_cast<size_t>(result.steps));
    for (size_t i = 0; i < result.losses.size(); ++i)
      EXPECT_EQ(result.losses[i].loss, whole.result->losses[i].loss);
    EXPECT_EQ(dump(options_.saveFolder), saved) << "the last save is whole";
  }
}

TEST_P(EndEarlyTest, AnInterruptBeforeTrainingSaysSo) {
  Simulation simulation;
  simulation.before = [&](InProcessRun &run, SimulatedScheduler &scheduler) {
    scheduler.post([&] { run.interrupt(); });
    run.leaveOut("server", 1);
  };
  if (GetParam() == std::string("local"))
    return;
  Outcome outcome = simulate(package_, options_, std::move(simulation));
  EXPECT_EQ(outcome.result.status().code(), StatusCode::Cancelled);
  EXPECT_EQ(outcome.result.status().message(), "interrupted before training began");
}

TEST_P(EndEarlyTest, ASaveInProgressIsFinished) {
  options_.saveFolder = data_.path("calm");
  Outcome calm = simulate(package_, options_, 1);
  ASSERT_TRUE(calm.result.ok() && calm.result->test);
  options_.saveFolder = data_.path("interrupted");
  HookedFiles files;
  Simulation simulation{.files = &files};
  simulation.before = [&](InProcessRun &run, SimulatedScheduler &) {
    files.hook = [&](const std::string &operation, const std::string &) {
      if (operation == "append")
        run.interrupt();
      return Status();
    };
  };
  Outcome outcome = simulate(package_, options_, std::move(simulation));
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.status().message();
  EXPECT_TRUE(outcome.result->interrupted);
  EXPECT_TRUE(outcome.result->saved);
  EXPECT_FALSE(outcome.result->test) << "nothing is begun after the save";
  EXPECT_EQ(dump(options_.saveFolder), dump(data_.path("calm")));
}

// Whatever operation of a save fails, the run ends with one error that names the file, and the folder holds the old
// save or, if only old files could not be removed, the new one.
TEST_P(EndEarlyTest, ADiskThatIsFullLeavesThePreviousSave) {
  options_.testFiles.clear();
  options_.saveFolder = data_.path("model");
  options_.maxExamples = 64;
  ASSERT_TRUE(simulate(package_, options_, 1).result.ok());
  std::string old = dump(options_.saveFolder);
  options_.maxExamples = 128;
  int failures = 0;
  for (int fault = 0;; ++fault) {
    HookedFiles files;
    int operations = 0;
    std::string failing;
    files.hook = [&](const std::string &operation, const std::string &path) {
      if (operations++ < fault)
        return Status();
      failing = failing.empty() ? path : failing;
      return Status::resourceExhausted("cannot " + operation + " `" + path + "`: No space left on device");
    };
    Outcome outcome = simulate(package_, options_, Simulation{.files = &files});
    std::string now = dump(options_.saveFolder);
    if (outcome.result.ok()) {
      EXPECT_NE(now, old);
      break;
    }
    ++failures;
    ASSERT_EQ(now, old) << "fault " << fault << ": " << outcome.result.status().message();
    EXPECT_THAT(outcome.result.status().message(), HasSubstr("No space left on device"));
    EXPECT_THAT(outcome.result.status().message(), HasSubstr(options_.saveFolder));
  }
  EXPECT_GT(failures, 8);
}

} // namespace
} // namespace heter::runtime::test
