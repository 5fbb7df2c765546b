// The formulas of pointwise operations; see PointwiseLowering.h.
#include "compiler/PointwiseLowering.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace heter::compiler {

Value castToF32(OpBuilder &builder, Location loc, Value value) {
  Type f32 = builder.getF32Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    f32 = VectorType::get(vector.getShape(), f32);
  if (getElementTypeOrSelf(value.getType()).isInteger(1))
    return arith::UIToFPOp::create(builder, loc, f32, value);
  return arith::SIToFPOp::create(builder, loc, f32, value);
}

namespace {

Value compare(Operation *op, ArrayRef<Value> in, KernelLoops &loops) {
  // In the order of nn::Comparison.
  using Float = arith::CmpFPredicate;
  using Int = arith::CmpIPredicate;
  constexpr Float kFloat[] = {Float::OGT, Float::OLT, Float::OGE, Float::OLE, Float::OEQ, Float::UNE};
  constexpr Int kInt[] = {Int::sgt, Int::slt, Int::sge, Int::sle, Int::eq, Int::ne};
  auto which = static_cast<unsigned>(cast<nn::CompareOp>(op).getComparison());
  if (isa<FloatType>(getElementTypeOrSelf(in[0].getType())))
    return arith::CmpFOp::create(loops.builder(), op->getLoc(), kFloat[which], in[0], in[1]);
  return arith::CmpIOp::create(loops.builder(), op->getLoc(), kInt[which], in[0], in[1]);
}

Value reluGradient(Operation *, ArrayRef<Value> in, KernelLoops &loops) {
  MathEmitter &math = loops.math;
  Value zero = math.constant(0.0, in[0].getType());
  return math.select(math.less(zero, in[1]), in[0], zero);
}

Value sigmoidCrossEntropy(Operation *, ArrayRef<Value> in, KernelLoops &loops) {
  MathEmitter &math = loops.math;
  Value soft = math.log1p(math.exp(math.neg(math.abs(in[0]))));
  return math.add(math.sub(math.relu(in[0]), math.mul(in[0], in[1])), soft);
}

Value logLoss(Operation *op, ArrayRef<Value> in, KernelLoops &loops) {
  MathEmitter &math = loops.math;
  Value one = math.constant(1.0, in[0].getType());
  Value epsilon = math.constant(cast<nn::LogLossOp>(op).getEpsilon().convertToDouble(), in[0].getType());
  Value yes = math.mul(in[1], math.log(math.add(in[0], epsilon)));
  Value no = math.mul(math.sub(one, in[1]), math.log(math.add(math.sub(one, in[0]), epsilon)));
  return math.sub(math.neg(yes), no);
}

/// A formula that is a method of MathEmitter.
template <Value (MathEmitter::*method)(Value)> Value unary(Operation *, ArrayRef<Value> in, KernelLoops &loops) {
  return (loops.math.*method)(in[0]);
}
template <Value (MathEmitter::*method)(Value, Value)>
Value binary(Operation *, ArrayRef<Value> in, KernelLoops &loops) {
  return (loops.math.*method)(in[0], in[1]);
}
Value same(Operation *, ArrayRef<Value> in, KernelLoops &) { return in[0]; }

template <typename Op> std::pair<TypeID, Formula> of(Formula formula) { return {TypeID::get<Op>(), formula}; }

} // namespace

Formula findFormula(Operation *op) {
  static const std::pair<TypeID, Formula> formulas[] = {
      of<nn::BroadcastOp>(same),
      of<nn::ReshapeOp>(same),
      of<nn::AddOp>(binary<&MathEmitter::add>),
      of<nn::SubOp>(binary<&MathEmitter::sub>),
      of<nn::MulOp>(binary<&MathEmitter::mul>),
      of<nn::DivOp>(binary<&MathEmitter::div>),
      of<nn::MaximumOp>(binary<&MathEmitter::max>),
      of<nn::MinimumOp>(binary<&MathEmitter::min>),
      of<nn::FloorOp>(unary<&MathEmitter::floor>),
      of<nn::NegOp>(unary<&MathEmitter::neg>),
      of<nn::ReluOp>(unary<&MathEmitter::relu>),
      of<nn::SigmoidOp>(unary<&MathEmitter::sigmoid>),
      of<nn::TanhOp>(unary<&MathEmitter::tanh>),
      of<nn::ExpOp>(unary<&MathEmitter::exp>),
      of<nn::LogOp>(unary<&MathEmitter::log>),
      of<nn::SqrtOp>(unary<&MathEmitter::sqrt>),
      of<nn::SquareOp>(
          [](Operation *, ArrayRef<Value> in, KernelLoops &loops) { return loops.math.mul(in[0], in[0]); }),
      of<nn::CastOp>([](Operation *op, ArrayRef<Value> in, KernelLoops &loops) {
        return castToF32(loops.builder(), op->getLoc(), in[0]);
      }),
      of<nn::CompareOp>(compare),
      of<nn::ReluGradOp>(reluGradient),
      of<nn::SigmoidCrossEntropyOp>(sigmoidCrossEntropy),
      of<nn::LogLossOp>(logLoss),
  };
  for (const auto &[type, formula] : formulas)
    if (type == op->getName().getTypeID())
      return formula;
  return nullptr;
}

} // namespace heter::compiler
