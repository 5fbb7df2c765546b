// The stages of compilation, in order: which pass leads to each, and what its dump is called.
#ifndef HETER_COMPILER_PIPELINES_H
#define HETER_COMPILER_PIPELINES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace heter::compiler {

struct Stage {
  llvm::StringLiteral name;                    ///< as in nn.stage
  llvm::StringLiteral dump;                    ///< the file that --dump-ir writes
  std::unique_ptr<mlir::Pass> (*createPass)(); ///< from the stage before it; null for the front end's
};

/// All stages, first to last.
llvm::ArrayRef<Stage> stages();

/// The number of the stage that `module` is in, or nothing if it does not say or is of no stage.
std::optional<size_t> stageOf(mlir::ModuleOp module);

/// Takes `module` from its stage to the last one. `reached` is called with each stage, the first one included.
mlir::LogicalResult runStages(mlir::ModuleOp module, llvm::function_ref<mlir::LogicalResult(const Stage &)> reached);

/// Registers the dialects of all stages.
void registerStageDialects(mlir::DialectRegistry &registry);

} // namespace heter::compiler

#endif // HETER_COMPILER_PIPELINES_H
