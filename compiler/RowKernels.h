// Kernels of operations that look along a row more than once: softmax, layer_norm, softmax_cross_entropy and their
// gradients, and the gradient of reduce_max.
#ifndef HETER_COMPILER_ROWKERNELS_H
#define HETER_COMPILER_ROWKERNELS_H

#include "compiler/KernelLoops.h"

#include "mlir/IR/Operation.h"

namespace heter::compiler {

/// Whether `op` is one of them. In a kernel its operands are inputs and its result is an output.
bool isRowOperation(mlir::Operation *op);

/// Emits `op`. `pointers` are its operands' and then its result's; `batch` is B. REQUIRES: isRowOperation(op).
mlir::LogicalResult lowerRowOperation(mlir::Operation *op, llvm::ArrayRef<mlir::Value> pointers, mlir::Value batch,
                                      KernelLoops &loops);

/// Emits a softmax_cross_entropy and its gradient from one look at each row. `pointers` are as for the gradient alone;
/// `loss` is the other's result, null if it is not wanted. REQUIRES: nn::areLossAndGradient().
mlir::LogicalResult lowerLossAndGradient(mlir::Operation *gradient, llvm::ArrayRef<mlir::Value> pointers,
                                         mlir::Value loss, mlir::Value batch, KernelLoops &loops);

} // namespace heter::compiler

#endif // HETER_COMPILER_ROWKERNELS_H
