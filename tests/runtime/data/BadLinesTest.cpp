// --max-bad-lines: which lines are passed over, who reports them, and which one ends the run.
#include "ReaderTesting.h"

#include <algorithm>
#include <map>

using namespace heter::runtime;
using namespace heter::runtime::testing;
using ::testing::ElementsAre;

namespace {

class BadLinesTest : public ReaderTest {
protected:
  BadLinesTest() {
    bind(number1("x"), column(0));
    options_.warn = [this](const std::string &text) { reported_.push_back(text.substr(text.rfind('/') + 1)); };
    options_.batchSize = 2;
  }

  /// Lines 1, 2, 3, .., of which those in `bad` are malformed.
  static std::string lines(int count, const std::vector<int> &bad) {
    std::string text;
    for (int i = 1; i <= count; ++i)
      text += std::count(bad.begin(), bad.end(), i) ? "bad\n" : std::to_string(i) + "\n";
    return text;
  }
  std::vector<float> values(const ReadResult &result) {
    std::vector<float> all;
    for (const BatchPtr &batch : result.batches)
      all.insert(all.end(), batch->tensors[0].floats.begin(), batch->tensors[0].floats.end());
    return all;
  }

  std::vector<std::string> reported_;
};

TEST_F(BadLinesTest, UpToSoManyArePassedOverAndReported) {
  options_.maxBadLines = 2;
  ReadResult result = read(lines(6, {2, 5}));
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  EXPECT_THAT(values(result), ElementsAre(1, 3, 4, 6));
  EXPECT_EQ(result.batches.size(), 2u);
  EXPECT_THAT(reported_, ElementsAre("lines:2:1: col[0]: expected a number, got `bad`",
                                     "lines:5:1: col[0]: expected a number, got `bad`"));
}

TEST_F(BadLinesTest, TheNextOneIsTheError) {
  options_.maxBadLines = 1;
  EXPECT_EQ(error(lines(6, {2, 5})),
            "lines:5:1: col[0]: expected a number, got `bad`; 1 malformed line was passed over "
            "before it, as many as --max-bad-lines allows");
  EXPECT_EQ(reported_.size(), 1u);
  options_.maxBadLines = 0;
  EXPECT_EQ(error(lines(6, {2, 5})), "lines:2:1: col[0]: expected a number, got `bad`");
  EXPECT_EQ(reported_.size(), 1u);
}

TEST_F(BadLinesTest, EveryNumberOfTrainersSeesTheSameExamplesAndReportsEachLineOnce) {
  options_.maxBadLines = 9;
  options_.microBatches = 3;
  options_.epochs = 2;
  std::string text = lines(41, {1, 2, 7, 8, 9, 20, 33, 40, 41});
  std::map<int64_t, BatchPtr> whole;
  for (const BatchPtr &batch : read(text).batches)
    whole[batch->number] = batch;
  ASSERT_EQ(whole.size(), 32u);
  std::vector<std::string> expected = std::move(reported_);
  EXPECT_EQ(expected.size(), 9u);
  for (int32_t trainers : {2, 3, 5}) {
    reported_.clear();
    size_t seen = 0;
    for (int32_t trainer = 0; trainer < trainers; ++trainer) {
      options_.trainerCount = trainers;
      options_.trainerIndex = trainer;
      ReadResult result = read(text);
      EXPECT_TRUE(result.status.ok()) << result.status.message();
      seen += result.batches.size();
      for (const BatchPtr &batch : result.batches) {
        ASSERT_TRUE(whole.count(batch->number));
        EXPECT_EQ(batch->tensors[0].floats, whole[batch->number]->tensors[0].floats);
        EXPECT_EQ(batch->firstExample, whole[batch->number]->firstExample);
        EXPECT_EQ(batch->stepExamples, whole[batch->number]->stepExamples);
      }
    }
    EXPECT_EQ(seen, whole.size());
    std::sort(reported_.begin(), reported_.end());
    std::vector<std::string> sorted = expected;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(reported_, sorted) << trainers;
  }
}

TEST_F(BadLinesTest, EveryTrainerMeetsTheSameError) {
  options_.maxBadLines = 2;
  options_.microBatches = options_.trainerCount = 3;
  for (options_.trainerIndex = 0; options_.trainerIndex < 3; ++options_.trainerIndex)
    EXPECT_EQ(error(lines(30, {3, 14, 27})), "lines:27:1: col[0]: expected a number, got `bad`; 2 malformed lines were "
                                             "passed over before it, as many as --max-bad-lines allows");
}

TEST_F(BadLinesTest, ARangeOfLinesCountsMalformedOnes) {
  options_.maxBadLines = 5;
  options_.lines = {2, 5};
  EXPECT_THAT(values(read(lines(9, {1, 3, 9}))), ElementsAre(2, 4, 5));
  EXPECT_THAT(reported_, ElementsAre("lines:3:1: col[0]: expected a number, got `bad`"));
}

TEST_F(BadLinesTest, NothingIsLeftOfALineThatFailsHalfWay) {
  source_.bindings.clear();
  inputs_.clear();
  bind(numbers("x", 2), columns(0, 1));
  bind(idList("ids"), expression("id", {columns(2, 4)}));
  bind(idList("more", "n"), expression("id", {columns(2, 3)}));
  bind(idList("last", "n"), expression("id", {columns(3, 4)}));
  options_.maxBadLines = 4;
  options_.batchSize = 9;
  ReadResult result = read("1\t2\t3\t4\t5\n1\t9e99\t3\t4\t5\n6\t7\t8\t9\tx\n6\t7\t8\t9\t\n6\t7\n10\t11\t12\t13\t14\n");
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  const Batch &batch = *result.batches.at(0);
  EXPECT_EQ(batch.examples, 2);
  EXPECT_THAT(batch.tensors[0].floats, ElementsAre(1, 2, 10, 11));
  EXPECT_THAT(batch.tensors[1].integers, ElementsAre(3, 4, 5, 12, 13, 14));
  EXPECT_THAT(batch.tensors[1].offsets, ElementsAre(0, 3, 6));
  EXPECT_THAT(batch.tensors[3].integers, ElementsAre(4, 5, 13, 14));
  EXPECT_EQ(reported_.size(), 4u);
}

TEST_F(BadLinesTest, OnlyMalformedLines) {
  options_.maxBadLines = 9;
  EXPECT_EQ(error(lines(3, {1, 2, 3})), "no examples: 3 lines were read, and all malformed");
}

TEST_F(BadLinesTest, AHeaderIsNoLineThatMayBeMalformed) {
  source_.format = "csv";
  source_.bindings.clear();
  inputs_.clear();
  flag("header", true);
  bind(number1("x"), named("x"));
  options_.maxBadLines = 9;
  EXPECT_EQ(error("price\n1\n"), "lines:1:1: the header line names no column `x`");
}

TEST_F(BadLinesTest, NoNegativeNumber) {
  options_.maxBadLines = -1;
  EXPECT_EQ(error("1\n"), "the most malformed lines must not be negative, got -1");
}

} // namespace
