// What an executable knows about its graph before any frame runs: functions, successors, and where in a frame the
// arguments of each node's call lie. Immutable once made, shared by all frames.
#ifndef HETER_RUNTIME_GRAPH_PLAN_H
#define HETER_RUNTIME_GRAPH_PLAN_H

#include "runtime/base/Status.h"
#include "runtime/kernels/Library.h"
#include "runtime/package/KernelObject.h"
#include "runtime/package/Package_types.h"

#include <memory>
#include <vector>

namespace heter::runtime {

struct GraphPlan;

/// 64-bit words of a tensor's memref descriptor: base, data, offset, sizes, strides.
constexpr int descriptorWords(size_t rank) { return 3 + 2 * static_cast<int>(rank); }

/// What running any node reads, apart from the rest: of a long chain little goes through the caches.
struct NodeStep {
  /// KERNEL on the host whose outputs all have places: the call is all there is to do.
  KernelFunction direct = nullptr;
  int firstArgument = 0;  ///< KERNEL: its place in the frame's array of arguments.
  int firstSuccessor = 0; ///< In GraphPlan::successors,
  int endSuccessor = 0;   ///< up to here.
  int predecessors = 0;
  bool handled = false; ///< Started by the handler: quick to start, and it may wait for others.
};

struct NodePlan {
  package::NodeKind::type kind = package::NodeKind::INPUT;
  std::vector<int> distinctInputs;

  KernelFunction kernel = nullptr; ///< KERNEL
  LibraryFunction library;         ///< LIBRARY
  int takenBy = -1;                ///< LIBRARY: a PUSH_DENSE node whose handler may take the result block by block.
  std::vector<int> updated;        ///< Then: what pulls of the pushed parameter gave.
  bool onDevice = false;           ///< KERNEL and LIBRARY: reads or writes a device value.
  int firstOperand = 0;            ///< KERNEL and LIBRARY: its place in the frame's operand and view arrays
  int workspace = 0;               ///< and in that of workspaces.

  std::vector<std::unique_ptr<GraphPlan>> regions; ///< IF and WHILE
  int64_t limit = 0;                               ///< WHILE
};

struct GraphPlan {
  explicit GraphPlan(const package::Graph &graph) : graph(graph) {}

  const package::Graph &graph;
  std::vector<NodePlan> nodes;
  std::vector<NodeStep> steps;       ///< One a node.
  std::vector<int> successors;       ///< Of every node, one after the other.
  std::vector<int> roots;            ///< Nodes without predecessors.
  std::vector<int> joins;            ///< Nodes with several.
  std::vector<int64_t> segmentBytes; ///< For each segment, the bytes a unit that frames need.
  std::vector<uint8_t> placed;       ///< For each value, whether it has a place in a segment of the frame.
  std::vector<int> users;            ///< For each value: how many nodes read it, and one more for a result.
  std::vector<int> descriptors;      ///< For each value, its descriptor's place in the frame's words; -1: no kernel's.
  std::vector<int> arguments;        ///< The same for each argument of each kernel.
  int operandCount = 0;
  int wordCount = 0;
  int workspaceCount = 0;
};

/// Verifies the graph, finds its kernels and prepares its library calls. `updates` and `examples`: as in
/// ExecutableOptions.
StatusOr<std::unique_ptr<GraphPlan>> makePlan(const package::Graph &graph, const KernelObject &kernels,
                                              bool updates = false, int64_t examples = 0);

/// "`deep.0 relu` (ctr_dnn.heter:12:5)", for messages.
std::string describeNode(const package::Node &node);

} // namespace heter::runtime

#endif // HETER_RUNTIME_GRAPH_PLAN_H
