// The operations of the nn dialect that are more than a formula of single elements, for Arithmetic.cpp.
#ifndef HETER_TESTS_REFERENCE_OPERATIONS_H
#define HETER_TESTS_REFERENCE_OPERATIONS_H

#include "tests/reference/Interpreter.h"

#include "llvm/ADT/StringRef.h"

namespace heter::reference {

// What moves elements, and products: MatrixArithmetic.cpp. A dynamic dimension has as many elements as there are
// examples.
Tensor constant(mlir::Operation *op);
Tensor broadcast(mlir::Operation *op, const Tensor &input, int64_t examples);
Tensor concat(mlir::Operation *op, const std::vector<Value> &operands);
/// Elements [begin, begin + size) along an axis, zeros outside the input: both nn.slice and nn.pad.
Tensor window(const Tensor &input, int64_t axis, int64_t begin, int64_t size);
Tensor transpose(const Tensor &input);
Tensor lowerTriangle(mlir::Operation *op, const Tensor &square, int64_t examples);
Tensor lowerTriangleGradient(mlir::Operation *op, const Tensor &gradient, int64_t examples);
Tensor linear(const std::vector<Value> &operands);
Tensor matmul(const Tensor &a, const Tensor &b, bool ta, bool tb);

// What works along an axis, losses among it: AxisArithmetic.cpp.
Tensor reduce(mlir::Operation *op, const Tensor &input, llvm::StringRef how);
Tensor maxGradient(mlir::Operation *op, const Tensor &gradient, const Tensor &input, const Tensor &output);
Tensor argmax(mlir::Operation *op, const Tensor &input);
Tensor layerNorm(mlir::Operation *op, const Tensor &input, const Tensor &scale, const Tensor &shift);
Tensor layerNormGradient(mlir::Operation *op, const Tensor &gradient, const Tensor &input, const Tensor &scale);
Tensor softmax(mlir::Operation *op, const Tensor &input);
Tensor softmaxGradient(mlir::Operation *op, const Tensor &gradient, const Tensor &output);
Tensor softmaxCrossEntropy(const Tensor &logits, const Tensor &label);
Tensor softmaxCrossEntropyGradient(const Tensor &gradient, const Tensor &logits, const Tensor &label);

} // namespace heter::reference

#endif // HETER_TESTS_REFERENCE_OPERATIONS_H
