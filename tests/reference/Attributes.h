// Reads the attributes and types of operations, and finds elements of row-major tensors.
#ifndef HETER_TESTS_REFERENCE_ATTRIBUTES_H
#define HETER_TESTS_REFERENCE_ATTRIBUTES_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

namespace heter::reference {

using Shape = std::vector<int64_t>;

inline int64_t integer(mlir::Operation *op, llvm::StringRef name) {
  return op->getAttrOfType<mlir::IntegerAttr>(name).getInt();
}

inline double number(mlir::Operation *op, llvm::StringRef name) {
  return op->getAttrOfType<mlir::FloatAttr>(name).getValueAsDouble();
}

inline Shape integers(mlir::Operation *op, llvm::StringRef name) {
  return Shape(op->getAttrOfType<mlir::DenseI64ArrayAttr>(name).asArrayRef());
}

inline std::string text(mlir::Operation *op, llvm::StringRef name) {
  return op->getAttrOfType<mlir::StringAttr>(name).getValue().str();
}

inline bool flag(mlir::Operation *op, llvm::StringRef name) {
  auto attribute = op->getAttrOfType<mlir::BoolAttr>(name);
  return attribute && attribute.getValue();
}

/// How an operation pools: "none", "sum" or "mean", read off the attribute's printed form.
inline std::string pool(mlir::Operation *op) {
  mlir::Attribute attribute = op->getAttr("pool");
  if (!attribute)
    return "none";
  std::string printed;
  llvm::raw_string_ostream(printed) << attribute;
  for (const char *word : {"sum", "mean"})
    if (printed.find(word) != std::string::npos)
      return word;
  return "none";
}

/// The shape of `type` with the number of examples as its dynamic dimension.
inline Shape shapeOf(mlir::Type type, int64_t examples) {
  Shape shape(mlir::cast<mlir::RankedTensorType>(type).getShape());
  for (int64_t &size : shape)
    size = mlir::ShapedType::isDynamic(size) ? examples : size;
  return shape;
}

inline int64_t product(Shape::const_iterator begin, Shape::const_iterator end) {
  return std::accumulate(begin, end, int64_t{1}, std::multiplies<>());
}

/// The index along each dimension of element `flat`.
inline Shape unflatten(int64_t flat, const Shape &shape) {
  Shape index(shape.size());
  for (size_t i = shape.size(); i-- > 0; flat /= shape[i])
    index[i] = flat % shape[i];
  return index;
}

inline int64_t flatten(const Shape &index, const Shape &shape) {
  int64_t flat = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    flat = flat * shape[i] + index[i];
  return flat;
}

/// A tensor seen as [outer, size, inner] around one dimension.
struct Around {
  int64_t outer, size, inner;
  Around(const Shape &shape, int64_t axis)
      : outer(product(shape.begin(), shape.begin() + axis)), size(shape[axis]),
        inner(product(shape.begin() + axis + 1, shape.end())) {}
};

} // namespace heter::reference

#endif // HETER_TESTS_REFERENCE_ATTRIBUTES_H
