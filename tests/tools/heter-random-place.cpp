// heter-random-place: reads a dump of stage place and writes it with random roles for all ops that are free, so that
// scripts can compile and train what no model would ask for.
//   heter-random-place 05-place.mlir --seed=7 [--roles=cpu-trainer,heter-trainer.gpu] -o random.mlir
#include "dialects/ps/PS.h"
#include "passes/Place/Placement.h"
#include "tests/passes/partition/RandomPlacement.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::cl::opt<std::string> input(llvm::cl::Positional, llvm::cl::Required, llvm::cl::desc("DUMP"));
  llvm::cl::opt<std::string> output("o", llvm::cl::init("-"), llvm::cl::desc("where to write, - for standard output"));
  llvm::cl::opt<uint64_t> seed("seed", llvm::cl::init(0), llvm::cl::desc("which placement"));
  llvm::cl::list<std::string> roles("roles", llvm::cl::CommaSeparated, llvm::cl::desc("the roles to draw from"));
  llvm::cl::ParseCommandLineOptions(argc, argv, "Places a dump at random\n");

  mlir::MLIRContext context;
  context.loadDialect<heter::nn::NNDialect, heter::ps::PSDialect>();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceFile<mlir::ModuleOp>(input, &context);
  if (!module)
    return 1;
  llvm::SmallVector<llvm::StringRef> names(roles.begin(), roles.end());
  if (names.empty())
    names = {"cpu-trainer", "heter-trainer.heter", "heter-trainer.gpu"};
  heter::test::placeRandomly(*module, names, seed);
  if (failed(mlir::verify(*module)) || failed(heter::verifyPlacement(*module)))
    return 1;

  std::string error;
  std::unique_ptr<llvm::ToolOutputFile> file = mlir::openOutputFile(output, &error);
  if (!file) {
    llvm::errs() << error << '\n';
    return 1;
  }
  module->print(file->os(), mlir::OpPrintingFlags().enableDebugInfo(true, false));
  file->os() << '\n';
  file->keep();
  return 0;
}
