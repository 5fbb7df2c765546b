// The optimizers as functions: one ps.optimizer for each distinct nn.optimizer attribute of a module.
#ifndef HETER_PASSES_DISTRIBUTE_OPTIMIZERS_H
#define HETER_PASSES_DISTRIBUTE_OPTIMIZERS_H

#include "dialects/ps/PS.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace heter {

/// Makes ps.optimizer functions in `module`, named RULE_N where the model has not taken that name, and remembers them.
/// Updates are in f32; g is the mean gradient. Sources: Duchi et al. 2011 (Adagrad) and Kingma & Ba 2014 (Adam), both
/// with epsilon outside the root as PyTorch has it.
///   sgd      v -= lr * g
///   adagrad  a += g * g;  v -= lr * g / (sqrt(a) + epsilon)
///   adam     p1 *= beta1;  p2 *= beta2;  m = beta1 * m + (1 - beta1) * g;  u = beta2 * u + (1 - beta2) * g * g
///            v -= lr * (m / (1 - p1)) / (sqrt(u / (1 - p2)) + epsilon)
class OptimizerFunctions {
public:
  /// New functions go to the end of what `module` has before its first program.
  explicit OptimizerFunctions(mlir::ModuleOp module);

  /// The function of `optimizer`, made on first use at location `loc`.
  mlir::FlatSymbolRefAttr functionFor(nn::OptimizerAttr optimizer, mlir::Location loc);

private:
  mlir::ModuleOp module_;
  llvm::DenseMap<mlir::Attribute, mlir::FlatSymbolRefAttr> functions_;
  llvm::StringMap<int> counts_;
};

} // namespace heter

#endif
