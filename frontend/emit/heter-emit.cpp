// heter-emit SPEC.heter: prints the nn dialect that the front end makes of a model. For tests; heterc is the compiler.
#include "frontend/emit/Emit.h"

#include "mlir/IR/Verifier.h"

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: heter-emit SPEC.heter\n";
    return 1;
  }
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module = heter::frontend::compileSpec(argv[1], context, llvm::errs());
  if (!module || failed(mlir::verify(*module)))
    return 1;
  module->print(llvm::outs(), mlir::OpPrintingFlags());
  return 0;
}
