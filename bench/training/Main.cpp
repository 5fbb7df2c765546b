// training-bench: trains as `heter run` does, with the same flags, but in windows of time, so that it can take turns
// with other programs while everything stays warm:
//   training-bench STEPS SECONDS WINDOW PKG --data FILES.. [flags of heter run]
// warms up for STEPS steps or SECONDS seconds, whichever ends first, and stops itself (SIGSTOP: no thread goes on).
// Whenever it is continued (SIGCONT) it trains for WINDOW seconds at least, prints a line of JSON about them and stops
// again. It ends when the data does, or by a signal.
#include "runtime/package/Package.h"
#include "runtime/role/Run.h"
#include "runtime/tools/CommandLine.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/resource.h>
#include <vector>

using namespace heter::runtime;

namespace {

double wallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/// Gets the run's progress, one call at a time.
class Windows {
public:
  Windows(int64_t steps, double seconds, double window) : steps_(steps), seconds_(seconds), window_(window) {}

  void progress(const RunProgress &now) {
    if (!warm_) {
      if (now.steps < steps_ && now.seconds < seconds_)
        return;
      warm_ = true;
      std::printf("{\"steps\": %lld, \"seconds\": %.6f}\n", static_cast<long long>(now.steps), now.seconds);
    } else {
      const double wall = wallSeconds() - wall_;
      if (wall < window_)
        return;
      std::printf("{\"examples\": %lld, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
                  static_cast<long long>(now.examples - examples_), wall, cpuSeconds() - cpu_);
    }
    std::fflush(stdout);
    std::raise(SIGSTOP);
    examples_ = now.examples;
    cpu_ = cpuSeconds();
    wall_ = wallSeconds();
  }

private:
  const int64_t steps_;
  const double seconds_, window_;
  bool warm_ = false;
  int64_t examples_ = 0;
  double wall_ = 0, cpu_ = 0;
};

int fail(const std::string &what) {
  std::fprintf(stderr, "training-bench: %s\n", what.c_str());
  return 1;
}

} // namespace

int main(int count, char **texts) {
  if (count < 5)
    return fail("usage: training-bench STEPS SECONDS WINDOW PKG --data FILES.. [flags of heter run]");
  std::vector<std::string> arguments(texts + 4, texts + count);
  arguments.insert(arguments.begin(), "run");
  const tools::Request request = tools::parseCommandLine(arguments);
  const auto *run = std::get_if<tools::RunRequest>(&request);
  if (!run)
    return fail("wrong flags; see heter run --help");
  auto files = makePosixFileSystem();
  StatusOr<Package> package = readPackage(*files, run->command.package);
  if (!package.ok())
    return fail(package.status().message());
  Windows windows(std::atoll(texts[1]), std::atof(texts[2]), std::atof(texts[3]));
  RunHooks hooks;
  hooks.progress = [&](const RunProgress &progress) { windows.progress(progress); };
  StatusOr<RunResult> result = runInProcess(*package, *files, run->command.options, hooks);
  return result.ok() ? 0 : fail(result.status().message());
}
