// Kernel functions: func.funcs over nn operations, one a distinct structure.
#ifndef HETER_PASSES_OUTLINE_KERNELS_H
#define HETER_PASSES_OUTLINE_KERNELS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace heter {

/// Makes kernel functions at the end of a module and gives the existing one where the structure is the same.
class KernelFunctions {
public:
  explicit KernelFunctions(mlir::ModuleOp module) : module_(module) {}

  /// What a group of operations reads and gives, and the function that computes it.
  struct Outlined {
    mlir::func::FuncOp function;
    llvm::SmallVector<mlir::Value> inputs;
    llvm::SmallVector<mlir::Value> outputs;
  };

  /// A kernel of `ops`, which stand in a legal order in one block. Constants that they read become part of it.
  /// Outputs are the results that others read.
  Outlined outline(llvm::ArrayRef<mlir::Operation *> ops);

  /// A kernel of the body of a region whose terminator's operands are the outputs, called `name`.
  mlir::func::FuncOp outlineBody(mlir::Block &body, llvm::StringRef name);

private:
  mlir::func::FuncOp intern(mlir::func::FuncOp function, llvm::StringRef name);

  mlir::ModuleOp module_;
  llvm::StringMap<mlir::func::FuncOp> byStructure_;
  llvm::StringMap<unsigned> used_;
};

/// What a group computes, in short: the mnemonics of its operations, "mul+relu_grad+reduce_sum".
std::string describe(llvm::ArrayRef<mlir::Operation *> ops, llvm::StringRef separator);

} // namespace heter

#endif // HETER_PASSES_OUTLINE_KERNELS_H
