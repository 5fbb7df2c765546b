// The loops of kernels: counted loops over i64, loads and stores of one element or sixteen, and reductions along a row
// with a fixed tree. What a row reduction adds in which order depends on the row's length only, never on the
// instruction set or on what else the kernel computes.
#ifndef HETER_COMPILER_KERNELLOOPS_H
#define HETER_COMPILER_KERNELLOOPS_H

#include "compiler/MathEmitter.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>

namespace heter::compiler {

/// Elements computed at once in row reductions, on every instruction-set level.
inline constexpr int64_t kLanes = 16;

enum class Reduction { Sum, Max };

/// How many elements a computation yields: one, or kLanes of which those in `mask` count (all, if it is null).
struct Lanes {
  bool vector = false;
  mlir::Value mask;
};

class KernelLoops {
public:
  KernelLoops(mlir::OpBuilder &builder, mlir::Location loc) : math(builder, loc), builder_(builder), loc_(loc) {}

  mlir::Value index(int64_t value);
  mlir::Value addIndex(mlir::Value a, mlir::Value b);
  mlir::Value mulIndex(mlir::Value a, int64_t b);

  /// for (i = 0; i < extent; ++i) body(i).
  void forEach(mlir::Value extent, llvm::function_ref<void(mlir::Value)> body);
  /// The same with one value carried from round to round.
  mlir::Value forCarried(mlir::Value extent, int64_t step, mlir::Value init,
                         llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> body);

  /// Element `index` behind `pointer`; with lanes.vector, the kLanes elements from there. bool is one byte in memory.
  mlir::Value load(mlir::Value pointer, mlir::Type element, mlir::Value index, const Lanes &lanes);
  void store(mlir::Value pointer, mlir::Value index, mlir::Value value);
  /// `value` in all lanes.
  mlir::Value splat(mlir::Value value);

  mlir::Value identity(Reduction reduction, mlir::Type type);
  mlir::Value combine(Reduction reduction, mlir::Value a, mlir::Value b);

  /// Reduces element(i) for i < extent. Where `vectorizable` and the row is not short, element is asked for kLanes at
  /// a time: lane l holds elements l, l + 16, ..., and the lanes are combined as a binary tree.
  /// `staticExtent` is the extent where it is known.
  mlir::Value reduceRow(Reduction reduction, mlir::Value extent, std::optional<int64_t> staticExtent, bool vectorizable,
                        llvm::function_ref<mlir::Value(mlir::Value, const Lanes &)> element);

  mlir::OpBuilder &builder() { return builder_; }

  MathEmitter math;

private:
  mlir::Value address(mlir::Value pointer, mlir::Type element, mlir::Value index);
  mlir::Value tail(Reduction reduction, mlir::Value begin, mlir::Value rest, mlir::Value lanesSoFar,
                   llvm::function_ref<mlir::Value(mlir::Value, const Lanes &)> element);
  mlir::Value combineLanes(Reduction reduction, mlir::Value lanes);

  mlir::OpBuilder &builder_;
  mlir::Location loc_;
};

} // namespace heter::compiler

#endif // HETER_COMPILER_KERNELLOOPS_H
