// A save amid training goes slowly as long as training goes on, also after one that had to hurry, and at full pace when
// nothing but the save is waited for: the data has ended, the run is interrupted, or the next save is due. With real
// threads and time: a save is made to take long, and whoever writes it is watched for rests.
#include "tests/runtime/base/HookedFiles.h"
#include "tests/runtime/role/TinyModel.h"
#include "tests/runtime/role/TinyRun.h"

#include "runtime/base/Log.h"

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
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

/// Uses so much processor time of this thread.
void workFor(std::chrono::nanoseconds time) {
  timespec begin{}, now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  do
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  while ((now.tv_sec - begin.tv_sec) * 1000000000L + now.tv_nsec - begin.tv_nsec < time.count());
}

constexpr std::chrono::milliseconds appendWork(15);

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
    workFor(appendWork);
    waitsBefore_ = waits();
  }
  static constexpr int calm = 12;
  int appends_ = 0;
  long waitsBefore_ = 0;
};

/// Runs with real threads, and without the warning that a save waits for the one before.
class RunWithSaves {
protected:
  RunWithSaves() {
    setLogSink([](LogLevel, std::string_view) {});
  }
  ~RunWithSaves() { setLogSink(nullptr); }

  static StatusOr<RunResult> runIn(const char *mode, const RunOptions &options, FileSystem &files,
                                   const std::function<void(InProcessRun &)> &before) {
    const Package package = tinyPackage(mode);
    FunctionKernels kernels = tinyKernels();
    std::promise<StatusOr<RunResult>> promise;
    std::optional<InProcessRun> run;
    const RunHooks hooks;
    std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(2);
    run.emplace(RunInputs{package, kernels, files, *scheduler, options, hooks});
    before(*run);
    run->start([&](StatusOr<RunResult> result) { promise.set_value(std::move(result)); });
    StatusOr<RunResult> result = promise.get_future().get();
    run->shutdown();
    scheduler.reset();
    return result;
  }

  TinyData data_;
};

class SavePaceTest : public testing::TestWithParam<std::tuple<const char *, Why>>, protected RunWithSaves {
protected:
  StatusOr<RunResult> run(const RunOptions &options) {
    return runIn(std::get<0>(GetParam()), options, save_.files, [this](InProcessRun &run) {
      if (std::get<1>(GetParam()) == Why::Interrupt)
        save_.atFirst = [&run] { run.interrupt(); };
    });
  }

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

/// Makes the first save take so long that it has to hurry for the second, and keeps the data that comes after the
/// second from being read until some of that save's rows are written.
class TwoSaves : public HookedFiles {
public:
  std::string withheld;                  ///< A file of data.
  std::chrono::nanoseconds secondTook{}; ///< By the clock, for appendsSeen - 1 times the work of an append.
  static constexpr int appendsSeen = 24; ///< Several at a time, which are rested for together, behind them.

  TwoSaves() {
    hook = [this](const std::string &operation, const std::string &path) {
      if (operation != "append" || path.find("rows") == std::string::npos)
        return Status();
      if (path.find("save-000002") != std::string::npos)
        second();
      workFor(appendWork);
      return Status();
    };
  }
  StatusOr<std::unique_ptr<InputFile>> openForRead(const std::string &path) override {
    if (path == withheld) {
      std::unique_lock lock(mutex_);
      written_.wait_for(lock, std::chrono::seconds(60), [this] { return appends_ >= appendsSeen; });
    }
    return HookedFiles::openForRead(path);
  }

private:
  void second() {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (appends_++ == 0)
      begin_ = now;
    if (appends_ == appendsSeen) {
      secondTook = now - begin_;
      written_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable written_;
  int appends_ = 0;
  std::chrono::steady_clock::time_point begin_;
};

class NextSaveTest : public testing::TestWithParam<const char *>, protected RunWithSaves {};

INSTANTIATE_TEST_SUITE_P(Modes, NextSaveTest, testing::Values("local", "ps"));

TEST_P(NextSaveTest, RestsAgainAfterOneThatHadToHurry) {
  const TinyData more;
  TwoSaves files;
  files.withheld = more.file();
  RunOptions options = tinyOptions(data_);
  options.dataFiles.push_back(more.file());
  options.saveFolder = data_.path("model");
  options.saveEvery = 200 / options.batchSize / 2;
  const StatusOr<RunResult> result = runIn(GetParam(), options, files, [](InProcessRun &) {});
  ASSERT_TRUE(result.ok()) << result.status().message();
  // A third of a processor, as far as it rests: what else is to be done there can only make it longer.
  EXPECT_GE(files.secondTook, 2 * (TwoSaves::appendsSeen - 1) * appendWork);
}

} // namespace
} // namespace heter::runtime::test
