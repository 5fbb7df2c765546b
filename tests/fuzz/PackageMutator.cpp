// One change to a graph or to what roles share.
#include "tests/fuzz/PackageMutator.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace heter::fuzz {

using namespace runtime::package;
using Random = std::minstd_rand;

namespace {

size_t pick(Random &random, size_t count) { return count == 0 ? 0 : random() % count; }

int64_t number(Random &random) {
  constexpr int64_t strange[] = {-2,
                                 -1,
                                 0,
                                 1,
                                 2,
                                 3,
                                 4,
                                 7,
                                 8,
                                 63,
                                 64,
                                 65,
                                 128,
                                 1 << 20,
                                 std::numeric_limits<int32_t>::max(),
                                 std::numeric_limits<int32_t>::min(),
                                 int64_t{1} << 32,
                                 int64_t{1} << 56,
                                 std::numeric_limits<int64_t>::max(),
                                 std::numeric_limits<int64_t>::min()};
  return strange[pick(random, std::size(strange))];
}

/// Adds, removes, doubles, moves or changes an element.
template <typename List, typename Change> void mutateList(List &list, Random &random, Change change) {
  if (list.empty()) {
    list.insert(list.end(), typename List::value_type());
    return change(list.back());
  }
  size_t at = pick(random, list.size());
  auto here = list.begin() + static_cast<ptrdiff_t>(at);
  switch (random() % 8) {
  case 0:
    list.erase(here);
    break;
  case 1: {
    auto copy = list[at];
    list.insert(list.begin() + static_cast<ptrdiff_t>(pick(random, list.size() + 1)), copy);
    break;
  }
  case 2:
    std::swap(list[at], list[pick(random, list.size())]);
    break;
  default:
    change(list[at]);
  }
}

void mutateText(std::string &text, Random &random) {
  constexpr const char *texts[] = {"",       "none",        "sum",      "mean",         "B",    "x",       "emb",
                                   "w",      "c0",          "c1",       "..",           "a/b",  "loss",    "auc",
                                   "0",      "-1",          "zeros",    "normal",       "adam", "cpu",     "matmul",
                                   "concat", "slice",       "pad",      "reshape",      "cast", "dropout", "hash",
                                   "argmax", "lookup_grad", "add_rows", "example_count"};
  if (random() % 2)
    text = texts[pick(random, std::size(texts))];
  else
    mutateList(text, random, [&](char &c) { c = static_cast<char>(random()); });
}

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
  case 2:
    attribute.__set_integers({number(random), number(random)});
    break;
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
  if (random() % 4 == 0)
    type.element = static_cast<ElementType::type>(random() % 5);
  else
    mutateList(type.shape, random, [&](int64_t &extent) { extent = number(random); });
}

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

