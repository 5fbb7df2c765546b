// A save amid training goes slowly as long as training goes on, and at full pace when nothing but the save is waited
// for: the data has ended, the run is interrupted, or the next save is due. With real threads and time: a save is made
// to take long, and whoever writes it is watched for rests.
#include "tests/runtime/base/HookedFiles.h"
#include "tests/runtime/role/TinyModel.h"
#include "tests/runtime/role/TinyRun.h"

#include "runtime/base/Log.h"

#include <ctime>
#include <future>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace heter::runtime::test {
namespace {

enum class Why { DataEnds, Interrupt, NextSaveIsDue };

/// How often this thread gave its processor up.
long waits() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

/// Makes the appends to the first save's rows take long, and counts between which of them their thread rested.
class SlowSave {
public:
  HookedFiles files;
  std::function<void()> atFirst = [] {};
  int pauses = 0, rests = 0; ///< Of one thread; read when the run has ended.

  SlowSave() {
    files.hook = [this](const std::string &operation, const std::string &path) {
      if (operation == "append" && path.find("save-000001") != std::string::npos &&
          path.find("rows") != std::string::npos)
        append();
      return Status();
    };
  }

private:
  void append() {
    if (appends_++ == 0)
      atFirst();
    else if (appends_ > calm) { // before, training may still have been on its way to where it ends
      ++pauses;
      rests += waits() > waitsBefore_;
    }
    timespec begin{}, now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    do
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000000L + now.tv_nsec - begin.tv_nsec < 15000000);
    waitsBefore_ = waits();
  }
  static constexpr int calm = 12;
  int appends_ = 0;
  long waitsBefore_ = 0;
};

class SavePaceTest : public testing::TestWithParam<std::tuple<const char *, Why>> {
protected:
  SavePaceTest() {
    setLogSink([](LogLevel, std::string_view) {});
  } // Of the save that waits for the one before.
  ~SavePaceTest() override { setLogSink(nullptr); }

  StatusOr<RunResult> run(const RunOptions &options) {
    const Package package = tinyPackage(std::get<0>(GetParam()));
    FunctionKernels kernels = tinyKernels();
    std::promise<StatusOr<RunResult>> promise;
    std::optional<InProcessRun> run;
    const RunHooks hooks;
    std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(2);
    run.emplace(RunInputs{package, kernels, save_.files, *scheduler, options, hooks});
    if (std::get<1>(GetParam()) == Why::Interrupt)
      save_.atFirst = [&] { run->interrupt(); };
    run->start([&](StatusOr<RunResult> result) { promise.set_value(std::move(result)); });
    StatusOr<RunResult> result = promise.get_future().get();
    run->shutdown();
    scheduler.reset();
    return result;
  }

  TinyData data_;
  SlowSave save_;
};

INSTANTIATE_TEST_SUITE_P(Modes, SavePaceTest,
                         testing::Combine(testing::Values("local", "ps"),
                                          testing::Values(Why::DataEnds, Why::Interrupt, Why::NextSaveIsDue)));

TEST_P(SavePaceTest, NobodyRestsForTrainingThatIsOver) {
  RunOptions options = tinyOptions(data_);
  options.saveFolder = data_.path("model");
  const int64_t steps = 200 / options.batchSize;
  options.saveEvery = std::get<1>(GetParam()) == Why::DataEnds ? steps : steps / 4;
  const StatusOr<RunResult> result = run(options);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_TRUE(result->saved);
  EXPECT_EQ(result->interrupted, std::get<1>(GetParam()) == Why::Interrupt);
  // A thread may wait for something else now and then.
  EXPECT_GT(save_.pauses, 10);
  EXPECT_LE(save_.rests, save_.pauses / 4) << "of " << save_.pauses;
}

} // namespace
} // namespace heter::runtime::test
