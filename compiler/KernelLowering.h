// Lowers kernel functions (func.func over nn operations on tensors) to loops in the LLVM dialect with structured
// control flow. Each kernel becomes a few loop nests without temporaries; docs/decisions/kernels-are-loop-nests.md says
// why not linalg.
#ifndef HETER_COMPILER_KERNELLOWERING_H
#define HETER_COMPILER_KERNELLOWERING_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace heter::compiler {

/// Appends to `target` the lowered form of `kernel`: an entry `void NAME(void *const *args)` (the kernel ABI of
/// docs/formats/package.md) and its body NAME.body. Fails with an error at the operation that no kernel can compute.
mlir::LogicalResult lowerKernel(mlir::func::FuncOp kernel, mlir::ModuleOp target);

/// Loads the dialects that lowerKernel and the lowering behind it create operations of.
void loadKernelDialects(mlir::MLIRContext &context);

} // namespace heter::compiler

#endif // HETER_COMPILER_KERNELLOWERING_H