void mutateNode(Node &node, size_t values, size_t nodes, Random &random) {
  auto index = [&](size_t count) {
    return [&random, count](int32_t &to) {
      to = random() % 4 ? static_cast<int32_t>(pick(random, count)) : static_cast<int32_t>(number(random));
    };
  };
  switch (random() % 8) {
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

void mutateOptimizer(Optimizer &optimizer, Random &random) {
  switch (random() % 8) {
  case 0:
    mutateText(optimizer.name, random);
    break;
  case 6:
    mutateText(optimizer.schedule, random);
    break;
  case 7:
    mutateText(optimizer.averaged, random);
    break;
  case 1:
    mutateText(optimizer.callee, random);
    break;
  case 2:
    mutateList(optimizer.slots, random, [&](std::string &text) { mutateText(text, random); });
    break;
  case 3:
    mutateList(optimizer.slotInit, random, [&](double &value) { value = static_cast<double>(number(random)); });
    break;
  case 4:
    mutateList(optimizer.scalars, random, [&](std::string &text) { mutateText(text, random); });
    break;
  default:
    mutateList(optimizer.scalarInit, random, [&](double &value) { value = static_cast<double>(number(random)); });
  }
}

void mutateInitializer(Initializer &initializer, Random &random) {
  if (random() % 2)
    mutateText(initializer.kind, random);
  else
    initializer.scale = static_cast<double>(number(random));
}

void mutatePart(Part &part, Random &random) {
  switch (random() % 4) {
  case 0:
    mutateText(part.name, random);
    break;
  case 1:
    part.dim = number(random);
    break;
  case 2:
    mutateInitializer(part.init, random);
    break;
  default:
    mutateOptimizer(part.optimizer, random);
  }
}

void mutateParameter(Parameter &parameter, Random &random) {
  switch (random() % 4) {
  case 0:
    mutateText(parameter.name, random);
    break;
  case 1:
    mutateList(parameter.shape, random, [&](int64_t &extent) { extent = number(random); });
    break;
  case 2:
    mutateInitializer(parameter.init, random);
    break;
  default:
    mutateOptimizer(parameter.optimizer, random);
  }
}

void mutateChannel(Channel &channel, Random &random) {
  switch (random() % 5) {
  case 0:
    mutateText(channel.name, random);
    break;
  case 1:
    mutateText(channel.sender, random);
    break;
  case 2:
    mutateText(channel.receiver, random);
    break;
  case 3:
    channel.depth = static_cast<int32_t>(number(random));
    break;
  default:
    mutateList(channel.values, random, [&](ChannelValue &value) {
      if (random() % 2)
        value.kind = static_cast<ValueKind::type>(random() % 5);
      else
        mutateType(value.type, random);
    });
  }
}

void mutateExpression(DataExpression &expression, Random &random) {
  constexpr const char *ops[] = {"column", "number", "list", "hash", "id",  "max",   "min",   "add",
                                 "sub",    "mul",    "div",  "neg",  "log", "log1p", "split", "bucket"};
  switch (random() % 5) {
  case 0:
    expression.op = ops[pick(random, std::size(ops))];
    break;
  case 1:
    mutateList(expression.numbers, random, [&](double &value) { value = static_cast<double>(number(random)) / 4; });
    break;
  case 2:
    mutateList(expression.texts, random, [&](std::string &text) { mutateText(text, random); });
    break;
  default:
    mutateList(expression.arguments, random, [&](DataExpression &argument) { mutateExpression(argument, random); });
  }
}

void mutateSource(DataSource &source, Random &random) {
  constexpr const char *formats[] = {"tsv", "csv", "slot", "libsvm", "libfm"};
  switch (random() % 6) {
  case 0:
    source.format = formats[pick(random, std::size(formats))];
    break;
  case 1: {
    std::string name;
    mutateText(name, random);
    mutateAttribute(source.options[name], random);
    break;
  }
  default:
    mutateList(source.bindings, random, [&](Binding &binding) {
      if (random() % 8 == 0)
        mutateText(binding.input, random);
      else
        mutateExpression(binding.expression, random);
    });
  }
}

void mutateInput(Input &input, Random &random) {
  switch (random() % 4) {
  case 0:
    mutateText(input.name, random);
    break;
  case 1:
    input.kind = static_cast<ValueKind::type>(random() % 5);
    break;
  case 2:
    mutateText(input.length, random);
    break;
  default:
    mutateType(input.type, random);
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
    return mutateList(graph.nodes, random,
                      [&](Node &node) { mutateNode(node, graph.values.size(), graph.nodes.size(), random); });
  }
}

void mutatePackageInfo(PackageInfo &info, Random &random) {
  switch (random() % 9) {
  case 0:
    return mutateList(info.roles, random, [&](std::string &role) { mutateText(role, random); });
  case 1:
    return mutateList(info.inputs, random, [&](Input &input) { mutateInput(input, random); });
  case 2:
    return mutateList(info.tables, random, [&](Table &table) {
      mutateList(table.parts, random, [&](Part &part) { mutatePart(part, random); });
    });
  case 3:
    return mutateList(info.parameters, random, [&](Parameter &parameter) { mutateParameter(parameter, random); });
  case 4:
    return mutateList(info.trainChannels, random, [&](Channel &channel) { mutateChannel(channel, random); });
  case 5:
    return mutateList(info.inferChannels, random, [&](Channel &channel) { mutateChannel(channel, random); });
  case 6:
    return mutateList(info.predictChannels, random, [&](Channel &channel) { mutateChannel(channel, random); });
  default:
    return mutateList(info.data, random, [&](DataSource &source) { mutateSource(source, random); });
  }
}

} // namespace heter::fuzz
