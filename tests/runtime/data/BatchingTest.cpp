// Which lines go to which micro-batch, step and trainer.
#include "DataTesting.h"

#include "runtime/base/ThreadAnnotations.h"

#include <gmock/gmock.h>

#include <map>

using namespace heter::runtime;
using namespace heter::runtime::testing;
using package::ElementType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

class BatchingTest : public ::testing::Test {
protected:
  BatchingTest() { options_.batchSize = 4; }

  /// A file of the numbers first..last, one a line.
  std::string numbers(const std::string &name, int first, int last) {
    std::string text;
    for (int i = first; i <= last; ++i)
      text += std::to_string(i) + "\n";
    return folder_.write(name, text);
  }
  ReadResult read() { return readAll(source({{"x", column(0)}}), {input("x", ElementType::F32)}, options_); }
  std::string error() { return read().status.message(); }

  TempFolder folder_;
  DataOptions options_;
};

std::vector<float> values(const ReadResult &result) {
  std::vector<float> all;
  for (const BatchPtr &batch : result.batches)
    all.insert(all.end(), batch->tensors[0].floats.begin(), batch->tensors[0].floats.end());
  return all;
}

TEST_F(BatchingTest, LastBatchIsPartial) {
  options_.files = {numbers("a", 1, 10)};
  ReadResult result = read();
  ASSERT_EQ(result.batches.size(), 3u);
  EXPECT_EQ(result.batches[2]->examples, 2);
  EXPECT_EQ(result.batches[2]->firstExample, 8);
  EXPECT_THAT(result.batches[2]->tensors[0].floats, ElementsAre(9, 10));
}

TEST_F(BatchingTest, AFullLastBatchIsNotFollowedByAnEmptyOne) {
  options_.files = {numbers("a", 1, 8)};
  EXPECT_EQ(read().batches.size(), 2u);
  options_.microBatches = 2;
  EXPECT_EQ(read().batches.size(), 2u);
}

TEST_F(BatchingTest, LineRangeCountsOverFilesFromOneBothEndsIncluded) {
  options_.files = {numbers("a", 1, 5), numbers("b", 6, 6), numbers("c", 7, 12)};
  options_.lines = {5, 8};
  EXPECT_THAT(values(read()), ElementsAre(5, 6, 7, 8));
  options_.lines = {11, 99};
  EXPECT_THAT(values(read()), ElementsAre(11, 12));
}

TEST_F(BatchingTest, ARangeThatReachesBeyondTheDataIsWarnedOfOnce) {
  std::vector<std::string> warned;
  options_.warn = [&](const std::string &text) { warned.push_back(text.substr(text.rfind('/') + 1)); };
  options_.files = {numbers("a", 1, 50)};
  options_.epochs = 2;
  auto readEverywhere = [&] {
    warned.clear();
    options_.trainerCount = 2;
    for (options_.trainerIndex = 0; options_.trainerIndex < 2; ++options_.trainerIndex)
      read();
    return warned;
  };
  for (LineRange whole : {LineRange{40, 50}, LineRange{40, LineRange().last}, LineRange{}}) {
    options_.lines = whole;
    EXPECT_THAT(readEverywhere(), ElementsAre());
  }
  options_.lines = {40, 60};
  EXPECT_THAT(readEverywhere(), ElementsAre("a ends at line 50: of the 21 lines 40:60 only 11 exist"));
  options_.maxExamples = 5;
  EXPECT_THAT(readEverywhere(), ElementsAre()) << "nobody wanted so many";
}

TEST_F(BatchingTest, PatternsAreSortedAndFilesKeepTheirOrder) {
  numbers("p2", 2, 2);
  numbers("p1", 1, 1);
  options_.files = {numbers("z", 0, 0), folder_.path("p?")};
  EXPECT_THAT(values(read()), ElementsAre(0, 1, 2));
}

