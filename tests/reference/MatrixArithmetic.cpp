// Operations that move elements, and products of matrices.
#include "tests/reference/Attributes.h"
#include "tests/reference/Operations.h"

#include <algorithm>
#include <functional>

namespace heter::reference {

Tensor constant(mlir::Operation *op) {
  auto elements = mlir::cast<mlir::DenseElementsAttr>(op->getAttr("value"));
  Tensor result{Shape(elements.getType().getShape()), {}, {}};
  if (elements.getElementType().isF32())
    for (llvm::APFloat value : elements.getValues<llvm::APFloat>())
      result.numbers.push_back(value.convertToFloat());
  else
    for (const llvm::APInt &value : elements.getValues<llvm::APInt>())
      result.integers.push_back(value.getBitWidth() == 1 ? value.getZExtValue() : value.getSExtValue());
  return result;
}

Tensor broadcast(mlir::Operation *op, const Tensor &input, int64_t examples) {
  Tensor result = makeTensor(shapeOf(op->getResult(0).getType(), examples));
  Shape dims = integers(op, "dims");
  for (int64_t i = 0; i < result.count(); ++i) {
    Shape to = unflatten(i, result.shape), from(dims.size());
    for (size_t d = 0; d < dims.size(); ++d)
      from[d] = input.shape[d] == 1 ? 0 : to[dims[d]];
    result.numbers[i] = input.numbers[flatten(from, input.shape)];
  }
  return result;
}

Tensor concat(mlir::Operation *op, const std::vector<Value> &operands) {
  int64_t axis = integer(op, "axis");
  Shape shape = std::get<Tensor>(operands[0]).shape;
  shape[axis] = 0;
  for (const Value &operand : operands)
    shape[axis] += std::get<Tensor>(operand).shape[axis];
  Tensor result = makeTensor(shape);
  Around all(shape, axis);
  int64_t begin = 0;
  for (const Value &operand : operands) {
    const auto &input = std::get<Tensor>(operand);
    Around one(input.shape, axis);
    for (int64_t i = 0; i < one.outer; ++i)
      std::copy_n(&input.numbers[i * one.size * one.inner], one.size * one.inner,
                  &result.numbers[(i * all.size + begin) * all.inner]);
    begin += one.size;
  }
  return result;
}

Tensor window(const Tensor &input, int64_t axis, int64_t begin, int64_t size) {
  Shape shape = input.shape;
  shape[axis] = size;
  Tensor result = makeTensor(shape);
  for (int64_t i = 0; i < result.count(); ++i) {
    Shape index = unflatten(i, shape);
    index[axis] += begin;
    if (index[axis] >= 0 && index[axis] < input.shape[axis])
      result.numbers[i] = input.numbers[flatten(index, input.shape)];
  }
  return result;
}

Tensor transpose(const Tensor &input) {
  Shape shape = input.shape;
  std::swap(shape.back(), shape[shape.size() - 2]);
  Tensor result = makeTensor(shape);
  for (int64_t i = 0; i < result.count(); ++i) {
    Shape index = unflatten(i, shape);
    std::swap(index.back(), index[shape.size() - 2]);
    result.numbers[i] = input.numbers[flatten(index, input.shape)];
  }
  return result;
}

/// Calls `visit(i, k)` for each element i of `squares` whose column is less than its row; k counts them.
static void forEachLower(const Shape &squares, const std::function<void(int64_t, int64_t)> &visit) {
  int64_t size = squares.back(), lower = 0;
  for (int64_t i = 0; i < product(squares.begin(), squares.end()); ++i)
    if (i % size < i / size % size)
      visit(i, lower++);
}

Tensor lowerTriangle(mlir::Operation *op, const Tensor &square, int64_t examples) {
  Tensor triangle = makeTensor(shapeOf(op->getResult(0).getType(), examples));
  forEachLower(square.shape, [&](int64_t from, int64_t lower) { triangle.numbers[lower] = square.numbers[from]; });
  return triangle;
}

Tensor lowerTriangleGradient(mlir::Operation *op, const Tensor &gradient, int64_t examples) {
  Tensor square = makeTensor(shapeOf(op->getResult(0).getType(), examples));
  forEachLower(square.shape, [&](int64_t to, int64_t lower) { square.numbers[to] = gradient.numbers[lower]; });
  return square;
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// Row-major [m, k] times [k, n], both perhaps transposed in memory.
static void multiply(const double *a, const double *b, double *c, int64_t m, int64_t k, int64_t n, bool ta, bool tb) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < n; ++j)
        c[i * n + j] += (ta ? a[l * m + i] : a[i * k + l]) * (tb ? b[j * k + l] : b[l * n + j]);
}

Tensor matmul(const Tensor &a, const Tensor &b, bool ta, bool tb) {
  size_t rank = a.shape.size();
  bool batched = rank == 3 && b.shape.size() == 3;
  int64_t batch = batched ? a.shape[0] : 1;
  int64_t rows = batched ? a.shape[1] : product(a.shape.begin(), a.shape.end() - 1);
  int64_t m = ta ? a.shape.back() : rows, k = ta ? rows : a.shape.back();
  int64_t n = tb ? b.shape[b.shape.size() - 2] : b.shape.back();
  Shape shape(a.shape.begin(), a.shape.end() - 2);
  shape.insert(shape.end(), {rank > 2 && !batched ? a.shape[rank - 2] : m, n});
  Tensor result = makeTensor(shape);
  for (int64_t i = 0; i < batch; ++i)
    multiply(&a.numbers[i * m * k], &b.numbers[i * k * n], &result.numbers[i * m * n], m, k, n, ta, tb);
  return result;
}

Tensor linear(const std::vector<Value> &operands) {
  Tensor result = matmul(std::get<Tensor>(operands[0]), std::get<Tensor>(operands[1]), false, false);
  if (operands.size() == 3) {
    const auto &bias = std::get<Tensor>(operands[2]);
    for (int64_t i = 0; i < result.count(); ++i)
      result.numbers[i] += bias.numbers[i % bias.count()];
  }
  return result;
}

} // namespace heter::reference
