// Which threads read files and which parse: blocking tasks the one, compute threads the other, unless there are
// processors to spare; and that the batches are the same.
#include "DataTesting.h"

#include "tests/runtime/base/HookedFiles.h"
#include "tests/runtime/base/SchedulerAround.h"

#include <gmock/gmock.h>

#include <future>
#include <sys/stat.h>
#include <thread>

using namespace heter::runtime;
using namespace heter::runtime::testing;
using package::ElementType;
using ::testing::HasSubstr;

namespace {

/// Knows whether a task runs that may block.
class WatchedScheduler final : public test::SchedulerAround {
public:
  WatchedScheduler(SimulatedScheduler &scheduler, bool spare) : SchedulerAround(scheduler), spare_(spare) {}
  bool blocking = false;
  int computeTasks = 0;

  void post(Task task) override {
    ++computeTasks;
    SchedulerAround::post(std::move(task));
  }
  void postBlocking(Task task) override {
    SchedulerAround::post([this, task = std::move(task)]() mutable {
      blocking = true;
      task();
      blocking = false;
    });
  }
  bool hasSpareProcessors() const override { return spare_; }

private:
  const bool spare_;
};

/// Counts reads of data outside of tasks that may block, and fails the `failing`-th read alone.
class WatchedFiles final : public test::HookedFiles {
public:
  explicit WatchedFiles(const WatchedScheduler &scheduler) : scheduler_(scheduler) {}
  int reads = 0, wrongReads = 0;
  int failing = std::numeric_limits<int>::max();

  StatusOr<std::unique_ptr<InputFile>> openForRead(const std::string &path) override {
    HETER_ASSIGN_OR_RETURN(std::unique_ptr<InputFile> file, HookedFiles::openForRead(path));
    return std::unique_ptr<InputFile>(std::make_unique<Input>(*this, std::move(file)));
  }

private:
  class Input final : public InputFile {
  public:
    Input(WatchedFiles &files, std::unique_ptr<InputFile> file) : files_(files), file_(std::move(file)) {}
    StatusOr<size_t> read(std::span<char> buffer) override {
      files_.wrongReads += !files_.scheduler_.blocking;
      if (++files_.reads == files_.failing)
        return Status::unavailable("the disk is gone");
      return file_->read(buffer);
    }

  private:
    WatchedFiles &files_;
    std::unique_ptr<InputFile> file_;
  };

  const WatchedScheduler &scheduler_;
};

class ReadAheadTest : public ::testing::Test {
protected:
  struct Outcome {
    std::vector<float> values;
    std::vector<int64_t> steps;
    std::string error;
    int parsed = 0; ///< Steps, by compute threads.
    int reads = 0, wrongReads = 0;
  };

  /// 100,000 lines, 2.3 MB, in two files.
  ReadAheadTest() {
    for (int file = 0; file < 2; ++file) {
      std::string text;
      for (int i = 0; i < 50000; ++i)
        text += std::to_string(file * 50000 + i) + "\t" + std::string(16, 'x') + "\n";
      options_.files.push_back(folder_.write("lines" + std::to_string(file), text));
    }
    options_.batchSize = 1000;
  }

  Outcome read(bool spare, int failing = std::numeric_limits<int>::max()) {
    SimulatedScheduler simulated(1);
    WatchedScheduler scheduler(simulated, spare);
    WatchedFiles files(scheduler);
    files.failing = failing;
    Outcome outcome;
    scheduler.blocking = true; // The caller of open() may block.
    auto stream =
        DataStream::open(source({{"x", column(0)}}), {input("x", ElementType::F32)}, options_, files, scheduler);
    scheduler.blocking = false;
    EXPECT_TRUE(stream.ok()) << stream.status().message();
    bool more = stream.ok();
    int answers = 0; // each is a task, too
    while (more) {
      bool answered = false;
      (*stream)->next([&](StatusOr<BatchPtr> batch) {
        answered = true;
        ++answers;
        more = batch.ok() && *batch;
        if (!batch.ok())
          outcome.error = batch.status().message();
        if (!more)
          return;
        const std::vector<float> &values = (*batch)->tensors[0].floats;
        outcome.values.insert(outcome.values.end(), values.begin(), values.end());
        outcome.steps.push_back((*batch)->step);
      });
      simulated.runUntil([&] { return answered; });
    }
    outcome.parsed = scheduler.computeTasks - answers;
    outcome.reads = files.reads;
    outcome.wrongReads = files.wrongReads;
    return outcome;
  }

