// Exports of saves, and deltas between two.
#include "runtime/export/Export.h"

#include "runtime/base/Hash.h"
#include "runtime/export/ExportFile.h"
#include "runtime/export/SavedRows.h"
#include "runtime/table/CheckpointFiles.h"
#include "runtime/table/CheckpointManifest.h"
#include "runtime/table/Sharding.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

namespace heter::runtime {

using namespace exports;
using checkpoint::Manifest;
using checkpoint::SavePath;

namespace {
/// A save to be exported.
struct Source {
  std::string folder;
  Manifest manifest;
  std::string name; ///< As in ExportIndex::save.
};

std::string hex(uint64_t value) {
  char digits[17] = "0000000000000000";
  for (int i = 15; i >= 0; --i, value >>= 4)
    digits[i] = "0123456789abcdef"[value & 15];
  return digits;
}

StatusOr<Source> openSource(FileSystem &files, const std::string &path, const StoreSchema &schema) {
  const SavePath save(path);
  HETER_ASSIGN_OR_RETURN(Manifest manifest, checkpoint::readManifest(files, save));
  HETER_RETURN_IF_ERROR(checkpoint::checkSameSchema(manifest.schema, schema).withContext(path));
  // The manifest names the contents of all its files.
  HETER_ASSIGN_OR_RETURN(const std::string text, files.readFile(save.folder + "/" + save.manifest));
  return Source{save.folder, std::move(manifest), hex(hashBytes(text))};
}

using Values = std::vector<std::vector<float>>;

/// The values of the index's parameters, averages where the model keeps them.
StatusOr<Values> readDenseValues(FileSystem &files, const Source &source, const StoreSchema &schema,
                                 const ExportIndex &index) {
  Values values(index.parameters.size());
  std::map<std::string, size_t> byName;
  for (size_t p = 0; p < values.size(); ++p) {
    values[p].resize(static_cast<size_t>(index.parameters[p].elements));
    byName[index.parameters[p].name] = p;
  }
  std::map<std::string, int> averaged; // the slot, or -1
  for (const ParameterSpec &spec : schema.parameters)
    averaged[spec.name] = spec.optimizer.averaged;
  const auto visit = [&](size_t saved, int64_t block, std::span<const float> state) {
    const std::string &name = source.manifest.schema.parameters[saved].name;
    const auto found = byName.find(name);
    if (found == byName.end())
      return Status();
    std::vector<float> &whole = values[found->second];
    const auto first = static_cast<size_t>(block * denseBlockElements);
    const size_t count = std::min<size_t>(denseBlockElements, whole.size() - first);
    std::copy_n(state.begin() + static_cast<int64_t>(count) * (1 + averaged[name]), count,
                whole.begin() + static_cast<int64_t>(first));
    return Status();
  };
  for (const checkpoint::ManifestFile &file : source.manifest.files)
    if (file.dense)
      HETER_RETURN_IF_ERROR(checkpoint::readDense(files, source.folder, source.manifest, file, visit));
  return values;
}

/// What of `now` is not in `before`, and what of `before` is gone.
void difference(RowSet &now, const RowSet &before, size_t rowBytes) {
  RowSet changed;
  size_t b = 0;
  for (size_t n = 0; n < now.keys.size(); ++n) {
    const uint64_t mixed = mixKey(now.keys[n]);
    for (; b < before.keys.size() && mixKey(before.keys[b]) < mixed; ++b)
      changed.removed.push_back(before.keys[b]);
    const bool there = b < before.keys.size() && before.keys[b] == now.keys[n];
    if (!there || now.values.compare(n * rowBytes, rowBytes, before.values, b * rowBytes, rowBytes) != 0) {
      changed.keys.push_back(now.keys[n]);
      changed.values.append(now.values, n * rowBytes, rowBytes);
    }
    b += there;
  }
  changed.removed.insert(changed.removed.end(), before.keys.begin() + static_cast<int64_t>(b), before.keys.end());
  now = std::move(changed);
}

bool sameBits(const std::vector<float> &a, const std::vector<float> &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Counts what was written.
void count(const ShardRows &rows, ExportReport &report) {
  const auto most = [&](auto member) {
    return static_cast<int64_t>(std::max((rows.sets[0].*member).size(), (rows.sets[1].*member).size()));
  };
  report.tables[rows.table].rows += most(&RowSet::keys);
  report.tables[rows.table].removed += most(&RowSet::removed);
}

ExportReport reportFor(const ExportIndex &index) {
  ExportReport report;
  for (const ExportTable &table : index.tables)
    report.tables.push_back({table.name});
  report.parameters = static_cast<int64_t>(index.parameters.size());
  return report;
}

Status writeAllRows(SavedRows &now, SavedRows *before, const ExportIndex &index, ExportWriter &writer,
                    ExportReport &report) {
  ShardRows rows, old;
  for (uint32_t shard = 0; shard < virtualShards; ++shard)
    for (uint32_t table = 0; table < index.tables.size(); ++table) {
      rows.shard = old.shard = shard;
      rows.table = old.table = table;
      HETER_RETURN_IF_ERROR(now.read(rows));
      if (before) {
        HETER_RETURN_IF_ERROR(before->read(old));
        for (size_t s = 0; s < index.tables[table].sets.size(); ++s)
          difference(rows.sets[s], old.sets[s], index.tables[table].sets[s].rowBytes(index.coding));
      }
      count(rows, report);
      HETER_RETURN_IF_ERROR(writer.writeRows(rows));
    }
  return {};
}

/// Leaves out the parameters that are the same in both.
void dropUnchanged(ExportIndex &index, Values &values, const Values &before) {
  std::vector<ExportParameter> changed;
  Values changedValues;
  for (size_t p = 0; p < values.size(); ++p) {
    if (sameBits(values[p], before[p]))
      continue;
    changed.push_back(index.parameters[p]);
    changedValues.push_back(std::move(values[p]));
  }
  index.parameters = std::move(changed);
  values = std::move(changedValues);
}
} // namespace

StatusOr<ExportReport> exportModel(FileSystem &files, const StoreSchema &schema, const PredictionNeeds &needs,
                                   const ExportOptions &options) {
  HETER_ASSIGN_OR_RETURN(const Source now, openSource(files, options.load, schema));
  ExportIndex index = makeIndex(schema, needs);
  index.seed = now.manifest.seed;
  index.steps = now.manifest.steps;
  index.save = now.name;
  index.coding = options.coding;
  HETER_ASSIGN_OR_RETURN(Values values, readDenseValues(files, now, schema, index));
  std::optional<Source> before;
  if (!options.since.empty()) {
    HETER_ASSIGN_OR_RETURN(before, openSource(files, options.since, schema));
    if (before->manifest.seed != now.manifest.seed)
      return Status::failedPrecondition("--since " + options.since +
                                        " has initial values of another seed, so all rows differ: export without it");
    index.since = before->name;
    HETER_ASSIGN_OR_RETURN(const Values old, readDenseValues(files, *before, schema, index));
    dropUnchanged(index, values, old);
  }
  HETER_ASSIGN_OR_RETURN(const std::unique_ptr<ExportWriter> writer, ExportWriter::create(files, options.out, index));
  for (const std::vector<float> &parameter : values)
    HETER_RETURN_IF_ERROR(writer->writeDense(parameter));
  SavedRows rows(files, now.folder, now.manifest, index);
  std::optional<SavedRows> old;
  if (before)
    old.emplace(files, before->folder, before->manifest, index);
  ExportReport report = reportFor(index);
  HETER_RETURN_IF_ERROR(writeAllRows(rows, old ? &*old : nullptr, index, *writer, report));
  HETER_ASSIGN_OR_RETURN(report.bytes, writer->commit());
  return report;
}

//===--- Deltas ---------------------------------------------------------------------------------------------------===//

namespace {
/// One of the files that are joined, with the rows that come next.
struct Input {
  std::unique_ptr<ExportReader> reader;
  ShardRows rows;
  bool more = true;

