// One change to a graph: to a value, a node, its options, or to operands that belong together.
#include "runtime/kernels/Library.h"
#include "tests/fuzz/Mutations.h"
#include "tests/fuzz/PackageMutator.h"

#include <algorithm>

namespace heter::fuzz {

using namespace runtime::package;

void mutateAttribute(Attribute &attribute, Random &random) {
  switch (random() % 6) {
  case 0:
    attribute.__set_number(static_cast<double>(number(random)));
    break;
  case 1: {
    std::string text = attribute.text;
    mutateText(text, random);
    attribute.__set_text(text);
    break;
  }
  case 2: {
    std::vector<int64_t> integers = attribute.integers;
    mutateList(integers, random, [&](int64_t &to) { to = number(random); });
    attribute.__set_integers(integers);
    break;
  }
  case 3:
    attribute = Attribute();
    break;
  case 4:
    attribute.__set_flag(random() % 2);
    break;
  default:
    attribute.__set_integer(number(random));
  }
}

void mutateType(TensorType &type, Random &random) {
  switch (random() % 8) {
  case 0:
  case 1:
    type.element = static_cast<ElementType::type>(random() % 5);
    break;
  case 2: // of bf16 there are packed matrices only
    type.packing = static_cast<Packing::type>(random() % 5);
    type.element = type.packing == Packing::NONE ? ElementType::F32 : ElementType::BF16;
    break;
  default:
    mutateList(type.shape, random, [&](int64_t &extent) { extent = number(random); });
  }
}

namespace {

void mutateValue(Value &value, Random &random) {
  switch (random() % 7) {
  case 0:
    value.kind = static_cast<ValueKind::type>(random() % 5);
    break;
  case 1:
    value.space = static_cast<Space::type>(random() % 4);
    break;
  case 2:
    value.segment = static_cast<int32_t>(number(random));
    break;
  case 3:
    value.offset = number(random);
    break;
  case 4:
    value.bytes = number(random);
    break;
  default:
    mutateType(value.type, random);
  }
}

void mutateSegment(Segment &segment, Random &random) {
  switch (random() % 3) {
  case 0:
    mutateText(segment.symbol, random);
    break;
  case 1:
    segment.space = static_cast<Space::type>(random() % 4);
    break;
  default:
    segment.bytes = number(random);
  }
}

/// Adds or takes what belongs together in a library's call, its options with it, so that of the forms that calls have
/// those come up that are right but for what they are called with.
class Operands {
public:
  Operands(Graph &graph, Node &node, Random &random) : graph_(graph), node_(node), random_(random) {}

  void mutate() {
    if (node_.callee == "unique_keys")
      changeLists();
    else if (node_.callee == "lookup" || node_.callee == "lookup_grad")
      changePairs();
    else if (node_.callee == "product")
      changeProduct();
    else if (node_.callee == "pack" && !node_.inputs.empty())
      node_.outputs.push_back(another(any(node_.outputs)));
    else
      node_.callee = anyCallee();
  }

private:
  int32_t any() { return static_cast<int32_t>(pick(random_, graph_.values.size())); }
  int32_t any(const std::vector<int32_t> &of) { return of.empty() ? any() : of[pick(random_, of.size())]; }
  std::string anyCallee() {
    static const std::vector<std::string> names = runtime::libraryKernelNames();
    return names[pick(random_, names.size())];
  }
  /// A new value that is like another, with memory of its own.
  int32_t another(int32_t like) {
    if (like < 0 || static_cast<size_t>(like) >= graph_.values.size())
      return any();
    Value made = graph_.values[static_cast<size_t>(like)];
    if (made.segment >= 0 && static_cast<size_t>(made.segment) < graph_.segments.size()) {
      int64_t &end = graph_.segments[static_cast<size_t>(made.segment)].bytes;
      made.offset = end;
      if (made.bytes >= 0 && made.bytes < 1 << 20 && end < int64_t{1} << 40)
        end += made.bytes;
    }
    graph_.values.push_back(made);
    return static_cast<int32_t>(graph_.values.size()) - 1;
  }

  /// Lists of ids; the keys of each, then the places of each.
  void changeLists() {
    const auto lists = static_cast<ptrdiff_t>(std::min(node_.inputs.size(), node_.outputs.size() / 2));
    if (lists == 0 || random_() % 2) {
      const auto list = static_cast<ptrdiff_t>(pick(random_, static_cast<size_t>(lists)));
      node_.inputs.push_back(lists == 0 ? any() : node_.inputs[static_cast<size_t>(list)]);
      node_.outputs.push_back(another(lists == 0 ? any() : node_.outputs[static_cast<size_t>(lists + list)]));
      node_.outputs.insert(node_.outputs.begin() + lists, another(any(node_.outputs)));
    } else {
      node_.inputs.pop_back();
      node_.outputs.pop_back();
      node_.outputs.erase(node_.outputs.begin() + lists - 1);
    }
  }

