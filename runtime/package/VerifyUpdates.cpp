// Checks the marks of parameters that the product which makes their gradient may update: it writes over them while its
// frame runs. Who reads a parameter is found by its name.
#include "runtime/package/Package.h"
#include "runtime/package/VerifyGraph.h"

#include <algorithm>
#include <map>
#include <set>

namespace heter::runtime {

using package::Graph;
using package::Node;
using package::NodeKind;

namespace {

constexpr const char *mark = "update_after";

std::string numbered(const Graph &graph, int node) {
  return std::to_string(node) + " `" + graph.nodes[node].name + "`";
}

bool keepsWhatItReads(const Node &node) {
  return node.kind == NodeKind::PUSH_DENSE || node.kind == NodeKind::PUSH_ROWS || node.kind == NodeKind::SEND ||
         std::any_of(node.regions.begin(), node.regions.end(), [](const Graph &region) {
           return std::any_of(region.nodes.begin(), region.nodes.end(), keepsWhatItReads);
         });
}

/// The node that makes the value, or -1 for an argument.
int makerOf(const Graph &graph, int32_t value) {
  for (size_t n = 0; n < graph.nodes.size(); ++n)
    if (std::find(graph.nodes[n].outputs.begin(), graph.nodes[n].outputs.end(), value) != graph.nodes[n].outputs.end())
      return static_cast<int>(n);
  return -1;
}

class UpdatesVerifier {
public:
  explicit UpdatesVerifier(const Graph &graph) : graph_(graph) {}

  Status verify() {
    for (int n = 0; n < count(); ++n)
      collect(graph_.nodes[n], n, /*nested=*/false);
    HETER_RETURN_IF_ERROR(wrong_);
    for (int n = 0; n < count(); ++n)
      if (graph_.nodes[n].attributes.contains(mark))
        HETER_RETURN_IF_ERROR(checkPush(n).withContext("node " + numbered(graph_, n)));
    return {};
  }

private:
  int count() const { return static_cast<int>(graph_.nodes.size()); }

  /// Who pulls and pushes what, regions included, and marks that are where none may be.
  void collect(const Node &node, int outermost, bool nested) {
    for (const Graph &region : node.regions)
      for (const Node &inner : region.nodes)
        collect(inner, outermost, /*nested=*/true);
    if (node.attributes.contains(mark) && (nested || node.kind != NodeKind::PUSH_DENSE) && wrong_.ok())
      wrong_ = Status::dataLoss("node " + numbered(graph_, outermost) + ": `" + mark +
                                "` is for push_dense alone, and not in regions");
    if (node.kind != NodeKind::PUSH_DENSE && node.kind != NodeKind::PULL_DENSE)
      return;
    const std::string &parameter = node.attributes.at("parameter").text;
    if (node.kind == NodeKind::PUSH_DENSE) {
      ++pushes_[parameter];
      return;
    }
    readers_[parameter].insert(outermost);
    if (!nested)
      for (int reader = outermost + 1; reader < count(); ++reader)
        if (const std::vector<int32_t> &inputs = graph_.nodes[reader].inputs;
            std::find(inputs.begin(), inputs.end(), node.outputs[0]) != inputs.end())
          readers_[parameter].insert(reader);
  }

  Status checkPush(int number) const {
    const Node &push = graph_.nodes[number];
    const package::Attribute &after = push.attributes.at(mark);
    if (!after.__isset.integers)
      return Status::dataLoss(std::string("`") + mark + "` wants numbers of nodes");
    if (pushes_.at(push.attributes.at("parameter").text) > 1)
      return Status::dataLoss("is marked for an update in a product, but its parameter is pushed more than once");
    HETER_RETURN_IF_ERROR(checkGradient(push.inputs[0]));
    const int product = makerOf(graph_, push.inputs[0]);
    for (int64_t earlier : after.integers)
      if (earlier < 0 || earlier >= product)
        return Status::dataLoss("is updated after node " + std::to_string(earlier) +
                                ", which does not come before the product, node " + numbered(graph_, product));
    return checkReaders(push, {after.integers.begin(), after.integers.end()});
  }

