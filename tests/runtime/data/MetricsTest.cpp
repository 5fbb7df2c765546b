// AUC against its definition, and the loss of a step.
#include "runtime/data/Metrics.h"

#include "runtime/base/Random.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

using namespace heter::runtime;

namespace {

/// By definition: every pair of a positive and a negative example, ties half.
double aucByPairs(const std::vector<float> &predictions, const std::vector<float> &labels) {
  double wins = 0, pairs = 0;
  for (size_t i = 0; i < labels.size(); ++i)
    for (size_t j = 0; j < labels.size(); ++j)
      if (labels[i] > 0.5f && labels[j] <= 0.5f) {
        ++pairs;
        wins += predictions[i] > predictions[j] ? 1 : predictions[i] == predictions[j] ? 0.5 : 0;
      }
  return wins / pairs;
}

struct Sample {
  std::vector<float> predictions, labels;
};

/// Predictions of `levels` different values, so that there are ties.
Sample makeSample(size_t count, uint32_t levels, uint64_t seed) {
  Sample sample;
  auto key = philoxKey(seed, "metrics");
  for (size_t i = 0; i < count; ++i) {
    auto words = philox4x32({static_cast<uint32_t>(i), 0, 0, 0}, key);
    auto level = static_cast<float>(words[0] % levels) / static_cast<float>(levels);
    sample.predictions.push_back(level);
    sample.labels.push_back(uniformFloat(words[1]) < 0.2f + 0.6f * level ? 1.0f : 0.0f);
  }
  return sample;
}

TEST(ExactAucTest, AgreesWithTheDefinition) {
  for (uint32_t levels : {1u, 2u, 7u, 100000u}) {
    Sample sample = makeSample(400, levels, levels);
    ExactAuc auc;
    auc.add(sample.predictions, sample.labels);
    EXPECT_DOUBLE_EQ(*auc.compute(), aucByPairs(sample.predictions, sample.labels)) << levels;
  }
}

TEST(ExactAucTest, OrderAndPartsDoNotMatter) {
  Sample sample = makeSample(300, 20, 5);
  ExactAuc whole, first, second;
  whole.add(sample.predictions, sample.labels);
  std::span<const float> predictions(sample.predictions), labels(sample.labels);
  first.add(predictions.subspan(100), labels.subspan(100));
  second.add(predictions.first(100), labels.first(100));
  first.merge(second);
  EXPECT_EQ(first.compute(), whole.compute());
  EXPECT_EQ(first.examples(), 300);
}

TEST(ExactAucTest, UndefinedCases) {
  ExactAuc auc;
  EXPECT_FALSE(auc.compute());
  auc.add(std::vector<float>{0.1f, 0.2f}, std::vector<float>{1, 1});
  EXPECT_FALSE(auc.compute());
  auc.add(std::vector<float>{0.15f}, std::vector<float>{0});
  EXPECT_DOUBLE_EQ(*auc.compute(), 0.5);
  auc.add(std::vector<float>{std::numeric_limits<float>::quiet_NaN()}, std::vector<float>{0});
  EXPECT_FALSE(auc.compute());
}

TEST(StreamingAucTest, IsExactOnBucketsAndCloseOtherwise) {
  Sample coarse = makeSample(400, 64, 1);
  StreamingAuc auc;
  auc.add(coarse.predictions, coarse.labels);
  EXPECT_DOUBLE_EQ(*auc.compute(), aucByPairs(coarse.predictions, coarse.labels));
  Sample fine = makeSample(1500, 1u << 30, 2);
  StreamingAuc other;
  other.add(fine.predictions, fine.labels);
  EXPECT_NEAR(*other.compute(), aucByPairs(fine.predictions, fine.labels), 1e-4);
}

TEST(StreamingAucTest, EncodedAndMergedCountsAreTheSame) {
  Sample sample = makeSample(500, 1u << 30, 3);
  StreamingAuc direct, encoded, merged;
  direct.add(sample.predictions, sample.labels);
  std::vector<uint32_t> words;
  for (size_t i = 0; i < sample.labels.size(); ++i)
    words.push_back(StreamingAuc::encode(sample.predictions[i], sample.labels[i]));
  encoded.addEncoded(words);
  merged.merge(encoded);
  EXPECT_EQ(direct.compute(), merged.compute());
  EXPECT_EQ(merged.examples(), 500);
}

TEST(StreamingAucTest, OutOfRangeGoesToTheEnds) {
  EXPECT_EQ(StreamingAuc::encode(-3.0f, 0), 0u);
  EXPECT_EQ(StreamingAuc::encode(std::nanf(""), 1), 1u);
  EXPECT_EQ(StreamingAuc::encode(1.0f, 1), StreamingAuc::bucketCount * 2u - 1);
  EXPECT_EQ(StreamingAuc::encode(7.5f, 0), StreamingAuc::bucketCount * 2u - 2);
  StreamingAuc empty;
  EXPECT_FALSE(empty.compute());
}

TEST(LossFoldTest, WeighsByExamplesAndKeepsASingleLoss) {
  LossFold fold;
  EXPECT_EQ(fold.mean(), 0.0);
  float loss = 0.6931472f;
  fold.add(loss, 127);
  EXPECT_EQ(fold.mean(), static_cast<double>(loss));
  fold.add(1.5, 1);
  EXPECT_NEAR(fold.mean(), (loss * 127.0 + 1.5) / 128, 1e-15);
  EXPECT_EQ(fold.examples(), 128);
}

} // namespace
