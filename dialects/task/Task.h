// The task dialect in C++: what one role executes. See TaskDialect.td for the dialect's place and idea.
#ifndef HETER_DIALECTS_TASK_TASK_H
#define HETER_DIALECTS_TASK_TASK_H

#include "dialects/nn/NN.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/task/TaskDialect.h.inc"
#include "dialects/task/TaskEnums.h.inc"
#include "dialects/task/TaskInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/task/TaskAttributes.h.inc"

namespace heter::task {

/// The memory space of a value's type.
Space spaceOf(mlir::Type type);

/// Whether `type` is a tensor whose encoding, if any, is #task.device, and which is a value of a model otherwise.
bool isTaskTensor(mlir::Type type);

/// Whether `type` is a packed matrix: bf16, rank 2, only the rows perhaps dynamic, encoding #task.packed.
bool isPacked(mlir::Type type);

/// The bytes of a value of the tensor `type`, one example's if it is batched.
int64_t unitBytes(mlir::RankedTensorType type);

} // namespace heter::task

#define GET_OP_CLASSES
#include "dialects/task/TaskOps.h.inc"

namespace heter::task {

/// The same type in the other memory space: tensors change their encoding, ragged values and rows are always on the
/// host and stay as they are.
mlir::Type inSpace(mlir::Type type, Space space);

/// The f32 matrix `type` packed, in the same memory.
mlir::RankedTensorType packed(mlir::RankedTensorType type, Packing packing);

/// On a kernel's function: the number of the input whose place its only result takes. Set by the plan.
inline constexpr llvm::StringLiteral kOverwritesAttr = "task.overwrites";

/// Whether the runtime's library has kernels of this name.
bool isLibraryKernel(llvm::StringRef name);

/// Whether, and after which nodes, the product that makes a pushed gradient may update the parameter while it runs.
struct EarlyUpdate {
  llvm::SmallVector<int32_t> after; ///< The numbers of all nodes that read the parameter, in rising order.
  std::string whyNot;               ///< "" if it may, else the reason, as the end of a sentence.
};
EarlyUpdate earlyUpdateOf(PushDenseOp push);

/// An error if `push` is marked for an update that may not be, or that would not wait for all readers.
mlir::LogicalResult verifyEarlyUpdate(PushDenseOp push);

/// An error unless all tensors that `op` takes and gives are in one memory space.
mlir::LogicalResult verifyOneSpace(mlir::Operation *op);

} // namespace heter::task

#endif // HETER_DIALECTS_TASK_TASK_H
