// Folds and canonicalizations of the nn operations. Each gives the same f32 bits (a NaN's payload aside): nothing here
// reorders a sum, and x * 0, x - x or x + 0.0 stay, because infinities, NaNs and negative zeros pass through them.
#include "dialects/nn/NN.h"

#include "mlir/Dialect/CommonFolders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace heter::nn;

/// Whether every element of `value` is the constant `number`, with its sign.
static bool isFilledWith(Value value, double number) {
  while (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getInput();
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat() || !elements.getElementType().isF32())
    return false;
  return elements.getSplatValue<APFloat>().bitwiseIsEqual(APFloat(static_cast<float>(number)));
}

/// The splat constant `attribute` in the static shape of `type`, or null.
static Attribute resizeSplat(Attribute attribute, RankedTensorType type) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(attribute);
  if (!elements || !elements.isSplat() || !type.hasStaticShape())
    return nullptr;
  return elements.resizeSplat(type);
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  return resizeSplat(adaptor.getInput(), getType());
}

LogicalResult BroadcastOp::canonicalize(BroadcastOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<BroadcastOp>();
  if (!inner)
    return failure();
  SmallVector<int64_t> dims = llvm::map_to_vector(inner.getDims(), [&](int64_t dim) { return op.getDims()[dim]; });
  rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), inner.getInput(), dims, PlaceAttr());
  return success();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getInputs().size() == 1 ? OpFoldResult(getInputs().front()) : OpFoldResult();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  return resizeSplat(adaptor.getInput(), getType());
}

LogicalResult ReshapeOp::canonicalize(ReshapeOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<ReshapeOp>();
  if (!inner)
    return failure();
  rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), inner.getInput(), PlaceAttr());
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  auto concat = getInput().getDefiningOp<ConcatOp>();
  if (!concat || concat.getAxis() != getAxis())
    return {};
  int64_t begin = 0;
  for (Value input : concat.getInputs()) {
    int64_t end = begin + cast<RankedTensorType>(input.getType()).getDimSize(getAxis());
    if (begin == static_cast<int64_t>(getBegin()) && end == static_cast<int64_t>(getEnd()))
      return input;
    begin = end;
  }
  return {};
}

LogicalResult SliceOp::canonicalize(SliceOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<SliceOp>();
  if (!inner || inner.getAxis() != op.getAxis())
    return failure();
  rewriter.replaceOpWithNewOp<SliceOp>(op, inner.getInput(), op.getAxis(), inner.getBegin() + op.getBegin(),
                                       inner.getBegin() + op.getEnd(), PlaceAttr());
  return success();
}

OpFoldResult PadOp::fold(FoldAdaptor) { return getInput().getType() == getType() ? getInput() : OpFoldResult(); }

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (auto inner = getInput().getDefiningOp<TransposeOp>())
    return inner.getInput();
  return resizeSplat(adaptor.getInput(), getType());
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// f32 arithmetic on constants rounds as the machine's does.
template <typename Op, typename Calculate>
static OpFoldResult foldConstants(typename Op::FoldAdaptor adaptor, Calculate calculate) {
  return constFoldBinaryOp<FloatAttr, FloatAttr::ValueType, void>(adaptor.getOperands(), calculate);
}

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  if (isFilledWith(getRhs(), -0.0))
    return getLhs();
  if (isFilledWith(getLhs(), -0.0))
    return getRhs();
  return foldConstants<AddOp>(adaptor, [](const APFloat &a, const APFloat &b) { return a + b; });
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  if (isFilledWith(getRhs(), 0.0))
    return getLhs();
  return foldConstants<SubOp>(adaptor, [](const APFloat &a, const APFloat &b) { return a - b; });
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  if (isFilledWith(getRhs(), 1.0))
    return getLhs();
  if (isFilledWith(getLhs(), 1.0))
    return getRhs();
  return foldConstants<MulOp>(adaptor, [](const APFloat &a, const APFloat &b) { return a * b; });
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  if (isFilledWith(getRhs(), 1.0))
    return getLhs();
  // A micro-batch has at least one example, so its number of examples divides itself.
  if (getLhs().getDefiningOp<ExampleCountOp>() && getRhs().getDefiningOp<ExampleCountOp>())
    return DenseElementsAttr::get(getType(), 1.0f);
  return foldConstants<DivOp>(adaptor, [](const APFloat &a, const APFloat &b) { return a / b; });
}

OpFoldResult NegOp::fold(FoldAdaptor adaptor) {
  if (auto inner = getInput().getDefiningOp<NegOp>())
    return inner.getInput();
  return constFoldUnaryOp<FloatAttr, FloatAttr::ValueType, void>(adaptor.getOperands(), [](APFloat a) {
    a.changeSign();
    return a;
  });
}

OpFoldResult ReluOp::fold(FoldAdaptor) {
  return getInput().getDefiningOp<ReluOp>() ? OpFoldResult(getInput()) : OpFoldResult();
}

LogicalResult AddOp::canonicalize(AddOp op, PatternRewriter &rewriter) {
  if (auto neg = op.getRhs().getDefiningOp<NegOp>())
    rewriter.replaceOpWithNewOp<SubOp>(op, op.getLhs(), neg.getInput(), PlaceAttr());
  else if (auto neg = op.getLhs().getDefiningOp<NegOp>())
    rewriter.replaceOpWithNewOp<SubOp>(op, op.getRhs(), neg.getInput(), PlaceAttr());
  else
    return failure();
  return success();
}

LogicalResult SubOp::canonicalize(SubOp op, PatternRewriter &rewriter) {
  auto neg = op.getRhs().getDefiningOp<NegOp>();
  if (!neg)
    return failure();
  rewriter.replaceOpWithNewOp<AddOp>(op, op.getLhs(), neg.getInput(), PlaceAttr());
  return success();
}
