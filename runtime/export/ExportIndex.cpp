// The index as JSON, and its comparison with a model. This is the one file of the room that touches the JSON library.
#include "runtime/export/ExportIndex.h"

#include "runtime/export/ExportFormat.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace heter::runtime::exports {

using Json = nlohmann::ordered_json;

size_t ExportSet::rowBytes(RowCoding coding) const {
  size_t bytes = 0;
  for (const ExportPart &part : parts)
    bytes += codedBytes(coding, part.dim);
  return bytes;
}

static const char *initName(InitializerSpec::Kind kind) {
  switch (kind) {
  case InitializerSpec::Kind::Constant:
    return "constant";
  case InitializerSpec::Kind::Uniform:
    return "uniform";
  case InitializerSpec::Kind::Normal:
    return "normal";
  }
  return "";
}

static ExportTable makeTable(const TableSpec &spec, const PredictionNeeds &needs) {
  ExportTable table{spec.name, {}};
  for (const bool wantsAdmission : {false, true}) {
    ExportSet set{wantsAdmission, {}};
    for (const PartSpec &part : spec.parts)
      if (part.wantsAdmission == wantsAdmission && needs.parts.contains({spec.name, part.name}))
        set.parts.push_back({part.name, part.dim, initName(part.init.kind), part.init.scale});
    if (!set.parts.empty())
      table.sets.push_back(std::move(set));
  }
  return table;
}

ExportIndex makeIndex(const StoreSchema &schema, const PredictionNeeds &needs) {
  ExportIndex index;
  index.model = schema.model;
  for (const TableSpec &spec : schema.tables)
    if (ExportTable table = makeTable(spec, needs); !table.sets.empty())
      index.tables.push_back(std::move(table));
  for (const ParameterSpec &spec : schema.parameters)
    if (needs.parameters.contains(spec.name))
      index.parameters.push_back({spec.name, spec.shape, spec.elements});
  return index;
}

//===--- JSON -----------------------------------------------------------------------------------------------------===//

static Json printSet(const ExportSet &set) {
  Json parts = Json::array();
  for (const ExportPart &part : set.parts)
    parts.push_back({{"name", part.name}, {"dim", part.dim}, {"init", part.init}, {"scale", part.scale}});
  return {{"absent", set.absentIsZero ? "zeros" : "initial"}, {"parts", parts}};
}

