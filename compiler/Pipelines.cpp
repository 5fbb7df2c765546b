// The pipeline: nine stages, one pass each.
#include "compiler/Pipelines.h"

#include "dialects/nn/NN.h"
#include "dialects/ps/PS.h"
#include "dialects/task/Task.h"
#include "passes/Passes.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace heter::compiler {

ArrayRef<Stage> stages() {
  static const Stage kStages[] = {
      {"frontend", "01-frontend.mlir", nullptr},
      {"autodiff", "02-autodiff.mlir", [] { return createAutodiff(); }},
      {"simplify", "03-simplify.mlir", [] { return createSimplify(); }},
      {"distribute", "04-distribute.mlir", [] { return createDistribute(); }},
      {"place", "05-place.mlir", [] { return createPlace(); }},
      {"partition", "06-partition.mlir", [] { return createPartition(); }},
      {"outline", "07-outline.mlir", [] { return createOutline(); }},
      {"updates", "08-updates.mlir", [] { return createUpdates(); }},
      {"plan", "09-plan.mlir", [] { return createPlan(); }},
  };
  return kStages;
}

std::optional<size_t> stageOf(ModuleOp module) {
  auto name = module->getAttrOfType<StringAttr>(nn::kStageAttr);
  for (auto [number, stage] : llvm::enumerate(stages()))
    if (name && stage.name == name.getValue())
      return number;
  return std::nullopt;
}

LogicalResult runStages(ModuleOp module, llvm::function_ref<LogicalResult(const Stage &)> reached) {
  std::optional<size_t> current = stageOf(module);
  if (!current)
    return module.emitError("expects nn.stage to say which stage the module is in");
  if (failed(reached(stages()[*current])))
    return failure();
  for (const Stage &stage : stages().drop_front(*current + 1)) {
    PassManager passes(module->getContext(), ModuleOp::getOperationName());
    passes.addPass(stage.createPass());
    if (failed(passes.run(module)) || failed(reached(stage)))
      return failure();
  }
  return success();
}

void registerStageDialects(DialectRegistry &registry) {
  registry.insert<nn::NNDialect, ps::PSDialect, task::TaskDialect, func::FuncDialect>();
}

} // namespace heter::compiler
