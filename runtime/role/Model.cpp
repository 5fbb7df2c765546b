// Name tables of a package.
#include "runtime/role/Model.h"

#include "runtime/graph/Frame.h"

#include <set>

namespace heter::runtime {
namespace {

void collectPulls(const Model &model, const package::Graph &graph, std::set<int> &parameters) {
  for (const package::Node &node : graph.nodes) {
    if (node.kind == package::NodeKind::PULL_DENSE)
      if (auto parameter = model.findParameter(textAttribute(node, "parameter")); parameter.ok())
        parameters.insert(*parameter);
    for (const package::Graph &region : node.regions)
      collectPulls(model, region, parameters);
  }
}

void collectParts(const Model &model, const package::Graph &graph, std::set<int> &parts) {
  for (const package::Node &node : graph.nodes) {
    if (node.kind == package::NodeKind::PULL_ROWS)
      if (auto part = model.findPart(textAttribute(node, "table"), textAttribute(node, "part")); part.ok())
        parts.insert(*part);
    for (const package::Graph &region : node.regions)
      collectParts(model, region, parts);
  }
}

void collectNeeds(const package::Graph &graph, exports::PredictionNeeds &needs) {
  for (const package::Node &node : graph.nodes) {
    if (node.kind == package::NodeKind::PULL_DENSE)
      needs.parameters.insert(textAttribute(node, "parameter"));
    if (node.kind == package::NodeKind::PULL_ROWS)
      needs.parts.insert({textAttribute(node, "table"), textAttribute(node, "part")});
    for (const package::Graph &region : node.regions)
      collectNeeds(region, needs);
  }
}

template <typename Key> StatusOr<int> findIn(const std::map<Key, int> &map, const Key &key, const std::string &what) {
  auto it = map.find(key);
  if (it == map.end())
    return Status::notFound("the package has no " + what);
  return it->second;
}

} // namespace

Model::Model(const package::PackageInfo &info) {
  for (size_t t = 0; t < info.tables.size(); ++t) {
    const package::Table &table = info.tables[t];
    firstPart_.push_back(static_cast<int>(parts_.size()));
    for (size_t p = 0; p < table.parts.size(); ++p) {
      const package::Part &part = table.parts[p];
      partByName_[{table.name, part.name}] = static_cast<int>(parts_.size());
      parts_.push_back({static_cast<int>(t), static_cast<int>(p), part.dim,
                        part.name.empty() ? table.name : table.name + "." + part.name});
    }
  }
  for (const package::Parameter &parameter : info.parameters) {
    int64_t elements = 1;
    for (int64_t dim : parameter.shape)
      elements *= dim;
    parameterByName_[parameter.name] = static_cast<int>(names_.size());
    names_.push_back(parameter.name);
    elements_.push_back(elements);
    hasAverages_ = hasAverages_ || !parameter.optimizer.averaged.empty();
  }
  for (size_t i = 0; i < info.inputs.size(); ++i)
    inputByName_[info.inputs[i].name] = static_cast<int>(i);
}

StatusOr<int> Model::findPart(const std::string &table, const std::string &part) const {
  return findIn(partByName_, std::pair(table, part), "table part '" + table + "." + part + "'");
}

StatusOr<int> Model::findPart(int table, int part) const {
  if (table < 0 || static_cast<size_t>(table) >= firstPart_.size())
    return Status::invalidArgument("there is no table number " + std::to_string(table));
  int handle = firstPart_[static_cast<size_t>(table)] + part;
  if (part < 0 || static_cast<size_t>(handle) >= parts_.size() || parts_[static_cast<size_t>(handle)].table != table)
    return Status::invalidArgument("table number " + std::to_string(table) + " has no part number " +
                                   std::to_string(part));
  return handle;
}

StatusOr<int> Model::findParameter(const std::string &name) const {
  return findIn(parameterByName_, name, "parameter '" + name + "'");
}

StatusOr<int> Model::findInput(const std::string &name) const {
  return findIn(inputByName_, name, "input '" + name + "'");
}

std::vector<int> pulledParameters(const Model &model, const package::RoleProgram &program) {
  std::set<int> parameters;
  collectPulls(model, program.train, parameters);
  collectPulls(model, program.infer, parameters);
  collectPulls(model, program.predict, parameters);
  return {parameters.begin(), parameters.end()};
}

std::set<int> pulledParts(const Model &model, const package::RoleProgram &program) {
  std::set<int> parts;
  for (const package::Graph *graph : {&program.train, &program.infer, &program.predict})
    collectParts(model, *graph, parts);
  return parts;
}

std::set<int> heterParts(const Model &model, const Package &package) {
  std::set<int> parts;
  for (const package::RoleProgram &program : package.programs)
    if (program.role.starts_with(heterTrainerPrefix))
      parts.merge(pulledParts(model, program));
  return parts;
}

exports::PredictionNeeds predictionNeeds(const Package &package) {
  exports::PredictionNeeds needs;
  for (const package::RoleProgram &program : package.programs)
    collectNeeds(program.predict, needs);
  return needs;
}

std::vector<std::string> heterClasses(const package::PackageInfo &info) {
  std::vector<std::string> classes;
  for (const std::string &role : info.roles)
    if (role.starts_with(heterTrainerPrefix))
      classes.push_back(role.substr(heterTrainerPrefix.size()));
  return classes;
}

} // namespace heter::runtime
