// Builds what clips gradients; see Clip.h for the formulas.
#include "passes/Autodiff/Clip.h"

using namespace mlir;
using namespace heter::nn;

namespace heter {

namespace {

/// The sum of the squares of a static tensor's elements.
Value sumOfSquares(OpBuilder &builder, Location loc, const SourceGradient &gradient) {
  auto type = cast<RankedTensorType>(gradient.value.getType());
  Value squares = SquareOp::create(builder, loc, type, gradient.value, gradient.place);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return axes.empty() ? squares : ReduceSumOp::create(builder, loc, squares, axes, gradient.place).getResult();
}

/// The place of all gradients if they are in one role, else none.
PlaceAttr commonPlace(ArrayRef<SourceGradient *> gradients) {
  auto roleOf = [](PlaceAttr place) { return place ? place.getRole() : StringRef(); };
  PlaceAttr first = gradients.front()->place;
  bool one = llvm::all_of(gradients, [&](SourceGradient *other) { return roleOf(other->place) == roleOf(first); });
  return one ? first : PlaceAttr();
}

} // namespace

void clipNorm(MinimizeOp minimize, MutableArrayRef<SourceGradient *> gradients) {
  if (gradients.empty())
    return;
  OpBuilder builder = OpBuilder::atBlockEnd(minimize->getBlock());
  Location loc = minimize.getLoc();
  PlaceAttr place = commonPlace(gradients);
  Value total;
  for (const SourceGradient *gradient : gradients) {
    Value squares = sumOfSquares(builder, loc, *gradient);
    total = total ? AddOp::create(builder, loc, total, squares, place).getResult() : squares;
  }
  Type scalar = total.getType();
  Value root = SqrtOp::create(builder, loc, scalar, total, place);
  Value examples = ExampleCountOp::create(builder, loc, place);
  Value norm = DivOp::create(builder, loc, root, examples, place);
  Value most = ConstantOp::create(builder, loc, minimize.getClipAttr().getValueAsDouble(), place);
  Value excess = SubOp::create(builder, loc, norm, most, place);
  Value over = ReluOp::create(builder, loc, scalar, excess, place);
  Value limit = AddOp::create(builder, loc, most, over, place);
  Value scale = DivOp::create(builder, loc, most, limit, place);
  for (SourceGradient *gradient : gradients) {
    Type type = gradient->value.getType();
    Value spread =
        type == scalar
            ? scale
            : BroadcastOp::create(builder, loc, type, scale, ArrayRef<int64_t>(), gradient->place).getResult();
    gradient->value = MulOp::create(builder, loc, gradient->value, spread, gradient->place);
  }
}

void clipValues(MinimizeOp minimize, MutableArrayRef<SourceGradient *> gradients) {
  OpBuilder builder = OpBuilder::atBlockEnd(minimize->getBlock());
  Location loc = minimize.getLoc();
  for (SourceGradient *gradient : gradients) {
    PlaceAttr place = gradient->place;
    Type type = gradient->value.getType();
    auto limit = [&](double most) -> Value {
      Value each = ConstantOp::create(builder, loc, most, place);
      Value examples = ExampleCountOp::create(builder, loc, place);
      Value all = MulOp::create(builder, loc, each, examples, place);
      return type == all.getType()
                 ? all
                 : BroadcastOp::create(builder, loc, type, all, ArrayRef<int64_t>(), place).getResult();
    };
    const double most = minimize.getClipValueAttr().getValueAsDouble();
    Value above = MaximumOp::create(builder, loc, gradient->value, limit(-most), place);
    gradient->value = MinimumOp::create(builder, loc, above, limit(most), place);
  }
}

} // namespace heter
