// Index arithmetic of kernels; see LoopSpace.h.
#include "compiler/LoopSpace.h"

#include "dialects/nn/NN.h"

#include <numeric>

using namespace mlir;

namespace heter::compiler {

ArrayRef<int64_t> shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

bool isBatched(Value value) { return !shapeOf(value).empty() && shapeOf(value)[0] == ShapedType::kDynamic; }

DimMap identityMap(size_t rank) {
  DimMap map(rank);
  std::iota(map.begin(), map.end(), 0);
  return map;
}

static SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

static std::optional<DimMap> reshapeMap(nn::ReshapeOp op, const DimMap &map) {
  // Only dimensions of size 1 come and go.
  ArrayRef<int64_t> from = shapeOf(op.getInput()), to = shapeOf(op.getResult());
  DimMap result;
  size_t next = 0;
  for (int64_t size : from) {
    if (size == 1) {
      result.push_back(-1);
      continue;
    }
    while (next < to.size() && to[next] == 1)
      ++next;
    if (next == to.size() || to[next] != size)
      return std::nullopt;
    result.push_back(map[next++]);
  }
  while (next < to.size() && to[next] == 1)
    ++next;
  return next == to.size() ? std::optional(result) : std::nullopt;
}

FailureOr<DimMap> operandMap(Operation *op, const DimMap &map) {
  if (auto broadcast = dyn_cast<nn::BroadcastOp>(op)) {
    DimMap result;
    ArrayRef<int64_t> from = shapeOf(broadcast.getInput()), to = shapeOf(broadcast.getResult());
    for (auto [size, dim] : llvm::zip(from, broadcast.getDims()))
      result.push_back(size == 1 && to[dim] != 1 ? -1 : map[dim]);
    return result;
  }
  if (auto reshape = dyn_cast<nn::ReshapeOp>(op)) {
    if (std::optional<DimMap> result = reshapeMap(reshape, map))
      return *result;
    return op->emitOpError("changes more than dimensions of size 1 and cannot be part of a kernel");
  }
  return map;
}

int64_t strideIn(Value value, const DimMap &map, unsigned dim) {
  int64_t stride = 0;
  SmallVector<int64_t> strides = rowMajorStrides(shapeOf(value));
  for (auto [own, space] : llvm::enumerate(map))
    if (space == static_cast<int64_t>(dim))
      stride += strides[own];
  return stride;
}

SmallVector<Loop> fuseLoops(ArrayRef<int64_t> shape, ArrayRef<int64_t> reducedAxes, ArrayRef<Access> accesses) {
  SmallVector<Loop> nest;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    bool batch = size == ShapedType::kDynamic, reduced = llvm::is_contained(reducedAxes, dim);
    if (size == 1)
      continue;
    bool even = !nest.empty() && nest.back().reduced == reduced && !batch &&
                llvm::all_of(accesses, [&, dim = dim, size = size](const Access &access) {
                  return strideIn(access.first, access.second, nest.back().lastDim) ==
                         strideIn(access.first, access.second, dim) * size;
                });
    if (even) {
      nest.back().size *= size;
      nest.back().lastDim = dim;
    } else {
      nest.push_back({static_cast<unsigned>(dim), batch ? 1 : size, batch, reduced});
    }
  }
  return nest;
}

} // namespace heter::compiler
