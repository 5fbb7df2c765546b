// The index arithmetic of kernels: which loops a nest over a shape needs, and where an element of a value lies at a
// point of the nest. Nothing here emits code.
#ifndef HETER_COMPILER_LOOPSPACE_H
#define HETER_COMPILER_LOOPSPACE_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

#include <vector>

namespace heter::compiler {

/// For each dimension of a value, the dimension of the nest's space that indexes it, or -1 if its index is always 0.
using DimMap = mlir::SmallVector<int64_t, 4>;

/// A value that a nest reads or writes, and how.
using Access = std::pair<mlir::Value, DimMap>;

/// A run of dimensions of the nest's space that one loop covers.
struct Loop {
  unsigned lastDim;
  int64_t size; ///< times B if `batch`
  bool batch;
  bool reduced;
};

mlir::ArrayRef<int64_t> shapeOf(mlir::Value value);
mlir::Type elementOf(mlir::Value value);
/// Whether dimension 0 is the batch.
bool isBatched(mlir::Value value);

/// Of a value that has the shape of the space.
DimMap identityMap(size_t rank);

/// How the operands of the pointwise `op` are indexed if its result is indexed by `map`. Fails with an error at a
/// reshape that does more than add and remove dimensions of size 1.
mlir::FailureOr<DimMap> operandMap(mlir::Operation *op, const DimMap &map);

/// How many elements of `value`, indexed by `map`, lie between neighbours along dimension `dim` of the space.
int64_t strideIn(mlir::Value value, const DimMap &map, unsigned dim);

/// The loops over `shape`, outermost first: dimensions of size 1 need none, and neighbours through which every access
/// runs evenly share one.
mlir::SmallVector<Loop> fuseLoops(mlir::ArrayRef<int64_t> shape, mlir::ArrayRef<int64_t> reducedAxes,
                                  mlir::ArrayRef<Access> accesses);

} // namespace heter::compiler

#endif // HETER_COMPILER_LOOPSPACE_H
