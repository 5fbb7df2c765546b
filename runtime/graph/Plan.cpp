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

bool NodePlan::isHandled() const {
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

std::string describeNode(const Node &node) {
  return "`" + node.name + "`" + (node.location.empty() ? "" : " (" + node.location + ")");
}

namespace {

class Planner {
public:
  Planner(const Graph &graph, const KernelObject &kernels, bool updates = false)
      : graph_(graph), kernels_(kernels), updates_(updates), plan_(std::make_unique<GraphPlan>(graph)) {}

  StatusOr<std::unique_ptr<GraphPlan>> make() {
    HETER_RETURN_IF_ERROR(checkSupported());
    plan_->nodes.resize(graph_.nodes.size());
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
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node &node = graph_.nodes[n];
      NodePlan &made = plan_->nodes[n];
      made.kind = node.kind;
      std::set<int> inputs(node.inputs.begin(), node.inputs.end()), before(node.after.begin(), node.after.end());
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
      made.predecessors = static_cast<int>(before.size());
      for (int earlier : before)
        plan_->nodes[earlier].successors.push_back(static_cast<int>(n));
      if (before.empty())
        plan_->roots.push_back(static_cast<int>(n));
      for (int32_t v : node.outputs)
        producer[v] = static_cast<int>(n);
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
      return {};
    case NodeKind::LIBRARY: {
      HETER_ASSIGN_OR_RETURN(made.library, prepareLibraryCall(graph_, node, &kernels_));
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
      HETER_ASSIGN_OR_RETURN(std::unique_ptr<GraphPlan> plan, Planner(region, kernels_).make());
      made.regions.push_back(std::move(plan));
    }
    return {};
  }

  void reserveOperands(const Node &node, NodePlan &made) {
    made.firstOperand = plan_->operandCount;
    made.firstWord = plan_->wordCount;
    made.workspace = plan_->workspaceCount;
    for (const std::vector<int32_t> *list : {&node.inputs, &node.outputs})
      for (int32_t v : *list) {
        ++plan_->operandCount;
        made.onDevice |= graph_.values[v].space == Space::DEVICE;
        if (node.kind == NodeKind::KERNEL)
          plan_->wordCount += 3 + 2 * static_cast<int>(graph_.values[v].type.shape.size());
      }
    if (node.kind == NodeKind::LIBRARY)
      ++plan_->workspaceCount;
  }

  const Graph &graph_;
  const KernelObject &kernels_;
  const bool updates_;
  std::vector<std::vector<int>> updatesAfter_; ///< For each node, what it waits for before it updates a parameter.
  std::unique_ptr<GraphPlan> plan_;
};

} // namespace

StatusOr<std::unique_ptr<GraphPlan>> makePlan(const Graph &graph, const KernelObject &kernels, bool updates) {
  HETER_RETURN_IF_ERROR(verifyGraph(graph));
  if (updates)
    HETER_RETURN_IF_ERROR(verifyUpdates(graph));
  return Planner(graph, kernels, updates).make();
}

} // namespace heter::runtime
