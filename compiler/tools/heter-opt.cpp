// heter-opt: runs single passes on a dump of any stage, for tests and for looking at what a pass does.
#include "dialects/nn/NN.h"
#include "dialects/ps/PS.h"
#include "dialects/task/Task.h"
#include "passes/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<heter::nn::NNDialect, heter::ps::PSDialect, heter::task::TaskDialect>();
  mlir::registerAllDialects(registry);
  mlir::registerTransformsPasses();
  heter::registerHeterPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Heter's optimizer driver\n", registry));
}
