// The manifest as JSON. This is the one file of the room that touches the JSON library.
#include "runtime/table/CheckpointManifest.h"

#include "runtime/base/Hash.h"
#include "runtime/table/CheckpointFormat.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace heter::runtime::checkpoint {

using Json = nlohmann::ordered_json;

static std::string hex(uint64_t value) {
  char digits[17] = "0000000000000000";
  for (int i = 15; i >= 0; --i, value >>= 4)
    digits[i] = "0123456789abcdef"[value & 15];
  return digits;
}

static uint64_t parseHex(const std::string &text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size() || text.size() != 16)
    throw std::invalid_argument("a checksum is not 16 hexadecimal digits");
  return value;
}

//===--- Writing --------------------------------------------------------------------------------------------------===//

static Json printOptimizer(const OptimizerSpec &optimizer) {
  return {{"name", optimizer.name}, {"slots", optimizer.slots}, {"scalars", optimizer.scalars}};
}

static const char *unitName(RowPolicy::Unit unit) { return unit == RowPolicy::Unit::Steps ? "steps" : "seconds"; }

static Json printTables(const StoreSchema &schema) {
  Json tables = Json::array();
  for (const TableSpec &table : schema.tables) {
    Json parts = Json::array();
    for (const PartSpec &part : table.parts)
      parts.push_back({{"name", part.name},
                       {"dim", part.dim},
                       {"admission", part.wantsAdmission},
                       {"optimizer", printOptimizer(part.optimizer)}});
    tables.push_back({{"name", table.name},
                      {"statistics", table.policy.statistics()},
                      {"period", table.policy.period},
                      {"period_unit", unitName(table.policy.periodUnit)},
                      {"parts", parts}});
  }
  return tables;
}

static Json printPosition(const DataPosition &position) {
  return {{"data", hex(position.data)},     {"epoch", position.epoch},
          {"lines", position.lines},        {"epoch_examples", position.epochExamples},
          {"bad_lines", position.badLines}, {"examples", position.examples},
          {"ended", position.ended}};
}

std::string printManifest(const Manifest &manifest) {
  Json json = {{"format", manifestFormat},       {"version", formatVersion}, {"save", manifest.save},
               {"model", manifest.schema.model}, {"seed", manifest.seed},    {"steps", manifest.steps},
               {"servers", manifest.shardCount}};
  json["position"] = printPosition(manifest.position);
  json["tables"] = printTables(manifest.schema);
  json["parameters"] = Json::array();
  for (const ParameterSpec &parameter : manifest.schema.parameters)
    json["parameters"].push_back(
        {{"name", parameter.name}, {"shape", parameter.shape}, {"optimizer", printOptimizer(parameter.optimizer)}});
  json["files"] = Json::array();
  for (const ManifestFile &file : manifest.files) {
    Json entry = {{"name", file.file.name},   {"kind", file.dense ? "dense" : "rows"},
                  {"save", file.save},        {"server", file.shardIndex},
                  {"bytes", file.file.bytes}, {"checksum", hex(file.file.checksum)}};
    if (!file.dense)
      entry["rows"] = file.rows;
    json["files"].push_back(entry);
  }
  std::string text = json.dump(2);
  text.resize(text.size() - 2); // without "\n}"
  const uint64_t checksum = hashBytes(text);
  return text.append(manifestChecksumOpen).append(hex(checksum)).append(manifestChecksumClose);
}

//===--- Reading --------------------------------------------------------------------------------------------------===//

static OptimizerSpec parseOptimizer(const Json &json) {
  OptimizerSpec optimizer;
  json.at("name").get_to(optimizer.name);
  json.at("slots").get_to(optimizer.slots);
  json.at("scalars").get_to(optimizer.scalars);
  if (optimizer.slots.size() > maxOptimizerStates || optimizer.scalars.size() > maxOptimizerStates)
    throw std::invalid_argument("an optimizer has too many slots or scalars");
  return optimizer;
}

static TableSpec parseTable(const Json &json) {
  TableSpec table;
  json.at("name").get_to(table.name);
  // Of the policy only what rows look like is saved.
  const auto statistics = json.at("statistics").get<int64_t>();
  if (statistics < 0 || statistics > 2)
    throw std::invalid_argument("a table has an impossible number of statistics");
  table.policy.scored = statistics == 2;
  if (statistics == 1)
    table.policy.admission = RowPolicy::Admission::Count;
  json.at("period").get_to(table.policy.period);
  for (const RowPolicy::Unit unit : {RowPolicy::Unit::Steps, RowPolicy::Unit::Seconds})
    if (json.at("period_unit") == unitName(unit))
      table.policy.periodUnit = unit;
  for (const Json &entry : json.at("parts")) {
    PartSpec part;
    entry.at("name").get_to(part.name);
    entry.at("dim").get_to(part.dim);
    entry.at("admission").get_to(part.wantsAdmission);
    part.optimizer = parseOptimizer(entry.at("optimizer"));
    part.seedName = part.name.empty() ? table.name : table.name + "." + part.name;
    if (part.dim < 1 || part.dim > (1 << 20))
      throw std::invalid_argument("a table has an impossible dim");
    part.stateFloats = part.dim * (1 + static_cast<int64_t>(part.optimizer.slots.size())) +
                       static_cast<int64_t>(part.optimizer.scalars.size());
    table.parts.push_back(std::move(part));
  }
  table.layOut();
  return table;
}

