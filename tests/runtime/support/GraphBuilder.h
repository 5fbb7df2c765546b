// Builds task graphs by hand for tests. Values are laid one after another into the segment of their size symbol and
// space, without reuse, unless a test places them itself.
#ifndef HETER_TESTS_RUNTIME_SUPPORT_GRAPHBUILDER_H
#define HETER_TESTS_RUNTIME_SUPPORT_GRAPHBUILDER_H

#include "runtime/package/Package_types.h"

#include <string>
#include <vector>

namespace heter::runtime::test {

using package::ElementType;
using package::NodeKind;
using package::Space;
using package::ValueKind;

inline package::TensorType typeOf(ElementType::type element, std::vector<int64_t> shape) {
  package::TensorType type;
  type.element = element;
  type.shape = std::move(shape);
  return type;
}
inline package::TensorType f32(std::vector<int64_t> shape) { return typeOf(ElementType::F32, std::move(shape)); }
inline package::TensorType i64(std::vector<int64_t> shape) { return typeOf(ElementType::I64, std::move(shape)); }
inline package::TensorType boolean() { return typeOf(ElementType::BOOL, {}); }

inline package::Attribute text(const std::string &value) {
  package::Attribute attribute;
  attribute.__set_text(value);
  return attribute;
}
inline package::Attribute integers(std::vector<int64_t> values) {
  package::Attribute attribute;
  attribute.__set_integers(std::move(values));
  return attribute;
}
inline package::Attribute integer(int64_t value) {
  package::Attribute attribute;
  attribute.__set_integer(value);
  return attribute;
}
inline package::Attribute number(double value) {
  package::Attribute attribute;
  attribute.__set_number(value);
  return attribute;
}
inline package::Attribute flag(bool value) {
  package::Attribute attribute;
  attribute.__set_flag(value);
  return attribute;
}

using Attributes = std::map<std::string, package::Attribute>;

class GraphBuilder {
public:
  package::Graph graph;

  /// A value that brings its own memory.
  int bound(const std::string &name, package::TensorType type, ValueKind::type kind = ValueKind::TENSOR,
            Space::type space = Space::HOST) {
    package::Value value;
    value.name = name;
    value.kind = kind;
    value.type = std::move(type);
    value.space = space;
    value.segment = -1;
    value.offset = value.bytes = 0;
    graph.values.push_back(value);
    return static_cast<int>(graph.values.size()) - 1;
  }

  /// A tensor with memory of its own in the frame.
  int placed(const std::string &name, package::TensorType type, Space::type space = Space::HOST) {
    int index = bound(name, std::move(type), ValueKind::TENSOR, space);
    package::Value &value = graph.values[index];
    bool batch = !value.type.shape.empty() && value.type.shape[0] == -1;
    value.segment = segment(batch ? "B" : "", space);
    package::Segment &segment = graph.segments[value.segment];
    value.bytes = unitBytes(value.type);
    if (!batch)
      value.bytes = (value.bytes + 63) / 64 * 64;
    value.offset = segment.bytes;
    segment.bytes += value.bytes;
    return index;
  }

  /// A tensor that shares the bytes of `other`.
  int placedAt(const std::string &name, int other) {
    graph.values.push_back(graph.values[other]);
    graph.values.back().name = name;
    return static_cast<int>(graph.values.size()) - 1;
  }

  int argument(const std::string &name, package::TensorType type, Space::type space = Space::HOST) {
    int index = bound(name, std::move(type), ValueKind::TENSOR, space);
    graph.arguments.push_back(index);
    return index;
  }

  int node(NodeKind::type kind, const std::string &name, const std::string &callee, std::vector<int32_t> inputs,
           std::vector<int32_t> outputs, Attributes attributes = {}, std::vector<int32_t> after = {}) {
    package::Node node;
    node.kind = kind;
    node.name = name;
    node.callee = callee;
    node.inputs = std::move(inputs);
    node.outputs = std::move(outputs);
    node.attributes = std::move(attributes);
    node.after = std::move(after);
    graph.nodes.push_back(std::move(node));
    return static_cast<int>(graph.nodes.size()) - 1;
  }

  int kernel(const std::string &callee, std::vector<int32_t> inputs, std::vector<int32_t> outputs,
             std::vector<int32_t> after = {}) {
    return node(NodeKind::KERNEL, callee + " " + std::to_string(graph.nodes.size()), callee, std::move(inputs),
                std::move(outputs), {}, std::move(after));
  }
  int library(const std::string &callee, std::vector<int32_t> inputs, std::vector<int32_t> outputs,
              Attributes attributes = {}) {
    return node(NodeKind::LIBRARY, callee, callee, std::move(inputs), std::move(outputs), std::move(attributes));
  }
  int input(const std::string &name, int value) {
    return node(NodeKind::INPUT, name, "", {}, {value}, {{"input", text(name)}});
  }
  int predict(const std::string &name, int value) {
    return node(NodeKind::PREDICT, name, "", {value}, {}, {{"name", text(name)}});
  }
  int copy(int from, int to) { return node(NodeKind::COPY, "copy", "", {from}, {to}); }

  static int64_t unitBytes(const package::TensorType &type) {
    int64_t bytes = type.element == ElementType::I64 ? 8 : type.element == ElementType::BOOL ? 1 : 4;
    for (int64_t extent : type.shape)
      bytes *= extent < 0 ? 1 : extent;
    return bytes;
  }

private:
  int segment(const std::string &symbol, Space::type space) {
    for (size_t s = 0; s < graph.segments.size(); ++s)
      if (graph.segments[s].symbol == symbol && graph.segments[s].space == space)
        return static_cast<int>(s);
    package::Segment made;
    made.symbol = symbol;
    made.space = space;
    made.bytes = 0;
    graph.segments.push_back(made);
    return static_cast<int>(graph.segments.size()) - 1;
  }
};

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_SUPPORT_GRAPHBUILDER_H
