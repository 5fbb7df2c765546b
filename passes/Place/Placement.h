// What makes a placement legal, shared by the pass that places, the pass that cuts, and tests that place at random.
#ifndef HETER_PASSES_PLACE_PLACEMENT_H
#define HETER_PASSES_PLACE_PLACEMENT_H

#include "dialects/ps/PS.h"
#include "mlir/IR/BuiltinOps.h"

namespace heter {

/// Why `op` has to stay on the cpu-trainer, or "" if it is free to go to any trainer. Pinned are the ops that read the
/// batch or give results to people. Every other op of a program may run on any trainer role, in any pattern, as long as
/// groups of row gradients stay together: device regions need not be contiguous, and forward and backward need not
/// mirror each other.
llvm::StringRef whyPinned(mlir::Operation *op);

/// Whether `op` makes, joins or pushes row gradients.
bool isOfRowGradients(mlir::Operation *op);

/// The ops of a program that make, join and push row gradients, in groups that gradients tie together. A group goes to
/// one role whole, because rows are not sent between trainers. Groups and their ops are in the order of the program.
llvm::SmallVector<llvm::SmallVector<mlir::Operation *>> rowGradientGroups(nn::ProgramOp program);

/// The module's mode, or an error on the module if it has none that can be compiled.
llvm::FailureOr<llvm::StringRef> getMode(mlir::ModuleOp module);

/// Gives `op`, and the ops of its regions, a role and the reason, which says that a region goes whole. REQUIRES: op is
/// placeable.
void setPlace(mlir::Operation *op, llvm::StringRef role, const llvm::Twine &why);

/// The role of a placed op. REQUIRES: verifyPlacement held.
llvm::StringRef getRole(mlir::Operation *op);

/// Checks that every op of every program has a trainer's role that the mode knows, that pinned ops stay where they have
/// to, that row gradients are where they are made, that regions are whole, and that optimizers are placed on their
/// owner.
llvm::LogicalResult verifyPlacement(mlir::ModuleOp module);

/// "FILE:LINE:COL" of the source line that `loc` comes from, or "".
std::string describeLocation(mlir::Location loc);

} // namespace heter

#endif