  Status advance() {
    HETER_ASSIGN_OR_RETURN(more, reader->next(rows));
    return {};
  }
  bool isAt(uint32_t shard, uint32_t table) const { return more && rows.shard == shard && rows.table == table; }
};

/// Takes over what a delta says of a set.
void apply(RowSet &set, const RowSet &delta, size_t rowBytes) {
  RowSet result;
  const auto copy = [&](const RowSet &from, size_t i) {
    result.keys.push_back(from.keys[i]);
    result.values.append(from.values, i * rowBytes, rowBytes);
  };
  size_t d = 0, gone = 0;
  for (size_t i = 0; i < set.keys.size(); ++i) {
    const uint64_t key = set.keys[i], mixed = mixKey(key);
    for (; d < delta.keys.size() && mixKey(delta.keys[d]) < mixed; ++d)
      copy(delta, d);
    while (gone < delta.removed.size() && mixKey(delta.removed[gone]) < mixed)
      ++gone;
    const bool replaced = d < delta.keys.size() && delta.keys[d] == key;
    const bool removed = gone < delta.removed.size() && delta.removed[gone] == key;
    if (!replaced && !removed)
      copy(set, i);
  }
  for (; d < delta.keys.size(); ++d)
    copy(delta, d);
  set = std::move(result);
}

Status mismatch(const Input &delta, const std::string &what) {
  return Status::failedPrecondition(delta.reader->path() + " does not continue it: " + what);
}

/// That each delta begins where the one before ends. Gives the index of what they lead to.
StatusOr<ExportIndex> joinIndexes(const std::vector<Input> &inputs) {
  ExportIndex index = inputs[0].reader->index();
  if (index.isDelta())
    return Status::invalidArgument(inputs[0].reader->path() + " is a delta itself; apply it to an export of save " +
                                   index.since);
  for (size_t i = 1; i < inputs.size(); ++i) {
    const ExportIndex &delta = inputs[i].reader->index();
    if (!delta.isDelta())
      return Status::invalidArgument(inputs[i].reader->path() + " is a whole export, no delta; use it as it is");
    if (delta.since != index.save)
      return mismatch(inputs[i], "it changes an export of save " + delta.since + ", and " +
                                     inputs[i - 1].reader->path() + " is of save " + index.save);
    if (delta.coding != index.coding)
      return mismatch(inputs[i], "its rows are " + std::string(codingName(delta.coding)) + " and those of " +
                                     inputs[0].reader->path() + " " + std::string(codingName(index.coding)));
    const bool known = std::all_of(delta.parameters.begin(), delta.parameters.end(), [&](const ExportParameter &p) {
      return std::find(index.parameters.begin(), index.parameters.end(), p) != index.parameters.end();
    });
    if (delta.tables != index.tables || !known || delta.seed != index.seed)
      return mismatch(inputs[i], "it has other tables or parameters than " + inputs[0].reader->path());
    index.save = delta.save;
    index.steps = delta.steps;
  }
  return index;
}

Status joinDense(std::vector<Input> &inputs, const ExportIndex &index, ExportWriter &writer) {
  Values values(index.parameters.size());
  for (const Input &input : inputs)
    HETER_RETURN_IF_ERROR(input.reader->readDense([&](size_t p, std::vector<float> read) {
      const ExportParameter &parameter = input.reader->index().parameters[p];
      const auto place = std::find(index.parameters.begin(), index.parameters.end(), parameter);
      values[static_cast<size_t>(place - index.parameters.begin())] = std::move(read);
      return Status();
    }));
  for (const std::vector<float> &parameter : values)
    HETER_RETURN_IF_ERROR(writer.writeDense(parameter));
  return {};
}

Status joinRows(std::vector<Input> &inputs, const ExportIndex &index, ExportWriter &writer, ExportReport &report) {
  for (Input &input : inputs)
    HETER_RETURN_IF_ERROR(input.advance());
  ShardRows rows;
  for (uint32_t shard = 0; shard < virtualShards; ++shard)
    for (uint32_t table = 0; table < index.tables.size(); ++table) {
      rows = ShardRows{shard, table, {}};
      for (Input &input : inputs) {
        if (!input.isAt(shard, table))
          continue;
        for (size_t s = 0; s < index.tables[table].sets.size(); ++s)
          apply(rows.sets[s], input.rows.sets[s], index.tables[table].sets[s].rowBytes(index.coding));
        HETER_RETURN_IF_ERROR(input.advance());
      }
      count(rows, report);
      HETER_RETURN_IF_ERROR(writer.writeRows(rows));
    }
  return {};
}
} // namespace

StatusOr<ExportReport> applyDeltas(FileSystem &files, const std::string &base, const std::vector<std::string> &deltas,
                                   const std::string &out) {
  std::vector<Input> inputs;
  for (size_t i = 0; i <= deltas.size(); ++i) {
    HETER_ASSIGN_OR_RETURN(std::unique_ptr<ExportReader> reader,
                           ExportReader::open(files, i == 0 ? base : deltas[i - 1]));
    inputs.push_back({std::move(reader), {}});
  }
  HETER_ASSIGN_OR_RETURN(const ExportIndex index, joinIndexes(inputs));
  HETER_ASSIGN_OR_RETURN(const std::unique_ptr<ExportWriter> writer, ExportWriter::create(files, out, index));
  ExportReport report = reportFor(index);
  HETER_RETURN_IF_ERROR(joinDense(inputs, index, *writer));
  HETER_RETURN_IF_ERROR(joinRows(inputs, index, *writer, report));
  HETER_ASSIGN_OR_RETURN(report.bytes, writer->commit());
  return report;
}

} // namespace heter::runtime
