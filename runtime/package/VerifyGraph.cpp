// What must hold inside one graph so that an executor can follow its indices without looking.
#include "runtime/package/VerifyGraph.h"

#include "runtime/package/Package.h"
#include "runtime/package/Types.h"

#include <algorithm>

namespace heter::runtime {

using package::ElementType;
using package::Graph;
using package::Node;
using package::NodeKind;
using package::Packing;
using package::Space;
using package::TensorType;
using package::Value;
using package::ValueKind;

/// So that sizes in bytes, of any number of examples that fits into memory, can be multiplied without overflow.
static constexpr int64_t mostSegmentBytes = int64_t{1} << 43;

namespace {

/// The bytes of a tensor: of one example if it has the batch dimension. REQUIRES: verifyType accepts the type.
int64_t unitBytes(const TensorType &type) {
  if (type.packing != Packing::NONE) {
    // Both extents are whole tiles; the number of examples is rounded up anyway.
    const auto rounded = [](int64_t extent) { return extent < 0 ? 1 : (extent + 31) / 32 * 32; };
    return 2 * rounded(type.shape[0]) * rounded(type.shape[1]);
  }
  int64_t bytes = type.element == ElementType::I64 ? 8 : type.element == ElementType::BOOL ? 1 : 4;
  for (int64_t extent : type.shape)
    bytes *= std::max<int64_t>(extent, 1);
  return bytes;
}

bool isBatch(const TensorType &type) { return !type.shape.empty() && type.shape.front() == -1; }

/// Rows of no floats: what unique_keys gives.
bool isKeys(const TensorType &type) {
  return type.element == ElementType::F32 && type.packing == Packing::NONE && type.shape == std::vector<int64_t>{0};
}

bool sameType(const Value &a, const Value &b) { return a.kind == b.kind && a.type == b.type; }

bool isScalarBool(const Value &value) {
  return value.kind == ValueKind::TENSOR && value.type.element == ElementType::BOOL && value.type.shape.empty();
}

class GraphVerifier {
public:
  explicit GraphVerifier(const Graph &graph) : graph_(graph), made_(graph.values.size()) {}

  Status verify() {
    HETER_RETURN_IF_ERROR(checkSegments());
    for (size_t v = 0; v < graph_.values.size(); ++v)
      HETER_RETURN_IF_ERROR(
          checkValue(graph_.values[v]).withContext("value " + std::to_string(v) + " `" + graph_.values[v].name + "`"));
    HETER_RETURN_IF_ERROR(checkArguments());
    for (size_t n = 0; n < graph_.nodes.size(); ++n)
      HETER_RETURN_IF_ERROR(checkNode(n).withContext("node " + std::to_string(n) + " `" + graph_.nodes[n].name + "`"));
    for (int32_t v : graph_.results)
      HETER_RETURN_IF_ERROR(checkRead(v, "result"));
    return {};
  }

private:
  Status checkSegments() {
    for (size_t s = 0; s < graph_.segments.size(); ++s) {
      const package::Segment &segment = graph_.segments[s];
      if (segment.bytes < 0 || segment.bytes > mostSegmentBytes ||
          (segment.space != Space::HOST && segment.space != Space::DEVICE))
        return Status::dataLoss("segment " + std::to_string(s) + " has a wrong size or space");
    }
    return {};
  }

  Status checkValue(const Value &value) {
    if (value.kind < ValueKind::TENSOR || value.kind > ValueKind::ROWS)
      return Status::dataLoss("value kind " + std::to_string(value.kind) + " is unknown");
    if (value.space != Space::HOST && value.space != Space::DEVICE)
      return Status::dataLoss("space " + std::to_string(value.space) + " is unknown");
    if (value.kind == ValueKind::ROWS && isKeys(value.type))
      return value.segment == -1 ? Status() : Status::dataLoss("only tensors have a place in a segment");
    HETER_RETURN_IF_ERROR(verifyType(value.type, value.kind == ValueKind::TENSOR));
    if (value.kind == ValueKind::ROWS && value.type.element != ElementType::F32)
      return Status::dataLoss("rows hold f32, not " + typeText(value.type));
    if (value.segment == -1)
      return {};
    if (value.segment < -1 || value.segment >= static_cast<int64_t>(graph_.segments.size()))
      return Status::dataLoss("segment " + std::to_string(value.segment) + " does not exist");
    return checkPlace(value, graph_.segments[value.segment]);
  }

