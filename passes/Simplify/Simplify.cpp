// --heter-simplify: the operations' own folds and canonicalizations to a fixed point, dead code, and equal operations
// merged; places are kept by a listener. Operations of unlike place are never merged, so a constant stays with its use.
#include "dialects/nn/NN.h"
#include "dialects/nn/PlaceKeeper.h"
#include "passes/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace heter {
#define GEN_PASS_DEF_SIMPLIFY
#include "passes/Passes.h.inc"
} // namespace heter

using namespace mlir;
using namespace heter;
using namespace heter::nn;

namespace {

/// An elementwise operation of one type whose operands are all broadcast alike: computes before the broadcast.
struct ComputeBeforeBroadcast : RewritePattern {
  explicit ComputeBeforeBroadcast(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!op->hasTrait<OpTrait::Elementwise>() || !op->hasTrait<Pointwise>())
      return failure();
    Type type = op->getResult(0).getType();
    SmallVector<Value> inputs;
    auto first = op->getOperand(0).getDefiningOp<BroadcastOp>();
    for (Value operand : op->getOperands()) {
      auto broadcast = operand.getDefiningOp<BroadcastOp>();
      if (!broadcast || operand.getType() != type || broadcast.getDims() != first.getDims() ||
          broadcast.getInput().getType() != first.getInput().getType())
        return failure();
      inputs.push_back(broadcast.getInput());
    }
    Operation *small = rewriter.create(op->getLoc(), op->getName().getIdentifier(), inputs, first.getInput().getType(),
                                       op->getAttrs());
    rewriter.replaceOpWithNewOp<BroadcastOp>(op, type, small->getResult(0), first.getDims(), PlaceAttr());
    return success();
  }
};

} // namespace

/// The canonicalizations of the nn operations and this pass's own patterns.
static FrozenRewritePatternSet getPatterns(MLIRContext *context) {
  RewritePatternSet patterns(context);
  auto *dialect = context->getOrLoadDialect<NNDialect>();
  for (RegisteredOperationName op : context->getRegisteredOperations())
    if (&op.getDialect() == dialect)
      op.getCanonicalizationPatterns(patterns, context);
  patterns.add<ComputeBeforeBroadcast>(context);
  return FrozenRewritePatternSet(std::move(patterns));
}

namespace {

struct SimplifyPass : heter::impl::SimplifyBase<SimplifyPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    MLIRContext *context = module.getContext();
    FrozenRewritePatternSet patterns = getPatterns(context);
    PlaceKeeper keeper;
    GreedyRewriteConfig config;
    config.setListener(&keeper).enableConstantCSE(false);
    DominanceInfo dominance;
    for (auto program : module.getOps<ProgramOp>()) {
      bool merged = true;
      while (merged) { // what was merged may fold; each round that merges removes operations, so this ends
        if (failed(applyPatternsGreedily(program.getBody(), patterns, config))) {
          program.emitError("simplification did not reach a fixed point");
          return signalPassFailure();
        }
        IRRewriter rewriter(context, &keeper);
        merged = false;
        eliminateCommonSubExpressions(rewriter, dominance, program, &merged);
      }
    }
    module->setAttr(kStageAttr, StringAttr::get(context, "simplify"));
  }
};

} // namespace