TEST_F(BatchingTest, EveryNumberOfTrainersPartitionsTheSameMicroBatches) {
  options_.files = {numbers("a", 1, 103)};
  options_.microBatches = 4;
  options_.epochs = 2;
  std::map<int64_t, BatchPtr> whole;
  for (const BatchPtr &batch : read().batches)
    whole[batch->number] = batch;
  ASSERT_EQ(whole.size(), 52u);
  for (int32_t trainers : {2, 3, 4}) {
    size_t seen = 0;
    for (int32_t trainer = 0; trainer < trainers; ++trainer) {
      options_.trainerCount = trainers;
      options_.trainerIndex = trainer;
      for (const BatchPtr &batch : read().batches) {
        ++seen;
        EXPECT_EQ(batch->number % trainers, trainer);
        ASSERT_TRUE(whole.count(batch->number));
        const Batch &same = *whole[batch->number];
        EXPECT_EQ(batch->tensors[0].floats, same.tensors[0].floats);
        EXPECT_EQ(batch->firstExample, same.firstExample);
        EXPECT_EQ(batch->stepMicroBatches, same.stepMicroBatches);
        EXPECT_EQ(batch->stepExamples, same.stepExamples);
        EXPECT_EQ(batch->step, same.step);
      }
    }
    EXPECT_EQ(seen, whole.size());
  }
}

TEST_F(BatchingTest, AStepNeverMixesEpochs) {
  options_.files = {numbers("a", 1, 10)}; // Micro-batches of 4, 4, 2: steps of 2 and 1.
  options_.microBatches = 2;
  options_.epochs = 2;
  std::vector<int64_t> steps, indices, counts, epochs, firsts, stepExamples;
  for (const BatchPtr &batch : read().batches) {
    steps.push_back(batch->step);
    indices.push_back(batch->index);
    counts.push_back(batch->stepMicroBatches);
    epochs.push_back(batch->epoch);
    firsts.push_back(batch->firstExample);
    stepExamples.push_back(batch->stepExamples);
    EXPECT_EQ(batch->number, batch->step * 2 + batch->index);
  }
  EXPECT_THAT(steps, ElementsAre(0, 0, 1, 2, 2, 3));
  EXPECT_THAT(indices, ElementsAre(0, 1, 0, 0, 1, 0));
  EXPECT_THAT(counts, ElementsAre(2, 2, 1, 2, 2, 1));
  EXPECT_THAT(epochs, ElementsAre(0, 0, 0, 1, 1, 1));
  EXPECT_THAT(firsts, ElementsAre(0, 4, 8, 10, 14, 18));
  EXPECT_THAT(stepExamples, ElementsAre(8, 8, 2, 8, 8, 2));
}

TEST_F(BatchingTest, MaxExamplesCountsThoseOfTheRun) {
  options_.files = {numbers("a", 1, 10)};
  options_.epochs = 3;
  for (int64_t most : {1, 4, 9, 10, 13, 20, 30, 99}) {
    options_.maxExamples = most;
    EXPECT_EQ(values(read()).size(), static_cast<size_t>(std::min<int64_t>(most, 30))) << most;
  }
  options_.maxExamples = 13;
  EXPECT_THAT(values(read()), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 3));
}

TEST_F(BatchingTest, MoreMicroBatchesThanReadAhead) {
  options_.files = {numbers("a", 1, 100)};
  options_.microBatches = 16;
  options_.readAhead = 1;
  ReadResult result = read();
  ASSERT_EQ(result.batches.size(), 25u);
  EXPECT_EQ(result.batches[0]->stepMicroBatches, 16);
  EXPECT_EQ(result.batches[24]->stepMicroBatches, 9);
}

TEST_F(BatchingTest, ATrainerMayGetNothing) {
  options_.files = {numbers("a", 1, 3)};
  options_.microBatches = options_.trainerCount = 4;
  options_.trainerIndex = 3;
  ReadResult result = read();
  EXPECT_TRUE(result.status.ok());
  EXPECT_TRUE(result.batches.empty());
}