  /// Rows or a gradient with places, a pool and, of a gradient, a beginning.
  void changePairs() {
    std::string text = node_.attributes["pools"].text;
    std::vector<int64_t> begins = node_.attributes["begins"].integers;
    if (random_() % 2) {
      const bool again = node_.inputs.size() > 1 && random_() % 2;
      const std::vector<int32_t> pair = {again ? node_.inputs.end()[-2] : any(), again ? node_.inputs.back() : any()};
      node_.inputs.insert(node_.inputs.end(), pair.begin(), pair.end());
      constexpr const char *pools[] = {" none", " sum", " mean"};
      text += pools[pick(random_, std::size(pools))];
      begins.push_back(random_() % 2 ? 0 : number(random_));
    } else {
      node_.inputs.resize(node_.inputs.size() - std::min<size_t>(node_.inputs.size(), 2));
      text.resize(std::min(text.size(), text.find_last_of(' ')));
      begins.resize(begins.size() - std::min<size_t>(begins.size(), 1));
    }
    node_.attributes["pools"].__set_text(text);
    if (node_.callee == "lookup_grad")
      node_.attributes["begins"].__set_integers(begins);
  }

  /// A bias or an activation, and the result in several forms.
  void changeProduct() {
    constexpr const char *activations[] = {"relu", "relu_grad", "none"};
    switch (random_() % 4) {
    case 0:
      node_.attributes["activation"].__set_text(activations[pick(random_, std::size(activations))]);
      break;
    case 1:
      node_.attributes.erase("activation");
      break;
    case 2:
      mutateList(node_.inputs, random_, [&](int32_t &to) { to = any(); });
      break;
    default:
      node_.outputs.push_back(another(random_() % 2 ? any(node_.outputs) : any()));
    }
  }

  Graph &graph_;
  Node &node_;
  Random &random_;
};

/// Marks a push, takes the mark away, or changes what the update waits for.
void mutateUpdate(const Graph &graph, Node &node, Random &random) {
  std::vector<int64_t> after = node.attributes["update_after"].integers;
  if (random() % 4 == 0) {
    node.attributes.erase("update_after");
    return;
  }
  mutateList(after, random, [&](int64_t &to) {
    to = random() % 4 ? static_cast<int64_t>(pick(random, graph.nodes.size())) : number(random);
  });
  node.attributes["update_after"].__set_integers(after);
}

void mutateNode(Graph &graph, Node &node, Random &random) {
  const size_t values = graph.values.size(), nodes = graph.nodes.size();
  auto index = [&](size_t count) {
    return [&random, count](int32_t &to) {
      to = random() % 4 ? static_cast<int32_t>(pick(random, count)) : static_cast<int32_t>(number(random));
    };
  };
  switch (random() % 10) {
  case 9:
    mutateUpdate(graph, node, random);
    break;
  case 8:
    Operands(graph, node, random).mutate();
    break;
  case 0:
    node.kind = static_cast<NodeKind::type>(random() % 16);
    break;
  case 1:
    mutateText(node.callee, random);
    break;
  case 2:
    mutateList(node.inputs, random, index(values));
    break;
  case 3:
    mutateList(node.outputs, random, index(values));
    break;
  case 4:
    mutateList(node.after, random, index(nodes));
    break;
  case 5:
    mutateList(node.regions, random, [&](Graph &region) { mutateGraph(region, random); });
    break;
  default: {
    if (node.attributes.empty() || random() % 8 == 0) {
      std::string name;
      mutateText(name, random);
      mutateAttribute(node.attributes[name], random);
      break;
    }
    auto at = std::next(node.attributes.begin(), static_cast<ptrdiff_t>(pick(random, node.attributes.size())));
    if (random() % 8 == 0)
      node.attributes.erase(at);
    else
      mutateAttribute(at->second, random);
  }
  }
}

} // namespace

void mutateGraph(Graph &graph, Random &random) {
  auto index = [&](int32_t &to) {
    to = random() % 4 ? static_cast<int32_t>(pick(random, graph.values.size())) : static_cast<int32_t>(number(random));
  };
  switch (random() % 12) {
  case 0:
  case 1:
  case 2:
    return mutateList(graph.values, random, [&](Value &value) { mutateValue(value, random); });
  case 3:
    return mutateList(graph.segments, random, [&](Segment &segment) { mutateSegment(segment, random); });
  case 4:
    return mutateList(graph.arguments, random, index);
  case 5:
    return mutateList(graph.results, random, index);
  default:
    return mutateList(graph.nodes, random, [&](Node &node) { mutateNode(graph, node, random); });
  }
}

} // namespace heter::fuzz