  Status checkPlace(const Value &value, const package::Segment &segment) {
    if (value.kind != ValueKind::TENSOR)
      return Status::dataLoss("only tensors have a place in a segment");
    if (value.space != segment.space)
      return Status::dataLoss("lies in a segment of the other space");
    if (value.offset < 0 || value.bytes < 0 || value.bytes > segment.bytes ||
        value.offset > segment.bytes - value.bytes)
      return Status::dataLoss("bytes [" + std::to_string(value.offset) + ", +" + std::to_string(value.bytes) +
                              ") leave its segment of " + std::to_string(segment.bytes));
    if (unitBytes(value.type) > value.bytes)
      return Status::dataLoss("needs more than its " + std::to_string(value.bytes) + " bytes");
    if (isBatch(value.type) && segment.symbol != "B")
      return Status::dataLoss("grows with the batch, but its segment does not");
    if (segment.symbol.empty() && value.offset % 64 != 0)
      return Status::dataLoss("offset " + std::to_string(value.offset) + " is no multiple of 64");
    return {};
  }

  Status checkArguments() {
    for (size_t i = 0; i < graph_.arguments.size(); ++i) {
      if (graph_.arguments[i] != static_cast<int32_t>(i) || i >= graph_.values.size())
        return Status::dataLoss("argument " + std::to_string(i) + " is not value " + std::to_string(i));
      made_[i] = true;
    }
    return {};
  }

  Status checkIndex(int32_t v, const char *what) {
    if (v < 0 || v >= static_cast<int64_t>(graph_.values.size()))
      return Status::dataLoss(std::string(what) + " value " + std::to_string(v) + " does not exist: there are " +
                              std::to_string(graph_.values.size()));
    return {};
  }

  Status checkRead(int32_t v, const char *what) {
    HETER_RETURN_IF_ERROR(checkIndex(v, what));
    if (!made_[v])
      return Status::dataLoss(std::string(what) + " value " + std::to_string(v) + " `" + graph_.values[v].name +
                              "` is not made before: the nodes are in no legal order or form a cycle");
    return {};
  }

  Status checkNode(size_t n) {
    const Node &node = graph_.nodes[n];
    if (nodeKindName(node.kind) == "unknown")
      return Status::dataLoss("node kind " + std::to_string(node.kind) + " is unknown");
    for (int32_t v : node.inputs)
      HETER_RETURN_IF_ERROR(checkRead(v, "input"));
    for (int32_t earlier : node.after)
      if (earlier < 0 || earlier >= static_cast<int64_t>(n))
        return Status::dataLoss("waits for node " + std::to_string(earlier) +
                                (earlier >= static_cast<int64_t>(graph_.nodes.size()) || earlier < 0
                                     ? ", which does not exist"
                                     : ", which does not come before it: a cycle or an illegal order"));
    for (int32_t v : node.outputs) {
      HETER_RETURN_IF_ERROR(checkIndex(v, "output"));
      if (made_[v])
        return Status::dataLoss("output value " + std::to_string(v) + " `" + graph_.values[v].name + "` is made twice");
      made_[v] = true;
    }
    HETER_RETURN_IF_ERROR(checkPacked(node));
    return checkKind(node);
  }

  /// Only these know how packed matrices lie.
  Status checkPacked(const Node &node) {
    if (node.kind == NodeKind::LIBRARY || node.kind == NodeKind::COPY || node.kind == NodeKind::PULL_DENSE)
      return {};
    for (const std::vector<int32_t> *list : {&node.inputs, &node.outputs})
      for (int32_t v : *list)
        if (graph_.values[v].type.packing != Packing::NONE)
          return Status::dataLoss(std::string(nodeKindName(node.kind)) + " takes or gives a packed value");
    return {};
  }

  Status checkCounts(const Node &node, size_t inputs, size_t outputs) {
    if (node.inputs.size() == inputs && node.outputs.size() == outputs)
      return {};
    return Status::dataLoss(std::string(nodeKindName(node.kind)) + " takes " + std::to_string(inputs) + " and gives " +
                            std::to_string(outputs) + " values, not " + std::to_string(node.inputs.size()) + " and " +
                            std::to_string(node.outputs.size()));
  }

  Status needText(const Node &node, const char *name) {
    auto found = node.attributes.find(name);
    if (found == node.attributes.end() || !found->second.__isset.text)
      return Status::dataLoss(std::string(nodeKindName(node.kind)) + " has no text attribute `" + name + "`");
    return {};
  }

  const Value &input(const Node &node, size_t i) const { return graph_.values[node.inputs[i]]; }
  const Value &output(const Node &node, size_t i) const { return graph_.values[node.outputs[i]]; }

