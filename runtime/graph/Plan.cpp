// Makes a graph ready to run.
#include "runtime/graph/Plan.h"

#include "runtime/package/Package.h"
#include "runtime/package/VerifyGraph.h"
#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <set>

namespace heter::runtime {

using package::Graph;
using package::Node;
using package::NodeKind;
using package::Space;
using package::ValueKind;

std::string describeNode(const Node &node) {
  return "`" + node.name + "`" + (node.location.empty() ? "" : " (" + node.location + ")");
}

namespace {

bool isHandled(NodeKind::type kind) {
  switch (kind) {
  case NodeKind::KERNEL:
  case NodeKind::LIBRARY:
  case NodeKind::COPY:
  case NodeKind::IF:
  case NodeKind::WHILE:
    return false;
  default:
    return true;
  }
}

class Planner {
public:
  Planner(const Graph &graph, const KernelObject &kernels, bool updates, int64_t examples)
      : graph_(graph), kernels_(kernels), updates_(updates), examples_(examples),
        plan_(std::make_unique<GraphPlan>(graph)) {}

  StatusOr<std::unique_ptr<GraphPlan>> make() {
    HETER_RETURN_IF_ERROR(checkSupported());
    plan_->nodes.resize(graph_.nodes.size());
    plan_->steps.resize(graph_.nodes.size());
    plan_->descriptors.assign(graph_.values.size(), -1);
    plan_->users.assign(graph_.values.size(), 0);
    if (updates_)
      orderUpdates();
    placeValues();
    connect();
    for (size_t n = 0; n < graph_.nodes.size(); ++n)
      HETER_RETURN_IF_ERROR(prepare(n).withContext("node " + describeNode(graph_.nodes[n])));
    for (int32_t v : graph_.results)
      ++plan_->users[v];
    return std::move(plan_);
  }

private:
  Status checkSupported() {
    for (const package::Segment &segment : graph_.segments)
      if (!segment.symbol.empty() && segment.symbol != "B")
        return Status::unimplemented("memory that grows with the elements of `" + segment.symbol +
                                     "` is not supported yet");
    for (const package::Value &value : graph_.values)
      if (value.space == Space::DEVICE && value.kind != ValueKind::TENSOR)
        return Status::unimplemented("ragged values and rows on a device are not supported yet: `" + value.name + "`");
    return {};
  }

  void orderUpdates() {
    updatesAfter_.resize(graph_.nodes.size());
    for (UpdatingProduct &product : updatingProducts(graph_)) {
      NodePlan &made = plan_->nodes[product.node];
      made.takenBy = product.push;
      for (int earlier : product.after)
        if (graph_.nodes[earlier].kind == NodeKind::PULL_DENSE)
          made.updated.push_back(graph_.nodes[earlier].outputs[0]);
      if (!HETER_MUTATION("update-edge/executor"))
        updatesAfter_[product.node] = std::move(product.after);
    }
  }

  /// What a product hands over block by block has no place. Should it go through memory after all, it gets its own.
  void placeValues() {
    const Graph placed = updates_ ? whereProductsUpdate(graph_) : Graph();
    for (const package::Value &value : (updates_ ? placed : graph_).values)
      plan_->placed.push_back(value.segment >= 0);
    for (const package::Segment &segment : (updates_ ? placed : graph_).segments)
      plan_->segmentBytes.push_back(segment.bytes);
  }

  void connect() {
    std::vector<int> producer(graph_.values.size(), -1);
    std::vector<std::set<int>> predecessors(graph_.nodes.size());
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node &node = graph_.nodes[n];
      NodePlan &made = plan_->nodes[n];
      made.kind = node.kind;
      plan_->steps[n].handled = isHandled(node.kind);
      std::set<int> inputs(node.inputs.begin(), node.inputs.end()), &before = predecessors[n];
      before.insert(node.after.begin(), node.after.end());
      made.distinctInputs.assign(inputs.begin(), inputs.end());
      if (HETER_MUTATION("reuse-edge/executor"))
        before.clear();
      if (updates_)
        before.insert(updatesAfter_[n].begin(), updatesAfter_[n].end());
      for (int v : inputs) {
        ++plan_->users[v];
        if (producer[v] >= 0)
          before.insert(producer[v]);
      }
      for (int32_t v : node.outputs)
        producer[v] = static_cast<int>(n);
    }
    orderSteps(predecessors);
  }

