// heterc: compiles a model, or a dump of any stage of one, to a package.
#include "compiler/tools/FusionReport.h"
#include "compiler/tools/HetercOptions.h"

#include "cli/Terminal.h"
#include "compiler/Explain.h"
#include "compiler/NativeCode.h"
#include "compiler/PackageGraph.h"
#include "compiler/PackageWriter.h"
#include "compiler/Pipelines.h"
#include "dialects/task/Task.h"
#include "frontend/emit/Emit.h"
#include "runtime/base/Suggest.h"
#include "runtime/package/Package.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace heter;
using namespace heter::compiler;

namespace {

/// The report with its headings, lines that begin at the margin and are alone in their paragraph's first line, bold.
std::string boldHeadings(llvm::StringRef report, bool colored) {
  std::string text;
  bool afterEmpty = true;
  while (!report.empty()) {
    auto [line, rest] = report.split('\n');
    bool heading = afterEmpty && !line.empty() && line.front() != ' ';
    text += cli::styled(std::string_view(line), cli::Style::Bold, colored && heading) + "\n";
    afterEmpty = line.empty();
    report = rest;
  }
  return text;
}

int fail(const llvm::Twine &message) {
  cli::printError("heterc", message.str());
  return 1;
}

/// Writes the module as `path`, with locations, so that it reads back to the same module; prints what went wrong.
LogicalResult dump(ModuleOp module, const std::string &path) {
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  if (!error) {
    module->print(file, OpPrintingFlags().enableDebugInfo(true, false));
    file << '\n';
    file.close();
    error = file.error();
    file.clear_error();
  }
  return failure(error && fail("cannot write " + path + ": " + error.message()));
}

/// The module of a dump, if it fits the options, or null with an error printed.
OwningOpRef<ModuleOp> readDump(const HetercOptions &options, MLIRContext &context) {
  auto refuse = [&](const llvm::Twine &message) -> OwningOpRef<ModuleOp> {
    fail("`" + options.input + "` " + message);
    return nullptr;
  };
  // Without these words it is no dump, and MLIR's errors about it would mislead.
  auto text = llvm::MemoryBuffer::getFile(options.input, /*IsText=*/true);
  if (!text)
    return refuse("cannot be read: " + text.getError().message());
  if (!(*text)->getBuffer().contains(nn::kStageAttr))
    return refuse("is no dump of a stage: it has no nn.stage; `heterc MODEL.heter --dump-ir=DIR` writes dumps");
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(options.input, &context);
  if (!module)
    return nullptr;
  std::optional<size_t> stage = stageOf(*module);
  if (!stage)
    return refuse("is no dump of a stage: its module has no nn.stage");
  auto mode = (*module)->getAttrOfType<StringAttr>(nn::kModeAttr);
  if (!mode)
    return refuse("is no complete dump: its module has no nn.mode");
  if (options.mode && mode != *options.mode)
    return refuse("was compiled with --mode=" + mode.getValue() + ", so --mode=" + *options.mode +
                  " cannot go on from it");
  bool outlined = llvm::is_contained({"outline", "updates", "plan"}, stages()[*stage].name);
  if (outlined && options.noFuse)
    return refuse("is past the stage that fuses, so --no-fuse comes too late");
  if (outlined && !options.precision.empty())
    return refuse("is past the stage that makes kernels of products, so --precision comes too late");
  if (options.noFuse)
    (*module)->setAttr(nn::kFuseAttr, BoolAttr::get(&context, false));
  return module;
}

/// Sets the precision of all matrix products, if one is asked for.
void setPrecision(ModuleOp module, llvm::StringRef name) {
  std::optional<nn::Precision> precision = nn::symbolizePrecision(name);
  if (!precision)
    return;
  module.walk([&](Operation *op) {
    if (auto linear = dyn_cast<nn::LinearOp>(op))
      linear.setPrecision(*precision);
    else if (auto matmul = dyn_cast<nn::MatmulOp>(op))
      matmul.setPrecision(*precision);
  });
}

/// Whether any program multiplies packed matrices.
bool usesTiles(ModuleOp module) {
  return module
      .walk([](task::LibraryOp op) {
        return op.getCallee() == "product" ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// What is wrong with a path that is to be compiled, or "".
std::string checkInput(const std::string &path) {
  namespace fs = llvm::sys::fs;
  if (fs::exists(path + "/" + runtime::packageInfoFile))
    return "`" + path + "` is a package, which is compiled already; give the model it was made from";
  if (fs::is_directory(path))
    return "`" + path + "` is a folder; give a model (NAME.heter) or a dump (NAME.mlir)";
  if (fs::exists(path))
    return "";
  llvm::StringRef folder = llvm::sys::path::parent_path(path);
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder.empty() ? "." : folder, error), end; entry != end && !error;
       entry.increment(error))
    names.push_back(llvm::sys::path::filename(entry->path()).str());
  return "there is no file `" + path + "`" + runtime::didYouMean(llvm::sys::path::filename(path).str(), names);
}

OwningOpRef<ModuleOp> readInput(const HetercOptions &options, MLIRContext &context) {
  if (std::string wrong = checkInput(options.input); !wrong.empty()) {
    fail(wrong);
    return nullptr;
  }
  if (llvm::StringRef(options.input).ends_with(".mlir"))
    return readDump(options, context);
  std::string errors;
  llvm::raw_string_ostream stream(errors);
  OwningOpRef<ModuleOp> module = frontend::compileSpec(options.input, context, stream);
  // An error that has no place in a file is ours.
  if (llvm::StringRef(errors).starts_with("error: "))
    errors.insert(0, "heterc: ");
  llvm::errs() << cli::paintErrors(errors, cli::mayColor(STDERR_FILENO));
  if (module) {
    (*module)->setAttr(nn::kModeAttr, StringAttr::get(&context, options.mode.value_or("local")));
    (*module)->setAttr(nn::kFuseAttr, BoolAttr::get(&context, !options.noFuse));
  }
  return module;
}

/// Makes the folder for dumps; prints what went wrong.
LogicalResult makeDumpFolder(const std::string &folder) {
  if (folder.empty())
    return success();
  std::error_code error = llvm::sys::fs::create_directories(folder);
  if (!error && !llvm::sys::fs::is_directory(folder))
    error = std::make_error_code(std::errc::not_a_directory);
  return failure(error && fail("--dump-ir: cannot make the folder `" + folder + "`: " + error.message()));
}

int compile(const HetercOptions &options) {
  DialectRegistry registry;
  registerStageDialects(registry);
  registerNativeCode(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.printOpOnDiagnostic(false); // An error is one sentence with its place, not a module.
  llvm::errs().enable_colors(cli::mayColor(STDERR_FILENO));
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context, llvm::errs());

  FusionReport fusion;
  remark::RemarkCategories categories{std::nullopt, "heter-fuse", "heter-fuse", std::nullopt, std::nullopt};
  if (failed(remark::enableOptimizationRemarks(context, fusion.makeStreamer(),
                                               std::make_unique<remark::RemarkEmittingPolicyAll>(), categories)))
    return fail("cannot collect remarks");

  if (llvm::Error error = checkPackageFolder(options.output))
    return fail(llvm::toString(std::move(error)));
  OwningOpRef<ModuleOp> module = readInput(options, context);
  if (!module)
    return 1;
  setPrecision(*module, options.precision);
  if (failed(makeDumpFolder(options.dumpFolder)))
    return 1;
  std::string explanation;
  LogicalResult ran = runStages(*module, [&](const Stage &stage) {
    if (stage.name == "partition")
      explanation = explain(*module);
    if (options.dumpFolder.empty())
      return success();
    llvm::SmallString<128> path(options.dumpFolder);
    llvm::sys::path::append(path, stage.dump);
    return dump(*module, std::string(path));
  });
  if (failed(ran))
    return 1;
  if (explanation.empty())
    explanation = "Compiled from a dump that was cut into roles already; it does not say why.\n";
  explanation += fusion.text();
  FailureOr<PackageContents> contents = buildPackage(*module);
  if (failed(contents))
    return 1;
  FailureOr<std::vector<KernelObjectBytes>> kernels = compileKernels(*module, usesTiles(*module));
  if (failed(kernels))
    return 1;
  if (llvm::Error error = writePackage(*contents, *kernels, explanation, options.output))
    return fail(llvm::toString(std::move(error)));
  if (options.explain)
    llvm::outs() << boldHeadings(explanation, cli::mayColor(STDOUT_FILENO));
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  auto request = parseHetercOptions({argv + 1, argv + argc});
  if (const auto *answer = std::get_if<cli::Answer>(&request)) {
    std::string text =
        answer->exitCode == 0 ? answer->text : cli::paintErrors(answer->text, cli::mayColor(STDERR_FILENO));
    (answer->exitCode == 0 ? llvm::outs() : llvm::errs()) << text;
    return answer->exitCode;
  }
  return compile(std::get<HetercOptions>(request));
}
