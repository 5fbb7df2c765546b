// The command line of `heter`: subcommands, flags, their defaults and help, and "did you mean" for misspelt ones.
#ifndef HETER_RUNTIME_TOOLS_COMMANDLINE_H
#define HETER_RUNTIME_TOOLS_COMMANDLINE_H

#include "cli/Cli.h"
#include "runtime/tools/Commands.h"

#include <string>
#include <variant>
#include <vector>

namespace heter::runtime::tools {

/// What a command line asks for. An Answer is for --help, --version and wrong lines: print it and exit with its code.
using cli::Answer;
struct RunRequest {
  TrainCommand command;
};
struct LaunchRequest {
  TrainCommand command;
};
using Request = std::variant<Answer, RunRequest, LaunchRequest, PredictCommand, ExportCommand, PatchCommand,
                             InspectCommand, DumpCommand, TableCommand, SynthCommand>;

/// Parses the arguments after the program's name. Wrong ones give an Answer with exitUsage.
Request parseCommandLine(const std::vector<std::string> &arguments);

/// The flags of `heter run` that give the same options again: what `launch` passes to its roles.
std::vector<std::string> printOptions(const RunOptions &options);

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_COMMANDLINE_H
