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
  /// `weather` decides on each message. `watch`: roles expect of each other what they do between processes, that peers
  /// may stop and messages be lost. Transports are called after the roles, e.g. "server 0", "coordinator".
  explicit InProcessRun(const RunInputs &inputs, MemoryNetwork::Weather weather = nullptr, bool watch = false);
  /// REQUIRES: `start` was not called, or `shutdown` was and no task of the scheduler is left.
  ~InProcessRun();

  /// A role that will never be there: for tests, before `start`.
  void leaveOut(const std::string &role, int index);

  /// `ended` is called once, as a task, after every role has ended.
  void start(UniqueFunction<void(StatusOr<RunResult>)> ended);

  /// Ends the run early; after `start`. Thread-safe.
  void interrupt();

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
