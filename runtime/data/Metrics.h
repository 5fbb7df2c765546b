// What training reports: the loss of a step folded from its micro-batches, and the area under the ROC curve (AUC),
// exactly for test passes and by a histogram while training.
#ifndef HETER_RUNTIME_DATA_METRICS_H
#define HETER_RUNTIME_DATA_METRICS_H

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace heter::runtime {

/// The exact AUC: the probability that a random positive example scores above a random negative one, where a tie
/// counts half. Keeps every pair, 5 bytes each. Thread-compatible.
class ExactAuc {
public:
  /// A label above 0.5 is positive. REQUIRES: predictions.size() == labels.size().
  void add(std::span<const float> predictions, std::span<const float> labels);
  void merge(const ExactAuc &other);

  /// Nothing if one of the two classes has no example, or if any prediction was not a number.
  std::optional<double> compute() const;
  int64_t examples() const { return static_cast<int64_t>(predictions_.size()); }

private:
  std::vector<float> predictions_;
  std::vector<uint8_t> positive_;
};

/// AUC by a histogram of 2^16 equal buckets over [0, 1]; predictions in one bucket count as ties, those outside go to
/// the end buckets. Differs from the exact AUC by at most the chance of two examples sharing a bucket, halved.
/// Adding is associative and commutative: histograms of parts merge to the histogram of the whole. Thread-compatible.
class StreamingAuc {
public:
  static constexpr int bucketCount = 1 << 16;

  StreamingAuc();

  /// REQUIRES: predictions.size() == labels.size().
  void add(std::span<const float> predictions, std::span<const float> labels);
  void merge(const StreamingAuc &other);

  /// The counts to send when only the new examples matter: one word an example, bucket * 2 + (positive ? 1 : 0).
  static uint32_t encode(float prediction, float label);
  void addEncoded(std::span<const uint32_t> words);

  /// Nothing if one of the two classes has no example.
  std::optional<double> compute() const;
  int64_t examples() const;

private:
  std::vector<int64_t> counts_; ///< bucket * 2 + positive.
};

/// Folds the mean losses of a step's micro-batches, added in index order, into the step's mean over its examples, in
/// double precision. One micro-batch gives its own loss back exactly.
class LossFold {
public:
  void add(double meanLoss, int64_t examples);
  void reset() { *this = LossFold(); }

  /// 0 if nothing was added.
  double mean() const;
  int64_t examples() const { return examples_; }

private:
  double sum_ = 0;
  int64_t examples_ = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_METRICS_H
