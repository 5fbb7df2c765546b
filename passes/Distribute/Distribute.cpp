// Stage 4: parameters become things that somebody owns. Reads turn into ps.pull_*, gradient updates into ps.push_*, and
// the math of each optimizer into one ps.optimizer function that tables' parts and parameters name as their updater.
// The result is the same in every mode; which role pulls and pushes is for the place stage to say.
#include "dialects/ps/PS.h"
#include "passes/Distribute/Optimizers.h"
#include "passes/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/Pass/Pass.h"

namespace heter {
#define GEN_PASS_DEF_DISTRIBUTE
#include "passes/Passes.h.inc"
} // namespace heter

using namespace mlir;
using namespace heter;

namespace {

/// Replaces the ops of one program that read or update parameters.
void distributeProgram(nn::ProgramOp program) {
  program.walk([](Operation *op) {
    OpBuilder builder(op);
    if (auto lookup = dyn_cast<nn::LookupOp>(op)) {
      auto pull =
          ps::PullRowsOp::create(builder, op->getLoc(), lookup.getType(), lookup.getTableAttr(), lookup.getPartAttr(),
                                 lookup.getIds(), lookup.getPoolAttr(), lookup.getPlaceAttr());
      op->replaceAllUsesWith(pull);
    } else if (auto param = dyn_cast<nn::ParamOp>(op)) {
      auto pull = ps::PullDenseOp::create(builder, op->getLoc(), param.getType(), param.getParameterAttr(),
                                          param.getPlaceAttr());
      op->replaceAllUsesWith(pull);
    } else if (auto update = dyn_cast<nn::UpdateOp>(op)) {
      ps::PushDenseOp::create(builder, op->getLoc(), update.getParameterAttr(), update.getGradient(),
                              update.getPlaceAttr());
    } else if (auto update = dyn_cast<nn::UpdateRowsOp>(op)) {
      ps::PushRowsOp::create(builder, op->getLoc(), update.getTableAttr(), update.getPartAttr(), update.getRows(),
                             update.getCounts(), update.getPlaceAttr());
    } else {
      return;
    }
    op->erase();
  });
}

struct DistributePass : heter::impl::DistributeBase<DistributePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    WalkResult undifferentiated = module.walk([](nn::MinimizeOp minimize) {
      minimize.emitOpError() << "is still there: differentiate with --heter-autodiff first";
      return WalkResult::interrupt();
    });
    if (undifferentiated.wasInterrupted())
      return signalPassFailure();
    OptimizerFunctions optimizers(module);
    for (auto table : module.getOps<nn::TableOp>()) {
      SmallVector<Attribute> parts;
      for (auto part : table.getParts().getAsRange<nn::PartAttr>()) {
        FlatSymbolRefAttr updater = optimizers.functionFor(part.getOptimizer(), table.getLoc());
        parts.push_back(nn::PartAttr::get(part.getContext(), part.getName(), part.getDim(), part.getInit(),
                                          part.getOptimizer(), part.getAdmit(), updater));
      }
      table.setPartsAttr(ArrayAttr::get(&getContext(), parts));
    }
    for (auto parameter : module.getOps<nn::ParameterOp>())
      if (auto optimizer = parameter.getOptimizerAttr())
        parameter.setUpdaterAttr(optimizers.functionFor(optimizer, parameter.getLoc()));
    for (auto program : module.getOps<nn::ProgramOp>())
      distributeProgram(program);
    module->setAttr("nn.stage", StringAttr::get(&getContext(), "distribute"));
  }
};

} // namespace