  Status checkGradient(int32_t gradient) const {
    const int product = makerOf(graph_, gradient);
    if (product < 0 || graph_.nodes[product].kind != NodeKind::LIBRARY || !givesBlocks(graph_, graph_.nodes[product]))
      return Status::dataLoss("is marked for an update in a product, but no product that can give blocks makes `" +
                              graph_.values[gradient].name + "`");
    auto users = std::count(graph_.results.begin(), graph_.results.end(), gradient);
    for (const Node &node : graph_.nodes)
      users += std::count(node.inputs.begin(), node.inputs.end(), gradient);
    return users == 1 ? Status()
                      : Status::dataLoss("is marked for an update in a product, but others read `" +
                                         graph_.values[gradient].name + "`, too");
  }

  Status checkReaders(const Node &push, const std::set<int64_t> &after) const {
    const auto found = readers_.find(push.attributes.at("parameter").text);
    const std::set<int> readers = found == readers_.end() ? std::set<int>() : found->second;
    for (int64_t earlier : after)
      if (!readers.contains(static_cast<int>(earlier)))
        return Status::dataLoss("is updated after node " + numbered(graph_, static_cast<int>(earlier)) +
                                ", which does not read the parameter");
    for (int reader : readers) {
      if (!after.contains(reader))
        return Status::dataLoss("is updated without waiting for node " + numbered(graph_, reader) +
                                ", which reads the parameter");
      if (keepsWhatItReads(graph_.nodes[reader]))
        return Status::dataLoss("is marked for an update in a product, but node " + numbered(graph_, reader) +
                                " keeps the parameter's values");
    }
    return {};
  }

  const Graph &graph_;
  std::map<std::string, int> pushes_;
  std::map<std::string, std::set<int>> readers_; ///< Nodes of the graph itself.
  Status wrong_;
};

} // namespace

bool givesBlocks(const Graph &graph, const Node &node) {
  if ((node.callee != "product" && node.callee != "matmul") || node.inputs.size() != 2 || node.outputs.size() != 1)
    return false;
  const package::Value &value = graph.values[node.outputs[0]];
  return value.type.element == package::ElementType::F32 && value.type.packing == package::Packing::NONE &&
         value.type.shape.size() == 2 && value.type.shape[0] >= 0 && value.space == package::Space::HOST &&
         !node.attributes.contains("activation");
}

std::vector<UpdatingProduct> updatingProducts(const Graph &graph) {
  std::vector<UpdatingProduct> products;
  for (size_t n = 0; n < graph.nodes.size(); ++n)
    if (const auto found = graph.nodes[n].attributes.find(mark); found != graph.nodes[n].attributes.end())
      products.push_back({makerOf(graph, graph.nodes[n].inputs[0]),
                          static_cast<int>(n),
                          {found->second.integers.begin(), found->second.integers.end()}});
  return products;
}

Graph whereProductsUpdate(Graph graph) {
  const std::vector<UpdatingProduct> products = updatingProducts(graph);
  if (products.empty())
    return graph;
  for (const UpdatingProduct &product : products) {
    package::Value &gradient = graph.values[graph.nodes[product.push].inputs[0]];
    gradient.segment = -1;
    gradient.offset = gradient.bytes = 0;
  }
  for (package::Segment &segment : graph.segments)
    segment.bytes = 0;
  for (const package::Value &value : graph.values)
    if (value.segment >= 0) {
      int64_t &bytes = graph.segments[value.segment].bytes;
      bytes = std::max(bytes, value.offset + value.bytes);
    }
  return graph;
}

Status verifyUpdates(const Graph &graph) { return UpdatesVerifier(graph).verify(); }

} // namespace heter::runtime
