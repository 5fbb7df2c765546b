// What each `heter` subcommand does, apart from the command line: CommandLine.cpp fills these structures, main calls.
// Every function prints its own errors, each in one line that begins with "heter: error:", and returns the exit code.
#ifndef HETER_RUNTIME_TOOLS_COMMANDS_H
#define HETER_RUNTIME_TOOLS_COMMANDS_H

#include "cli/Cli.h"
#include "runtime/data/Synth.h"
#include "runtime/export/Export.h"
#include "runtime/role/RunOptions.h"

#include <cstdint>
#include <string>
#include <vector>

namespace heter::runtime::tools {

using cli::exitUsage;
inline constexpr int exitFailure = 1;       ///< The command failed.
inline constexpr int exitInterrupted = 130; ///< Ctrl-C, as shells report it.

struct TrainCommand {
  std::string package;
  RunOptions options;
  std::string summaryFile; ///< Empty: not written.
  std::string lossesFile;  ///< Empty: not written.
  std::string profileFile; ///< Empty: not written.
  std::string role;        ///< `run`: empty for all roles in this process, else a role key or "coordinator".
  int index = 0;
  std::string clusterFile;
  std::string runFolder; ///< `launch`: where logs go; empty: a new folder under the temporary one.
};

/// `heter run`.
int runTraining(const TrainCommand &command);
/// `heter launch`.
int launchTraining(const TrainCommand &command);

struct PredictCommand {
  std::string package;
  RunOptions options;
  std::string out; ///< "-" for standard output.
};
/// `heter predict`.
int predict(const PredictCommand &command);

/// `heter export`.
struct ExportCommand {
  std::string package;
  ExportOptions options;
};
int exportSavedModel(const ExportCommand &command);

/// `heter patch`.
struct PatchCommand {
  std::string base;
  std::vector<std::string> deltas;
  std::string out;
};
int patchExport(const PatchCommand &command);

struct InspectCommand {
  std::string package;
  std::string role; ///< Empty: all.
};
int inspectPackage(const InspectCommand &command);

struct DumpCommand {
  std::string model;
  std::string out; ///< Empty: standard output.
};
int dumpModel(const DumpCommand &command);

/// `heter table`.
struct TableCommand {
  enum class Action { Stats, Get, Dump, Diff } action = Action::Stats;
  std::string model;
  std::string other; ///< The second model of a diff.
  std::string table;
  std::vector<uint64_t> keys;
};
int lookIntoTable(const TableCommand &command);

struct SynthCommand {
  int64_t examples = 0;
  std::string out;
  uint64_t seed = 1;
  SynthIds ids;
};
int synthesize(const SynthCommand &command);

/// Prints "heter: error: MESSAGE" and returns exitFailure.
int fail(const Status &status);

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_COMMANDS_H
