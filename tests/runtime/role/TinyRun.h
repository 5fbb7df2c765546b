// Runs the tiny model (TinyModel.h) on generated lines: all roles in one process, on one thread under virtual time or
// on several.
#ifndef HETER_TESTS_RUNTIME_ROLE_TINYRUN_H
#define HETER_TESTS_RUNTIME_ROLE_TINYRUN_H

#include "runtime/base/FileSystem.h"
#include "runtime/role/InProcess.h"
#include "tests/runtime/role/TinyModel.h"

#include <functional>
#include <string>
#include <vector>

namespace heter::runtime::test {

/// A folder with a data file of `lines` lines, removed at the end.
class TinyData {
public:
  explicit TinyData(int lines = 200);
  ~TinyData();
  std::string file() const { return folder_ + "/clicks.tsv"; }
  std::string path(const std::string &name) const { return folder_ + "/" + name; }

private:
  std::string folder_;
};

/// Batches of 8, one epoch.
RunOptions tinyOptions(const TinyData &data);

struct Outcome {
  std::string predictions; ///< All lines that the run predicted.
  StatusOr<RunResult> result{Status::internal("the run did not end")};
  uint64_t trace = 0;
  TimePoint end{};
};

/// What a simulated run may be given beside its options.
struct Simulation {
  uint64_t seed = 1;
  MemoryNetwork::Weather weather = nullptr;
  /// Called before the run starts, for instance to set timers.
  std::function<void(InProcessRun &, SimulatedScheduler &)> before = nullptr;
  FunctionKernels kernels = tinyKernels();
  FileSystem *files = nullptr; ///< The machine's own by default.
};

/// Runs all roles on one thread under virtual time, as between processes: peers may stop and messages be lost.
Outcome simulate(const Package &package, const RunOptions &options, Simulation simulation);
/// The same with messages late by up to `longestDelay`.
Outcome simulate(const Package &package, const RunOptions &options, uint64_t seed, Duration longestDelay = {});

/// Runs all roles on `threads` threads.
StatusOr<RunResult> runThreaded(const Package &package, const RunOptions &options, int threads,
                                Duration longestDelay = {}, const RunHooks &hooks = {});

/// The losses, to compare bit for bit.
std::vector<double> losses(const StatusOr<RunResult> &result);

/// A saved model as text.
std::string dump(const std::string &folder);

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_ROLE_TINYRUN_H
