// Readers of a parameter are found by its name. In a graph all edges go from earlier nodes to later ones, so edges from
// earlier readers make no circle.
#include "runtime/graph/Updates.h"

#include "runtime/graph/Frame.h"
#include "runtime/kernels/Library.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

namespace heter::runtime {

using package::Graph;
using package::Node;
using package::NodeKind;

namespace {

/// A gradient of 2 MiB, as large as a second-level cache.
constexpr int64_t fewestElements = int64_t{1} << 19;

/// What a graph, its regions included, does with one parameter.
struct Uses {
  std::vector<int> pushes, pulls; ///< Nodes of the graph itself.
  std::vector<int> within;        ///< Nodes with pulls in their regions.
  bool pushedWithin = false;
};

class ProductFinder {
public:
  explicit ProductFinder(const Graph &graph) : graph_(graph) {
    for (int node = 0; node < count(); ++node)
      collect(graph.nodes[node], node, /*nested=*/false);
  }

  std::vector<UpdatingProduct> find() const {
    std::vector<UpdatingProduct> found;
    for (const auto &[parameter, uses] : uses_)
      if (uses.pushes.size() == 1 && !uses.pushedWithin)
        if (std::optional<UpdatingProduct> product = productOf(uses))
          found.push_back(std::move(*product));
    return found;
  }

private:
  int count() const { return static_cast<int>(graph_.nodes.size()); }

  void collect(const Node &node, int outermost, bool nested) {
    for (const Graph &region : node.regions)
      for (const Node &inner : region.nodes)
        collect(inner, outermost, /*nested=*/true);
    if (node.kind == NodeKind::PUSH_DENSE) {
      Uses &uses = uses_[textAttribute(node, "parameter")];
      uses.pushedWithin |= nested;
      uses.pushes.push_back(outermost);
    } else if (node.kind == NodeKind::PULL_DENSE) {
      Uses &uses = uses_[textAttribute(node, "parameter")];
      (nested ? uses.within : uses.pulls).push_back(outermost);
    }
  }

  std::optional<UpdatingProduct> productOf(const Uses &uses) const {
    UpdatingProduct product{-1, uses.pushes[0], uses.within, {}};
    const int gradient = graph_.nodes[product.push].inputs[0];
    product.node = makerOf(gradient);
    if (product.node < 0 || !isLarge(gradient))
      return std::nullopt;
    for (int pull : uses.pulls) {
      product.readers.push_back(pull);
      product.pulled.push_back(graph_.nodes[pull].outputs[0]);
      if (graph_.values[product.pulled.back()].type.shape != graph_.values[gradient].type.shape)
        return std::nullopt;
    }
    if (!addReaders(product))
      return std::nullopt;
    return product;
  }

  /// The node that can give the value block by block to the only node that reads it; or -1.
  int makerOf(int value) const {
    int maker = -1;
    auto users = std::count(graph_.results.begin(), graph_.results.end(), value);
    for (int node = 0; node < count(); ++node) {
      const Node &at = graph_.nodes[node];
      users += std::count(at.inputs.begin(), at.inputs.end(), value);
      if (at.kind == NodeKind::LIBRARY && at.outputs.size() == 1 && at.outputs[0] == value && givesBlocks(graph_, at))
        maker = node;
    }
    return users == 1 ? maker : -1;
  }

  bool isLarge(int value) const {
    int64_t elements = 1;
    for (int64_t extent : graph_.values[value].type.shape)
      elements *= extent;
    return elements >= fewestElements;
  }

  /// False if the product cannot wait for all of them, or one of them keeps the values for longer than it runs.
  bool addReaders(UpdatingProduct &product) const {
    for (int node = 0; node < count(); ++node) {
      const Node &at = graph_.nodes[node];
      const bool reads = std::any_of(at.inputs.begin(), at.inputs.end(), [&](int value) {
        return std::find(product.pulled.begin(), product.pulled.end(), value) != product.pulled.end();
      });
      if (!reads)
        continue;
      if (at.kind == NodeKind::PUSH_DENSE || at.kind == NodeKind::PUSH_ROWS || at.kind == NodeKind::SEND)
        return false;
      product.readers.push_back(node);
    }
    return std::all_of(product.readers.begin(), product.readers.end(), [&](int node) { return node < product.node; });
  }

  const Graph &graph_;
  std::map<std::string, Uses> uses_;
};

} // namespace

std::vector<UpdatingProduct> findUpdatingProducts(const Graph &graph) { return ProductFinder(graph).find(); }

} // namespace heter::runtime
