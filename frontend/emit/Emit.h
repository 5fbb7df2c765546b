// Checked model to the nn dialect: the compiler's first stage.
#ifndef HETER_FRONTEND_EMIT_EMIT_H
#define HETER_FRONTEND_EMIT_EMIT_H

#include "frontend/check/Model.h"
#include "frontend/syntax/Diagnostics.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace heter::frontend {

/// Reads, checks and emits the model in `path`. After an error nothing is returned, and `errors` has what to tell the
/// user. The module has `nn.stage = "frontend"`, the model's seed, and the defaults `nn.mode = "local"` and
/// `nn.fuse = true`, which the caller may replace; the nn dialect is loaded into `context`.
mlir::OwningOpRef<mlir::ModuleOp> compileSpec(const std::string &path, mlir::MLIRContext &context,
                                              llvm::raw_ostream &errors);

/// Emits a checked model. What the language has and the compiler lacks is one error in `diagnostics`.
mlir::OwningOpRef<mlir::ModuleOp> emitModel(const Model &model, mlir::MLIRContext &context,
                                            DiagnosticEngine &diagnostics);

} // namespace heter::frontend

#endif // HETER_FRONTEND_EMIT_EMIT_H
