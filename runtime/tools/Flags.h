// What several subcommands declare alike: the flags of device classes, line ranges and the bounds of numbers.
#ifndef HETER_RUNTIME_TOOLS_FLAGS_H
#define HETER_RUNTIME_TOOLS_FLAGS_H

#include "cli/Cli.h"
#include "runtime/role/RunOptions.h"

#include <cstdint>
#include <string>
#include <vector>

namespace heter::runtime::tools {

// No run wants more; a number beyond them is a slip of the finger, and would take hours to fail.
inline constexpr int64_t mostProcesses = 1024, mostThreads = 1024, mostFrames = 4096, mostMicroBatches = 65536;
inline constexpr int64_t mostCheckpoints = 10000, mostStaleness = 10000;
inline constexpr int64_t mostExamples = int64_t(1) << 24;

/// Checks a whole number.
CLI::Validator atLeast(int64_t least, int64_t most = INT64_MAX);

/// Sets the lines that a flag's text asks for; returns what is wrong, or "". An empty text sets nothing.
std::string setLines(const char *flag, const std::string &text, LineRange &range);

/// Sets the bytes that a flag's text like 256MiB asks for; returns what is wrong, or "". An empty text sets nothing.
std::string setBytes(const char *flag, const std::string &text, int64_t &bytes);

/// --heter-trainers and --device.
class ClassFlags {
public:
  void addTo(CLI::App &app, const char *group);
  /// Fills the options; returns what is wrong, or "".
  std::string finish(RunOptions &options) const;

private:
  std::vector<std::string> heterTrainers_, devices_;
};

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_FLAGS_H
