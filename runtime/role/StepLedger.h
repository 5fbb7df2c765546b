// The ledger of steps: which micro-batches have ended, with what losses and metrics, and which steps are complete.
// The coordinator keeps one, and so does a local run.
#ifndef HETER_RUNTIME_ROLE_STEPLEDGER_H
#define HETER_RUNTIME_ROLE_STEPLEDGER_H

#include "runtime/base/DataPosition.h"
#include "runtime/base/Status.h"
#include "runtime/data/Metrics.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace heter::runtime {

/// What one report of the model gave for a micro-batch.
struct MetricReport {
  std::string metric; ///< "loss" or "auc".
  std::string name;
  double value = 0;                       ///< loss: the mean over the micro-batch.
  std::vector<float> predictions, labels; ///< auc.
};

/// A micro-batch that has ended.
struct FrameReport {
  int64_t step = 0;
  int32_t microBatch = 0;
  int32_t stepMicroBatches = 1;
  int64_t examples = 0;
  int64_t expectedExamples = 0; ///< Of the whole pass over all trainers; 0: unknown.
  std::vector<MetricReport> metrics;
  std::string lines;  ///< What was predicted, a line an example.
  DataPosition after; ///< Where the data goes on after the step.
};

struct CompleteStep {
  int64_t step = 0;
  std::vector<int32_t> microBatches; ///< In order.
  int64_t examples = 0;
  std::optional<double> loss;
  std::string lines; ///< Of all its micro-batches, in order.
  DataPosition after;
};

/// Not thread-safe. Results do not depend on the order in which reports come.
class StepLedger {
public:
  /// `exactAuc`: keep all predictions instead of a histogram.
  StepLedger(int64_t firstStep, bool exactAuc) : nextStep_(firstStep), exactAuc_(exactAuc) {}

  /// Takes a report in; returns the steps that are complete now, in order and without gaps. A second report of a
  /// micro-batch changes nothing. Fails if reports of a step disagree.
  StatusOr<std::vector<CompleteStep>> add(FrameReport report);

  /// Counts the predictions of the reports so far. Each goes to a place of its own in memory, so it is not add()'s to
  /// do, behind which a step waits.
  void countPredictions();

  /// The first step that is not complete.
  int64_t nextStep() const { return nextStep_; }
  /// Ok if no step has begun without completing; else names the first one.
  Status checkComplete() const;

  int64_t examples() const { return examples_; } ///< Of all reports.
  std::optional<double> loss() const;            ///< Mean over the complete steps.
  /// Of each auc report that is counted, by its name; null if it cannot be computed.
  std::map<std::string, std::optional<double>> aucs() const;
  /// The mean loss since the last call of this function.
  std::optional<double> takeRecentLoss();

private:
  struct Open {
    int32_t microBatches = 0;
    std::map<int32_t, FrameReport> reports;
  };
  CompleteStep complete(int64_t step, Open &open);

  int64_t nextStep_;
  bool exactAuc_;
  std::map<int64_t, Open> open_;
  int64_t examples_ = 0;
  LossFold total_, recent_;
  struct Auc {
    StreamingAuc streaming;
    ExactAuc exact;
  };
  std::map<std::string, Auc> aucs_;
  std::vector<MetricReport> uncounted_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_STEPLEDGER_H
