// The formulas of pointwise operations: what one element of the result is, given one element of each operand.
#ifndef HETER_COMPILER_POINTWISELOWERING_H
#define HETER_COMPILER_POINTWISELOWERING_H

#include "compiler/KernelLoops.h"

namespace heter::compiler {

/// Emits an element of `op`, or kLanes of them, from those of its operands.
using Formula = mlir::Value (*)(mlir::Operation *op, mlir::ArrayRef<mlir::Value> operands, KernelLoops &loops);

/// The formula of `op`, or null. Every operation with the trait nn::Pointwise has one.
Formula findFormula(mlir::Operation *op);

/// An i64 or i1, or a vector of either, as f32.
mlir::Value castToF32(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);

} // namespace heter::compiler

#endif // HETER_COMPILER_POINTWISELOWERING_H
