// Running to the end on the calling thread: makes the scheduler, kernels and transports of a process, starts what runs
// in it and waits.
#include "runtime/role/Run.h"

#include "runtime/base/Log.h"
#include "runtime/base/Process.h"
#include "runtime/base/Suggest.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/role/Coordinator.h"
#include "runtime/role/CpuTrainer.h"
#include "runtime/role/HeterTrainer.h"
#include "runtime/role/InProcess.h"
#include "runtime/role/LocalTrainer.h"
#include "runtime/role/Model.h"
#include "runtime/role/Server.h"
#include "runtime/rpc/AsioTransport.h"

#include <map>
#include <optional>

namespace heter::runtime {
namespace {

/// Hands one result from a task to the waiting thread.
template <typename T> class Outcome {
public:
  void set(StatusOr<T> result) {
    MutexLock lock(mutex_);
    result_.emplace(std::move(result));
    changed_.notifyAll();
  }
  StatusOr<T> wait() {
    MutexLock lock(mutex_);
    while (!result_)
      changed_.wait(mutex_);
    return std::move(*result_);
  }

private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<StatusOr<T>> result_ HETER_GUARDED_BY(mutex_);
};

std::unique_ptr<Scheduler> makeScheduler(const RunOptions &options) {
  return makeThreadedScheduler(options.threads > 0 ? options.threads : processorCount());
}

/// Asks hooks.interrupted until it says yes, then calls `interrupt` once, as a task.
void watchInterrupts(Scheduler &scheduler, const RunHooks &hooks, std::function<void()> interrupt) {
  if (!hooks.interrupted)
    return;
  scheduler.postAt(scheduler.now() + std::chrono::milliseconds(50), [&, interrupt = std::move(interrupt)]() mutable {
    if (hooks.interrupted())
      return interrupt();
    watchInterrupts(scheduler, hooks, std::move(interrupt));
  });
}

/// What a process of a cluster runs its role on. Destroyed after the role.
struct OwnProcess {
  OwnProcess(const Package &package, const KernelObject &kernels, FileSystem &files, const RunOptions &options)
      : scheduler(makeScheduler(options)), transport(makeAsioTransport(*scheduler)),
        context{package, kernels, files, *scheduler, *transport, options, /*watch=*/true, /*ownProcess=*/true} {}

  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<Transport> transport;
  RoleContext context;
};

std::shared_ptr<Role> makeRole(const RoleContext &context, const ClusterFile &cluster, const std::string &role,
                               int index) {
  auto i = static_cast<size_t>(index);
  if (role == "server")
    return std::make_shared<Server>(context, index, cluster.servers[i], cluster.coordinator);
  if (role == "cpu-trainer")
    return std::make_shared<CpuTrainer>(context, index, cluster.coordinator);
  const auto &addresses = cluster.heterTrainers.at(role.substr(heterTrainerPrefix.size()));
  return std::make_shared<HeterTrainer>(context, role, index, addresses[i], cluster.coordinator);
}

Status checkRole(const ClusterFile &cluster, const std::string &role, int index) {
  std::map<std::string, size_t> counts = {{"cpu-trainer", cluster.cpuTrainers.size()},
                                          {"server", cluster.servers.size()}};
  for (const auto &[deviceClass, addresses] : cluster.heterTrainers)
    counts[std::string(heterTrainerPrefix) + deviceClass] = addresses.size();
  auto found = counts.find(role);
  if (found == counts.end()) {
    std::vector<std::string> known = {"coordinator"};
    std::string list = "coordinator";
    for (const auto &[name, count] : counts) {
      known.push_back(name);
      list += ", " + name;
    }
    std::string mend = didYouMean(role, known);
    return Status::invalidArgument("the cluster has no role `" + role + "`" +
                                   (mend.empty() ? "; it has " + list : mend));
  }
  if (index < 0 || static_cast<size_t>(index) >= found->second)
    return Status::invalidArgument("the cluster has " + std::to_string(found->second) + " of role `" + role +
                                   "`, counted from 0, so there is no index " + std::to_string(index));
  return Status();
}

} // namespace

StatusOr<RunResult> runInProcess(const Package &package, FileSystem &files, const RunOptions &options,
                                 const RunHooks &hooks) {
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<KernelObject> kernels, openKernelObject(files, package.folder));
  Outcome<RunResult> outcome;
  std::optional<InProcessRun> run;
  // Destroyed before the run: when the scheduler has gone, no task uses the run any more.
  std::unique_ptr<Scheduler> scheduler = makeScheduler(options);
  run.emplace(RunInputs{package, *kernels, files, *scheduler, options, hooks});
  run->start([&](StatusOr<RunResult> result) { outcome.set(std::move(result)); });
  watchInterrupts(*scheduler, hooks, [&] { run->interrupt(); });
  StatusOr<RunResult> result = outcome.wait();
  run->shutdown();
  return result;
}

StatusOr<RunResult> runCoordinator(const Package &package, FileSystem &files, const RunOptions &options,
                                   const ClusterFile &cluster, const RunHooks &hooks) {
  HETER_RETURN_IF_ERROR(checkCluster(package.info, cluster));
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<KernelObject> kernels, openKernelObject(files, package.folder));
  Outcome<RunResult> outcome;
  std::shared_ptr<Coordinator> coordinator;
  OwnProcess process(package, *kernels, files, options);
  coordinator = std::make_shared<Coordinator>(process.context, cluster, hooks);
  HETER_ASSIGN_OR_RETURN(std::string address, coordinator->listen());
  coordinator->start([&](StatusOr<RunResult> result) { outcome.set(std::move(result)); });
  watchInterrupts(*process.scheduler, hooks, [&] { coordinator->interrupt(); });
  if (hooks.listening)
    hooks.listening(address);
  StatusOr<RunResult> result = outcome.wait();
  process.transport->shutdown();
  return result;
}

StatusOr<RoleSummary> runRole(const Package &package, FileSystem &files, const RunOptions &options,
                              const ClusterFile &cluster, const std::string &role, int index, const RunHooks &hooks) {
  HETER_RETURN_IF_ERROR(checkCluster(package.info, cluster));
  HETER_RETURN_IF_ERROR(checkRole(cluster, role, index));
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<KernelObject> kernels, openKernelObject(files, package.folder));
  Outcome<RoleSummary> outcome;
  std::shared_ptr<Role> running;
  OwnProcess process(package, *kernels, files, options);
  running = makeRole(process.context, cluster, role, index);
  running->start([&](StatusOr<RoleSummary> summary) { outcome.set(std::move(summary)); });
  watchInterrupts(*process.scheduler, hooks, [&] { running->interrupt(); });
  StatusOr<RoleSummary> result = outcome.wait();
  process.transport->shutdown();
  return result;
}

} // namespace heter::runtime
