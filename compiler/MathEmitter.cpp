// Elementary functions as arithmetic. The polynomials are those of the Cephes library (S. L. Moshier, single precision,
// expf.c, logf.c, tanhf.c), with fused multiply-adds, which all our instruction-set levels have.
#include "compiler/MathEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heter::compiler {

namespace {

/// i32, or a vector of i32 as long as `like`.
Type intLike(Type like) {
  Type i32 = IntegerType::get(like.getContext(), 32);
  auto vector = dyn_cast<VectorType>(like);
  return vector ? Type(VectorType::get(vector.getShape(), i32)) : i32;
}

} // namespace

Value MathEmitter::constant(double value, Type like) {
  TypedAttr attribute = builder_.getF32FloatAttr(static_cast<float>(value));
  if (auto vector = dyn_cast<VectorType>(like))
    attribute = DenseElementsAttr::get(vector, Attribute(attribute));
  return arith::ConstantOp::create(builder_, loc_, attribute);
}

Value MathEmitter::intConstant(int32_t value, Type like) {
  TypedAttr attribute = builder_.getI32IntegerAttr(value);
  if (auto vector = dyn_cast<VectorType>(intLike(like)))
    attribute = DenseElementsAttr::get(vector, Attribute(attribute));
  return arith::ConstantOp::create(builder_, loc_, attribute);
}

Value MathEmitter::add(Value a, Value b) { return arith::AddFOp::create(builder_, loc_, a, b); }
Value MathEmitter::sub(Value a, Value b) { return arith::SubFOp::create(builder_, loc_, a, b); }
Value MathEmitter::mul(Value a, Value b) { return arith::MulFOp::create(builder_, loc_, a, b); }
Value MathEmitter::div(Value a, Value b) { return arith::DivFOp::create(builder_, loc_, a, b); }
Value MathEmitter::neg(Value a) { return arith::NegFOp::create(builder_, loc_, a); }
Value MathEmitter::abs(Value a) { return LLVM::FAbsOp::create(builder_, loc_, a.getType(), a); }
Value MathEmitter::sqrt(Value a) { return LLVM::SqrtOp::create(builder_, loc_, a.getType(), a); }
Value MathEmitter::fma(Value a, Value b, Value c) { return LLVM::FMAOp::create(builder_, loc_, a.getType(), a, b, c); }
Value MathEmitter::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder_, loc_, condition, a, b);
}
Value MathEmitter::less(Value a, Value b) {
  return arith::CmpFOp::create(builder_, loc_, arith::CmpFPredicate::OLT, a, b);
}
Value MathEmitter::equal(Value a, Value b) {
  return arith::CmpFOp::create(builder_, loc_, arith::CmpFPredicate::OEQ, a, b);
}

Value MathEmitter::relu(Value a) {
  Value zero = constant(0.0, a.getType());
  return select(less(a, zero), zero, a);
}

Value MathEmitter::max(Value a, Value b) { return arith::MaximumFOp::create(builder_, loc_, a, b); }
Value MathEmitter::min(Value a, Value b) { return arith::MinimumFOp::create(builder_, loc_, a, b); }
Value MathEmitter::floor(Value a) { return LLVM::FFloorOp::create(builder_, loc_, a.getType(), a); }

Value MathEmitter::bits(Value a) { return arith::BitcastOp::create(builder_, loc_, intLike(a.getType()), a); }

Value MathEmitter::fromBits(Value a, Type like) { return arith::BitcastOp::create(builder_, loc_, like, a); }

Value MathEmitter::polynomial(Value x, ArrayRef<double> highestFirst) {
  Value result = constant(highestFirst.front(), x.getType());
  for (double coefficient : highestFirst.drop_front())
    result = fma(result, x, constant(coefficient, x.getType()));
  return result;
}

// Adding 1.5 * 2^23 leaves the integer nearest to `a` in the low bits of the sum.
Value MathEmitter::round(Value a) {
  Value magic = constant(12582912.0, a.getType());
  return sub(add(a, magic), magic);
}

