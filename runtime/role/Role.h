// What the roles share: what they are made from, their names, and membership in a run (joining, pinging, learning that
// it has ended).
#ifndef HETER_RUNTIME_ROLE_ROLE_H
#define HETER_RUNTIME_ROLE_ROLE_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Scheduler.h"
#include "runtime/package/KernelObject.h"
#include "runtime/package/Package.h"
#include "runtime/role/RunOptions.h"
#include "runtime/role/Strand.h"
#include "runtime/rpc/Client.h"
#include "runtime/rpc/Service.h"

#include <memory>
#include <string>
#include <vector>

namespace heter::runtime {

class ParameterStore;

inline constexpr int64_t noGeneration = 0;

/// What a role is made from. Everything that it refers to outlives the role.
struct RoleContext {
  const Package &package;
  const KernelObject &kernels;
  FileSystem &files;
  Scheduler &scheduler;
  Transport &transport;
  const RunOptions &options;
  bool watch = false;      ///< Peers may stop or be cut off, and messages be lost: for roles in processes of their own.
  bool ownProcess = false; ///< The process's time and memory are this role's.
};

/// Says where rows go that memory has no room for, if there are such tables.
void logTiers(const ParameterStore &store);

/// "server 0", "heter-trainer.gpu 1".
std::string displayName(const std::string &role, int index);
std::string displayName(const rpc::RoleName &name);
rpc::RoleName roleName(const std::string &role, int index);

/// A state machine that takes part in a run. Its owner keeps it until `ended` has been called.
class Role {
public:
  virtual ~Role() = default;
  /// Starts. `ended` is called once, as a task, after which nothing of the role runs any more.
  virtual void start(UniqueFunction<void(StatusOr<RoleSummary>)> ended) = 0;
  /// Its user wants it to leave, which ends the run for all. After `start`. Thread-safe.
  virtual void interrupt() = 0;
};

/// Adds `hello` to a role's service: it refuses another program, mode or generation.
/// `ready` is called for each accepted hello and answers when the role can serve.
void addPeerMethods(Service &service, const RoleContext &context, rpc::RoleName self,
                    std::function<void(Completion)> ready);

/// A client of a peer, by role key and index. It dials at its first call. `lost` as in LaneOptions.
std::shared_ptr<Client> makeClient(const RoleContext &context, const std::string &role, int index,
                                   const std::string &address, std::function<void(const Status &)> lost = nullptr);

/// Dials a peer, says hello and takes the credits that it grants; `done` runs as a task. `client` outlives that.
void sayHello(Client &client, const RoleContext &context, const rpc::RoleName &self, int64_t generation,
              Completion done);

/// A role's side of its membership. Lives on the role's strand; callbacks run there.
class Membership : public std::enable_shared_from_this<Membership> {
public:
  using Joined = UniqueFunction<void(const rpc::JoinReply &)>;

  Membership(const RoleContext &context, std::shared_ptr<Strand> strand, rpc::RoleName self,
             const std::string &coordinatorAddress);

  /// `joined` is called if the run starts; `ended` once, with how it ended: the coordinator's word, or its loss.
  void join(const std::string &listenAddress, Joined joined, Completion ended);
  /// The same for a role that listens, at `address`, with `service`.
  void listenAndJoin(Service &service, const std::string &address, Joined joined, Completion ended);
  /// Tells the coordinator that this role failed; the end follows. Only the first failure counts.
  void fail(const Status &why);
  /// The same from any thread, for who learns of a failure first: a lane that lost its peer, a frame. Frames that wait
  /// for others because of it need not end first.
  std::function<void(const Status &)> failer();
  /// Fails because the role's user wants it to leave; the end follows within interruptLimit. Thread-safe.
  void interrupt();
  /// Tells the coordinator what this role did and leaves.
  void leave(const RoleSummary &summary, Task done);

  Client &coordinator() { return client_; }

private:
  void waitForEnd();
  void end(Status status);
  /// Ends without the coordinator's word: `status` is what its call came to.
  void endUntold(Status status);
  template <typename M> auto onStrand(UniqueFunction<void(StatusOr<typename M::Reply>)> handle);

  const RoleContext context_;
  const std::shared_ptr<Strand> strand_;
  const rpc::RoleName self_;
  Client client_;
  Completion ended_;
  bool over_ = false;
  Status failure_; ///< Our own, once told.
};

/// Fills the parts of a summary that every role has.
RoleSummary summarize(const RoleContext &context, const rpc::RoleName &self, int64_t frames, int64_t examples);

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_ROLE_H
