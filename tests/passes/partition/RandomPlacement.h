// Gives the free ops of a placed module random roles, to test that any legal placement can be cut and run.
#ifndef HETER_TESTS_PASSES_PARTITION_RANDOMPLACEMENT_H
#define HETER_TESTS_PASSES_PARTITION_RANDOMPLACEMENT_H

#include "mlir/IR/BuiltinOps.h"

namespace heter::test {

/// Rewrites the place of each op of each nn.program that is not pinned to one of `roles`, drawn by `seed` alone.
/// REQUIRES: `module` is at stage place in mode heter-ps; roles are cpu-trainer or heter-trainer.CLASS.
void placeRandomly(mlir::ModuleOp module, llvm::ArrayRef<llvm::StringRef> roles, uint64_t seed);

} // namespace heter::test

#endif
