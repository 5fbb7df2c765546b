// The gradients of the nn operations, each as a few operations of the same dialect. Everything that an operation's
// gradient builds takes the operation's location and place; the gradients of a matrix product take its precision.
#include "dialects/nn/NN.h"

using namespace mlir;
using namespace heter::nn;

namespace {

using Gradients = MutableArrayRef<Value>;

/// Makes operations at one location and place.
class Maker {
public:
  template <typename Op>
  Maker(OpBuilder &builder, Op forward) : builder(builder), loc(forward.getLoc()), place(forward.getPlaceAttr()) {
    if constexpr (std::is_same_v<Op, LinearOp> || std::is_same_v<Op, MatmulOp>)
      precision = forward.getPrecision();
  }

  template <typename Op, typename... Args> Value make(Args &&...args) {
    return Op::create(builder, loc, std::forward<Args>(args)..., place);
  }

  Value add(Value a, Value b) { return make<AddOp>(a, b); }
  Value sub(Value a, Value b) { return make<SubOp>(a, b); }
  Value mul(Value a, Value b) { return make<MulOp>(a, b); }
  Value div(Value a, Value b) { return make<DivOp>(a, b); }
  Value neg(Value a) { return make<NegOp>(a); }

  /// A tensor of type `type` that repeats `value`.
  Value full(Type type, double value) {
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.hasStaticShape())
      return make<ConstantOp>(cast<ElementsAttr>(DenseElementsAttr::get(tensor, static_cast<float>(value))));
    return spread(make<ConstantOp>(value), type);
  }

  /// The scalar `value` in every element of type `type`.
  Value spread(Value value, Type type) {
    return value.getType() == type ? value : make<BroadcastOp>(type, value, ArrayRef<int64_t>());
  }

  /// The inverse of a reduction's shape: `value` repeated along `axes` of `type`.
  Value expand(Value value, ArrayRef<int64_t> axes, RankedTensorType type) {
    SmallVector<int64_t> dims;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (!llvm::is_contained(axes, dim))
        dims.push_back(dim);
    return make<BroadcastOp>(type, value, dims);
  }

  /// The sum over all dimensions except the last.
  Value sumLeading(Value value) {
    auto axes = llvm::to_vector(llvm::seq<int64_t>(0, cast<RankedTensorType>(value.getType()).getRank() - 1));
    return axes.empty() ? value : make<ReduceSumOp>(value, axes);
  }

  Value matmul(Value a, Value b, bool transposeA, bool transposeB) {
    return make<MatmulOp>(a, b, transposeA, transposeB, precision);
  }

  /// The sum over all leading dimensions of aᵀ b: [.., m], [.., n] -> [m, n].
  Value contractLeading(Value a, Value b) {
    if (cast<RankedTensorType>(a.getType()).getRank() == 2)
      return matmul(a, b, true, false);
    Value products = matmul(mergeMiddle(a), mergeMiddle(b), true, false);
    return make<ReduceSumOp>(products, ArrayRef<int64_t>{0});
  }

private:
  /// [d0, .., n] as [d0, the product of the middle ones, n].
  Value mergeMiddle(Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    if (type.getRank() == 3)
      return value;
    int64_t middle = 1;
    for (int64_t size : type.getShape().drop_front().drop_back())
      middle *= size;
    return make<ReshapeOp>(
        RankedTensorType::get({type.getDimSize(0), middle, type.getShape().back()}, type.getElementType()), value);
  }

  OpBuilder &builder;
  Location loc;
  PlaceAttr place;
  Precision precision = Precision::F32; ///< Of the products of a product's gradients: the product's own.
};

} // namespace

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

void BroadcastOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  Maker make(builder, *this);
  RankedTensorType input = getInput().getType(), result = getType();
  SmallVector<int64_t> axes;
  for (int64_t dim = 0; dim < result.getRank(); ++dim) {
    const auto *it = llvm::find(getDims(), dim);
    if (it == getDims().end() || input.getDimSize(it - getDims().begin()) != result.getDimSize(dim))
      axes.push_back(dim);
  }
  Value sum = axes.empty() ? dy : make.make<ReduceSumOp>(dy, axes);
  gradients[0] = sum.getType() == input ? sum : make.make<ReshapeOp>(input, sum);
}

void ConcatOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool> wanted, Gradients gradients) {
  Maker make(builder, *this);
  int64_t begin = 0;
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    int64_t end = begin + cast<RankedTensorType>(input.getType()).getDimSize(getAxis());
    if (wanted[i])
      gradients[i] = make.make<SliceOp>(dy, getAxis(), begin, end);
    begin = end;
  }
}

void ReshapeOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).make<ReshapeOp>(getInput().getType(), dy);
}

void SliceOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  int64_t size = getInput().getType().getDimSize(getAxis());
  gradients[0] = Maker(builder, *this).make<PadOp>(dy, getAxis(), getBegin(), size - getEnd());
}

void PadOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  int64_t size = getInput().getType().getDimSize(getAxis());
  gradients[0] = Maker(builder, *this).make<SliceOp>(dy, getAxis(), getLow(), getLow() + size);
}

void TransposeOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).make<TransposeOp>(dy);
}

void LowerTriangleOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).make<LowerTriangleGradOp>(dy);
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

void LinearOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool> wanted, Gradients gradients) {
  Maker make(builder, *this);
  if (wanted[0])
    gradients[0] = make.matmul(dy, getWeight(), false, true);
  if (wanted[1])
    gradients[1] = make.contractLeading(getInput(), dy);
  if (getBias() && wanted[2])
    gradients[2] = make.sumLeading(dy);
}

void MatmulOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool> wanted, Gradients gradients) {
  Maker make(builder, *this);
  Value a = getLhs(), b = getRhs();
  bool ta = getTransposeA(), tb = getTransposeB();
  bool rows = getLhs().getType().getRank() != getRhs().getType().getRank();
  if (wanted[0])
    gradients[0] = ta ? make.matmul(b, dy, tb, true) : make.matmul(dy, b, false, !tb);
  if (wanted[1] && rows)
    gradients[1] = tb ? make.contractLeading(dy, a) : make.contractLeading(a, dy);
  else if (wanted[1])
    gradients[1] = tb ? make.matmul(dy, a, true, ta) : make.matmul(a, dy, !ta, false);
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

void AddOp::buildGradient(OpBuilder &, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = gradients[1] = dy;
}

void SubOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool> wanted, Gradients gradients) {
  gradients[0] = dy;
  if (wanted[1])
    gradients[1] = Maker(builder, *this).neg(dy);
}

void MulOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool> wanted, Gradients gradients) {
  Maker make(builder, *this);
  if (wanted[0])
    gradients[0] = make.mul(dy, getRhs());
  if (wanted[1])
    gradients[1] = make.mul(dy, getLhs());
}

void DivOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool> wanted, Gradients gradients) {
  Maker make(builder, *this);
  Value scaled = make.div(dy, getRhs());
  if (wanted[0])
    gradients[0] = scaled;
  if (wanted[1])
    gradients[1] = make.neg(make.mul(scaled, getResult()));
}

void NegOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).neg(dy);
}

void ReluOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).make<ReluGradOp>(dy, getResult());
}

void SigmoidOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  Maker make(builder, *this);
  Value y = getResult();
  gradients[0] = make.mul(dy, make.mul(y, make.sub(make.full(getType(), 1.0), y)));
}

void TanhOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  Maker make(builder, *this);
  Value square = make.make<SquareOp>(getResult());
  gradients[0] = make.mul(dy, make.sub(make.full(getType(), 1.0), square));
}

void ExpOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).mul(dy, getResult());
}

void LogOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).div(dy, getInput());
}

void SquareOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  Maker make(builder, *this);
  gradients[0] = make.mul(dy, make.add(getInput(), getInput()));
}

void SqrtOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  Maker make(builder, *this);
  gradients[0] = make.div(dy, make.add(getResult(), getResult()));
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

void ReduceSumOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).expand(dy, getAxes(), getInput().getType());
}

void ReduceMeanOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  Maker make(builder, *this);
  RankedTensorType input = getInput().getType();
  double fixed = 1.0; // elements of one mean, examples not counted
  for (int64_t axis : getAxes())
    fixed *= input.isDynamicDim(axis) ? 1.0 : static_cast<double>(input.getDimSize(axis));
  Value count;
  if (isBatched(input) && getAxes().front() == 0) {
    count = make.make<ExampleCountOp>();
    if (fixed != 1.0)
      count = make.mul(count, make.full(count.getType(), fixed));
    count = make.spread(count, getType());
  } else if (fixed != 1.0) {
    count = make.full(getType(), fixed);
  }
  gradients[0] = make.expand(count ? make.div(dy, count) : dy, getAxes(), input);
}

void ReduceMaxOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).make<MaxGradOp>(dy, getInput(), getResult(), getAxes());
}

//===----------------------------------------------------------------------===//
// Layers and losses
//===----------------------------------------------------------------------===//

void SoftmaxOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).make<SoftmaxGradOp>(dy, getResult(), getAxis());
}

void DropoutOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool>, Gradients gradients) {
  gradients[0] = Maker(builder, *this).make<DropoutGradOp>(dy, getRateAttr(), getPathAttr());
}

void LayerNormOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool> wanted, Gradients gradients) {
  Maker make(builder, *this);
  if (wanted[0])
    gradients[0] = make.make<LayerNormGradOp>(dy, getInput(), getScale(), getEpsilonAttr());
  if (wanted[1]) {
    Type type = getScale().getType();
    Value normalized = make.make<LayerNormOp>(getInput(), make.full(type, 1.0), make.full(type, 0.0), getEpsilonAttr());
    gradients[1] = make.sumLeading(make.mul(dy, normalized));
  }
  if (wanted[2])
    gradients[2] = make.sumLeading(dy);
}

void SigmoidCrossEntropyOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool> wanted, Gradients gradients) {
  Maker make(builder, *this);
  if (wanted[0])
    gradients[0] = make.mul(dy, make.sub(make.make<SigmoidOp>(getLogit()), getLabel()));
  if (wanted[1])
    gradients[1] = make.neg(make.mul(dy, getLogit()));
}

void LogLossOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool> wanted, Gradients gradients) {
  Maker make(builder, *this);
  Value one = make.full(getType(), 1.0), epsilon = make.full(getType(), getEpsilon().convertToDouble());
  Value yes = make.add(getInput(), epsilon), no = make.add(make.sub(one, getInput()), epsilon);
  if (wanted[0])
    gradients[0] = make.mul(dy, make.sub(make.div(make.sub(one, getLabel()), no), make.div(getLabel(), yes)));
  if (wanted[1])
    gradients[1] = make.mul(dy, make.sub(make.make<LogOp>(no), make.make<LogOp>(yes)));
}

void SoftmaxCrossEntropyOp::buildGradient(OpBuilder &builder, Value dy, ArrayRef<bool> wanted, Gradients gradients) {
  if (wanted[0])
    gradients[0] = Maker(builder, *this).make<SoftmaxCrossEntropyGradOp>(dy, getLogits(), getLabel());
}

bool heter::nn::areLossAndGradient(Operation *first, Operation *second) {
  auto loss = dyn_cast_or_null<SoftmaxCrossEntropyOp>(first);
  auto gradient = dyn_cast_or_null<SoftmaxCrossEntropyGradOp>(second);
  return loss && gradient && loss.getLogits() == gradient.getLogits() && loss.getLabel() == gradient.getLabel();
}