static ParameterSpec parseParameter(const Json &json) {
  ParameterSpec parameter{json.at("name"), json.at("shape"), 1, {}, parseOptimizer(json.at("optimizer"))};
  for (int64_t extent : parameter.shape) {
    if (extent < 1 || parameter.elements > (int64_t{1} << 56) / extent)
      throw std::invalid_argument("a parameter has an impossible shape");
    parameter.elements *= extent;
  }
  return parameter;
}

static ManifestFile parseFile(const Json &json, size_t tables) {
  ManifestFile file;
  json.at("name").get_to(file.file.name);
  json.at("bytes").get_to(file.file.bytes);
  json.at("save").get_to(file.save);
  json.at("server").get_to(file.shardIndex);
  file.file.checksum = parseHex(json.at("checksum"));
  file.dense = json.at("kind") == "dense";
  if (file.file.name.find('/') != std::string::npos)
    throw std::invalid_argument("a file lies outside of the folder");
  if (!file.dense && json.at("rows").get_to(file.rows).size() != tables)
    throw std::invalid_argument("a file does not say how many rows it has of each table");
  return file;
}

static DataPosition parsePosition(const Json &json) {
  DataPosition position;
  position.data = parseHex(json.at("data"));
  json.at("epoch").get_to(position.epoch);
  json.at("lines").get_to(position.lines);
  json.at("epoch_examples").get_to(position.epochExamples);
  json.at("bad_lines").get_to(position.badLines);
  json.at("examples").get_to(position.examples);
  json.at("ended").get_to(position.ended);
  const int64_t least =
      std::min({position.epoch, position.lines, position.epochExamples, position.badLines, position.examples});
  if (least < 0)
    throw std::invalid_argument("the position in the data is negative");
  return position;
}

/// That the save names the dense file of each server once, and its files of rows in order.
static void checkFiles(const Manifest &manifest) {
  std::set<std::pair<bool, int32_t>> seen;
  std::map<int32_t, int64_t> lastSave;
  for (const ManifestFile &file : manifest.files) {
    if (file.shardIndex < 0 || file.shardIndex >= manifest.shardCount)
      throw std::invalid_argument("there is no server " + std::to_string(file.shardIndex));
    bool isNew = seen.insert({file.dense, file.shardIndex}).second;
    if (file.dense ? !isNew : !isNew && file.save <= lastSave[file.shardIndex])
      throw std::invalid_argument("server " + std::to_string(file.shardIndex) + " is there twice or out of order");
    if (!file.dense)
      lastSave[file.shardIndex] = file.save;
    if (file.dense ? file.save != manifest.save : file.save > manifest.save)
      throw std::invalid_argument("a file belongs to another save");
  }
  if (manifest.shardCount < 1 || seen.size() != 2 * static_cast<size_t>(manifest.shardCount))
    throw std::invalid_argument("it does not name two files of each of its servers");
}

static Manifest parseManifest(const Json &json, bool files) {
  Manifest manifest;
  json.at("save").get_to(manifest.save);
  json.at("model").get_to(manifest.schema.model);
  json.at("seed").get_to(manifest.seed);
  json.at("steps").get_to(manifest.steps);
  json.at("servers").get_to(manifest.shardCount);
  manifest.position = parsePosition(json.at("position"));
  for (const Json &table : json.at("tables"))
    manifest.schema.tables.push_back(parseTable(table));
  for (const Json &parameter : json.at("parameters"))
    manifest.schema.parameters.push_back(parseParameter(parameter));
  for (const Json &file : json.at("files"))
    manifest.files.push_back(parseFile(file, manifest.schema.tables.size()));
  if (files)
    checkFiles(manifest);
  return manifest;
}

/// The text before the checksum, if the checksum is right.
static StatusOr<std::string> checkedBody(const std::string &path, const std::string &text) {
  const size_t tail = manifestChecksumOpen.size() + 16 + manifestChecksumClose.size();
  const size_t at = text.size() - std::min(tail, text.size());
  if (at == 0 || text.compare(at, manifestChecksumOpen.size(), manifestChecksumOpen) != 0 ||
      !text.ends_with(manifestChecksumClose))
    return Status::dataLoss(path + " is no manifest of a saved model, or is truncated");
  if (text.substr(at + manifestChecksumOpen.size(), 16) != hex(hashBytes(std::string_view(text).substr(0, at))))
    return Status::dataLoss(path + " is damaged or was edited: its checksum does not fit");
  return text.substr(0, at) + "\n}";
}

SavePath::SavePath(const std::string &path) : folder(path), manifest(manifestName) {
  if (!path.ends_with(manifestSuffix))
    return;
  const size_t slash = path.rfind('/');
  folder = slash == std::string::npos ? "." : path.substr(0, slash);
  manifest = path.substr(slash + 1);
}

