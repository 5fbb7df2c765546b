// One module with the kernels on packed matrices, lowered to the LLVM dialect.
#include "compiler/TileKernels.h"

#include "compiler/TileEmitter.h"

#include "mlir/Conversion/ConvertToLLVM/ToLLVMPass.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace heter::compiler {

LogicalResult emitTileKernels(ModuleOp target, TileProducts kind) {
  MLIRContext *context = target.getContext();
  context
      ->loadDialect<amx::AMXDialect, arith::ArithDialect, cf::ControlFlowDialect, LLVM::LLVMDialect, scf::SCFDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(target.getLoc());
  tiles::TileEmitter(*module, "heter.tiles.product", kind).emitProduct();
  tiles::TileEmitter(*module, "heter.tiles.pack", kind).emitPack();
  PassManager passes(context, ModuleOp::getOperationName());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  if (failed(passes.run(*module)))
    return failure();
  target.getBody()->getOperations().splice(target.getBody()->end(), module->getBody()->getOperations());
  return success();
}

} // namespace heter::compiler
