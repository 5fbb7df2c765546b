// Stage 7: each ps.program becomes a task.program: its operations become nodes, groups of generated code become calls
// of kernel functions, and in heter-trainer programs copies connect host and device memory.
#include "passes/Outline/ProgramOutliner.h"
#include "passes/Passes.h"

using namespace mlir;

namespace heter {

#define GEN_PASS_DEF_OUTLINE
#include "passes/Passes.h.inc"

namespace {

void outlineOptimizer(ps::OptimizerOp optimizer, KernelFunctions &kernels) {
  func::FuncOp kernel = kernels.outlineBody(optimizer.getBody().front(), (optimizer.getRule() + "_update").str());
  OpBuilder builder(optimizer);
  task::OptimizerOp::create(builder, optimizer.getLoc(), optimizer.getSymNameAttr(), optimizer.getRuleAttr(),
                            FlatSymbolRefAttr::get(kernel.getSymNameAttr()), optimizer.getSlotsAttr(),
                            optimizer.getSlotInitAttr(), optimizer.getScalarsAttr(), optimizer.getScalarInitAttr(),
                            optimizer.getRateAttr(), optimizer.getAveragedAttr());
  optimizer.erase();
}

void outlineSchedule(ps::ScheduleOp schedule, KernelFunctions &kernels) {
  func::FuncOp kernel = kernels.outlineBody(schedule.getBody().front(), (schedule.getRule() + "_rate").str());
  OpBuilder builder(schedule);
  task::ScheduleOp::create(builder, schedule.getLoc(), schedule.getSymNameAttr(), schedule.getRuleAttr(),
                           FlatSymbolRefAttr::get(kernel.getSymNameAttr()));
  schedule.erase();
}

struct Outline : impl::OutlineBase<Outline> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto fuse = module->getAttrOfType<BoolAttr>(nn::kFuseAttr);
    KernelFunctions kernels(module);
    for (auto optimizer : llvm::make_early_inc_range(module.getOps<ps::OptimizerOp>()))
      outlineOptimizer(optimizer, kernels);
    for (auto schedule : llvm::make_early_inc_range(module.getOps<ps::ScheduleOp>()))
      outlineSchedule(schedule, kernels);
    for (auto program : llvm::make_early_inc_range(module.getOps<ps::ProgramOp>()))
      if (failed(ProgramOutliner(program, kernels, !fuse || fuse.getValue()).run()))
        return signalPassFailure();
    // A kernel that became the end of a product has no caller any more.
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (SymbolTable::symbolKnownUseEmpty(function, module))
        function.erase();
    module->setAttr(nn::kStageAttr, StringAttr::get(&getContext(), "outline"));
  }
};

} // namespace

} // namespace heter
