// What must hold across a package: names that graphs use are declared, and channels fit both ends.
#include "runtime/package/Package.h"
#include "runtime/package/Types.h"
#include "runtime/package/VerifyGraph.h"

#include <algorithm>
#include <map>
#include <set>

namespace heter::runtime {

using package::Channel;
using package::Graph;
using package::Node;
using package::NodeKind;
using package::PackageInfo;
using package::TensorType;
using package::Value;
using package::ValueKind;

namespace {

Status checkOptimizer(const package::Optimizer &optimizer) {
  if (optimizer.name.empty() || optimizer.callee.empty())
    return Status::dataLoss("its optimizer has no name or no kernel");
  if (optimizer.slots.size() != optimizer.slotInit.size() || optimizer.scalars.size() != optimizer.scalarInit.size())
    return Status::dataLoss("its optimizer has slots or scalars without an initial value");
  const std::vector<std::string> &slots = optimizer.slots;
  if (!optimizer.averaged.empty() && std::find(slots.begin(), slots.end(), optimizer.averaged) == slots.end())
    return Status::dataLoss("its optimizer has no slot `" + optimizer.averaged + "` to stand for the value");
  return {};
}

Status checkInitializer(const package::Initializer &init) {
  static const std::set<std::string> kinds = {"zeros", "ones", "constant", "uniform", "normal"};
  return kinds.count(init.kind) ? Status() : Status::dataLoss("initial value `" + init.kind + "` is unknown");
}

TensorType withBatch(TensorType type) {
  type.shape.insert(type.shape.begin(), -1);
  return type;
}

class PackageVerifier {
public:
  PackageVerifier(const PackageInfo &info, const std::vector<package::RoleProgram> &programs)
      : info_(info), programs_(programs) {}

  Status verify() {
    HETER_RETURN_IF_ERROR(checkRoles());
    HETER_RETURN_IF_ERROR(checkInputs());
    HETER_RETURN_IF_ERROR(checkTables());
    HETER_RETURN_IF_ERROR(checkParameters());
    HETER_RETURN_IF_ERROR(checkChannels(info_.trainChannels, train_).withContext("train channels"));
    HETER_RETURN_IF_ERROR(checkChannels(info_.inferChannels, infer_).withContext("infer channels"));
    HETER_RETURN_IF_ERROR(checkChannels(info_.predictChannels, predict_).withContext("predict channels"));
    HETER_RETURN_IF_ERROR(checkData());
    for (const package::RoleProgram &program : programs_) {
      HETER_RETURN_IF_ERROR(
          checkProgram(program, program.train, train_).withContext("role `" + program.role + "`, train graph"));
      HETER_RETURN_IF_ERROR(
          checkProgram(program, program.infer, infer_).withContext("role `" + program.role + "`, infer graph"));
      HETER_RETURN_IF_ERROR(
          checkProgram(program, program.predict, predict_).withContext("role `" + program.role + "`, predict graph"));
      HETER_RETURN_IF_ERROR(checkPredicting(program.predict).withContext("role `" + program.role + "`, predict graph"));
    }
    return {};
  }

private:
  using ChannelMap = std::map<std::string, const Channel *>;

  Status checkRoles() {
    if (info_.mode != "local" && info_.mode != "ps" && info_.mode != "heter-ps")
      return Status::dataLoss("mode `" + info_.mode + "` is none of local, ps and heter-ps");
    for (const std::string &role : info_.roles)
      if (!roles_.insert(role).second)
        return Status::dataLoss("role `" + role + "` is listed twice");
    std::set<std::string> programs;
    for (const package::RoleProgram &program : programs_) {
      if (!roles_.count(program.role) || !programs.insert(program.role).second)
        return Status::dataLoss("the program of role `" + program.role + "` is one too many");
      if (program.deviceClass.empty())
        return Status::dataLoss("the program of role `" + program.role + "` names no device class");
    }
    for (const std::string &role : roles_)
      if (!programs.count(role))
        return Status::dataLoss("role `" + role + "` has no program");
    return roles_.empty() ? Status::dataLoss("there are no roles") : Status();
  }