TEST_F(BatchingTest, ErrorsKeepComingAndBatchesBeforeThemAreGiven) {
  options_.files = {folder_.write("bad", "1\n2\n3\n4\nx\n")};
  ReadResult result = read();
  EXPECT_EQ(result.batches.size(), 1u);
  EXPECT_THAT(result.status.message(), HasSubstr("bad:5:1: col[0]: expected a number, got `x`"));
}

TEST_F(BatchingTest, EmptyDataIsAnError) {
  options_.files = {folder_.write("empty", "")};
  EXPECT_THAT(error(), HasSubstr("no examples"));
  options_.files = {numbers("a", 1, 5)};
  options_.lines = {9, 12};
  EXPECT_THAT(error(), HasSubstr(" before line 9"));
  options_.files = {};
  EXPECT_THAT(error(), HasSubstr("no data file given"));
  options_.files = {folder_.path("nowhere")};
  EXPECT_THAT(error(), HasSubstr("there is no file"));
  options_.files = {folder_.path("nowhere*")};
  EXPECT_THAT(error(), HasSubstr("no file matches"));
}

TEST_F(BatchingTest, OptionsOutOfRange) {
  options_.files = {numbers("a", 1, 5)};
  options_.batchSize = 0;
  EXPECT_THAT(error(), HasSubstr("the batch size must be at least 1, got 0"));
  options_.batchSize = 1;
  options_.trainerIndex = 1;
  EXPECT_THAT(error(), HasSubstr("trainer 1 of 1 does not exist"));
}

TEST_F(BatchingTest, TheExpectedNumberOfExamplesIsExactAfterAnEpoch) {
  auto files = makePosixFileSystem();
  SimulatedScheduler scheduler(3);
  options_.files = {numbers("a", 100, 199)};
  options_.epochs = 3;
  options_.readAhead = 1000;
  auto stream =
      DataStream::open(source({{"x", column(0)}}), {input("x", ElementType::F32)}, options_, *files, scheduler);
  ASSERT_TRUE(stream.ok());
  scheduler.runUntilIdle();
  EXPECT_EQ((*stream)->progress().examples, 300);
  EXPECT_EQ((*stream)->progress().expectedExamples, 300);
}

TEST_F(BatchingTest, ClosingCancelsReceivers) {
  auto files = makePosixFileSystem();
  SimulatedScheduler scheduler(3);
  options_.files = {numbers("a", 1, 9)};
  auto stream =
      DataStream::open(source({{"x", column(0)}}), {input("x", ElementType::F32)}, options_, *files, scheduler);
  ASSERT_TRUE(stream.ok());
  Status status;
  (*stream)->next([&](StatusOr<BatchPtr> batch) { status = batch.status(); });
  stream->reset();
  scheduler.runUntilIdle();
  EXPECT_EQ(status.code(), StatusCode::Cancelled);
}

TEST(LineRangeTest, Parses) {
  auto range = parseLineRange("8001:10000");
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(range->first, 8001);
  EXPECT_EQ(range->last, 10000);
  EXPECT_EQ(parseLineRange("5:")->first, 5);
  EXPECT_EQ(parseLineRange(":7")->last, 7);
  for (const char *wrong : {"", ":", "5", "0:4", "6:5", "a:b", "1:2:3", "-1:4"})
    EXPECT_FALSE(parseLineRange(wrong).ok()) << wrong;
}

