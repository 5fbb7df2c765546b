// The ps dialect: ownership of parameters and messages between roles, between nn (what is computed) and task (what one
// role executes). PS.td describes the ops; here are also the role keys that passes and reports share.
#ifndef HETER_DIALECTS_PS_PS_H
#define HETER_DIALECTS_PS_PS_H

#include "dialects/nn/NN.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace heter::ps {

inline constexpr llvm::StringLiteral kLocal = "local";
inline constexpr llvm::StringLiteral kCpuTrainer = "cpu-trainer";
inline constexpr llvm::StringLiteral kServer = "server";
inline constexpr llvm::StringLiteral kHeterTrainerPrefix = "heter-trainer.";

/// `heter-trainer.CLASS` with a non-empty class.
bool isHeterTrainer(llvm::StringRef role);

/// A role that has a graph: local, cpu-trainer or heter-trainer.CLASS.
bool isTrainerRole(llvm::StringRef role);

/// `train` or `infer`.
bool isGraphName(llvm::StringRef name);

/// Whether values of `type` may cross roles: tensors and ragged values, never row gradients.
bool isMessageType(mlir::Type type);

} // namespace heter::ps

#include "dialects/ps/PSDialect.h.inc"

#define GET_OP_CLASSES
#include "dialects/ps/PSOps.h.inc"

#endif