  Status checkInputs() {
    for (const package::Input &input : info_.inputs) {
      if (input.name.empty() || !inputs_.emplace(input.name, &input).second)
        return Status::dataLoss("input `" + input.name + "` has no name or is declared twice");
      HETER_RETURN_IF_ERROR(verifyType(input.type, false).withContext("input `" + input.name + "`"));
      if (input.type.packing != package::Packing::NONE)
        return Status::dataLoss("input `" + input.name + "` is packed");
      if (input.kind != ValueKind::TENSOR && input.kind != ValueKind::RAGGED)
        return Status::dataLoss("input `" + input.name + "` is neither tensor nor ragged");
    }
    return {};
  }

  Status checkTables() {
    for (const package::Table &table : info_.tables) {
      if (table.name.empty() || table.parts.empty())
        return Status::dataLoss("table `" + table.name + "` has no name or no part");
      for (const package::Part &part : table.parts) {
        std::string name = "table `" + table.name + (part.name.empty() ? "" : "." + part.name) + "`";
        if (!parts_.emplace(std::pair(table.name, part.name), &part).second)
          return Status::dataLoss(name + " is declared twice");
        if (part.dim <= 0)
          return Status::dataLoss(name + " has dim " + std::to_string(part.dim));
        HETER_RETURN_IF_ERROR(checkInitializer(part.init).withContext(name));
        HETER_RETURN_IF_ERROR(checkOptimizer(part.optimizer).withContext(name));
      }
      for (const package::Rule &rule : table.policy)
        HETER_RETURN_IF_ERROR(checkRule(table, rule));
    }
    return {};
  }

  /// Rules are there once, and have their numbers; what these may be is for the store to say.
  Status checkRule(const package::Table &table, const package::Rule &rule) {
    static const std::map<std::string, std::set<std::string>> known = {{"show_click", {"show", "click", "decay"}},
                                                                       {"period", {}},
                                                                       {"unseen", {"periods"}},
                                                                       {"score", {"least"}},
                                                                       {"memory", {"bytes"}},
                                                                       {"ssd", {}}};
    const std::string name = "table `" + table.name + "`: rule `" + rule.kind + "`";
    const auto found = known.find(rule.kind);
    if (found == known.end())
      return Status::dataLoss(name + " is unknown");
    for (const std::string &number : found->second)
      if (!rule.numbers.contains(number))
        return Status::dataLoss(name + " has no number `" + number + "`");
    if (rule.kind == "period" && rule.numbers.contains("steps") == rule.numbers.contains("seconds"))
      return Status::dataLoss(name + " has no number `steps` or `seconds`, or both");
    if (!rules_.emplace(std::pair(table.name, rule.kind), &rule).second)
      return Status::dataLoss(name + " is there twice");
    if (rule.kind != "show_click")
      return {};
    const auto clicks = rule.texts.find("clicks");
    const auto label = clicks == rule.texts.end() ? inputs_.end() : inputs_.find(clicks->second);
    if (label == inputs_.end() || !label->second->label)
      return Status::dataLoss(name + " names no label that counts clicks");
    // The first part without admission, or else the first, is pushed with counts.
    const auto first = std::find_if(table.parts.begin(), table.parts.end(),
                                    [](const package::Part &part) { return part.admit.kind.empty(); });
    counting_.emplace(table.name, (first == table.parts.end() ? table.parts.front() : *first).name);
    return {};
  }

  Status checkParameters() {
    for (const package::Parameter &parameter : info_.parameters) {
      std::string name = "parameter `" + parameter.name + "`";
      if (parameter.name.empty() || !parameters_.emplace(parameter.name, &parameter).second)
        return Status::dataLoss(name + " has no name or is declared twice");
      TensorType type;
      type.element = package::ElementType::F32;
      type.shape = parameter.shape;
      HETER_RETURN_IF_ERROR(verifyType(type, false).withContext(name));
      HETER_RETURN_IF_ERROR(checkInitializer(parameter.init).withContext(name));
      HETER_RETURN_IF_ERROR(checkOptimizer(parameter.optimizer).withContext(name));
    }
    return {};
  }

