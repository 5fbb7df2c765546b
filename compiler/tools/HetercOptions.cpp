// heterc's command line, declared once for parsing, --help, the manual page and completion (cli/Cli.h). LLVM's own
// parser is not used: its flags are those of all of LLVM.
#include "compiler/tools/HetercOptions.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace heter::compiler {

namespace {

constexpr const char *kVersion = "0.1.0";

constexpr const char *kExamples = R"(Modes:
  local     one process does everything (the default)
  ps        cpu-trainers, and servers that own the parameters
  heter-ps  the same, with what is marked `on CLASS` on accelerators

Examples:
  heterc samples/ctr_dnn.heter -o ctr_dnn.pkg --mode=heter-ps --explain
  heterc samples/ctr_dnn.heter -o ctr_dnn.pkg --dump-ir=stages
  heterc stages/05-place.mlir -o ctr_dnn.pkg

The last one goes on from a dump; edit it first if you like.)";

} // namespace

std::variant<HetercOptions, cli::Answer> parseHetercOptions(const std::vector<std::string> &arguments) {
  HetercOptions options;
  std::string mode;
  CLI::App app("Compile a click-through model to a package: one program a role, and native kernels", "heterc");
  cli::prepare(app, kVersion);
  app.add_option("INPUT", options.input, "A model, NAME.heter, or a dump of a stage, NAME.mlir")
      ->type_name("FILE")
      ->required();
  app.add_option("-o,--out", options.output, "The folder to write; a package that is there is replaced")
      ->type_name("PKG")
      ->required();
  app.add_option("--mode", mode, "Which roles there are, see below (default: local)")
      ->type_name("local|ps|heter-ps")
      ->check(cli::oneOf({"local", "ps", "heter-ps"}));
  app.add_option("--precision", options.precision,
                 "What all matrix products round their operands to; sums are f32 (default: as the model's marks say)")
      ->type_name("f32|bf16")
      ->check(cli::oneOf({"f32", "bf16"}));
  app.add_option("--dump-ir", options.dumpFolder,
                 "Write the module after each stage to this folder: 01-frontend.mlir .. 09-plan.mlir")
      ->type_name("DIR");
  app.add_flag("--explain", options.explain,
               "Print where each operation runs and why, what crosses from role to role, and what was fused");
  app.add_flag("--no-fuse", options.noFuse, "One kernel an operation");
  app.footer(kExamples);
  if (std::optional<cli::Answer> answer = cli::parse(app, arguments))
    return *answer;
  if (!mode.empty())
    options.mode = mode;
  return options;
}

} // namespace heter::compiler
