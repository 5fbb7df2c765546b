// A kernel's functions in the LLVM dialect: the entry that the runtime calls, the body that works on plain pointers,
// and the constants that lie in memory.
#ifndef HETER_COMPILER_KERNELFUNCTION_H
#define HETER_COMPILER_KERNELFUNCTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace heter::compiler {

/// What the code of a kernel's body can use.
struct KernelFunction {
  llvm::DenseMap<mlir::Value, mlir::Value> memory; ///< pointers of inputs, outputs and constants whose elements differ
  mlir::Value batch;                               ///< B, or 1 where no tensor of the kernel depends on it
};

/// Appends to `target` an entry `void NAME(void *const *args)` (the kernel ABI of docs/formats/package.md) and its body
/// NAME.body, which is left open: `builder` stands where its code goes. Fails with an error where the kernel is not one
/// block that computes each of its outputs, all tensors, once.
mlir::FailureOr<KernelFunction> makeKernelFunction(mlir::func::FuncOp kernel, mlir::ModuleOp target,
                                                   mlir::OpBuilder &builder);

} // namespace heter::compiler

#endif // HETER_COMPILER_KERNELFUNCTION_H