  Status checkChannels(const std::vector<Channel> &channels, ChannelMap &map) {
    for (const Channel &channel : channels) {
      std::string name = "channel `" + channel.name + "`";
      if (channel.name.empty() || !map.emplace(channel.name, &channel).second)
        return Status::dataLoss(name + " has no name or is declared twice");
      for (const std::string &end : {channel.sender, channel.receiver})
        if (!roles_.count(end))
          return Status::dataLoss(name + " ends at `" + end + "`, which is no role");
      if (channel.sender == channel.receiver || channel.depth < 0)
        return Status::dataLoss(name + " has equal ends or a negative depth");
      for (const package::ChannelValue &value : channel.values) {
        if (value.kind < ValueKind::TENSOR || value.kind > ValueKind::ROWS)
          return Status::dataLoss(name + " carries a value of unknown kind");
        HETER_RETURN_IF_ERROR(verifyType(value.type, value.kind == ValueKind::TENSOR).withContext(name));
        if (value.type.packing != package::Packing::NONE)
          return Status::dataLoss(name + " carries a packed value");
      }
    }
    return {};
  }

  Status checkData() {
    for (const package::DataSource &source : info_.data)
      for (const package::Binding &binding : source.bindings)
        if (!inputs_.count(binding.input))
          return Status::dataLoss("data `" + source.name + "` binds `" + binding.input + "`, which is no input");
    return {};
  }

  Status checkProgram(const package::RoleProgram &program, const Graph &graph, const ChannelMap &channels) {
    if (!graph.arguments.empty() || !graph.results.empty())
      return Status::dataLoss("a program has neither arguments nor results");
    HETER_RETURN_IF_ERROR(verifyGraph(graph));
    HETER_RETURN_IF_ERROR(verifySpaces(graph));
    HETER_RETURN_IF_ERROR(verifyUpdates(graph));
    if (info_.mode != "local" && !updatingProducts(graph).empty())
      return Status::dataLoss("updates parameters in products, which programs of mode local alone may");
    return checkGraph(program, graph, channels);
  }

  /// Labels are absent when predicting, and nothing changes.
  Status checkPredicting(const Graph &graph) {
    for (const Node &node : graph.nodes) {
      if (node.kind == NodeKind::PUSH_ROWS || node.kind == NodeKind::PUSH_DENSE || node.kind == NodeKind::REPORT)
        return Status::dataLoss("node `" + node.name + "` does more than predict");
      if (node.kind == NodeKind::INPUT && inputs_.at(text(node, "input"))->label)
        return Status::dataLoss("node `" + node.name + "` reads a label");
      for (const Graph &region : node.regions)
        HETER_RETURN_IF_ERROR(checkPredicting(region));
    }
    return {};
  }

  Status checkGraph(const package::RoleProgram &program, const Graph &graph, const ChannelMap &channels) {
    HETER_RETURN_IF_ERROR(verifyMemory(graph));
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      const Node &node = graph.nodes[n];
      HETER_RETURN_IF_ERROR(
          checkNames(program, graph, node, channels).withContext("node " + std::to_string(n) + " `" + node.name + "`"));
      for (const Graph &region : node.regions)
        HETER_RETURN_IF_ERROR(
            checkGraph(program, region, channels).withContext("node " + std::to_string(n) + " `" + node.name + "`"));
    }
    return {};
  }

  static const std::string &text(const Node &node, const char *name) { return node.attributes.at(name).text; }

  Status expect(const Value &value, ValueKind::type kind, const TensorType &type, const std::string &what) {
    if (value.kind == kind && value.type == type)
      return {};
    return Status::dataLoss("value `" + value.name + "` is " + typeText(value.kind, value.type) + ", but " + what +
                            " is " + typeText(kind, type));
  }

  Status checkNames(const package::RoleProgram &program, const Graph &graph, const Node &node,
                    const ChannelMap &channels) {
    auto in = [&](size_t i) -> const Value & { return graph.values[node.inputs[i]]; };
    auto out = [&](size_t i) -> const Value & { return graph.values[node.outputs[i]]; };
    switch (node.kind) {
    case NodeKind::INPUT:
      return checkInput(node, out(0));
    case NodeKind::PULL_DENSE:
      return checkParameter(node, out(0));
    case NodeKind::PUSH_DENSE:
      return checkParameter(node, in(0));
    case NodeKind::PULL_ROWS:
      return checkPart(node, out(0));
    case NodeKind::PUSH_ROWS:
      HETER_RETURN_IF_ERROR(checkPart(node, in(0)));
      return checkCounts(graph, node);
    case NodeKind::PREDICT:
      if (in(0).kind == ValueKind::TENSOR && !in(0).type.shape.empty() && in(0).type.shape[0] == -1)
        return {};
      return Status::dataLoss("value `" + in(0).name + "` is " + typeText(in(0).kind, in(0).type) +
                              ", which is no value of each example");
    case NodeKind::SEND:
    case NodeKind::RECV:
      return checkChannel(program, graph, node, channels);
    default:
      return {};
    }
  }

