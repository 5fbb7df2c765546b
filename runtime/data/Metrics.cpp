// AUC and loss folding; Metrics.h says what each computes.
#include "runtime/data/Metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace heter::runtime {

void ExactAuc::add(std::span<const float> predictions, std::span<const float> labels) {
  assert(predictions.size() == labels.size());
  predictions_.insert(predictions_.end(), predictions.begin(), predictions.end());
  for (float label : labels)
    positive_.push_back(label > 0.5f);
}

void ExactAuc::merge(const ExactAuc &other) {
  predictions_.insert(predictions_.end(), other.predictions_.begin(), other.predictions_.end());
  positive_.insert(positive_.end(), other.positive_.begin(), other.positive_.end());
}

std::optional<double> ExactAuc::compute() const {
  std::vector<float> positives, negatives;
  for (size_t i = 0; i < predictions_.size(); ++i) {
    if (std::isnan(predictions_[i]))
      return std::nullopt;
    (positive_[i] ? positives : negatives).push_back(predictions_[i]);
  }
  if (positives.empty() || negatives.empty())
    return std::nullopt;
  std::sort(positives.begin(), positives.end());
  std::sort(negatives.begin(), negatives.end());
  // Counts, in halves, the negatives below and equal to each positive. Both cursors only move forward.
  uint64_t halves = 0;
  size_t below = 0, notAbove = 0;
  for (float positive : positives) {
    while (below < negatives.size() && negatives[below] < positive)
      ++below;
    notAbove = std::max(notAbove, below);
    while (notAbove < negatives.size() && negatives[notAbove] == positive)
      ++notAbove;
    halves += below + notAbove;
  }
  return static_cast<double>(halves) / 2.0 / static_cast<double>(positives.size()) /
         static_cast<double>(negatives.size());
}

StreamingAuc::StreamingAuc() : counts_(size_t{2} * bucketCount, 0) {}

uint32_t StreamingAuc::encode(float prediction, float label) {
  // A prediction that is not a number fails both comparisons and goes to bucket 0.
  uint32_t bucket = 0;
  if (prediction >= 1.0f)
    bucket = bucketCount - 1;
  else if (prediction > 0.0f)
    bucket = static_cast<uint32_t>(prediction * bucketCount);
  return bucket * 2 + (label > 0.5f ? 1 : 0);
}

void StreamingAuc::add(std::span<const float> predictions, std::span<const float> labels) {
  assert(predictions.size() == labels.size());
  for (size_t i = 0; i < predictions.size(); ++i)
    ++counts_[encode(predictions[i], labels[i])];
}

void StreamingAuc::addEncoded(std::span<const uint32_t> words) {
  for (uint32_t word : words)
    if (word < counts_.size())
      ++counts_[word];
}

void StreamingAuc::merge(const StreamingAuc &other) {
  for (size_t i = 0; i < counts_.size(); ++i)
    counts_[i] += other.counts_[i];
}

std::optional<double> StreamingAuc::compute() const {
  double area = 0, negativesBelow = 0, positives = 0;
  for (size_t bucket = 0; bucket < static_cast<size_t>(bucketCount); ++bucket) {
    auto negative = static_cast<double>(counts_[bucket * 2]);
    auto positive = static_cast<double>(counts_[bucket * 2 + 1]);
    area += positive * (negativesBelow + negative / 2);
    negativesBelow += negative;
    positives += positive;
  }
  if (positives == 0 || negativesBelow == 0)
    return std::nullopt;
  return area / positives / negativesBelow;
}

int64_t StreamingAuc::examples() const { return std::accumulate(counts_.begin(), counts_.end(), int64_t{0}); }

void LossFold::add(double meanLoss, int64_t examples) {
  sum_ += meanLoss * static_cast<double>(examples);
  examples_ += examples;
}

double LossFold::mean() const { return examples_ == 0 ? 0.0 : sum_ / static_cast<double>(examples_); }

} // namespace heter::runtime