StatusOr<Manifest> readManifest(FileSystem &files, const SavePath &save) {
  const std::string path = save.folder + "/" + save.manifest;
  HETER_ASSIGN_OR_RETURN(const bool there, files.exists(path));
  if (!there)
    return Status::notFound("no model was saved in " + save.folder + ": there is no " + save.manifest);
  HETER_ASSIGN_OR_RETURN(const std::string text, files.readFile(path));
  return parseManifest(path, text);
}

StatusOr<Manifest> parseManifest(const std::string &path, const std::string &text, bool files) {
  HETER_ASSIGN_OR_RETURN(const std::string body, checkedBody(path, text));
  try {
    const Json json = Json::parse(body);
    if (json.at("format") != manifestFormat)
      return Status::dataLoss(path + " is no manifest of a saved model");
    if (json.at("version") != formatVersion)
      return Status::failedPrecondition(path + " has format version " + json.at("version").dump() +
                                        ", and this program reads version " + std::to_string(formatVersion));
    return parseManifest(json, files);
  } catch (const std::exception &error) {
    return Status::dataLoss(path + " is not understood: " + error.what());
  }
}

//===--- Schemas --------------------------------------------------------------------------------------------------===//

static Status differs(const std::string &what, const std::string &saved, const std::string &wanted) {
  return Status::failedPrecondition(what + " is " + saved + " there and " + wanted + " in this model");
}

static std::string printShape(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

static Status checkSameOptimizer(const std::string &owner, const OptimizerSpec &saved, const OptimizerSpec &wanted) {
  if (saved.name != wanted.name)
    return differs("the optimizer of " + owner, "`" + saved.name + "`", "`" + wanted.name + "`");
  if (saved.slots != wanted.slots || saved.scalars != wanted.scalars)
    return differs("the state of the optimizer of " + owner, "of one form", "of another");
  return {};
}

/// That two lists hold the same names, whatever the order.
template <typename Spec>
static Status checkSameNames(const std::string &what, const std::vector<Spec> &saved, const std::vector<Spec> &wanted) {
  const auto has = [](const std::vector<Spec> &list, const std::string &name) {
    return std::any_of(list.begin(), list.end(), [&](const Spec &spec) { return spec.name == name; });
  };
  for (const Spec &spec : wanted)
    if (!has(saved, spec.name))
      return Status::failedPrecondition("it has no " + what + " `" + spec.name + "`");
  for (const Spec &spec : saved)
    if (!has(wanted, spec.name))
      return Status::failedPrecondition("its " + what + " `" + spec.name + "` is not in this model");
  return {};
}

static Status checkSameTable(const TableSpec &saved, const TableSpec &wanted) {
  if (saved.policy.statistics() != wanted.policy.statistics())
    return differs("the number of statistics of rows of table `" + saved.name + "`",
                   std::to_string(saved.policy.statistics()), std::to_string(wanted.policy.statistics()));
  HETER_RETURN_IF_ERROR(checkSameNames("part of table `" + saved.name + "`:", saved.parts, wanted.parts));
  for (size_t p = 0; p < saved.parts.size(); ++p) {
    const std::string owner = "table `" + saved.parts[p].seedName + "`";
    if (saved.parts[p].name != wanted.parts[p].name)
      return differs("the order of the parts of table `" + saved.name + "`", "another", "this");
    if (saved.parts[p].wantsAdmission != wanted.parts[p].wantsAdmission)
      return differs("admission to " + owner, saved.parts[p].wantsAdmission ? "wanted" : "not wanted",
                     wanted.parts[p].wantsAdmission ? "wanted" : "not wanted");
    if (saved.parts[p].dim != wanted.parts[p].dim)
      return differs("dim of " + owner, std::to_string(saved.parts[p].dim), std::to_string(wanted.parts[p].dim));
    HETER_RETURN_IF_ERROR(checkSameOptimizer(owner, saved.parts[p].optimizer, wanted.parts[p].optimizer));
  }
  return {};
}

static Status checkSame(const StoreSchema &saved, const StoreSchema &wanted) {
  HETER_RETURN_IF_ERROR(checkSameNames("table", saved.tables, wanted.tables));
  HETER_RETURN_IF_ERROR(checkSameNames("parameter", saved.parameters, wanted.parameters));
  for (const TableSpec &table : wanted.tables)
    for (const TableSpec &other : saved.tables)
      if (table.name == other.name)
        HETER_RETURN_IF_ERROR(checkSameTable(other, table));
  for (const ParameterSpec &parameter : wanted.parameters)
    for (const ParameterSpec &other : saved.parameters) {
      if (parameter.name != other.name)
        continue;
      if (parameter.shape != other.shape)
        return differs("the shape of `" + parameter.name + "`", printShape(other.shape), printShape(parameter.shape));
      HETER_RETURN_IF_ERROR(checkSameOptimizer("`" + parameter.name + "`", other.optimizer, parameter.optimizer));
    }
  return {};
}

Status checkSameSchema(const StoreSchema &saved, const StoreSchema &wanted) {
  return checkSame(saved, wanted).withContext("the saved model, of `" + saved.model + "`, does not fit");
}

} // namespace heter::runtime::checkpoint