  Status checkInput(const Node &node, const Value &value) {
    auto found = inputs_.find(text(node, "input"));
    if (found == inputs_.end())
      return Status::dataLoss("`" + text(node, "input") + "` is no input of the model");
    const package::Input &input = *found->second;
    return expect(value, input.kind, input.kind == ValueKind::TENSOR ? withBatch(input.type) : input.type,
                  "input `" + input.name + "`");
  }

  Status checkParameter(const Node &node, const Value &value) {
    auto found = parameters_.find(text(node, "parameter"));
    if (found == parameters_.end())
      return Status::dataLoss("`" + text(node, "parameter") + "` is no parameter of the model");
    TensorType type;
    type.element = package::ElementType::F32;
    type.shape = found->second->shape;
    if (node.kind == NodeKind::PULL_DENSE && value.type.packing != package::Packing::NONE) {
      type.element = package::ElementType::BF16;
      type.packing = value.type.packing;
    }
    return expect(value, ValueKind::TENSOR, type, "parameter `" + found->first + "`");
  }

  Status checkPart(const Node &node, const Value &value) {
    auto found = parts_.find({text(node, "table"), text(node, "part")});
    if (found == parts_.end())
      return Status::dataLoss("`" + text(node, "table") + "." + text(node, "part") + "` is no table of the model");
    if (value.type.shape.empty() || value.type.shape.back() != found->second->dim)
      return Status::dataLoss("value `" + value.name + "` is " + typeText(value.kind, value.type) +
                              ", but the table's dim is " + std::to_string(found->second->dim));
    return {};
  }

  /// Shows and clicks come with the pushes of the parts that count, and with no others.
  Status checkCounts(const Graph &graph, const Node &node) {
    const bool wanted = counting_.contains({text(node, "table"), text(node, "part")});
    if (wanted != (node.inputs.size() == 2))
      return Status::dataLoss(
          "table part `" + text(node, "table") + "." + text(node, "part") + "` " +
          (wanted ? "counts shows and clicks, which its push lacks" : "counts no shows and clicks"));
    if (wanted && graph.values[node.inputs[1]].type.shape != std::vector<int64_t>{2})
      return Status::dataLoss("value `" + graph.values[node.inputs[1]].name + "` has no shows and clicks of each key");
    return {};
  }

  Status checkChannel(const package::RoleProgram &program, const Graph &graph, const Node &node,
                      const ChannelMap &channels) {
    auto found = channels.find(text(node, "channel"));
    if (found == channels.end())
      return Status::dataLoss("`" + text(node, "channel") + "` is no channel of this graph");
    const Channel &channel = *found->second;
    bool send = node.kind == NodeKind::SEND;
    if ((send ? channel.sender : channel.receiver) != program.role)
      return Status::dataLoss("channel `" + channel.name + "` goes from `" + channel.sender + "` to `" +
                              channel.receiver + "`, not through this role");
    const std::vector<int32_t> &values = send ? node.inputs : node.outputs;
    if (values.size() != channel.values.size())
      return Status::dataLoss("channel `" + channel.name + "` carries " + std::to_string(channel.values.size()) +
                              " values, the node has " + std::to_string(values.size()));
    for (size_t i = 0; i < values.size(); ++i)
      HETER_RETURN_IF_ERROR(expect(graph.values[values[i]], channel.values[i].kind, channel.values[i].type,
                                   "value " + std::to_string(i) + " of channel `" + channel.name + "`"));
    return {};
  }

  const PackageInfo &info_;
  const std::vector<package::RoleProgram> &programs_;
  std::set<std::string> roles_;
  std::map<std::string, const package::Input *> inputs_;
  std::map<std::pair<std::string, std::string>, const package::Part *> parts_;
  std::map<std::pair<std::string, std::string>, const package::Rule *> rules_; ///< By table and kind.
  std::set<std::pair<std::string, std::string>> counting_; ///< Parts whose pushes count shows and clicks.
  std::map<std::string, const package::Parameter *> parameters_;
  ChannelMap train_, infer_, predict_;
};

} // namespace

Status verifyPackage(const PackageInfo &info, const std::vector<package::RoleProgram> &programs) {
  return PackageVerifier(info, programs).verify();
}

} // namespace heter::runtime