  TempFolder folder_;
  DataOptions options_;
};

TEST_F(ReadAheadTest, ComputeThreadsParseWhatBlockingTasksHaveRead) {
  const Outcome outcome = read(/*spare=*/false);
  ASSERT_EQ(outcome.values.size(), 100000u);
  for (size_t i = 0; i < outcome.values.size(); ++i)
    ASSERT_EQ(outcome.values[i], static_cast<float>(i));
  EXPECT_EQ(outcome.wrongReads, 0);
  EXPECT_GE(outcome.reads, 10) << "pieces of at most 256 KB";
  // All but the first step and the last of either file.
  EXPECT_GE(outcome.parsed, 90) << "of 100 steps";
}

TEST_F(ReadAheadTest, WithProcessorsToSpareBlockingTasksDoBoth) {
  const Outcome beside = read(/*spare=*/true), shared = read(/*spare=*/false);
  EXPECT_EQ(beside.wrongReads, 0);
  EXPECT_EQ(beside.parsed, 0);
  EXPECT_EQ(beside.values, shared.values);
  EXPECT_EQ(beside.steps, shared.steps);
}

TEST_F(ReadAheadTest, EpochsStepsOfSeveralMicroBatchesAndTrainersAreTheSame) {
  options_.epochs = 3;
  options_.microBatches = 3;
  options_.trainerCount = 2;
  options_.lines = {777, 90001};
  for (options_.trainerIndex = 0; options_.trainerIndex < 2; ++options_.trainerIndex) {
    const Outcome beside = read(/*spare=*/true), shared = read(/*spare=*/false);
    EXPECT_EQ(beside.values, shared.values);
    EXPECT_EQ(beside.steps, shared.steps);
    EXPECT_EQ(shared.wrongReads, 0);
  }
}

TEST_F(ReadAheadTest, LinesBeforeTheFirstAreNoneOfAStep) {
  options_.lines = {50001, 100000};
  options_.files = {folder_.path("lines0"), folder_.path("lines1")};
  const Outcome all = read(/*spare=*/false);
  EXPECT_EQ(all.values.size(), 50000u);
  EXPECT_GE(all.parsed, 45) << "of 50 steps: what was passed over, 1.1 MB, is no measure of them";
}

TEST_F(ReadAheadTest, APipeGivesAStepWhichHasNothingBehindIt) {
  options_.files = {folder_.path("pipe")};
  ASSERT_EQ(::mkfifo(options_.files[0].c_str(), 0600), 0);
  std::promise<void> got;
  std::thread writer([&] {
    std::ofstream pipe(options_.files[0]);
    for (int i = 0; i < 3000; ++i)
      pipe << i << "\tx\n";
    pipe.flush();
    got.get_future().wait_for(std::chrono::seconds(20)); // and then the end
  });
  auto files = makePosixFileSystem();
  auto scheduler = makeThreadedScheduler(static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U)));
  auto stream =
      DataStream::open(source({{"x", column(0)}}), {input("x", ElementType::F32)}, options_, *files, *scheduler);
  ASSERT_TRUE(stream.ok());
  std::atomic<int> batches = 0;
  std::promise<void> third;
  for (int i = 0; i < 3; ++i)
    (*stream)->next([&](const StatusOr<BatchPtr> &batch) {
      if (batch.ok() && *batch && ++batches == 3)
        third.set_value();
    });
  EXPECT_EQ(third.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  got.set_value();
  writer.join();
  *stream = nullptr;
  scheduler.reset();
  EXPECT_EQ(batches, 3);
}

TEST_F(ReadAheadTest, AFailureComesBehindTheLinesBeforeIt) {
  for (int failing : {3, 6, 9}) {
    const Outcome beside = read(/*spare=*/true, failing), shared = read(/*spare=*/false, failing);
    EXPECT_THAT(shared.error, HasSubstr("the disk is gone"));
    EXPECT_EQ(shared.error, beside.error);
    EXPECT_EQ(shared.values, beside.values);
    EXPECT_FALSE(shared.values.empty());
  }
}

TEST_F(ReadAheadTest, AStepLongerThanAnyBeforeIsReadAllTheSame) {
  std::string text;
  for (int i = 0; i < 20000; ++i)
    text += std::to_string(i) + "\t" + std::string(i < 10000 ? 1 : 200, 'x') + "\n";
  options_.files = {folder_.write("longer", text)};
  const Outcome outcome = read(/*spare=*/false);
  ASSERT_EQ(outcome.values.size(), 20000u);
  EXPECT_EQ(outcome.values.back(), 19999.0F);
}

} // namespace
