// heter export and heter patch: handing a model over to whoever predicts with it.
#include "runtime/base/Log.h"
#include "runtime/export/Export.h"
#include "runtime/package/Package.h"
#include "runtime/role/Model.h"
#include "runtime/role/Predictions.h"
#include "runtime/tools/Commands.h"
#include "runtime/tools/Interrupt.h"
#include "runtime/tools/Paths.h"
#include "runtime/tools/Report.h"

#include <cstdio>
#include <filesystem>

namespace heter::runtime::tools {

namespace {

void print(const ExportReport &report, const std::string &out, bool delta) {
  for (const ExportReport::Table &table : report.tables) {
    std::printf("table   %s: %s rows", table.name.c_str(), grouped(table.rows).c_str());
    if (delta)
      std::printf(" that changed, %s that are gone", grouped(table.removed).c_str());
    std::printf("\n");
  }
  std::printf("wrote   %s: %s bytes, with %s dense parameters\n", out.c_str(), grouped(report.bytes).c_str(),
              grouped(report.parameters).c_str());
}

/// Only names, shapes and initial values are wanted, so kernels need not be there.
StatusOr<StoreSchema> schemaOf(const Package &package) {
  return StoreSchema::create(package.info, [](const std::string &) -> KernelFunction { return [](void *const *) {}; });
}

Status runExport(const ExportCommand &command) {
  prefixLog();
  auto files = makePosixFileSystem();
  HETER_ASSIGN_OR_RETURN(const Package package, openPackage(*files, command.package));
  HETER_RETURN_IF_ERROR(predictionColumns(package).status());
  HETER_RETURN_IF_ERROR(checkSavedModel(*files, command.options.load).withContext("--load"));
  if (!command.options.since.empty())
    HETER_RETURN_IF_ERROR(checkSavedModel(*files, command.options.since).withContext("--since"));
  HETER_RETURN_IF_ERROR(checkOutputFile(*files, "--out", command.options.out));
  HETER_ASSIGN_OR_RETURN(const StoreSchema schema, schemaOf(package));
  exitOnInterrupt();
  HETER_ASSIGN_OR_RETURN(const ExportReport report,
                         exportModel(*files, schema, predictionNeeds(package), command.options));
  print(report, command.options.out, !command.options.since.empty());
  return {};
}

Status runPatch(const PatchCommand &command) {
  prefixLog();
  auto files = makePosixFileSystem();
  HETER_RETURN_IF_ERROR(checkExport(*files, command.base, "export"));
  for (const std::string &delta : command.deltas) {
    HETER_RETURN_IF_ERROR(checkExport(*files, delta, "delta"));
    std::error_code error;
    if (std::filesystem::equivalent(delta, command.out, error))
      return Status::invalidArgument("--out: `" + command.out + "` is a delta to be applied; give another file");
  }
  HETER_RETURN_IF_ERROR(checkOutputFile(*files, "--out", command.out));
  exitOnInterrupt();
  HETER_ASSIGN_OR_RETURN(const ExportReport report, applyDeltas(*files, command.base, command.deltas, command.out));
  print(report, command.out, false);
  return {};
}

} // namespace

int exportSavedModel(const ExportCommand &command) {
  const Status status = runExport(command);
  return status.ok() ? 0 : fail(status);
}

int patchExport(const PatchCommand &command) {
  const Status status = runPatch(command);
  return status.ok() ? 0 : fail(status);
}

} // namespace heter::runtime::tools