TEST(ThreadedStreamTest, DeliversInOrderOnThreads) {
  TempFolder folder;
  std::string text;
  for (int i = 0; i < 20000; ++i)
    text += std::to_string(i) + "\n";
  DataOptions options;
  options.files = {folder.write("a", text)};
  options.batchSize = 16;
  auto files = makePosixFileSystem();
  auto scheduler = makeThreadedScheduler(2);
  auto stream =
      DataStream::open(source({{"x", column(0)}}), {input("x", ElementType::F32)}, options, *files, *scheduler);
  ASSERT_TRUE(stream.ok());
  Mutex mutex;
  CondVar changed;
  std::vector<BatchPtr> batches(1250);
  int answered = 0;
  for (int i = 0; i < 1250; ++i)
    (*stream)->next([&, i](StatusOr<BatchPtr> batch) {
      MutexLock lock(mutex);
      batches[static_cast<size_t>(i)] = *batch;
      ++answered;
      changed.notifyAll();
    });
  {
    MutexLock lock(mutex);
    while (answered < 1250)
      changed.wait(mutex);
  }
  for (int i = 0; i < 1250; ++i)
    ASSERT_EQ(batches[static_cast<size_t>(i)]->firstExample, i * 16);
}

TEST(FindDataSourceTest, NamesWhatThereIs) {
  package::PackageInfo info;
  info.model = "m";
  EXPECT_THAT(findDataSource(info, "").status().message(), HasSubstr("model `m` has no data binding"));
  info.data.resize(2);
  info.data[0].name = "criteo";
  info.data[1].name = "paddle";
  EXPECT_EQ((*findDataSource(info, ""))->name, "criteo");
  EXPECT_EQ((*findDataSource(info, "paddle"))->name, "paddle");
  EXPECT_THAT(findDataSource(info, "x").status().message(), HasSubstr("it has `criteo`, `paddle`"));
}

// From wherever a step ended, the rest is read as if it had not been interrupted.
TEST_F(BatchingTest, ReadingGoesOnWhereAStepEnded) {
  options_.files = {numbers("a", 1, 11), folder_.write("b", "12\nnonsense\n13\n14\nmore\n15\n"), numbers("c", 16, 20)};
  options_.epochs = 3;
  options_.maxBadLines = 2;
  for (int microBatches : {1, 3})
    for (LineRange lines : {LineRange(), LineRange{3, 19}})
      for (int64_t most : {0, 25, 36}) {
        options_.resume.reset();
        options_.microBatches = microBatches;
        options_.lines = lines;
        options_.maxExamples = most;
        ReadResult whole = read();
        ASSERT_TRUE(whole.status.ok()) << whole.status.message();
        for (size_t k = 0; k < whole.batches.size(); ++k) {
          const Batch &last = *whole.batches[k];
          if (last.index + 1 < last.stepMicroBatches)
            continue; // Not the end of a step.
          options_.resume = last.after;
          ReadResult rest = read();
          ASSERT_TRUE(rest.status.ok()) << rest.status.message();
          ASSERT_EQ(rest.batches.size(), whole.batches.size() - k - 1);
          for (size_t i = 0; i < rest.batches.size(); ++i) {
            const Batch &expected = *whole.batches[k + 1 + i], &got = *rest.batches[i];
            EXPECT_EQ(got.tensors[0].floats, expected.tensors[0].floats);
            EXPECT_EQ(got.firstExample, expected.firstExample);
            EXPECT_EQ(got.epoch, expected.epoch);
            EXPECT_EQ(got.step, expected.step - last.step - 1);
            EXPECT_EQ(got.stepMicroBatches, expected.stepMicroBatches);
            EXPECT_EQ(got.after, expected.after);
          }
        }
      }
}

TEST_F(BatchingTest, OtherDataIsNotGoneOnWith) {
  options_.files = {numbers("a", 1, 20)};
  options_.resume = read().batches[1]->after;
  EXPECT_EQ(values(read()).front(), 9);
  options_.lines = {1, 19};
  EXPECT_THAT(error(), HasSubstr("the model was saved amid other data than this"));
  options_.lines = LineRange();
  options_.files = {numbers("a", 1, 21)};
  EXPECT_THAT(error(), HasSubstr("--restart-data"));
  options_.resume->ended = true;
  EXPECT_EQ(values(read()).front(), 1) << "the next run begins anew";
}

} // namespace
