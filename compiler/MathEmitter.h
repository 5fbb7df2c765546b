// Elementary functions in f32 as straight-line arithmetic, for kernels: LLVM vectorises such code and needs no math
// library, and every instruction-set level computes the same bits. Each function takes f32 or a vector of f32.
#ifndef HETER_COMPILER_MATHEMITTER_H
#define HETER_COMPILER_MATHEMITTER_H

#include "mlir/IR/Builders.h"

namespace heter::compiler {

/// Emits arithmetic at the insertion point of `builder`. Nothing is reassociated or contracted later: what is written
/// here is what runs. Errors are bounds over all f32, in units in the last place, measured by tests/compiler.
class MathEmitter {
public:
  MathEmitter(mlir::OpBuilder &builder, mlir::Location loc) : builder_(builder), loc_(loc) {}

  mlir::Value constant(double value, mlir::Type like);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value neg(mlir::Value a);
  mlir::Value abs(mlir::Value a);
  mlir::Value sqrt(mlir::Value a);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value equal(mlir::Value a, mlir::Value b);
  /// max(a, 0); NaN stays NaN.
  mlir::Value relu(mlir::Value a);
  /// The larger; NaN if either is NaN.
  mlir::Value max(mlir::Value a, mlir::Value b);
  /// The smaller; NaN if either is NaN.
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value floor(mlir::Value a);
  /// The nearest integer, halves to even, for |a| < 2^22.
  mlir::Value round(mlir::Value a);

  mlir::Value exp(mlir::Value a);
  mlir::Value log(mlir::Value a);
  /// log(1 + a) for finite a > -1.
  mlir::Value log1p(mlir::Value a);
  mlir::Value tanh(mlir::Value a);
  mlir::Value sigmoid(mlir::Value a);

private:
  mlir::Value intConstant(int32_t value, mlir::Type like);
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> highestFirst);
  mlir::Value bits(mlir::Value a);
  mlir::Value fromBits(mlir::Value a, mlir::Type like);

  mlir::OpBuilder &builder_;
  mlir::Location loc_;
};

} // namespace heter::compiler

#endif // HETER_COMPILER_MATHEMITTER_H
