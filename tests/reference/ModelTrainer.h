// Trains any model in double precision: its program is differentiated by --heter-autodiff and run by the interpreter of
// this folder, and the optimizers are those of Rules.h. Losses of the runtime are held against its losses.
#ifndef HETER_TESTS_REFERENCE_MODELTRAINER_H
#define HETER_TESTS_REFERENCE_MODELTRAINER_H

#include "dialects/nn/NN.h"
#include "tests/reference/Interpreter.h"
#include "tests/reference/Rules.h"

#include "mlir/IR/BuiltinOps.h"

namespace heter::reference {

/// A model and its state. Not copyable.
class ModelTrainer {
public:
  /// `differentiated` is a module after --heter-autodiff; it outlives the trainer. Parameters and rows start as the
  /// runtime starts them for `seed`.
  ModelTrainer(mlir::ModuleOp differentiated, uint64_t seed);
  ModelTrainer(const ModelTrainer &) = delete;

  /// One step on a batch of `examples` examples, of which the first has the running number `firstExample`. Returns the
  /// loss before the update. Throws std::runtime_error where a lookup reads ids that are no input of the model.
  double step(std::map<std::string, Value> inputs, int64_t examples, int64_t firstExample);

private:
  void initializeRows();

  mlir::ModuleOp module_;
  mlir::Operation *train_;
  int64_t steps_ = 0; ///< Done.
  Environment environment_;
  std::map<std::string, OptimizerState> states_;
  std::map<PartName, std::map<int64_t, OptimizerState>> rowStates_;
};

} // namespace heter::reference

#endif // HETER_TESTS_REFERENCE_MODELTRAINER_H
