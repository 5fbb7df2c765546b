// Result types of the nn operations that follow from operands and attributes. The same rules verify: a wrong operand
// is an error here, a result type that differs from the inferred one is an error of InferTypeOpInterface.
#include "dialects/nn/NN.h"

using namespace mlir;
using namespace heter::nn;

using Types = SmallVectorImpl<Type>;
using MaybeLocation = std::optional<Location>;

static RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static LogicalResult done(Types &types, ArrayRef<int64_t> shape, Type element) {
  types.push_back(RankedTensorType::get(shape, element));
  return success();
}

/// Checks that `axis` is a dimension of `type` and not the batch.
static LogicalResult checkAxis(MaybeLocation loc, int64_t axis, RankedTensorType type) {
  if (axis >= type.getRank())
    return emitOptionalError(loc, type, " has no dimension ", axis);
  if (type.isDynamicDim(axis))
    return emitOptionalError(loc, "expected an axis other than the batch");
  return success();
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  if (op.getInputs().empty())
    return emitOptionalError(loc, "expected at least one operand");
  RankedTensorType first = tensorOf(op.getInputs().front());
  int64_t axis = op.getAxis(), size = 0;
  if (failed(checkAxis(loc, axis, first)))
    return failure();
  SmallVector<int64_t> shape(first.getShape());
  for (Value input : op.getInputs()) {
    SmallVector<int64_t> other(tensorOf(input).getShape());
    if (other.size() == shape.size()) {
      size += other[axis];
      other[axis] = shape[axis];
    }
    if (other != shape)
      return emitOptionalError(loc, "cannot concat ", first, " with ", input.getType(), " along dimension ", axis);
  }
  shape[axis] = size;
  return done(types, shape, first.getElementType());
}

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context, MaybeLocation, Adaptor op, Types &types) {
  return done(types, tensorOf(op.getLhs()).getShape(), IntegerType::get(context, 1));
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  RankedTensorType input = tensorOf(op.getInput());
  int64_t axis = op.getAxis(), begin = op.getBegin(), end = op.getEnd();
  if (failed(checkAxis(loc, axis, input)))
    return failure();
  if (begin >= end || end > input.getDimSize(axis))
    return emitOptionalError(loc, "expected a non-empty range within [0, ", input.getDimSize(axis), "), got [", begin,
                             ", ", end, ")");
  SmallVector<int64_t> shape(input.getShape());
  shape[axis] = end - begin;
  return done(types, shape, input.getElementType());
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  RankedTensorType input = tensorOf(op.getInput());
  if (failed(checkAxis(loc, op.getAxis(), input)))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  shape[op.getAxis()] += op.getLow() + op.getHigh();
  return done(types, shape, input.getElementType());
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  RankedTensorType input = tensorOf(op.getInput());
  int64_t rank = input.getRank();
  if (rank - isBatched(input) < 2)
    return emitOptionalError(loc, "expected two dimensions besides the batch, got ", input);
  SmallVector<int64_t> shape(input.getShape());
  std::swap(shape[rank - 2], shape[rank - 1]);
  return done(types, shape, input.getElementType());
}

LogicalResult LowerTriangleOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  RankedTensorType input = tensorOf(op.getInput());
  SmallVector<int64_t> shape(input.getShape());
  if (input.getRank() - isBatched(input) < 2 || shape.back() != shape[shape.size() - 2] || shape.back() < 2)
    return emitOptionalError(loc, "expected squares of at least 2 besides the batch, got ", input);
  int64_t size = shape.pop_back_val();
  shape.back() = size * (size - 1) / 2;
  return done(types, shape, input.getElementType());
}

LogicalResult LowerTriangleGradOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  RankedTensorType gradient = tensorOf(op.getGradient());
  SmallVector<int64_t> shape(gradient.getShape());
  int64_t size = 2, count = gradient.getRank() > isBatched(gradient) ? shape.back() : 0;
  while (size * (size - 1) / 2 < count)
    ++size;
  if (size * (size - 1) / 2 != count)
    return emitOptionalError(loc, "expected the elements left of a square's diagonal as the last dimension, got ",
                             gradient);
  shape.back() = size;
  shape.push_back(size);
  return done(types, shape, gradient.getElementType());
}

