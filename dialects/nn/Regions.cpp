// Operations with regions: what the regions may hold, take and yield.
#include "dialects/nn/NN.h"

#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace heter::nn;

llvm::SetVector<Value> heter::nn::usedValues(Operation *op) {
  llvm::SetVector<Value> values(op->operand_begin(), op->operand_end());
  if (op->getNumRegions() > 0)
    getUsedValuesDefinedAbove(op->getRegions(), values);
  return values;
}

/// Whether `op` computes tensors of values alone. What reads the batch or the parameters' owners happens once a
/// micro-batch, whatever a condition says.
static bool computes(Operation &op) {
  return isa_and_nonnull<NNDialect>(op.getDialect()) && isPure(&op) && !isa<InputOp, ParamOp, LookupOp>(op) &&
         llvm::all_of(op.getResultTypes(), llvm::IsaPred<RankedTensorType>);
}

/// Checks one region of `op`, which errors call `what`.
static LogicalResult verifyRegion(Operation *op, Region &region, StringRef what, TypeRange arguments,
                                  TypeRange results) {
  Block &block = region.front();
  if (block.getArgumentTypes() != arguments)
    return op->emitOpError("expected the ")
           << what << " region to take (" << arguments << "), got (" << block.getArgumentTypes() << ")";
  for (Operation &inner : block)
    if (!computes(inner))
      return inner.emitOpError("cannot be in a region of ")
             << op->getName() << ", which only computes tensors from tensors: move it outside";
  auto yielded = block.getTerminator()->getOperandTypes();
  if (yielded != results)
    return op->emitOpError("expected the ") << what << " region to yield (" << results << "), got (" << yielded << ")";
  return success();
}

LogicalResult IfOp::verifyRegions() {
  return failure(failed(verifyRegion(*this, getThenRegion(), "then", {}, getResultTypes())) ||
                 failed(verifyRegion(*this, getElseRegion(), "else", {}, getResultTypes())));
}

LogicalResult WhileOp::verify() {
  if (getCarried().getTypes() != getResultTypes())
    return emitOpError("expected results of the carried types (")
           << getCarried().getTypes() << "), got (" << getResultTypes() << ")";
  return success();
}

LogicalResult WhileOp::verifyRegions() {
  Type truth = RankedTensorType::get({}, IntegerType::get(getContext(), 1));
  return failure(failed(verifyRegion(*this, getConditionRegion(), "condition", getResultTypes(), truth)) ||
                 failed(verifyRegion(*this, getBodyRegion(), "body", getResultTypes(), getResultTypes())));
}
