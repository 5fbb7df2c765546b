// The server role: owns a share of the parameters, answers pulls once their version is there, stages or applies pushes,
// closes steps, saves and loads.
#ifndef HETER_RUNTIME_ROLE_SERVER_H
#define HETER_RUNTIME_ROLE_SERVER_H

#include "runtime/base/ParallelFor.h"
#include "runtime/role/Model.h"
#include "runtime/role/Role.h"
#include "runtime/role/VersionGate.h"
#include "runtime/table/Checkpoint.h"
#include "runtime/table/ParameterStore.h"

#include <atomic>
#include <optional>

namespace heter::runtime {

class Server final : public Role, public std::enable_shared_from_this<Server> {
public:
  /// Listens at `address`.
  Server(const RoleContext &context, int index, std::string address, const std::string &coordinatorAddress);
  ~Server() override;

  void start(UniqueFunction<void(StatusOr<RoleSummary>)> ended) override;
  void interrupt() override { membership_->interrupt(); }

private:
  template <typename M> void serve(StatusOr<typename M::Reply> (Server::*handle)(const typename M::Request &));
  template <typename M> void serveWithRows(StatusOr<typename M::Reply> (Server::*handle)(const typename M::Request &));
  void runWithRows(std::function<void()> run);
  void addMethods();
  void joined(const rpc::JoinReply &reply);
  void whenReady(Completion done);
  void ended(Status status);

  template <typename M>
  void park(const CallContext &call, int64_t minVersion, Responder<M> respond, UniqueFunction<void()> run);
  void pullRows(const CallContext &call, rpc::PullRowsRequest request, Responder<rpc::PullRows> respond);
  void pullDense(const CallContext &call, rpc::PullDenseRequest request, Responder<rpc::PullDense> respond);
  StatusOr<rpc::PullDenseReply> denseReply(const rpc::PullDenseRequest &request);
  Status push(const std::shared_ptr<const rpc::PushRequest> &request);
  StatusOr<rpc::CloseStepReply> closeStep(const rpc::CloseStepRequest &request);
  StatusOr<rpc::Ack> finishSteps(const rpc::FinishStepsRequest &request);
  StatusOr<rpc::Ack> markSave(const rpc::MarkSaveRequest &request);
  StatusOr<rpc::Ack> hurrySave(const rpc::HurrySaveRequest &request);
  StatusOr<rpc::SaveReply> save(const rpc::SaveRequest &request);
  StatusOr<rpc::LoadReply> load(const rpc::LoadRequest &request);
  StatusOr<rpc::ReadTableReply> readTable(const rpc::ReadTableRequest &request);
  StatusOr<rpc::StatsReply> stats(const rpc::StatsRequest &request);
  Status checkGeneration(int64_t generation) const;

  const RoleContext context_;
  const rpc::RoleName self_;
  const std::string address_;
  const Model model_;
  const std::shared_ptr<Strand> strand_;
  const std::shared_ptr<Service> service_;
  const std::shared_ptr<Membership> membership_;
  VersionGate gate_;
  UniqueFunction<void(StatusOr<RoleSummary>)> ended_;

  Pace pace_;                             ///< Of saves amid training.
  std::unique_ptr<ParameterStore> store_; ///< Set before ready_.
  std::unique_ptr<ShardWriter> saves_;    ///< Set before ready_; used by who has set savesInUse_.
  std::atomic<bool> savesInUse_{false};
  bool asynchronous_ = false;         ///< Set before ready_.
  int64_t generation_ = noGeneration; ///< Set before ready_.
  std::atomic<bool> ready_{false};
  std::vector<Completion> waitingForReady_; ///< On the strand.
  std::atomic<int64_t> pushes_{0};
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_SERVER_H
