// Operations of a checked model in the nn dialect, a method a family of operations.
#include "frontend/emit/Emitter.h"
#include "frontend/emit/Supported.h"

namespace heter::frontend {

using namespace mlir;

mlir::Value Emitter::emit(const Op &op, bool inferring) {
  mlir::Type result = typeOf(type(op.results[0]));
  if (op.name == "dropout" && inferring)
    return use(op.operands[0]);
  if (mlir::Value value = emitSource(op, result))
    return value;
  if (mlir::Value value = emitShape(op, result))
    return value;
  if (mlir::Value value = emitElementwise(op))
    return value;
  if (op.name == "sum" || op.name == "mean" || op.name == "max" || op.name == "min")
    return emitReduction(op, result);
  return emitLayer(op);
}

mlir::Value Emitter::emitSource(const Op &op, mlir::Type result) {
  if (op.name == "constant") {
    auto tensor = cast<RankedTensorType>(result);
    mlir::Attribute element =
        tensor.getElementType().isF32()
            ? mlir::Attribute(builder_.getF32FloatAttr(static_cast<float>(number(op, "value"))))
            : builder_.getIntegerAttr(tensor.getElementType(), static_cast<int64_t>(number(op, "value")));
    return nn::ConstantOp::create(builder_, loc_, tensor, DenseElementsAttr::get(tensor, element), place_);
  }
  if (op.name == "lookup")
    return emitLookup(op, op, text(op, "pool"));
  if (op.name == "hash")
    return nn::HashOp::create(builder_, loc_, use(op.operands[0]), builder_.getStringAttr(text(op, "space")), place_);
  if (op.name == "cast")
    return nn::CastOp::create(builder_, loc_, use(op.operands[0]), place_);
  return {};
}

mlir::Value Emitter::emitLookup(const Op &op, const Op &goal, StringRef pool) {
  nn::Pool kind = pool == "sum" ? nn::Pool::Sum : pool == "mean" ? nn::Pool::Mean : nn::Pool::None;
  return nn::LookupOp::create(
      builder_, loc_, typeOf(type(goal.results[0])), FlatSymbolRefAttr::get(context(), text(op, "table")),
      builder_.getStringAttr(text(op, "part")), use(op.operands[0]), nn::PoolAttr::get(context(), kind), place_);
}

mlir::Value Emitter::reshape(mlir::Value value, ArrayRef<int64_t> shape) {
  auto tensor = RankedTensorType::get(shape, cast<RankedTensorType>(value.getType()).getElementType());
  return tensor == value.getType() ? value : nn::ReshapeOp::create(builder_, loc_, tensor, value, place_).getResult();
}

mlir::Value Emitter::emitShape(const Op &op, mlir::Type result) {
  if (op.name == "concat") {
    Values inputs;
    for (ValueId operand : op.operands)
      inputs.push_back(use(operand));
    return nn::ConcatOp::create(builder_, loc_, inputs, dimOf(op.results[0], op), place_);
  }
  if (op.name == "reshape")
    return reshape(use(op.operands[0]), cast<RankedTensorType>(result).getShape());
  if (op.name == "slice")
    return nn::SliceOp::create(builder_, loc_, use(op.operands[0]), dimOf(op.operands[0], op), integer(op, "begin"),
                               integer(op, "end"), place_);
  if (op.name == "transpose")
    return nn::TransposeOp::create(builder_, loc_, use(op.operands[0]), place_);
  if (op.name == "lower_triangle")
    return nn::LowerTriangleOp::create(builder_, loc_, use(op.operands[0]), place_);
  if (op.name == "broadcast")
    return emitBroadcast(op, result);
  if (op.name == "matmul")
    return emitMatmul(op, result);
  return {};
}

mlir::Value Emitter::spread(mlir::Value value, const Type &from, const Type &to) {
  auto result = tensorOf(to);
  if (value.getType() == result)
    return value;
  // Axes count from the end; the batch, where both have it, is dimension 0 of both.
  SmallVector<int64_t> dims;
  int64_t batch = from.spread == Spread::Example;
  if (batch)
    dims.push_back(0);
  for (int64_t axis = 0; axis < from.rank(); ++axis)
    dims.push_back(result.getRank() - from.rank() + axis);
  return nn::BroadcastOp::create(builder_, loc_, result, value, dims, place_);
}

mlir::Value Emitter::emitBroadcast(const Op &op, mlir::Type) {
  return spread(use(op.operands[0]), type(op.operands[0]), type(op.results[0]));
}

/// What is transposed, if `value` is a transposed matrix: a product reads it as it lies.
static mlir::Value transposedBy(mlir::Value value) {
  auto transpose = value.getDefiningOp<nn::TransposeOp>();
  return transpose ? transpose.getInput() : mlir::Value();
}

/// Vectors become matrices of one row or column; nn.matmul multiplies matrices.
mlir::Value Emitter::emitMatmul(const Op &op, mlir::Type result) {
  constexpr int64_t dynamic = ShapedType::kDynamic;
  Type a = type(op.operands[0]), b = type(op.operands[1]);
  mlir::Value x = use(op.operands[0]), y = use(op.operands[1]);
  bool example = type(op.results[0]).spread == Spread::Example;
  int64_t k = a.shape.back().size;
  int64_t rows = a.rank() == 2 ? a.shape[0].size : 1, columns = b.rank() == 2 ? b.shape[1].size : 1;
  bool sharedRight = b.spread == Spread::Same;
  bool transposed = b.rank() == 2 && transposedBy(y);
  SmallVector<int64_t> right = {k, columns};
  if (transposed) {
    y = transposedBy(y);
    std::swap(right[0], right[1]);
  }
  if (!sharedRight)
    right.insert(right.begin(), dynamic);
  if (!example || (sharedRight && a.rank() == 1)) {
    // One product of two matrices; the batch, if any, is the rows.
    x = reshape(x, {example ? dynamic : rows, k});
  } else {
    Type each = a;
    each.spread = Spread::Example;
    x = reshape(spread(x, a, each), {dynamic, rows, k});
  }
  mlir::Value product =
      nn::MatmulOp::create(builder_, loc_, x, reshape(y, right), false, transposed, precision_, place_);
  return reshape(product, cast<RankedTensorType>(result).getShape());
}

template <typename OpTy>
static mlir::Value unaryOp(OpBuilder &builder, mlir::Location loc, mlir::Value x, nn::PlaceAttr place) {
  return OpTy::create(builder, loc, x.getType(), x, place);
}
template <typename OpTy>
static mlir::Value binaryOp(OpBuilder &builder, mlir::Location loc, mlir::Value x, mlir::Value y, nn::PlaceAttr place) {
  return OpTy::create(builder, loc, x.getType(), x, y, place);
}

mlir::Value Emitter::emitElementwise(const Op &op) {
  using Unary = mlir::Value (*)(OpBuilder &, mlir::Location, mlir::Value, nn::PlaceAttr);
  using Binary = mlir::Value (*)(OpBuilder &, mlir::Location, mlir::Value, mlir::Value, nn::PlaceAttr);
  static const std::pair<StringRef, Unary> unaries[] = {
      {"neg", unaryOp<nn::NegOp>},       {"relu", unaryOp<nn::ReluOp>}, {"sigmoid", unaryOp<nn::SigmoidOp>},
      {"tanh", unaryOp<nn::TanhOp>},     {"exp", unaryOp<nn::ExpOp>},   {"log", unaryOp<nn::LogOp>},
      {"square", unaryOp<nn::SquareOp>}, {"sqrt", unaryOp<nn::SqrtOp>}};
  static const std::pair<StringRef, Binary> binaries[] = {
      {"add", binaryOp<nn::AddOp>},
      {"sub", binaryOp<nn::SubOp>},
      {"mul", binaryOp<nn::MulOp>},
      {"div", binaryOp<nn::DivOp>},
      {"sigmoid_cross_entropy", binaryOp<nn::SigmoidCrossEntropyOp>}};
  for (const auto &[name, create] : unaries)
    if (op.name == name)
      return create(builder_, loc_, use(op.operands[0]), place_);
  for (const auto &[name, create] : binaries)
    if (op.name == name)
      return create(builder_, loc_, use(op.operands[0]), use(op.operands[1]), place_);
  return {};
}

mlir::Value Emitter::emitReduction(const Op &op, mlir::Type result) {
  if (const Op *lookup = pooledLookup(model_, op))
    return emitLookup(*lookup, op, op.name);
  const Type &from = type(op.operands[0]);
  int64_t batch = from.spread == Spread::Example;
  SmallVector<int64_t> axes;
  if (batch && op.attributes.count("batch"))
    axes.push_back(0);
  for (int64_t axis : std::get<std::vector<int64_t>>(op.attributes.at("axes")))
    axes.push_back(axis + batch);
  mlir::Value x = use(op.operands[0]);
  if (axes.empty())
    return x;
  if (op.name == "sum")
    return nn::ReduceSumOp::create(builder_, loc_, x, axes, place_);
  if (op.name == "mean")
    return nn::ReduceMeanOp::create(builder_, loc_, x, axes, place_);
  if (op.name == "max")
    return nn::ReduceMaxOp::create(builder_, loc_, x, axes, place_);
  x = nn::NegOp::create(builder_, loc_, x.getType(), x, place_);
  x = nn::ReduceMaxOp::create(builder_, loc_, x, axes, place_);
  return nn::NegOp::create(builder_, loc_, result, x, place_);
}

/// A vector that all examples share is a matrix of one row.
mlir::Value Emitter::emitLinear(const Op &op) {
  mlir::Value x = use(op.operands[0]), bias = op.operands.size() > 2 ? use(op.operands[2]) : mlir::Value();
  auto type = cast<RankedTensorType>(x.getType());
  const bool vector = type.getRank() == 1;
  if (vector)
    x = reshape(x, {1, type.getDimSize(0)});
  mlir::Value product =
      nn::LinearOp::create(builder_, loc_, x, use(op.operands[1]), bias, precision_, place_).getResult();
  return vector ? reshape(product, {cast<RankedTensorType>(product.getType()).getDimSize(1)}) : product;
}

mlir::Value Emitter::emitLayer(const Op &op) {
  mlir::Value x = use(op.operands[0]);
  if (op.name == "linear")
    return emitLinear(op);
  if (op.name == "softmax")
    return nn::SoftmaxOp::create(builder_, loc_, x.getType(), x, builder_.getI64IntegerAttr(dimOf(op.operands[0], op)),
                                 place_);
  if (op.name == "argmax")
    return nn::ArgmaxOp::create(builder_, loc_, x, dimOf(op.operands[0], op), place_);
  if (op.name == "dropout")
    return nn::DropoutOp::create(builder_, loc_, x.getType(), x, builder_.getF64FloatAttr(number(op, "rate")),
                                 builder_.getStringAttr(text(op, "path")), place_);
  if (op.name == "layer_norm")
    return nn::LayerNormOp::create(builder_, loc_, x, use(op.operands[1]), use(op.operands[2]),
                                   builder_.getF64FloatAttr(number(op, "epsilon")), place_);
  if (op.name == "log_loss")
    return nn::LogLossOp::create(builder_, loc_, x.getType(), x, use(op.operands[1]),
                                 builder_.getF64FloatAttr(number(op, "epsilon")), place_);
  if (op.name == "softmax_cross_entropy") {
    // Logits that all examples share become each example's, as its class is.
    Type each = type(op.operands[0]);
    each.spread = Spread::Example;
    return nn::SoftmaxCrossEntropyOp::create(builder_, loc_, spread(x, type(op.operands[0]), each), use(op.operands[1]),
                                             place_);
  }
  llvm::report_fatal_error("checkSupported let `" + llvm::Twine(op.name) + "` pass");
}

} // namespace heter::frontend
