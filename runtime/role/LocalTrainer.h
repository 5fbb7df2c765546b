// The local mode: one role that reads, computes and owns the parameters, without any message.
#ifndef HETER_RUNTIME_ROLE_LOCALTRAINER_H
#define HETER_RUNTIME_ROLE_LOCALTRAINER_H

#include "runtime/base/ParallelFor.h"
#include "runtime/role/FramePump.h"
#include "runtime/role/LocalParameters.h"
#include "runtime/role/Model.h"
#include "runtime/role/Programs.h"
#include "runtime/role/Role.h"
#include "runtime/role/Scoreboard.h"
#include "runtime/role/TrainerFrame.h"
#include "runtime/table/Checkpoint.h"

#include <deque>
#include <optional>

namespace heter::runtime {

class LocalTrainer final : public std::enable_shared_from_this<LocalTrainer> {
public:
  /// context.transport is not used. `hooks` outlive the trainer.
  LocalTrainer(const RoleContext &context, const RunHooks &hooks);
  ~LocalTrainer();

  /// `ended` is called once, as a task, after which nothing of the trainer runs any more.
  void start(UniqueFunction<void(StatusOr<RunResult>)> ended);

  /// Ends the run early, as RunHooks::interrupted says. Thread-safe.
  void interrupt();

private:
  struct FrameRun;

  // On the strand.
  Status prepare();
  Status startPhase(bool training);
  void runFrame(BatchPtr batch, Completion done);
  int64_t versionFor(const FrameInfo &info) const;
  Status frameFinished(const FrameInfo &info, FrameReport report);
  Status closeSteps();
  Status closeStep(const CompleteStep &step);
  void stepClosed(const CompleteStep &step);
  void closeInBackground(CompleteStep step);
  void backgroundEnded(Status status);
  bool saveIsDue(int64_t stepsClosed) const;
  void saveAndGoOn();
  void saveEnded(Status saved);
  void phaseEnded(Status status);
  Status save(const DataPosition &position);
  void measureMemory();
  void finish(Status status);
  void report();

  const RoleContext context_;
  const Model model_;
  const std::shared_ptr<Strand> strand_;
  Scoreboard scoreboard_;
  UniqueFunction<void(StatusOr<RunResult>)> ended_;
  Programs programs_;
  std::unique_ptr<PackedCopies> copies_; ///< Null in a run that predicts.
  Pace pace_; ///< Of saves amid training: full when there is nothing but the save to wait for.
  std::unique_ptr<ParameterStore> store_;
  std::unique_ptr<LocalParameters> parameters_;
  std::optional<FrameServices> services_;
  MemoryUse memory_;
  std::shared_ptr<FramePump> pump_;
  std::shared_ptr<PredictionOutput> output_; ///< Null unless the run predicts.
  bool training_ = true;
  bool interrupted_ = false;
  bool saved_ = false;
  std::deque<CompleteStep> toClose_;
  bool saving_ = false;    ///< Amid training, which goes on meanwhile.
  bool saveWaits_ = false; ///< The next save is due: no step is closed until the one that is written is done.
  bool saveWaitedBefore_ = false;
  bool closing_ = false; ///< A step, in the background.
  std::optional<Status> endedMeanwhile_;
  Status failedInBackground_; ///< The first failure.
  std::unique_ptr<ShardWriter> saves_;
  DataPosition position_;              ///< Behind the last step that was closed.
  std::optional<DataPosition> resume_; ///< Where training goes on in the data.
  int64_t lastSave_ = 0;               ///< Of this run; 0: none.
  int increments_ = 0;                 ///< Since the last full save.
  uint64_t seed_ = 0;
  int64_t firstStep_ = 0;
  int64_t frames_ = 0;   ///< Of training or predicting.
  int64_t badLines_ = 0; ///< Passed over.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_LOCALTRAINER_H
