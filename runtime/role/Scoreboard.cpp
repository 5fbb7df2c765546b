// Phases and progress.
#include "runtime/role/Scoreboard.h"

#include "runtime/role/Timing.h"

namespace heter::runtime {
namespace {

double secondsOf(Duration duration) { return std::chrono::duration<double>(duration).count(); }

} // namespace

void Scoreboard::beginTraining(int64_t firstStep, bool resumed) {
  begin(firstStep, /*testing=*/false);
  resumed_ = resumed;
}
void Scoreboard::beginTest() { begin(0, /*testing=*/true); }
void Scoreboard::beginPredicting() {
  begin(0, /*testing=*/false);
  predicting_ = true;
}

void Scoreboard::begin(int64_t firstStep, bool testing) {
  testing_ = testing;
  ledger_.emplace(firstStep, /*exactAuc=*/testing);
  phaseStart_ = lastTold_ = scheduler_.now();
  lastExamples_ = 0;
  expectedExamples_ = 0;
}

StatusOr<std::vector<CompleteStep>> Scoreboard::add(FrameReport report) {
  expectedExamples_ = std::max(expectedExamples_, report.expectedExamples);
  HETER_ASSIGN_OR_RETURN(std::vector<CompleteStep> steps, ledger_->add(std::move(report)));
  if (!testing_) {
    steps_ += static_cast<int64_t>(steps.size());
    for (const CompleteStep &step : steps)
      if (step.loss)
        losses_.push_back({step.step, *step.loss});
  }
  if (hooks_.progress && scheduler_.now() - lastTold_ >= progressPeriod)
    tellProgress();
  return steps;
}

void Scoreboard::tellProgress() {
  TimePoint now = scheduler_.now();
  RunProgress progress;
  progress.testing = testing_;
  progress.predicting = predicting_;
  progress.examples = ledger_->examples();
  progress.steps = steps_;
  progress.seconds = secondsOf(now - phaseStart_);
  if (now > lastTold_)
    progress.examplesPerSecond = static_cast<double>(progress.examples - lastExamples_) / secondsOf(now - lastTold_);
  progress.loss = ledger_->takeRecentLoss();
  if (!testing_) {
    ledger_->countPredictions();
    progress.aucs = ledger_->aucs();
  }
  if (expectedExamples_ > 0)
    progress.fraction = std::min(1.0, static_cast<double>(progress.examples) / static_cast<double>(expectedExamples_));
  lastTold_ = now;
  lastExamples_ = progress.examples;
  hooks_.progress(progress);
}

Status Scoreboard::endPhase() {
  HETER_RETURN_IF_ERROR(ledger_->checkComplete());
  if (ledger_->examples() == 0 && resumed_ && !testing_)
    return Status::invalidArgument("the loaded model has been trained on all of this data: --epochs and "
                                   "--max-examples count what it was trained on before; --restart-data begins anew");
  if (ledger_->examples() == 0)
    return Status::invalidArgument(std::string("the ") +
                                   (testing_      ? "test "
                                    : predicting_ ? ""
                                                  : "training ") +
                                   "data has no examples (is the range of lines inside the files?)");
  keepPhase();
  return Status();
}

void Scoreboard::endPhaseEarly() {
  if (ledger_ && ledger_->examples() > 0)
    keepPhase();
}

void Scoreboard::keepPhase() {
  ledger_->countPredictions();
  PhaseResult result{ledger_->loss(), ledger_->aucs(), ledger_->examples()};
  if (!testing_)
    trainSeconds_ = secondsOf(scheduler_.now() - phaseStart_);
  if (hooks_.progress)
    tellProgress();
  if (testing_)
    test_ = result;
  else
    train_ = result;
}

void Scoreboard::fill(RunResult &result) const {
  result.train = train_;
  result.test = test_;
  result.examples = train_.examples;
  result.steps = steps_;
  result.losses = losses_;
  result.seconds = trainSeconds_;
  result.examplesPerSecond = trainSeconds_ > 0 ? static_cast<double>(train_.examples) / trainSeconds_ : 0;
}

} // namespace heter::runtime
