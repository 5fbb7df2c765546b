// Library kernels by name: how a LIBRARY node of a task graph becomes a function. Registered in one explicit table in
// Library.cpp; a new one is a function with a line there.
#ifndef HETER_RUNTIME_KERNELS_LIBRARY_H
#define HETER_RUNTIME_KERNELS_LIBRARY_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/Status.h"
#include "runtime/kernels/Rows.h"
#include "runtime/kernels/Tensor.h"
#include "runtime/package/Package_types.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace heter::runtime {

/// Memory that a call may keep from one frame to the next; ROWS outputs point into it. One a node a frame.
struct Workspace {
  UniqueKeys index;
  std::vector<float> rows;
  std::vector<int64_t> places;
  std::vector<LookupGradient> gradients; ///< Of one call.
  std::vector<float> result;             ///< What is handed over block by block and not made so.

  int64_t memoryBytes() const {
    return index.memoryBytes() +
           static_cast<int64_t>((rows.capacity() + result.capacity()) * sizeof(float) +
                                places.capacity() * sizeof(int64_t) + gradients.capacity() * sizeof(LookupGradient));
  }
};

/// Takes the matrix that a call makes block by block, while each block is in a cache. Thread-safe.
class MatrixBlocks {
public:
  /// Blocks begin at multiples of this, and end there or where the matrix does.
  static constexpr int64_t unit = 32;
  struct Block {
    int64_t row, rows, column, columns;
  };

  virtual ~MatrixBlocks() = default;
  /// `values` are the block's, row-major without gaps, and are read within the call only. Every element of the matrix
  /// is in one block; calls for different blocks may run at once.
  virtual void take(const Block &block, const float *values) = 0;
};

/// Gives a matrix that is in memory, in rows that are worth a task.
void giveRows(const float *matrix, int64_t rows, int64_t columns, MatrixBlocks &blocks, Scheduler *scheduler);

/// One call. Outputs of kind TENSOR have their memory; the call fills it, or binds keys, data and count of ROWS, and
/// data, offsets and count of RAGGED ones.
struct LibraryCall {
  std::span<const TensorView> inputs;
  std::span<TensorView> outputs;
  int64_t examples = 0;
  int64_t firstExample = 0;
  uint64_t seed = 0;
  Workspace &workspace;
  Scheduler *scheduler = nullptr; ///< Whose idle threads may help, if any. Changes no result.
  /// Takes the only output, which needs no memory then. REQUIRES: null unless givesBlocks() of the node.
  MatrixBlocks *blocks = nullptr;
};

/// Safe to call from several threads at once. Operands have the types that it was prepared for, with B put in.
using LibraryFunction = std::function<Status(const LibraryCall &)>;

class KernelObject;

/// Checks a LIBRARY node's attributes and types, and makes its function. Fails for a name that the library does not
/// have. Where the kernels of the package can do a part of it better (Packed.h), they do; they outlive the function.
/// What calls of `examples` examples would generate when they are first made is generated now; 0 for none.
StatusOr<LibraryFunction> prepareLibraryCall(const package::Graph &graph, const package::Node &node,
                                             const KernelObject *kernels = nullptr, int64_t examples = 0);

/// The names that prepareLibraryCall knows, sorted.
std::vector<std::string> libraryKernelNames();

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_LIBRARY_H