  /// Leaves out what a predecessor waits for itself: of a chain of nodes that read one value, only the first waits for
  /// the one that made it.
  void orderSteps(const std::vector<std::set<int>> &predecessors) {
    std::vector<std::vector<int>> successors(predecessors.size());
    std::vector<int> waitedFor(predecessors.size(), -1); // By a predecessor of this node.
    for (int n = 0; n < static_cast<int>(predecessors.size()); ++n) {
      for (int between : predecessors[n])
        for (int earlier : predecessors[between])
          waitedFor[earlier] = n;
      int &count = plan_->steps[n].predecessors;
      for (int earlier : predecessors[n])
        if (waitedFor[earlier] != n) {
          successors[earlier].push_back(n);
          ++count;
        }
      if (count != 1)
        (count == 0 ? plan_->roots : plan_->joins).push_back(n);
    }
    for (size_t n = 0; n < successors.size(); ++n) {
      plan_->steps[n].firstSuccessor = static_cast<int>(plan_->successors.size());
      plan_->successors.insert(plan_->successors.end(), successors[n].begin(), successors[n].end());
      plan_->steps[n].endSuccessor = static_cast<int>(plan_->successors.size());
    }
  }

  Status prepare(size_t n) {
    const Node &node = graph_.nodes[n];
    NodePlan &made = plan_->nodes[n];
    switch (node.kind) {
    case NodeKind::KERNEL:
      made.kernel = kernels_.find(node.callee);
      if (!made.kernel)
        return Status::dataLoss("kernel `" + node.callee + "` is not in " + kernels_.description());
      reserveOperands(node, made);
      reserveArguments(node, made, plan_->steps[n]);
      return {};
    case NodeKind::LIBRARY: {
      HETER_ASSIGN_OR_RETURN(made.library, prepareLibraryCall(graph_, node, &kernels_, examples_));
      reserveOperands(node, made);
      return {};
    }
    case NodeKind::WHILE:
      made.limit = node.attributes.at("limit").integer;
      return prepareRegions(node, made);
    case NodeKind::IF:
      return prepareRegions(node, made);
    default:
      return {};
    }
  }

  Status prepareRegions(const Node &node, NodePlan &made) {
    for (const Graph &region : node.regions) {
      HETER_ASSIGN_OR_RETURN(std::unique_ptr<GraphPlan> plan, Planner(region, kernels_, false, examples_).make());
      made.regions.push_back(std::move(plan));
    }
    return {};
  }

  void reserveOperands(const Node &node, NodePlan &made) {
    made.firstOperand = plan_->operandCount;
    made.workspace = plan_->workspaceCount;
    for (const std::vector<int32_t> *list : {&node.inputs, &node.outputs})
      for (int32_t v : *list)
        made.onDevice |= graph_.values[v].space == Space::DEVICE;
    plan_->operandCount += static_cast<int>(node.inputs.size() + node.outputs.size());
    if (node.kind == NodeKind::LIBRARY)
      ++plan_->workspaceCount;
  }

  /// Calls on the host share the values' descriptors; a device gives each call addresses of its own.
  void reserveArguments(const Node &node, const NodePlan &made, NodeStep &step) {
    step.firstArgument = static_cast<int>(plan_->arguments.size());
    for (const std::vector<int32_t> *list : {&node.inputs, &node.outputs})
      for (int32_t v : *list) {
        if (plan_->descriptors[v] < 0)
          plan_->descriptors[v] = reserveDescriptor(v);
        plan_->arguments.push_back(made.onDevice ? reserveDescriptor(v) : plan_->descriptors[v]);
      }
    const auto isPlaced = [&](int32_t v) { return plan_->placed[v] != 0; };
    if (!made.onDevice && std::ranges::all_of(node.outputs, isPlaced))
      step.direct = made.kernel;
  }

  int reserveDescriptor(int value) {
    return std::exchange(plan_->wordCount, plan_->wordCount + descriptorWords(graph_.values[value].type.shape.size()));
  }

  const Graph &graph_;
  const KernelObject &kernels_;
  const bool updates_;
  const int64_t examples_;
  std::vector<std::vector<int>> updatesAfter_; ///< For each node, what it waits for before it updates a parameter.
  std::unique_ptr<GraphPlan> plan_;
};

} // namespace

StatusOr<std::unique_ptr<GraphPlan>> makePlan(const Graph &graph, const KernelObject &kernels, bool updates,
                                              int64_t examples) {
  HETER_RETURN_IF_ERROR(verifyGraph(graph));
  if (updates)
    HETER_RETURN_IF_ERROR(verifyUpdates(graph));
  return Planner(graph, kernels, updates, examples).make();
}

} // namespace heter::runtime