  Status checkKind(const Node &node) {
    if (node.kind != NodeKind::IF && node.kind != NodeKind::WHILE && !node.regions.empty())
      return Status::dataLoss(std::string(nodeKindName(node.kind)) + " has no regions");
    HETER_RETURN_IF_ERROR(checkOverwrites(node));
    switch (node.kind) {
    case NodeKind::INPUT:
      HETER_RETURN_IF_ERROR(needText(node, "input"));
      return checkCounts(node, 0, 1);
    case NodeKind::PULL_ROWS:
      return checkPullRows(node);
    case NodeKind::PULL_DENSE:
      HETER_RETURN_IF_ERROR(needText(node, "parameter"));
      return checkCounts(node, 0, 1);
    case NodeKind::PUSH_ROWS:
      HETER_RETURN_IF_ERROR(needText(node, "table"));
      HETER_RETURN_IF_ERROR(needText(node, "part"));
      HETER_RETURN_IF_ERROR(checkCounts(node, node.inputs.size() == 2 ? 2 : 1, 0));
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (input(node, i).kind != ValueKind::ROWS)
          return Status::dataLoss("push_rows takes rows");
      return {};
    case NodeKind::PUSH_DENSE:
      HETER_RETURN_IF_ERROR(needText(node, "parameter"));
      return checkCounts(node, 1, 0);
    case NodeKind::SEND:
      HETER_RETURN_IF_ERROR(needText(node, "channel"));
      return checkCounts(node, node.inputs.size(), 0);
    case NodeKind::RECV:
      HETER_RETURN_IF_ERROR(needText(node, "channel"));
      return checkCounts(node, 0, node.outputs.size());
    case NodeKind::KERNEL:
    case NodeKind::LIBRARY:
      return checkCallee(node);
    case NodeKind::COPY:
      HETER_RETURN_IF_ERROR(checkCounts(node, 1, 1));
      return sameType(input(node, 0), output(node, 0)) ? Status() : Status::dataLoss("copy changes the type");
    case NodeKind::REPORT:
      HETER_RETURN_IF_ERROR(needText(node, "metric"));
      HETER_RETURN_IF_ERROR(needText(node, "name"));
      return node.inputs.empty() ? Status::dataLoss("report takes a value") : checkCounts(node, node.inputs.size(), 0);
    case NodeKind::PREDICT:
      HETER_RETURN_IF_ERROR(needText(node, "name"));
      return checkCounts(node, 1, 0);
    case NodeKind::IF:
      return checkIf(node);
    case NodeKind::WHILE:
      return checkWhile(node);
    }
    return {};
  }

  Status checkPullRows(const Node &node) {
    for (const char *name : {"table", "part"})
      HETER_RETURN_IF_ERROR(needText(node, name));
    HETER_RETURN_IF_ERROR(checkCounts(node, 1, 1));
    const Value &keys = input(node, 0), &rows = output(node, 0);
    if (keys.kind != ValueKind::ROWS || !isKeys(keys.type))
      return Status::dataLoss("pull_rows takes keys (rows of dim 0), not " + typeText(keys.kind, keys.type));
    if (rows.kind != ValueKind::ROWS || rows.type.shape.size() != 1 || isKeys(rows.type))
      return Status::dataLoss("pull_rows gives rows, not " + typeText(rows.kind, rows.type));
    return {};
  }

  Status checkCallee(const Node &node) {
    if (node.callee.empty())
      return Status::dataLoss(std::string(nodeKindName(node.kind)) + " names no function");
    for (const std::vector<int32_t> *list : {&node.inputs, &node.outputs})
      for (int32_t v : *list)
        if (node.kind == NodeKind::KERNEL && graph_.values[v].kind != ValueKind::TENSOR)
          return Status::dataLoss("a kernel takes and gives tensors only");
    return {};
  }

  /// Kernels alone write over an input, and then have one output, in the very place of that input.
  Status checkOverwrites(const Node &node) {
    const auto found = node.attributes.find("overwrites");
    if (found == node.attributes.end())
      return {};
    if (node.kind != NodeKind::KERNEL)
      return Status::dataLoss(std::string(nodeKindName(node.kind)) + " overwrites no input");
    const int64_t number = found->second.__isset.integer ? found->second.integer : -1;
    if (number < 0 || number >= static_cast<int64_t>(node.inputs.size()) || node.outputs.size() != 1)
      return Status::dataLoss("`overwrites` wants the number of an input, and one output");
    const package::Value &from = input(node, static_cast<size_t>(number)), &to = output(node, 0);
    const bool inPlace =
        from.segment >= 0 && from.segment == to.segment && from.offset == to.offset && sameType(from, to);
    return inPlace ? Status() : Status::dataLoss("the output does not lie where the input lies that it overwrites");
  }

