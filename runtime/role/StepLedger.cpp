// Folding reports into steps.
#include "runtime/role/StepLedger.h"

#include "tests/mutation/Mutation.h"

namespace heter::runtime {

StatusOr<std::vector<CompleteStep>> StepLedger::add(FrameReport report) {
  std::vector<CompleteStep> completed;
  if (report.step < nextStep_ && !HETER_MUTATION("deduplication/late-report"))
    return completed;
  Open &open = open_[report.step];
  if (open.microBatches == 0)
    open.microBatches = report.stepMicroBatches;
  if (open.microBatches != report.stepMicroBatches || report.microBatch < 0 ||
      report.microBatch >= report.stepMicroBatches)
    return Status::internal("micro-batch " + std::to_string(report.microBatch) + " of " +
                            std::to_string(report.stepMicroBatches) + " was reported for step " +
                            std::to_string(report.step) + ", which has " + std::to_string(open.microBatches));
  if (open.reports.contains(report.microBatch) && !HETER_MUTATION("deduplication/report"))
    return completed;
  examples_ += report.examples;
  for (MetricReport &metric : report.metrics)
    if (metric.metric == "auc")
      uncounted_.push_back(std::move(metric));
  std::erase_if(report.metrics, [](const MetricReport &metric) { return metric.metric != "loss"; });
  open.reports.emplace(report.microBatch, std::move(report));
  for (auto it = open_.begin(); it != open_.end() && it->first == nextStep_ &&
                                static_cast<int32_t>(it->second.reports.size()) == it->second.microBatches;
       it = open_.begin()) {
    completed.push_back(complete(it->first, it->second));
    open_.erase(it);
    ++nextStep_;
  }
  return completed;
}

void StepLedger::countPredictions() {
  for (const MetricReport &metric : uncounted_) {
    Auc &auc = aucs_[metric.name];
    if (exactAuc_)
      auc.exact.add(metric.predictions, metric.labels);
    else
      auc.streaming.add(metric.predictions, metric.labels);
  }
  uncounted_.clear();
}

CompleteStep StepLedger::complete(int64_t step, Open &open) {
  CompleteStep result;
  result.step = step;
  LossFold fold;
  for (auto &[index, report] : open.reports) {
    result.microBatches.push_back(index);
    result.examples += report.examples;
    result.lines += report.lines;
    result.after = report.after;
    for (const MetricReport &metric : report.metrics)
      if (metric.metric == "loss") {
        fold.add(metric.value, report.examples);
        break;
      }
  }
  if (fold.examples() > 0) {
    result.loss = fold.mean();
    total_.add(fold.mean(), fold.examples());
    recent_.add(fold.mean(), fold.examples());
  }
  return result;
}

Status StepLedger::checkComplete() const {
  if (open_.empty())
    return Status();
  const auto &[step, open] = *open_.begin();
  return Status::internal("the data ended with " + std::to_string(open.reports.size()) + " of " +
                          std::to_string(open.microBatches) + " micro-batches of step " + std::to_string(step));
}

std::optional<double> StepLedger::loss() const {
  if (total_.examples() == 0)
    return std::nullopt;
  return total_.mean();
}

std::map<std::string, std::optional<double>> StepLedger::aucs() const {
  std::map<std::string, std::optional<double>> values;
  for (const auto &[name, auc] : aucs_)
    values[name] = exactAuc_ ? auc.exact.compute() : auc.streaming.compute();
  return values;
}

std::optional<double> StepLedger::takeRecentLoss() {
  if (recent_.examples() == 0)
    return std::nullopt;
  double mean = recent_.mean();
  recent_.reset();
  return mean;
}

} // namespace heter::runtime
