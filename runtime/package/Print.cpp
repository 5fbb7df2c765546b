// A package as text, for people: what is shared, then each role's graphs, one line a node with its operands' types, its
// kernel, the memory of its results and what it waits for.
#include "runtime/base/Suggest.h"
#include "runtime/package/Package.h"
#include "runtime/package/Types.h"
#include "runtime/package/VerifyGraph.h"

#include <cstdio>

namespace heter::runtime {

using package::Graph;
using package::Node;
using package::Value;

namespace {

std::string numberText(double number) {
  char buffer[32];
  snprintf(buffer, sizeof buffer, "%.9g", number);
  return buffer;
}

std::string attributeText(const package::Attribute &attribute) {
  if (attribute.__isset.text)
    return "\"" + attribute.text + "\"";
  if (attribute.__isset.integer)
    return std::to_string(attribute.integer);
  if (attribute.__isset.number)
    return numberText(attribute.number);
  if (attribute.__isset.flag)
    return attribute.flag ? "true" : "false";
  std::string text = "[";
  for (size_t i = 0; i < attribute.integers.size(); ++i)
    text += (i ? ", " : "") + std::to_string(attribute.integers[i]);
  return text + "]";
}

std::string ratioText(int64_t a, int64_t b) {
  char buffer[32];
  snprintf(buffer, sizeof buffer, "%.2f", static_cast<double>(a) / static_cast<double>(b));
  return buffer;
}

class GraphPrinter {
public:
  GraphPrinter(const Graph &graph, std::string indent) : graph_(graph), indent_(std::move(indent)) {}

  std::string print() {
    most_ = mostLiveBytes(graph_);
    updating_ = whereProductsUpdate(graph_);
    mostUpdating_ = mostLiveBytes(updating_);
    for (size_t s = 0; s < graph_.segments.size(); ++s)
      printSegment(s);
    for (size_t i = 0; i < graph_.arguments.size(); ++i)
      line("argument " + valueText(graph_.arguments[i], true));
    for (size_t n = 0; n < graph_.nodes.size(); ++n)
      printNode(n);
    if (!graph_.results.empty())
      line("result " + valueList(graph_.results, false));
    return std::move(text_);
  }

private:
  void line(const std::string &text) { text_ += indent_ + text + "\n"; }

  static std::string aliveText(int64_t bytes, int64_t most) {
    return most > 0 ? ", " + ratioText(bytes, most) + " times what is alive at once at most" : "";
  }

  void printSegment(size_t s) {
    const package::Segment &segment = graph_.segments[s];
    std::string unit =
        segment.symbol.empty() ? "" : " an " + std::string(segment.symbol == "B" ? "example" : "element");
    line("segment " + std::to_string(s) + " " + std::string(spaceName(segment.space)) + ": " +
         std::to_string(segment.bytes) + " bytes" + unit +
         (segment.symbol.empty() || segment.symbol == "B" ? "" : " of `" + segment.symbol + "`") +
         aliveText(segment.bytes, most_[s]));
    if (const int64_t bytes = updating_.segments[s].bytes; bytes < segment.bytes)
      line("  where products update parameters: " + std::to_string(bytes) + " bytes" + unit +
           aliveText(bytes, mostUpdating_[s]));
  }

  std::string valueText(int32_t v, bool withType) const {
    const Value &value = graph_.values[v];
    std::string text = "%" + std::to_string(v);
    if (!withType)
      return text;
    text += " " + value.name + ": " + typeText(value.kind, value.type);
    if (value.space == package::Space::DEVICE)
      text += " device";
    if (value.segment >= 0)
      text += " @" + std::to_string(value.segment) + "+" + std::to_string(value.offset) + ".." +
              std::to_string(value.offset + value.bytes);
    return text;
  }

  std::string valueList(const std::vector<int32_t> &values, bool withType) const {
    std::string text;
    for (size_t i = 0; i < values.size(); ++i)
      text += (i ? ", " : "") + valueText(values[i], withType);
    return text;
  }

  void printNode(size_t n) {
    const Node &node = graph_.nodes[n];
    std::string text = std::to_string(n) + " " + std::string(nodeKindName(node.kind));
    if (!node.callee.empty())
      text += " " + node.callee;
    text += " (" + valueList(node.inputs, false) + ")";
    if (!node.outputs.empty())
      text += " -> " + valueList(node.outputs, true);
    for (bool first = true; const auto &[name, attribute] : node.attributes) {
      text += (first ? " {" : ", ") + name + " = " + attributeText(attribute);
      first = false;
    }
    if (!node.attributes.empty())
      text += "}";
    for (size_t i = 0; i < node.after.size(); ++i)
      text += (i ? ", " : " after ") + std::to_string(node.after[i]);
    text += "  # " + node.name + (node.location.empty() ? "" : ", " + node.location);
    line(text);
    for (size_t r = 0; r < node.regions.size(); ++r) {
      static constexpr const char *names[2][2] = {{"then", "else"}, {"condition", "body"}};
      line("  " + std::string(names[node.kind == package::NodeKind::WHILE][r != 0]) + " {");
      text_ += printGraph(node.regions[r], indent_ + "    ");
      line("  }");
    }
  }

