// heter: trains click-through models that heterc has compiled, and looks into packages and saved models.
#include "cli/Terminal.h"
#include "runtime/tools/CommandLine.h"
#include "runtime/tools/Interrupt.h"

#include <cstdio>
#include <unistd.h>

namespace {

using namespace heter::runtime::tools;

struct Dispatcher {
  int operator()(const Answer &answer) const {
    if (answer.exitCode == 0)
      std::fputs(answer.text.c_str(), stdout);
    else
      std::fputs(heter::cli::paintErrors(answer.text, heter::cli::mayColor(STDERR_FILENO)).c_str(), stderr);
    return answer.exitCode;
  }
  int operator()(const RunRequest &request) const { return runTraining(request.command); }
  int operator()(const LaunchRequest &request) const { return launchTraining(request.command); }
  int operator()(const PredictCommand &command) const { return predict(command); }
  int operator()(const ExportCommand &command) const { return exportSavedModel(command); }
  int operator()(const PatchCommand &command) const { return patchExport(command); }
  int operator()(const InspectCommand &command) const { return inspectPackage(command); }
  int operator()(const DumpCommand &command) const { return dumpModel(command); }
  int operator()(const TableCommand &command) const { return lookIntoTable(command); }
  int operator()(const SynthCommand &command) const { return synthesize(command); }
};

} // namespace

int main(int argc, char **argv) {
  surviveFileSizeLimit();
  return std::visit(Dispatcher(), parseCommandLine({argv + 1, argv + argc}));
}
