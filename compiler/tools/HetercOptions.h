// The command line of heterc.
#ifndef HETER_COMPILER_TOOLS_HETERCOPTIONS_H
#define HETER_COMPILER_TOOLS_HETERCOPTIONS_H

#include "cli/Cli.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace heter::compiler {

struct HetercOptions {
  std::string input;
  std::string output;
  std::optional<std::string> mode; ///< local, ps or heter-ps, if it was given
  std::string dumpFolder;          ///< empty: no dumps
  std::string precision;           ///< f32 or bf16; empty: as the model says
  bool explain = false;
  bool noFuse = false;
};

/// The options, or what is to be printed instead: help, or what is wrong with the line.
std::variant<HetercOptions, cli::Answer> parseHetercOptions(const std::vector<std::string> &arguments);

} // namespace heter::compiler

#endif // HETER_COMPILER_TOOLS_HETERCOPTIONS_H
