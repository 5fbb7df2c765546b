// The optimizers as functions: one ps.optimizer for each distinct nn.optimizer attribute of a module, and one
// ps.schedule for each distinct schedule of their learning rates.
#ifndef HETER_PASSES_DISTRIBUTE_OPTIMIZERS_H
#define HETER_PASSES_DISTRIBUTE_OPTIMIZERS_H

#include "dialects/ps/PS.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace heter {

/// Makes functions in `module`, named RULE_N where the model has not taken that name, and remembers them. The formulas
/// are those of optimizers/, computed in f32.
class OptimizerFunctions {
public:
  /// New functions go to the end of what `module` has before its first program.
  explicit OptimizerFunctions(mlir::ModuleOp module);

  /// The function of `optimizer`, made on first use at location `loc`.
  mlir::FlatSymbolRefAttr functionFor(nn::OptimizerAttr optimizer, mlir::Location loc);

private:
  mlir::FlatSymbolRefAttr scheduleFor(nn::RuleAttr schedule, mlir::Location loc);
  mlir::OpBuilder beforePrograms();
  std::string freeName(llvm::StringRef kind);

  mlir::ModuleOp module_;
  llvm::DenseMap<mlir::Attribute, mlir::FlatSymbolRefAttr> functions_;
  llvm::StringMap<int> counts_;
};

} // namespace heter

#endif
