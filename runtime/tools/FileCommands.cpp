// The commands that only read and write files: inspect, dump, table and data synth.
#include "cli/Terminal.h"
#include "runtime/base/FileSystem.h"
#include "runtime/data/Synth.h"
#include "runtime/graph/Frame.h"
#include "runtime/package/Package.h"
#include "runtime/role/LiveTables.h"
#include "runtime/table/Checkpoint.h"
#include "runtime/table/TableReport.h"
#include "runtime/table/TableSource.h"
#include "runtime/tools/Commands.h"
#include "runtime/tools/Paths.h"
#include "runtime/tools/Report.h"

#include <cstdio>
#include <span>

namespace heter::runtime::tools {

int fail(const Status &status) {
  cli::printError("heter", status.message());
  return exitFailure;
}

/// What a local program updates in products: a sentence, and a line a product, or nothing.
static std::string printUpdates(const Package &package) {
  const package::RoleProgram *program = package.find("local");
  if (!program)
    return {};
  std::string text;
  for (const UpdatingProduct &product : updatingProducts(program->train))
    text += "    " + std::to_string(product.node) + " updates " +
            textAttribute(program->train.nodes[static_cast<size_t>(product.push)], "parameter") + '\n';
  return text.empty() ? text
                      : "  train: products that update what they make the gradient of, block by block, in synchronous "
                        "runs with one micro-batch a step\n" +
                            text;
}

int inspectPackage(const InspectCommand &command) {
  auto files = makePosixFileSystem();
  StatusOr<Package> package = openPackage(*files, command.package);
  if (!package.ok())
    return fail(package.status());
  StatusOr<std::string> text = printPackage(*package, command.role);
  if (!text.ok())
    return fail(text.status());
  *text += printUpdates(*package);
  std::fwrite(text->data(), 1, text->size(), stdout);
  return 0;
}

namespace {

/// Standard output, wherever it goes: opened by name, a file that it was sent to would be emptied.
class StandardOutput : public OutputFile {
public:
  Status append(std::span<const char> bytes) override {
    return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() ? Status() : failed();
  }
  Status sync() override { return std::fflush(stdout) == 0 ? Status() : failed(); }
  Status close() override { return sync(); }

private:
  static Status failed() { return Status::unavailable("standard output cannot be written to"); }
};

/// The file of that path; standard output if it is empty.
StatusOr<std::unique_ptr<OutputFile>> openOutput(FileSystem &files, const std::string &path) {
  if (path.empty())
    return std::unique_ptr<OutputFile>(std::make_unique<StandardOutput>());
  return files.openForWrite(path);
}

Status writeDump(FileSystem &files, const DumpCommand &command) {
  HETER_RETURN_IF_ERROR(checkSavedModel(files, command.model));
  if (!command.out.empty())
    HETER_RETURN_IF_ERROR(checkOwnFile(files, "--out", command.out));
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> out, openOutput(files, command.out));
  HETER_RETURN_IF_ERROR(dumpCheckpoint(files, command.model, *out));
  return out->close();
}

} // namespace

int dumpModel(const DumpCommand &command) {
  auto files = makePosixFileSystem();
  Status status = writeDump(*files, command);
  return status.ok() ? 0 : fail(status);
}

/// The tables of a saved model; or of a live server, if no file has that name and it is an address.
static StatusOr<std::unique_ptr<TableSource>> openTables(FileSystem &files, const std::string &name) {
  HETER_ASSIGN_OR_RETURN(const bool isFile, files.exists(name));
  const size_t colon = name.rfind(':');
  if (!isFile && colon != std::string::npos && colon + 1 < name.size() &&
      name.find_first_not_of("0123456789", colon + 1) == std::string::npos)
    return openLiveTables(name);
  HETER_RETURN_IF_ERROR(checkSavedModel(files, name));
  return openSavedTables(files, name);
}

static Status printTables(FileSystem &files, const TableCommand &command, bool &equal) {
  HETER_ASSIGN_OR_RETURN(const std::unique_ptr<TableSource> source, openTables(files, command.model));
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> out, openOutput(files, ""));
  switch (command.action) {
  case TableCommand::Action::Stats:
    HETER_RETURN_IF_ERROR(printTableStats(*source, *out));
    break;
  case TableCommand::Action::Get:
    HETER_RETURN_IF_ERROR(printTableRows(*source, command.table, command.keys, *out));
    break;
  case TableCommand::Action::Dump:
    HETER_RETURN_IF_ERROR(printTable(*source, command.table, *out));
    break;
  case TableCommand::Action::Diff: {
    HETER_ASSIGN_OR_RETURN(const std::unique_ptr<TableSource> other, openTables(files, command.other));
    HETER_RETURN_IF_ERROR(printTableDiff(*source, *other, *out, equal));
    break;
  }
  }
  return out->close();
}

int lookIntoTable(const TableCommand &command) {
  auto files = makePosixFileSystem();
  bool equal = true;
  if (const Status status = printTables(*files, command, equal); !status.ok())
    return fail(status);
  return equal ? 0 : exitFailure;
}

int synthesize(const SynthCommand &command) {
  auto files = makePosixFileSystem();
  StatusOr<SynthReport> report = writeSynth(*files, command.out, command.examples, command.seed, command.ids);
  if (!report.ok())
    return fail(report.status());
  std::printf("wrote %s examples to %s: %s clicks (%.1f %%), %s distinct keys\n", grouped(report->examples).c_str(),
              command.out.c_str(), grouped(report->clicks).c_str(),
              100.0 * static_cast<double>(report->clicks) / static_cast<double>(report->examples),
              grouped(report->distinctKeys).c_str());
  std::printf("Bayes AUC %.4f (the planted model's own, the best possible)\n", report->bayesAuc);
  std::printf("best from the dense values alone %.4f, from the ids alone %.4f\n", report->denseAuc, report->idAuc);
  return 0;
}

} // namespace heter::runtime::tools
