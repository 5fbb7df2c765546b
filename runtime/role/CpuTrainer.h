// The cpu-trainer role: reads its share of the data, runs the sparse side of each micro-batch, has heter-trainers run
// theirs, and reports what has ended to the coordinator.
#ifndef HETER_RUNTIME_ROLE_CPUTRAINER_H
#define HETER_RUNTIME_ROLE_CPUTRAINER_H

#include "runtime/role/Channels.h"
#include "runtime/role/FramePump.h"
#include "runtime/role/Model.h"
#include "runtime/role/Phase.h"
#include "runtime/role/Programs.h"
#include "runtime/role/RemoteParameters.h"
#include "runtime/role/Role.h"
#include "runtime/role/StepLedger.h"
#include "runtime/role/TrainerFrame.h"

#include <map>
#include <optional>

namespace heter::runtime {

class CpuTrainer final : public Role, public ChannelPort, public std::enable_shared_from_this<CpuTrainer> {
public:
  CpuTrainer(const RoleContext &context, int index, const std::string &coordinatorAddress);
  ~CpuTrainer() override;

  void start(UniqueFunction<void(StatusOr<RoleSummary>)> ended) override;
  void interrupt() override { membership_->interrupt(); }

  void send(const FrameInfo &info, const std::string &channel, WireValues values, Completion done) override;
  void receive(const FrameInfo &info, const std::string &channel, WireValuesReceiver done) override;

private:
  struct FrameRun;

  // On the strand.
  void joined(const rpc::JoinReply &reply);
  void connect(const rpc::JoinReply &reply);
  void startPhase(bool training);
  void runFrame(BatchPtr batch, Completion done);
  void phaseEnded(Status status);
  void nextPhase(StatusOr<rpc::EndOfDataReply> reply);
  void ended(Status status);
  void leaveIfIdle();

  /// What a frame's pulls wait for.
  int64_t versionFor(const FrameInfo &info) const;
  void callHeterTrainers(const FrameInfo &info, const std::shared_ptr<class Countdown> &countdown);
  void reportFinished(const std::shared_ptr<FrameRun> &run, Completion done);
  /// Who of a class runs a micro-batch: its number modulo the class's size.
  Client &instanceFor(const FrameInfo &info, const std::vector<std::shared_ptr<Client>> &clients) const;
  Client *heterTrainerOf(const FrameInfo &info, const std::string &channel);
  std::string describe(const FrameInfo &info, const std::string &channel) const;

  const RoleContext context_;
  const rpc::RoleName self_;
  const Model model_;
  const std::shared_ptr<Strand> strand_;
  const std::shared_ptr<Membership> membership_;
  UniqueFunction<void(StatusOr<RoleSummary>)> ended_;

  Programs programs_;
  int64_t generation_ = noGeneration;
  Staleness staleness_;
  int64_t finalVersion_ = 0; ///< What tests and predictions are made with.
  uint64_t seed_ = 0;
  int cpuTrainers_ = 1;
  int32_t microBatches_ = 1;
  std::optional<DataPosition> resume_; ///< Where training goes on in the data.
  std::vector<std::shared_ptr<Client>> servers_;
  std::map<std::string, std::vector<std::shared_ptr<Client>>> heterTrainers_; ///< By role key.
  std::map<std::string, std::string> channelPeers_;                           ///< Channel to the heter-trainer's key.
  std::shared_ptr<RemoteParameters> parameters_;
  std::optional<FrameServices> services_;

  bool training_ = true;
  std::shared_ptr<FramePump> pump_;
  int64_t frames_ = 0, examples_ = 0; ///< Of training or predicting.
  int64_t badLines_ = 0;              ///< Passed over.
  std::optional<Status> outcome_;     ///< Set once the run has ended.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_CPUTRAINER_H