std::string printIndex(const ExportIndex &index) {
  Json json = {{"format", indexFormat}, {"model", index.model}, {"seed", index.seed},
               {"steps", index.steps},  {"save", index.save},   {"rows", codingName(index.coding)}};
  if (index.isDelta())
    json["since"] = index.since;
  json["tables"] = Json::array();
  for (const ExportTable &table : index.tables) {
    Json sets = Json::array();
    for (const ExportSet &set : table.sets)
      sets.push_back(printSet(set));
    json["tables"].push_back({{"name", table.name}, {"sets", sets}});
  }
  json["parameters"] = Json::array();
  for (const ExportParameter &parameter : index.parameters)
    json["parameters"].push_back({{"name", parameter.name}, {"shape", parameter.shape}});
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

static ExportSet parseSet(const Json &json) {
  constexpr int64_t mostDim = 1 << 20;
  const auto absent = json.at("absent").get<std::string>();
  if (absent != "zeros" && absent != "initial")
    throw std::invalid_argument("absent keys read as nothing known");
  ExportSet set{absent == "zeros", {}};
  for (const Json &part : json.at("parts")) {
    set.parts.push_back({part.at("name"), part.at("dim"), part.at("init"), part.at("scale")});
    if (set.parts.back().dim < 1 || set.parts.back().dim > mostDim)
      throw std::invalid_argument("a part has an impossible dim");
  }
  if (set.parts.empty() || set.parts.size() > static_cast<size_t>(mostDim))
    throw std::invalid_argument("a table has an impossible number of parts");
  return set;
}

static ExportParameter parseParameter(const Json &json) {
  ExportParameter parameter{json.at("name"), json.at("shape"), 1};
  for (const int64_t extent : parameter.shape) {
    if (extent < 1 || parameter.elements > std::numeric_limits<int64_t>::max() / 64 / extent)
      throw std::invalid_argument("a parameter has an impossible shape");
    parameter.elements *= extent;
  }
  return parameter;
}

static ExportIndex parse(const Json &json) {
  ExportIndex index;
  if (json.at("format") != indexFormat)
    throw std::invalid_argument("it is of another format");
  json.at("model").get_to(index.model);
  json.at("seed").get_to(index.seed);
  json.at("steps").get_to(index.steps);
  json.at("save").get_to(index.save);
  if (json.contains("since"))
    json.at("since").get_to(index.since);
  const StatusOr<RowCoding> coding = parseCoding(json.at("rows").get<std::string>());
  if (!coding.ok())
    throw std::invalid_argument(coding.status().message());
  index.coding = *coding;
  for (const Json &table : json.at("tables")) {
    index.tables.push_back({table.at("name"), {}});
    for (const Json &set : table.at("sets"))
      index.tables.back().sets.push_back(parseSet(set));
    if (index.tables.back().sets.empty() || index.tables.back().sets.size() > mostSets)
      throw std::invalid_argument("a table has an impossible number of sets");
  }
  for (const Json &parameter : json.at("parameters"))
    index.parameters.push_back(parseParameter(parameter));
  return index;
}

StatusOr<ExportIndex> parseIndex(const std::string &text) {
  try {
    return parse(Json::parse(text));
  } catch (const std::exception &error) {
    return Status::dataLoss(std::string("its index is not understood: ") + error.what());
  }
}

//===--- Comparison -----------------------------------------------------------------------------------------------===//

static Status misfit(const std::string &what) { return Status::failedPrecondition("the export does not fit: " + what); }

static Status differs(const std::string &what, const std::string &there, const std::string &here) {
  return misfit(what + " is " + there + " there and " + here + " in this model");
}

static std::string printShape(const std::vector<int64_t> &shape) { return Json(shape).dump(); }

static std::string printInit(const ExportPart &part) { return part.init + "(" + Json(part.scale).dump() + ")"; }

static Status checkPart(const ExportTable &table, const ExportPart &wanted, bool absentIsZero) {
  const std::string owner = "`" + table.name + (wanted.name.empty() ? "" : "." + wanted.name) + "`";
  for (const ExportSet &set : table.sets)
    for (const ExportPart &part : set.parts) {
      if (part.name != wanted.name)
        continue;
      if (part.dim != wanted.dim)
        return differs("dim of table " + owner, std::to_string(part.dim), std::to_string(wanted.dim));
      if (part.init != wanted.init || part.scale != wanted.scale)
        return differs("the initial value of table " + owner, printInit(part), printInit(wanted));
      if (set.absentIsZero != absentIsZero)
        return differs("admission to table " + owner, set.absentIsZero ? "wanted" : "not wanted",
                       absentIsZero ? "wanted" : "not wanted");
      return {};
    }
  return misfit("it has no table " + owner);
}

template <typename Named> static const Named *find(const std::vector<Named> &list, const std::string &name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const Named &entry) { return entry.name == name; });
  return found == list.end() ? nullptr : &*found;
}

Status checkFits(const ExportIndex &index, const ExportIndex &wanted) {
  for (const ExportTable &table : wanted.tables) {
    const ExportTable *there = find(index.tables, table.name);
    if (!there)
      return misfit("it has no table `" + table.name + "`");
    for (const ExportSet &set : table.sets)
      for (const ExportPart &part : set.parts)
        HETER_RETURN_IF_ERROR(checkPart(*there, part, set.absentIsZero));
  }
  for (const ExportParameter &parameter : wanted.parameters) {
    const ExportParameter *there = find(index.parameters, parameter.name);
    if (!there)
      return misfit("it has no parameter `" + parameter.name + "`");
    if (there->shape != parameter.shape)
      return differs("the shape of `" + parameter.name + "`", printShape(there->shape), printShape(parameter.shape));
  }
  return {};
}

} // namespace heter::runtime::exports