  Status checkRegion(const Node &node, size_t r, size_t firstInput, size_t results) {
    const Graph &region = node.regions[r];
    std::string where = "region " + std::to_string(r);
    HETER_RETURN_IF_ERROR(verifyGraph(region).withContext(where));
    if (region.arguments.size() != node.inputs.size() - firstInput)
      return Status::dataLoss(where + " has " + std::to_string(region.arguments.size()) + " arguments, not " +
                              std::to_string(node.inputs.size() - firstInput));
    for (size_t i = 0; i < region.arguments.size(); ++i) {
      const Value &argument = region.values[i], &given = input(node, firstInput + i);
      if (!sameType(argument, given) || argument.space != given.space || argument.segment != -1)
        return Status::dataLoss(where + ": argument " + std::to_string(i) + " does not match the node's input");
    }
    if (region.results.size() != results)
      return Status::dataLoss(where + " has " + std::to_string(region.results.size()) + " results, not " +
                              std::to_string(results));
    return {};
  }

  Status checkResults(const Node &node, size_t r) {
    const Graph &region = node.regions[r];
    for (size_t i = 0; i < region.results.size(); ++i) {
      const Value &result = region.values[region.results[i]], &out = output(node, i);
      if (!sameType(result, out) || result.space != out.space || out.kind != ValueKind::TENSOR)
        return Status::dataLoss("region " + std::to_string(r) + ": result " + std::to_string(i) +
                                " does not match the node's output");
    }
    return {};
  }

  Status checkIf(const Node &node) {
    if (node.regions.size() != 2 || node.inputs.empty())
      return Status::dataLoss("an if takes a condition and has two regions");
    if (!isScalarBool(input(node, 0)))
      return Status::dataLoss("the condition is " + typeText(input(node, 0).type) + ", not bool");
    for (size_t r = 0; r < 2; ++r) {
      HETER_RETURN_IF_ERROR(checkRegion(node, r, 1, node.outputs.size()));
      HETER_RETURN_IF_ERROR(checkResults(node, r));
    }
    return {};
  }

  Status checkWhile(const Node &node) {
    if (node.regions.size() != 2 || node.inputs.size() < node.outputs.size())
      return Status::dataLoss("a while has two regions and gives the values it carries");
    auto limit = node.attributes.find("limit");
    if (limit == node.attributes.end() || !limit->second.__isset.integer || limit->second.integer < 0)
      return Status::dataLoss("while has no integer attribute `limit` of 0 or more");
    HETER_RETURN_IF_ERROR(checkRegion(node, 0, 0, 1));
    HETER_RETURN_IF_ERROR(checkRegion(node, 1, 0, node.outputs.size()));
    if (!isScalarBool(node.regions[0].values[node.regions[0].results[0]]))
      return Status::dataLoss("the condition region gives no bool");
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (!sameType(input(node, i), output(node, i)) || input(node, i).space != output(node, i).space)
        return Status::dataLoss("carried value " + std::to_string(i) + " changes its type or space");
    return checkResults(node, 1);
  }

  const Graph &graph_;
  std::vector<bool> made_;
};

Status verifyNodeSpaces(const Graph &graph, const Node &node) {
  auto space = [&](int32_t v) { return graph.values[v].space; };
  auto all = [&](Space::type wanted) {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](int32_t v) { return space(v) == wanted; }) &&
           std::all_of(node.outputs.begin(), node.outputs.end(), [&](int32_t v) { return space(v) == wanted; });
  };
  switch (node.kind) {
  case NodeKind::KERNEL:
  case NodeKind::LIBRARY:
    return all(Space::HOST) || all(Space::DEVICE)
               ? Status()
               : Status::dataLoss("mixes host and device values; a copy node is missing");
  case NodeKind::COPY:
    return space(node.inputs[0]) != space(node.outputs[0]) ? Status() : Status::dataLoss("copies within one space");
  case NodeKind::IF:
  case NodeKind::WHILE:
    if (node.kind == NodeKind::IF && space(node.inputs[0]) != Space::HOST)
      return Status::dataLoss("the condition is no host value");
    if (node.kind == NodeKind::WHILE && node.regions[0].values[node.regions[0].results[0]].space != Space::HOST)
      return Status::dataLoss("the condition is no host value");
    for (const Graph &region : node.regions)
      HETER_RETURN_IF_ERROR(verifySpaces(region));
    return {};
  default:
    return all(Space::HOST) ? Status()
                            : Status::dataLoss(std::string(nodeKindName(node.kind)) +
                                               " touches a device value; a copy node is missing");
  }
}

} // namespace

Status verifyGraph(const Graph &graph) { return GraphVerifier(graph).verify(); }

Status verifySpaces(const Graph &graph) {
  for (size_t n = 0; n < graph.nodes.size(); ++n)
    HETER_RETURN_IF_ERROR(verifyNodeSpaces(graph, graph.nodes[n])
                              .withContext("node " + std::to_string(n) + " `" + graph.nodes[n].name + "`"));
  return {};
}

} // namespace heter::runtime
