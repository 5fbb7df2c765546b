// Which operations of a program become one kernel.
#ifndef HETER_PASSES_OUTLINE_FUSION_H
#define HETER_PASSES_OUTLINE_FUSION_H

#include "mlir/IR/Block.h"

#include <string>
#include <vector>

namespace heter {

/// How the runtime executes an operation of a program.
enum class Execution {
  Node,     ///< a node of its own kind: reads, writes, messages, reports
  Library,  ///< a kernel of the runtime's library
  Kernel,   ///< generated code
  Constant, ///< no node: each kernel that reads it holds it
};
Execution executionOf(mlir::Operation *op);

/// What the library would call its kernel for `op`: mostly the name of the operation.
llvm::StringRef libraryKernelOf(mlir::Operation *op);

/// Whether `op` is generated code that is part of any loop over its result.
bool isPointwise(mlir::Operation *op);
bool isReduction(mlir::Operation *op);

/// Why an operation and one that reads its result became one call of the library, or two kernels of generated code.
struct FusionNote {
  mlir::Operation *producer;
  mlir::Operation *consumer;
  bool fused;
  std::string why;
};

/// The operations of `program`, a program's block or a region's, that are no constants and no terminator, grouped, in
/// an order in which each group can run. Only operations executed as kernels share a group, and `nn.linear` with the
/// `nn.relu` of its result, and only if `fuse`. No
/// group has members on both sides of a `ps.send` or `ps.recv`, and none moves across one, so that the listings of all
/// roles still agree with one order. A group is a chain of elementwise operations and broadcasts over one shape,
/// perhaps with reductions of that shape at its end, or several such chains of one number an example that begin at
/// one value, as a loss and its gradient do; or it is nn::areLossAndGradient(). The order and the groups are a function
/// of the program alone.
std::vector<std::vector<mlir::Operation *>> groupKernels(mlir::Block &program, bool fuse,
                                                         std::vector<FusionNote> &notes);

} // namespace heter

#endif // HETER_PASSES_OUTLINE_FUSION_H