LogicalResult LinearOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  RankedTensorType input = tensorOf(op.getInput()), weight = tensorOf(op.getWeight());
  if (weight.getRank() != 2 || !weight.hasStaticShape())
    return emitOptionalError(loc, "expected a weight [in, out], got ", weight);
  if (input.getRank() < 2 || input.getShape().back() != weight.getDimSize(0))
    return emitOptionalError(loc, "expected an input [.., ", weight.getDimSize(0), "], got ", input);
  if (op.getBias() && tensorOf(op.getBias()).getShape() != weight.getShape().drop_front())
    return emitOptionalError(loc, "expected a bias [", weight.getDimSize(1), "], got ", op.getBias().getType());
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = weight.getDimSize(1);
  return done(types, shape, input.getElementType());
}

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  RankedTensorType lhs = tensorOf(op.getLhs()), rhs = tensorOf(op.getRhs());
  int64_t lhsRank = lhs.getRank(), rhsRank = rhs.getRank();
  bool flat = lhsRank == 2 && rhsRank == 2, rows = lhsRank >= 3 && rhsRank == 2 && !op.getTransposeA();
  bool batched = lhsRank == 3 && rhsRank == 3 && lhs.getDimSize(0) == rhs.getDimSize(0);
  if (!flat && !rows && !batched)
    return emitOptionalError(loc, "cannot multiply ", lhs, " with ", rhs);
  SmallVector<int64_t> a(lhs.getShape()), b(rhs.getShape());
  if (op.getTransposeA())
    std::swap(a[lhsRank - 2], a[lhsRank - 1]);
  if (op.getTransposeB())
    std::swap(b[rhsRank - 2], b[rhsRank - 1]);
  if (a.back() != b[rhsRank - 2])
    return emitOptionalError(loc, "cannot contract ", lhs, " with ", rhs, ": unequal sizes");
  a.back() = b.back();
  if (llvm::any_of(ArrayRef(a).drop_front(), ShapedType::isDynamic))
    return emitOptionalError(loc, "the batch must be the result's dimension 0");
  return done(types, a, lhs.getElementType());
}

LogicalResult CastOp::inferReturnTypes(MLIRContext *context, MaybeLocation, Adaptor op, Types &types) {
  return done(types, tensorOf(op.getInput()).getShape(), Float32Type::get(context));
}

static LogicalResult inferReduction(MaybeLocation loc, Value operand, ArrayRef<int64_t> axes, Types &types) {
  RankedTensorType input = tensorOf(operand);
  if (axes.empty())
    return emitOptionalError(loc, "expected at least one axis");
  SmallVector<int64_t> shape;
  for (auto [i, size] : llvm::enumerate(input.getShape()))
    if (!llvm::is_contained(axes, static_cast<int64_t>(i)))
      shape.push_back(size);
  if (axes.back() >= input.getRank())
    return emitOptionalError(loc, input, " has no dimension ", axes.back());
  return done(types, shape, input.getElementType());
}

LogicalResult ReduceSumOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  return inferReduction(loc, op.getInput(), op.getAxes(), types);
}

LogicalResult ReduceMeanOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  return inferReduction(loc, op.getInput(), op.getAxes(), types);
}

LogicalResult ReduceMaxOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  return inferReduction(loc, op.getInput(), op.getAxes(), types);
}

LogicalResult MaxGradOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  SmallVector<Type> reduced;
  if (failed(inferReduction(loc, op.getInput(), op.getAxes(), reduced)))
    return failure();
  if (op.getGradient().getType() != reduced[0] || op.getOutput().getType() != reduced[0])
    return emitOptionalError(loc, "expected gradient and output ", reduced[0], ", got ", op.getGradient().getType(),
                             " and ", op.getOutput().getType());
  types.push_back(op.getInput().getType());
  return success();
}

LogicalResult ArgmaxOp::inferReturnTypes(MLIRContext *context, MaybeLocation loc, Adaptor op, Types &types) {
  RankedTensorType input = tensorOf(op.getInput());
  if (failed(checkAxis(loc, op.getAxis(), input)))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  shape.erase(shape.begin() + op.getAxis());
  return done(types, shape, IntegerType::get(context, 64));
}

