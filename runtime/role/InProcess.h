// All roles of a run on one scheduler in one process, as `heter run` has them by default and as tests run them under
// virtual time.
#ifndef HETER_RUNTIME_ROLE_INPROCESS_H
#define HETER_RUNTIME_ROLE_INPROCESS_H

#include "runtime/role/Role.h"
#include "runtime/role/RunOptions.h"
#include "runtime/rpc/MemoryTransport.h"

#include <memory>
#include <vector>

namespace heter::runtime {

/// What a run is made from. Everything outlives the run.
struct RunInputs {
  const Package &package;
  const KernelObject &kernels;
  FileSystem &files;
  Scheduler &scheduler;
  const RunOptions &options;
  const RunHooks &hooks;
};

/// Checks options that no role checks by itself: counts, device classes, files.
Status checkOptions(const package::PackageInfo &info, const RunOptions &options);

class InProcessRun {
public:
  /// `delay`, if set, delays each message. `heartbeats`: roles ping as they do between processes.
  explicit InProcessRun(const RunInputs &inputs, MemoryNetwork::DelayHook delay = nullptr, bool heartbeats = false);
  /// REQUIRES: `start` was not called, or `shutdown` was and no task of the scheduler is left.
  ~InProcessRun();

  /// `ended` is called once, as a task, after every role has ended.
  void start(UniqueFunction<void(StatusOr<RunResult>)> ended);

  /// Closes all connections; after `ended`. The scheduler still has tasks to run then.
  void shutdown();

  /// Closes the connections of a role as if its process had died: for tests. The coordinator is not a role here.
  void cut(const std::string &role, int index);

private:
  struct State;
  std::shared_ptr<State> state_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_INPROCESS_H
