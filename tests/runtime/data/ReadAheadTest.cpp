// Which threads read files and which parse: blocking tasks the one, compute threads the other, unless there are
// processors to spare; and that the batches are the same.
#include "DataTesting.h"

#include "tests/runtime/role/HookedFiles.h"

#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::testing;
using package::ElementType;
using ::testing::HasSubstr;

namespace {

/// Knows whether a task runs that may block.
class WatchedScheduler final : public Scheduler {
public:
  explicit WatchedScheduler(bool spare) : spare_(spare) {}
  bool blocking = false;
  int blockingTasks = 0;

  void post(Task task) override { scheduler_.post(std::move(task)); }
  uint64_t postAt(TimePoint when, Task task) override { return scheduler_.postAt(when, std::move(task)); }
  bool cancel(uint64_t timer) override { return scheduler_.cancel(timer); }
  void postBlocking(Task task) override {
    ++blockingTasks;
    scheduler_.post([this, task = std::move(task)]() mutable {
      blocking = true;
      task();
      blocking = false;
    });
  }
  TimePoint now() const override { return scheduler_.now(); }
  int64_t systemSeconds() const override { return scheduler_.systemSeconds(); }
  int concurrency() const override { return 1; }
  bool hasSpareProcessors() const override { return spare_; }

  void runUntil(const std::function<bool()> &done) {
    scheduler_.runUntil([&] { return done(); });
  }

private:
  const bool spare_;
  SimulatedScheduler scheduler_{1};
};

/// Counts reads of data outside of tasks that may block, and fails from the `failing`-th read on.
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
      if (++files_.reads >= files_.failing)
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
    int blockingTasks = 0, reads = 0, wrongReads = 0;
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
    WatchedScheduler scheduler(spare);
    WatchedFiles files(scheduler);
    files.failing = failing;
    Outcome outcome;
    scheduler.blocking = true; // The caller of open() may block.
    auto stream =
        DataStream::open(source({{"x", column(0)}}), {input("x", ElementType::F32)}, options_, files, scheduler);
    scheduler.blocking = false;
    EXPECT_TRUE(stream.ok()) << stream.status().message();
    bool more = stream.ok();
    while (more) {
      bool answered = false;
      (*stream)->next([&](StatusOr<BatchPtr> batch) {
        answered = true;
        more = batch.ok() && *batch;
        if (!batch.ok())
          outcome.error = batch.status().message();
        if (!more)
          return;
        const std::vector<float> &values = (*batch)->tensors[0].floats;
        outcome.values.insert(outcome.values.end(), values.begin(), values.end());
        outcome.steps.push_back((*batch)->step);
      });
      scheduler.runUntil([&] { return answered; });
    }
    outcome.blockingTasks = scheduler.blockingTasks;
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
  // The first step, the last of either file, and whenever less than a step and a half lies ready.
  EXPECT_LT(outcome.blockingTasks, 60) << "of 100 steps";
}

TEST_F(ReadAheadTest, WithProcessorsToSpareBlockingTasksDoBoth) {
  const Outcome beside = read(/*spare=*/true), shared = read(/*spare=*/false);
  EXPECT_EQ(beside.wrongReads, 0);
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