/// Checks a layer norm's operand and one [d] parameter of it.
static LogicalResult checkLayerNorm(MaybeLocation loc, RankedTensorType input, StringRef what, Value parameter) {
  if (input.getRank() < 1 || input.isDynamicDim(input.getRank() - 1))
    return emitOptionalError(loc, "expected an input with a dimension besides the batch, got ", input);
  if (tensorOf(parameter).getShape() != input.getShape().take_back())
    return emitOptionalError(loc, "expected a ", what, " [", input.getShape().back(), "], got ", parameter.getType());
  return success();
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  RankedTensorType input = tensorOf(op.getInput());
  if (failed(checkLayerNorm(loc, input, "scale", op.getScale())) ||
      failed(checkLayerNorm(loc, input, "shift", op.getShift())))
    return failure();
  types.push_back(input);
  return success();
}

LogicalResult LayerNormGradOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  RankedTensorType input = tensorOf(op.getInput());
  if (failed(checkLayerNorm(loc, input, "scale", op.getScale())))
    return failure();
  if (op.getGradient().getType() != input)
    return emitOptionalError(loc, "expected a gradient ", input, ", got ", op.getGradient().getType());
  types.push_back(input);
  return success();
}

/// Infers the type of a softmax cross-entropy from logits and class numbers.
static LogicalResult inferCrossEntropy(MaybeLocation loc, Value logits, Value label, Types &types) {
  RankedTensorType input = tensorOf(logits);
  if (input.getRank() < 1 || input.isDynamicDim(input.getRank() - 1))
    return emitOptionalError(loc, "expected logits with a dimension besides the batch, got ", input);
  if (tensorOf(label).getShape() != input.getShape().drop_back())
    return emitOptionalError(loc, "expected class numbers of the shape of ", input, " without its last dimension, got ",
                             label.getType());
  return done(types, input.getShape().drop_back(), input.getElementType());
}

LogicalResult SoftmaxCrossEntropyOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  return inferCrossEntropy(loc, op.getLogits(), op.getLabel(), types);
}

LogicalResult SoftmaxCrossEntropyGradOp::inferReturnTypes(MLIRContext *, MaybeLocation loc, Adaptor op, Types &types) {
  SmallVector<Type> loss;
  if (failed(inferCrossEntropy(loc, op.getLogits(), op.getLabel(), loss)))
    return failure();
  if (op.getGradient().getType() != loss[0])
    return emitOptionalError(loc, "expected a gradient ", loss[0], ", got ", op.getGradient().getType());
  types.push_back(op.getLogits().getType());
  return success();
}

LogicalResult LookupGradOp::inferReturnTypes(MLIRContext *context, MaybeLocation loc, Adaptor op, Types &types) {
  ArrayRef<int64_t> gradient = tensorOf(op.getGradient()).getShape();
  SmallVector<int64_t> expected;
  if (auto ragged = dyn_cast<RaggedType>(op.getIds().getType())) {
    if (!ragged.getElementType().isInteger(64) || !ragged.getShape().empty())
      return emitOptionalError(loc, "expected ragged ids of i64, got ", ragged);
    if (op.getPool() == Pool::None)
      return emitOptionalError(loc, "expected pool(sum) or pool(mean) for ragged ids");
    expected.push_back(ShapedType::kDynamic);
  } else {
    expected.assign(tensorOf(op.getIds()).getShape().begin(), tensorOf(op.getIds()).getShape().end());
    if (op.getPool() != Pool::None && expected.size() < 2)
      return emitOptionalError(loc, "expected ids with a dimension to pool besides the batch, got ",
                               op.getIds().getType());
    if (op.getPool() != Pool::None)
      expected.pop_back();
  }
  if (gradient.empty() || gradient.drop_back() != ArrayRef(expected) || ShapedType::isDynamic(gradient.back()))
    return emitOptionalError(loc, "expected the ids' shape and the part's dim as the gradient's, got ",
                             op.getGradient().getType());
  types.push_back(RowsType::get(context, gradient.back()));
  return success();
}
