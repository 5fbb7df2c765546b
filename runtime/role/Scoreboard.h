// The numbers of a run while it goes on: ledgers of both passes, losses by step, speed and progress.
#ifndef HETER_RUNTIME_ROLE_SCOREBOARD_H
#define HETER_RUNTIME_ROLE_SCOREBOARD_H

#include "runtime/base/Scheduler.h"
#include "runtime/role/RunOptions.h"
#include "runtime/role/StepLedger.h"

#include <optional>

namespace heter::runtime {

/// Not thread-safe; lives on a strand.
class Scoreboard {
public:
  Scoreboard(Scheduler &scheduler, const RunHooks &hooks) : scheduler_(scheduler), hooks_(hooks) {}

  /// `resumed`: amid the data.
  void beginTraining(int64_t firstStep, bool resumed = false);
  void beginTest();
  void beginPredicting();

  /// Takes a micro-batch of the current pass in; gives the steps that are complete now.
  StatusOr<std::vector<CompleteStep>> add(FrameReport report);
  /// What of that can wait until they are closed. Call it after each add().
  void countPredictions() {
    if (ledger_)
      ledger_->countPredictions();
  }

  /// Ends the current pass: every step must be complete.
  Status endPhase();
  /// Ends it with what is there.
  void endPhaseEarly();

  int64_t nextStep() const { return ledger_->nextStep(); }

  /// Fills losses, phases, examples, steps and speed; the latter of predicting if that is what was done.
  void fill(RunResult &result) const;

private:
  void begin(int64_t firstStep, bool testing);
  void keepPhase();
  void tellProgress();

  Scheduler &scheduler_;
  const RunHooks &hooks_;
  std::optional<StepLedger> ledger_;
  bool testing_ = false;
  bool predicting_ = false;
  bool resumed_ = false;
  TimePoint phaseStart_{}, lastTold_{};
  int64_t lastExamples_ = 0;
  int64_t expectedExamples_ = 0;
  int64_t steps_ = 0;
  double trainSeconds_ = 0;
  PhaseResult train_;
  std::optional<PhaseResult> test_;
  std::vector<StepLoss> losses_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_SCOREBOARD_H
