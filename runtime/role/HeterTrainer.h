// The heter-trainer role: runs its part of micro-batches that cpu-trainers ask for, on its device: the dense side, and
// lookups that the model marks for it. It is called by cpu-trainers and calls only the servers and the coordinator; it
// keeps nothing beyond its frames but a replica of the dense parameters and rows that it pulled.
#ifndef HETER_RUNTIME_ROLE_HETERTRAINER_H
#define HETER_RUNTIME_ROLE_HETERTRAINER_H

#include "runtime/role/Channels.h"
#include "runtime/role/Model.h"
#include "runtime/role/Programs.h"
#include "runtime/role/RemoteParameters.h"
#include "runtime/role/Role.h"
#include "runtime/role/TrainerFrame.h"

#include <atomic>
#include <optional>
#include <set>

namespace heter::runtime {

class HeterTrainer final : public Role, public ChannelPort, public std::enable_shared_from_this<HeterTrainer> {
public:
  /// `role` is its key, e.g. "heter-trainer.gpu".
  HeterTrainer(const RoleContext &context, const std::string &role, int index, std::string address,
               const std::string &coordinatorAddress);
  ~HeterTrainer() override;

  void start(UniqueFunction<void(StatusOr<RoleSummary>)> ended) override;
  void interrupt() override { membership_->interrupt(); }

  void send(const FrameInfo &info, const std::string &channel, WireValues values, Completion done) override;
  void receive(const FrameInfo &info, const std::string &channel, WireValuesReceiver done) override;

private:
  void addMethods();
  // On the strand.
  void joined(const rpc::JoinReply &reply);
  void whenReady(Completion done);
  void makeReady(Status status);
  void runFrame(const rpc::RunFrameRequest &request, Responder<rpc::RunFrame> respond);
  void ended(Status status);
  void leaveIfIdle();
  std::shared_ptr<RowCache> makeRowCache(const package::RoleProgram &program, UpdateMode update) const;

  const RoleContext context_;
  const rpc::RoleName self_;
  const std::string address_;
  const Model model_;
  const std::shared_ptr<Strand> strand_;
  const std::shared_ptr<Service> service_;
  const std::shared_ptr<Membership> membership_;
  Mailbox incoming_; ///< From cpu-trainers, taken by RECV nodes.
  Mailbox outgoing_; ///< From SEND nodes, taken by cpu-trainers.
  UniqueFunction<void(StatusOr<RoleSummary>)> ended_;

  Programs programs_;
  int64_t generation_ = noGeneration;
  std::vector<std::shared_ptr<Client>> servers_;
  std::shared_ptr<RowCache> rows_; ///< Null if none are kept.
  std::shared_ptr<RemoteParameters> parameters_;
  std::optional<FrameServices> services_;
  std::optional<Status> readiness_;
  std::vector<Completion> waitingForReady_;
  std::set<std::tuple<bool, int64_t, int32_t, int32_t>> running_;
  int64_t frames_ = 0, examples_ = 0; ///< Of training or predicting.
  std::optional<Status> outcome_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_HETERTRAINER_H