  const Graph &graph_;
  std::vector<int64_t> most_; ///< For each segment, mostLiveBytes.
  Graph updating_;            ///< whereProductsUpdate
  std::vector<int64_t> mostUpdating_;
  std::string indent_;
  std::string text_;
};

std::string optimizerText(const package::Optimizer &optimizer) {
  std::string text = optimizer.text + " (kernel " + optimizer.callee;
  for (size_t i = 0; i < optimizer.slots.size(); ++i)
    text += ", " + optimizer.slots[i] + " from " + numberText(optimizer.slotInit[i]);
  for (size_t i = 0; i < optimizer.scalars.size(); ++i)
    text += ", scalar " + optimizer.scalars[i] + " from " + numberText(optimizer.scalarInit[i]);
  if (!optimizer.schedule.empty())
    text += ", learning rate by " + optimizer.schedule;
  if (!optimizer.averaged.empty())
    text += ", " + optimizer.averaged + " tests and predicts";
  return text + ")";
}

std::string ruleText(const package::Rule &rule) {
  std::string text;
  for (const auto &[name, value] : rule.texts)
    text += (text.empty() ? "" : ", ") + name + " " + value;
  for (const auto &[name, number] : rule.numbers)
    text += (text.empty() ? "" : ", ") + name + " " + numberText(number);
  return rule.kind + (text.empty() ? "" : " (" + text + ")");
}

/// What a table does with its rows, a line; nothing if it keeps all of them.
std::string policyText(const package::Table &table) {
  std::string text;
  for (const package::Rule &rule : table.policy)
    text += (text.empty() ? "rows of " + table.name + ": " : ", ") + ruleText(rule);
  return text.empty() ? "" : text + "\n";
}

std::string initText(const package::Initializer &init) {
  return init.kind == "zeros" || init.kind == "ones" ? init.kind : init.kind + "(" + numberText(init.scale) + ")";
}

std::string channelText(const package::Channel &channel) {
  std::string text = "channel " + channel.name + ": " + channel.sender + " -> " + channel.receiver + ", depth " +
                     std::to_string(channel.depth) + ", (";
  for (size_t i = 0; i < channel.values.size(); ++i)
    text += (i ? ", " : "") + typeText(channel.values[i].kind, channel.values[i].type);
  return text + ")\n";
}

std::string sharedText(const Package &package) {
  const package::PackageInfo &info = package.info;
  std::string text = "model " + info.model + ", mode " + info.mode + ", seed " +
                     std::to_string(static_cast<uint64_t>(info.seed)) + "\nprogram hash " + package.hash + "\n";
  for (const package::Input &input : info.inputs)
    text += "input " + input.name + ": " + typeText(input.kind, input.type) + (input.label ? ", label" : "") + "\n";
  for (const package::Table &table : info.tables) {
    for (const package::Part &part : table.parts)
      text += "table " + table.name + (part.name.empty() ? "" : "." + part.name) + ": dim " + std::to_string(part.dim) +
              ", " + initText(part.init) + ", " + optimizerText(part.optimizer) +
              (part.admit.kind.empty() ? "" : ", admitted by " + ruleText(part.admit)) + "\n";
    text += policyText(table);
  }
  for (const package::Parameter &parameter : info.parameters) {
    package::TensorType type;
    type.element = package::ElementType::F32;
    type.shape = parameter.shape;
    text += "parameter " + parameter.name + ": " + typeText(type) + ", " + initText(parameter.init) + ", " +
            optimizerText(parameter.optimizer) + "\n";
  }
  for (const package::DataSource &source : info.data)
    text +=
        "data " + source.name + ": " + source.format + ", " + std::to_string(source.bindings.size()) + " bindings\n";
  return text;
}

void printChannels(std::string &text, const std::vector<package::Channel> &channels, const std::string &role) {
  for (const package::Channel &channel : channels)
    if (channel.sender == role || channel.receiver == role)
      text += "    " + channelText(channel);
}

} // namespace

std::string printGraph(const Graph &graph, const std::string &indent) { return GraphPrinter(graph, indent).print(); }

StatusOr<std::string> printPackage(const Package &package, const std::string &role) {
  if (!role.empty() && !package.find(role)) {
    std::string known;
    for (const std::string &name : package.info.roles)
      known += (known.empty() ? "" : ", ") + name;
    return Status::notFound("the package has no role `" + role + "`; its roles are " + known +
                            didYouMean(role, package.info.roles));
  }
  std::string text = sharedText(package);
  for (const package::RoleProgram &program : package.programs) {
    if (!role.empty() && program.role != role)
      continue;
    text += "\nrole " + program.role + " on " + program.deviceClass + "\n";
    text += "  train: " + std::to_string(program.train.nodes.size()) + " nodes\n";
    printChannels(text, package.info.trainChannels, program.role);
    text += printGraph(program.train, "    ");
    text += "  infer: " + std::to_string(program.infer.nodes.size()) + " nodes\n";
    printChannels(text, package.info.inferChannels, program.role);
    text += printGraph(program.infer, "    ");
    text += "  predict: " + std::to_string(program.predict.nodes.size()) + " nodes\n";
    printChannels(text, package.info.predictChannels, program.role);
    text += printGraph(program.predict, "    ");
  }
  return text;
}

} // namespace heter::runtime
