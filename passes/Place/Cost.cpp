// Counts FLOPs and bytes from types alone; see Cost.h for what a count means.
#include "passes/Place/Cost.h"

#include "dialects/nn/NN.h"
#include "dialects/ps/PS.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace heter;

namespace {

/// The elements of a value: an example, or in all.
Amount elementsOf(Type type) {
  if (auto ragged = dyn_cast<nn::RaggedType>(type)) {
    int64_t count = 1;
    for (int64_t size : ragged.getShape())
      count *= size;
    return {count, 0};
  }
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return {};
  int64_t count = 1;
  for (int64_t size : tensor.getShape())
    count *= ShapedType::isDynamic(size) ? 1 : size;
  return tensor.hasStaticShape() ? Amount{0, count} : Amount{count, 0};
}

Amount times(Amount amount, int64_t factor) { return {amount.perExample * factor, amount.perBatch * factor}; }

/// 2 m n k of a product whose result has m n elements: k is what of `lhs` and `rhs` the result lacks.
Amount matmulFlops(nn::MatmulOp op) {
  auto lhs = op.getLhs().getType(), result = op.getResult().getType();
  int64_t contracted = lhs.getRank() - (op.getTransposeA() ? 2 : 1);
  Amount flops = times(elementsOf(result), 2);
  if (lhs.isDynamicDim(contracted)) // contracts over the examples: each adds its outer product
    return {flops.perExample + flops.perBatch, 0};
  return times(flops, lhs.getDimSize(contracted));
}

/// Work that reads each element of the largest operand or result `factor` times.
Amount elementwiseFlops(Operation *op, int64_t factor) {
  Amount largest;
  auto consider = [&](Type type) {
    Amount amount = elementsOf(type);
    largest.perExample = std::max(largest.perExample, amount.perExample);
    largest.perBatch = std::max(largest.perBatch, amount.perBatch);
  };
  llvm::for_each(op->getOperandTypes(), consider);
  llvm::for_each(op->getResultTypes(), consider);
  if (largest.perExample > 0)
    largest.perBatch = 0;
  return times(largest, factor);
}

/// The work of executing a region once.
Amount regionFlops(Region &region) {
  Amount flops;
  for (Operation &op : region.front())
    flops += flopsOf(&op);
  return flops;
}

/// The region that costs more.
Amount ifFlops(nn::IfOp op) {
  Amount yes = regionFlops(op.getThenRegion()), no = regionFlops(op.getElseRegion());
  return {std::max(yes.perExample, no.perExample), std::max(yes.perBatch, no.perBatch)};
}

Amount whileFlops(nn::WhileOp op) {
  Amount flops = regionFlops(op.getConditionRegion());
  flops += regionFlops(op.getBodyRegion());
  return flops;
}

} // namespace

Amount heter::bytesOf(Type type) {
  int64_t bits = 0;
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    bits = tensor.getElementTypeBitWidth();
  else if (auto ragged = dyn_cast<nn::RaggedType>(type))
    bits = ragged.getElementType().getIntOrFloatBitWidth();
  return times(elementsOf(type), bits < 8 ? 1 : bits / 8);
}

Amount heter::flopsOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, Amount>(op)
      .Case([](nn::MatmulOp matmul) { return matmulFlops(matmul); })
      .Case([](nn::LinearOp linear) {
        Amount result = elementsOf(linear.getResult().getType());
        Amount flops = times(result, 2 * linear.getWeight().getType().getDimSize(0));
        if (linear.getBias())
          flops += result;
        return flops;
      })
      .Case<nn::SoftmaxOp, nn::SoftmaxGradOp, nn::MaxGradOp>([](Operation *op) { return elementwiseFlops(op, 4); })
      .Case<nn::LayerNormOp, nn::LayerNormGradOp, nn::SoftmaxCrossEntropyOp, nn::SoftmaxCrossEntropyGradOp,
            nn::SigmoidCrossEntropyOp, nn::LogLossOp>([](Operation *op) { return elementwiseFlops(op, 8); })
      .Case<nn::SigmoidOp>([](Operation *op) { return elementwiseFlops(op, 3); })
      .Case<nn::DropoutOp, nn::DropoutGradOp>([](Operation *op) { return elementwiseFlops(op, 2); })
      .Case<nn::ReduceSumOp, nn::ReduceMeanOp, nn::ReduceMaxOp, nn::ArgmaxOp>(
          [](Operation *op) { return elementwiseFlops(op, 1); })
      .Case([](nn::IfOp op) { return ifFlops(op); })
      .Case([](nn::WhileOp op) { return whileFlops(op); })
      .Case([](nn::LookupGradOp grad) { return elementsOf(grad.getGradient().getType()); })
      .Case([](ps::PullRowsOp pull) { return pull.getPool() == nn::Pool::None ? Amount() : elementwiseFlops(pull, 1); })
      .Default([](Operation *op) {
        return op->hasTrait<OpTrait::Elementwise>() && !isa<nn::HashOp>(op) ? elementwiseFlops(op, 1) : Amount();
      });
}

std::string heter::formatNumber(int64_t number) {
  std::string digits = llvm::itostr(number);
  for (int64_t position = static_cast<int64_t>(digits.size()) - 3; position > 0; position -= 3)
    digits.insert(position, 1, ',');
  return digits;
}

std::string heter::describe(const Amount &amount, StringRef unit) {
  std::string text;
  if (amount.perExample || !amount.perBatch)
    text = formatNumber(amount.perExample) + " " + unit.str() + " an example";
  if (amount.perBatch)
    text += (text.empty() ? "" : " + ") + formatNumber(amount.perBatch) + " " + unit.str() + " a micro-batch";
  return text;
}
