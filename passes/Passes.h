// Declarations of every pass of Heter, generated from Passes.td. A pass's implementation lives in the folder of its
// name; this header gives its constructor, its options and its registration.
#ifndef HETER_PASSES_PASSES_H
#define HETER_PASSES_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace heter {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

} // namespace heter

#endif // HETER_PASSES_PASSES_H