// exp(x) = 2^n * exp(r) with n = round(x / ln 2). 2^n is made in two factors, so that the result runs into infinity and
// through the denormals into zero as it should.
Value MathEmitter::exp(Value a) {
  Type type = a.getType();
  Value low = constant(-104.0, type), high = constant(89.0, type);
  Value x = select(less(a, low), low, a);
  x = select(less(high, x), high, x);
  Value magic = constant(12582912.0, type);
  Value shifted = fma(x, constant(1.44269504088896341, type), magic);
  Value n = sub(shifted, magic);
  Value r = fma(n, constant(-0.693359375, type), x);
  r = fma(n, constant(2.12194440e-4, type), r);
  Value p = polynomial(
      r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1});
  p = add(fma(p, mul(r, r), r), constant(1.0, type));
  Value exponent = arith::SubIOp::create(builder_, loc_, bits(shifted), bits(magic));
  Value half = arith::ShRSIOp::create(builder_, loc_, exponent, intConstant(1, type));
  Value rest = arith::SubIOp::create(builder_, loc_, exponent, half);
  auto power = [&](Value e) {
    Value biased = arith::AddIOp::create(builder_, loc_, e, intConstant(127, type));
    return fromBits(arith::ShLIOp::create(builder_, loc_, biased, intConstant(23, type)), type);
  };
  return mul(mul(p, power(half)), power(rest));
}

// log(x) = e ln 2 + log(m) with m in [sqrt(1/2), sqrt(2)).
Value MathEmitter::log(Value a) {
  Type type = a.getType();
  Value tiny = less(a, constant(1.17549435e-38, type));
  Value x = select(tiny, mul(a, constant(8388608.0, type)), a);
  Value word = bits(x);
  // With 0x3f3504f3 = bits(sqrt(1/2)) taken off, the exponent field counts from sqrt(1/2) instead of 1.
  Value off = arith::SubIOp::create(builder_, loc_, word, intConstant(0x3f3504f3, type));
  Value e = arith::ShRSIOp::create(builder_, loc_, off, intConstant(23, type));
  Value m =
      arith::SubIOp::create(builder_, loc_, word, arith::ShLIOp::create(builder_, loc_, e, intConstant(23, type)));
  Value exponent = arith::SIToFPOp::create(builder_, loc_, type, e);
  exponent = select(tiny, sub(exponent, constant(23.0, type)), exponent);
  Value f = sub(fromBits(m, type), constant(1.0, type));
  Value z = mul(f, f);
  Value p = polynomial(f, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
                           -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1});
  Value y = mul(mul(p, z), f);
  y = fma(exponent, constant(-2.12194440e-4, type), y);
  y = fma(z, constant(-0.5, type), y);
  Value result = fma(exponent, constant(0.693359375, type), add(f, y));
  Value infinity = constant(std::numeric_limits<double>::infinity(), type);
  Value zero = constant(0.0, type);
  result = select(equal(a, infinity), infinity, result);
  result = select(equal(a, zero), neg(infinity), result);
  Value invalid = arith::CmpFOp::create(builder_, loc_, arith::CmpFPredicate::ULT, a, zero);
  return select(invalid, constant(std::numeric_limits<double>::quiet_NaN(), type), result);
}

// The rounding error of 1 + a is cancelled by the factor a / ((1 + a) - 1) (W. Kahan).
Value MathEmitter::log1p(Value a) {
  Value one = constant(1.0, a.getType());
  Value u = add(a, one);
  Value corrected = mul(a, div(log(u), sub(u, one)));
  return select(equal(u, one), a, corrected);
}

Value MathEmitter::tanh(Value a) {
  Type type = a.getType();
  Value one = constant(1.0, type), two = constant(2.0, type);
  Value magnitude = abs(a);
  Value large = sub(one, div(two, add(exp(mul(magnitude, two)), one)));
  large = LLVM::CopySignOp::create(builder_, loc_, type, large, a);
  Value z = mul(a, a);
  Value p =
      polynomial(z, {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1});
  Value small = fma(mul(p, z), a, a);
  return select(less(magnitude, constant(0.625, type)), small, large);
}

Value MathEmitter::sigmoid(Value a) {
  Value one = constant(1.0, a.getType());
  return div(one, add(one, exp(neg(a))));
}

} // namespace heter::compiler
