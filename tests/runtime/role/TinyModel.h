// A click model small enough to be written by hand as a package: pooled embeddings plus a linear layer, in the three
// modes, with C++ functions in place of compiled kernels. And everything that a test needs to run it.
#ifndef HETER_TESTS_RUNTIME_ROLE_TINYMODEL_H
#define HETER_TESTS_RUNTIME_ROLE_TINYMODEL_H

#include "runtime/base/FileSystem.h"
#include "runtime/package/Package.h"
#include "runtime/role/InProcess.h"
#include "tests/runtime/support/TestKernels.h"

#include <optional>
#include <string>
#include <vector>

namespace heter::runtime::test {

/// `mode` is local, ps or heter-ps; heter-ps has the class "gpu".
Package tinyPackage(const std::string &mode);
FunctionKernels tinyKernels();

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

/// Runs all roles on one thread under virtual time. `during` is called as the run starts.
Outcome simulate(const Package &package, const RunOptions &options, uint64_t seed, Duration longestDelay = {},
                 std::function<void(InProcessRun &, SimulatedScheduler &)> during = nullptr,
                 FunctionKernels kernels = tinyKernels());

/// Runs all roles on `threads` threads.
StatusOr<RunResult> runThreaded(const Package &package, const RunOptions &options, int threads,
                                Duration longestDelay = {}, const RunHooks &hooks = {});

/// The losses, to compare bit for bit.
std::vector<double> losses(const StatusOr<RunResult> &result);

/// A saved model as text.
std::string dump(const std::string &folder);

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_ROLE_TINYMODEL_H
