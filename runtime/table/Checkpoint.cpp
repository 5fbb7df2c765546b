// Saving and loading whole models.
#include "runtime/table/Checkpoint.h"

#include "runtime/base/Log.h"
#include "runtime/package/Package_types.h"
#include "runtime/table/CheckpointFiles.h"
#include "runtime/table/CheckpointManifest.h"
#include "runtime/table/ParameterStore.h"
#include "runtime/table/SparseTable.h"
#include "runtime/table/StoreInstant.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <set>

namespace heter::runtime {

using namespace checkpoint;

static std::string savePrefix(int64_t saveNumber) {
  std::string digits = std::to_string(saveNumber);
  digits.insert(0, 6 - std::min<size_t>(6, digits.size()), '0');
  return std::string(filePrefix) + digits + ".";
}

static std::string fileName(int64_t saveNumber, int shardIndex, int shardCount, std::string_view suffix) {
  return savePrefix(saveNumber) + "server-" + std::to_string(shardIndex) + "-of-" + std::to_string(shardCount) +
         std::string(suffix);
}

static bool isDataFile(std::string_view name) {
  return name.starts_with(filePrefix) && (name.ends_with(rowsSuffix) || name.ends_with(denseSuffix));
}

/// The manifest of a save that is kept beside the newest.
static std::string oldManifestName(int64_t saveNumber) {
  std::string name = savePrefix(saveNumber);
  name.pop_back();
  return name + std::string(manifestSuffix);
}

/// The save number in a file's name; 0 if it is no file of a save.
static int64_t saveNumberOf(std::string_view name) {
  int64_t number = 0;
  if (!isDataFile(name) && !(name.starts_with(filePrefix) && name.ends_with(manifestSuffix)))
    return 0;
  const auto end = std::from_chars(name.data() + filePrefix.size(), name.data() + name.size(), number);
  return end.ec == std::errc() ? number : 0;
}

StatusOr<int64_t> nextSaveNumber(FileSystem &files, const std::string &dir) {
  HETER_ASSIGN_OR_RETURN(const bool there, files.exists(dir));
  if (!there)
    return int64_t{1};
  HETER_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list(dir));
  int64_t last = 0;
  for (const std::string &name : names) // numbers of saves that were never committed are not used again either
    last = std::max(last, saveNumberOf(name));
  if (const StatusOr<Manifest> manifest = readManifest(files, SavePath(dir)); manifest.ok())
    last = std::max(last, manifest->save);
  return last + 1;
}

//===--- Saving ---------------------------------------------------------------------------------------------------===//

ShardWriter::ShardWriter(FileSystem &files, ParameterStore &store) : files_(files), store_(store) {}
ShardWriter::~ShardWriter() = default;

void ShardWriter::mark() {
  marked_.reset(); // there is one at a time
  marked_ = store_.snapshot();
}

Status ShardWriter::writeRows(StoreInstant &snapshot, const ParallelFor &parallelFor, const std::string &path,
                              int64_t saveNumber, ShardInfo &info) {
  const size_t tables = store_.schema().tables.size();
  for (size_t t = 0; t < tables; ++t) // Epochs that began anew since the base have no marks for it.
    info.increment = info.increment && epochs_[t] < snapshot.table(t).epoch();
  const std::string name = fileName(saveNumber, info.shardIndex, info.shardCount, rowsSuffix);
  HETER_ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> out, BlockWriter::create(files_, path, name));
  BlockBuilder header;
  FileHeader{std::string(rowsMagic), saveNumber, info.shardIndex, info.shardCount}.write(header);
  HETER_RETURN_IF_ERROR(out->append(header.bytes()));
  for (size_t t = 0; t < tables; ++t) {
    const uint16_t since = info.increment ? epochs_[t] : 0;
    HETER_ASSIGN_OR_RETURN(const int64_t rows, checkpoint::writeRows(*out, snapshot.table(t), static_cast<uint32_t>(t),
                                                                     since, parallelFor));
    info.rowsPerTable.push_back(rows);
  }
  HETER_ASSIGN_OR_RETURN(info.rows, out->finish());
  epochs_.clear();
  for (size_t t = 0; t < tables; ++t) {
    epochs_.push_back(snapshot.table(t).epoch());
    snapshot.table(t).forgetErased(epochs_[t]);
  }
  return {};
}

Status ShardWriter::writeDense(const StoreInstant &snapshot, const std::string &path, int64_t saveNumber,
                               ShardInfo &info) const {
  const std::string name = fileName(saveNumber, info.shardIndex, info.shardCount, denseSuffix);
  HETER_ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> out, BlockWriter::create(files_, path, name));
  BlockBuilder block;
  FileHeader{std::string(denseMagic), saveNumber, info.shardIndex, info.shardCount}.write(block);
  HETER_RETURN_IF_ERROR(out->append(block.bytes()));
  std::vector<float> state;
  for (int p = 0; p < store_.parameterCount(); ++p) {
    const std::span<const DenseBlock> blocks = store_.layout(p).blocks();
    for (size_t i = 0; i < blocks.size(); ++i) {
      snapshot.readDenseState(p, static_cast<int64_t>(i), state);
      block.clear();
      block.add(static_cast<uint32_t>(p));
      block.add(blocks[i].block);
      block.addFloats(state);
      HETER_RETURN_IF_ERROR(out->append(block.bytes()));
    }
  }
  HETER_ASSIGN_OR_RETURN(info.dense, out->finish());
  return {};
}

StatusOr<ShardInfo> ShardWriter::write(const std::string &dir, int64_t saveNumber, int64_t base) {
  const StoreOptions &options = store_.options();
  const ParallelFor beside = options.besideTraining ? options.besideTraining : ParallelFor(oneByOne);
  const ParallelFor parallelFor = isMarked() ? beside : options.parallelFor;
  if (!isMarked())
    mark();
  const std::unique_ptr<StoreInstant> snapshot = std::move(marked_);
  ShardInfo info;
  info.shardIndex = store_.options().shardIndex;
  info.shardCount = store_.options().shardCount;
  info.seed = snapshot->seed();
  info.version = snapshot->version();
  info.increment = base > 0 && base == lastSave_;
  lastSave_ = 0; // Until this one is whole.
  HETER_RETURN_IF_ERROR(files_.createDirectories(dir));
  HETER_RETURN_IF_ERROR(writeRows(*snapshot, parallelFor, dir, saveNumber, info));
  HETER_RETURN_IF_ERROR(writeDense(*snapshot, dir, saveNumber, info));
  HETER_RETURN_IF_ERROR(files_.syncDirectory(dir));
  lastSave_ = saveNumber;
  return info;
}

/// That the shards are one whole save; sorts them by server.
static Status checkShards(std::vector<ShardInfo> &shards, size_t tables) {
  std::sort(shards.begin(), shards.end(),
            [](const ShardInfo &a, const ShardInfo &b) { return a.shardIndex < b.shardIndex; });
  if (shards.empty())
    return Status::invalidArgument("a save needs at least one server's files");
  for (size_t i = 0; i < shards.size(); ++i) {
    const ShardInfo &shard = shards[i];
    const std::string server = "server " + std::to_string(shard.shardIndex);
    if (shard.shardCount != static_cast<int>(shards.size()) || shard.shardIndex != static_cast<int>(i))
      return Status::invalidArgument("a save needs the files of each of its servers once: " + server + " of " +
                                     std::to_string(shard.shardCount) + " is among " + std::to_string(shards.size()));
    if (shard.seed != shards[0].seed || shard.version != shards[0].version)
      return Status::invalidArgument("the servers do not save the same instant: " + server + " is at step " +
                                     std::to_string(shard.version) + ", server 0 at step " +
                                     std::to_string(shards[0].version));
    if (shard.rowsPerTable.size() != tables)
      return Status::invalidArgument(server + " saved another number of tables");
  }
  return {};
}

/// The names of the files that saves need which are kept: the newest, whose manifest is `newest`, and some before it.
static std::set<std::string> filesToKeep(FileSystem &files, const std::string &dir,
                                         const std::vector<std::string> &names, const Manifest &newest, int keep) {
  std::set<std::string> kept;
  const auto keepFiles = [&](const Manifest &manifest) {
    for (const ManifestFile &file : manifest.files)
      kept.insert(file.file.name);
  };
  keepFiles(newest);
  for (auto name = names.rbegin(); name != names.rend() && keep > 1; ++name) { // sorted by number
    const int64_t number = saveNumberOf(*name);
    if (number == 0 || isDataFile(*name) || number >= newest.save)
      continue;
    const StatusOr<Manifest> manifest = readManifest(files, SavePath(dir + "/" + *name));
    if (!manifest.ok())
      continue;
    keepFiles(*manifest);
    kept.insert(*name);
    --keep;
  }
  return kept;
}

/// Removes the files of saves that are not kept, and what saves left that were never committed. The save is committed
/// already, so a failure here only leaves garbage for next time.
static void removeOtherSaves(FileSystem &files, const std::string &dir, const Manifest &newest, int keep) {
  const StatusOr<std::vector<std::string>> names = files.list(dir);
  if (!names.ok())
    return;
  const std::set<std::string> kept = filesToKeep(files, dir, *names, newest, keep);
  // Manifests first: none must be left that names files which are gone.
  for (const bool data : {false, true})
    for (const std::string &name : *names) {
      if (saveNumberOf(name) == 0 || isDataFile(name) != data || kept.contains(name))
        continue;
      if (const Status status = files.remove(dir + "/" + name); !status.ok())
        logWarning("an old save's file stays: " + status.message());
    }
}

/// Adds what a server wrote, behind what counts of the base.
static Status addShard(FileSystem &files, const std::string &dir, const ShardInfo &shard, const Manifest *base,
                       Manifest &manifest) {
  for (const CheckpointFile *file : {&shard.rows, &shard.dense}) {
    HETER_ASSIGN_OR_RETURN(const int64_t bytes, files.fileSize(dir + "/" + file->name));
    if (bytes != file->bytes)
      return Status::dataLoss(dir + "/" + file->name + " has " + std::to_string(bytes) + " bytes, and server " +
                              std::to_string(shard.shardIndex) + " wrote " + std::to_string(file->bytes));
  }
  if (shard.increment)
    for (const ManifestFile &file : base->files)
      if (!file.dense && file.shardIndex == shard.shardIndex)
        manifest.files.push_back(file);
  manifest.files.push_back({shard.rows, manifest.save, false, shard.shardIndex, shard.rowsPerTable});
  manifest.files.push_back({shard.dense, manifest.save, true, shard.shardIndex, {}});
  return {};
}

/// The newest save of the folder, if the shards build on it or it is to be kept.
static StatusOr<std::optional<Manifest>> previousSave(FileSystem &files, const std::string &dir,
                                                      const std::vector<ShardInfo> &shards,
                                                      const SaveOptions &options) {
  const bool builds = std::any_of(shards.begin(), shards.end(), [](const ShardInfo &shard) { return shard.increment; });
  if (!builds && options.keep <= 1)
    return std::optional<Manifest>();
  StatusOr<Manifest> manifest = readManifest(files, SavePath(dir));
  if (builds) {
    HETER_RETURN_IF_ERROR(manifest.status());
    if (manifest->save != options.base || manifest->shardCount != shards[0].shardCount)
      return Status::invalidArgument("the servers wrote what changed since save " + std::to_string(options.base) +
                                     ", and the newest in " + dir + " is " + std::to_string(manifest->save));
  }
  return manifest.ok() ? std::optional<Manifest>(std::move(*manifest)) : std::nullopt;
}

static Status commit(FileSystem &files, const std::string &dir, const StoreSchema &schema, int64_t saveNumber,
                     std::vector<ShardInfo> shards, const SaveOptions &options) {
  HETER_RETURN_IF_ERROR(checkShards(shards, schema.tables.size()));
  HETER_ASSIGN_OR_RETURN(const std::optional<Manifest> previous, previousSave(files, dir, shards, options));
  Manifest manifest{saveNumber, shards[0].seed, shards[0].version, shards[0].shardCount, schema, options.position, {}};
  for (const ShardInfo &shard : shards)
    HETER_RETURN_IF_ERROR(addShard(files, dir, shard, previous ? &*previous : nullptr, manifest));
  if (previous && options.keep > 1)
    HETER_RETURN_IF_ERROR(
        files.writeFileAtomically(dir + "/" + oldManifestName(previous->save), printManifest(*previous)));
  HETER_RETURN_IF_ERROR(files.writeFileAtomically(dir + "/" + std::string(manifestName), printManifest(manifest)));
  removeOtherSaves(files, dir, manifest, options.keep);
  return {};
}

Status commitManifest(FileSystem &files, const std::string &dir, const package::PackageInfo &info, int64_t saveNumber,
                      const std::vector<ShardInfo> &shards, const SaveOptions &options) {
  // Only names and shapes are saved: who commits may have no kernels.
  const KernelResolver anyKernel = [](const std::string &) -> KernelFunction { return [](void *const *) {}; };
  HETER_ASSIGN_OR_RETURN(const StoreSchema schema, StoreSchema::create(info, anyKernel));
  return commit(files, dir, schema, saveNumber, shards, options);
}

StatusOr<int64_t> saveCheckpoint(FileSystem &files, ShardWriter &writer, const ParameterStore &store,
                                 const std::string &dir, const SaveOptions &options) {
  HETER_ASSIGN_OR_RETURN(const int64_t saveNumber, nextSaveNumber(files, dir));
  HETER_ASSIGN_OR_RETURN(ShardInfo shard, writer.write(dir, saveNumber, options.base));
  HETER_RETURN_IF_ERROR(commit(files, dir, store.schema(), saveNumber, {std::move(shard)}, options));
  return saveNumber;
}

//===--- Loading --------------------------------------------------------------------------------------------------===//

/// Whether a server of the save owned rows that the store owns.
static bool holdsOwnShards(const ParameterStore &store, const Manifest &manifest, int32_t server) {
  const int index = store.options().shardIndex;
  const int count = store.options().shardCount;
  return firstShardOf(server, manifest.shardCount) < firstShardOf(index + 1, count) &&
         firstShardOf(index, count) < firstShardOf(server + 1, manifest.shardCount);
}

/// About how many rows a table of the save has: increments have rows of the full files again, mostly.
static int64_t rowsOfFullFiles(FileSystem &files, const std::string &dir, const Manifest &manifest, size_t table) {
  int64_t rows = 0;
  std::set<int32_t> counted;
  for (const ManifestFile &file : manifest.files) {
    if (file.dense || !counted.insert(file.shardIndex).second)
      continue;
    // A wrong number must not cost memory; a missing file is an error later.
    const StatusOr<int64_t> bytes = files.fileSize(dir + "/" + file.file.name);
    rows += std::clamp<int64_t>(file.rows[table], 0, bytes.ok() ? *bytes / static_cast<int64_t>(sizeof(uint64_t)) : 0);
  }
  return rows;
}

static Status loadRows(FileSystem &files, ParameterStore &store, const std::string &dir, const Manifest &manifest) {
  std::vector<SparseTable *> tables;
  for (const TableSpec &spec : manifest.schema.tables) {
    HETER_ASSIGN_OR_RETURN(const int table, store.findTable(spec.name));
    tables.push_back(&store.table(table));
  }
  const auto &clock = store.options().secondsNow;
  const TableTime now{manifest.steps, clock ? clock() : 0};
  const auto put = [&](size_t table, std::span<const RowImage> rows) {
    const RowPolicy &policy = tables[table]->spec().policy, &saved = manifest.schema.tables[table].policy;
    const bool samePeriods = policy.period == saved.period && policy.periodUnit == saved.periodUnit;
    if (samePeriods && store.options().shardCount == 1) {
      tables[table]->putRows(rows);
      return tables[table]->tierStatus();
    }
    std::vector<RowImage> own;
    own.reserve(rows.size());
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(own),
                 [&](const RowImage &row) { return tables[table]->owns(row.key); });
    if (!samePeriods)
      for (RowImage &row : own)
        row.seen = policy.periodOf(now);
    tables[table]->putRows(own);
    return tables[table]->tierStatus();
  };
  for (size_t t = 0; t < tables.size(); ++t)
    tables[t]->reserve(rowsOfFullFiles(files, dir, manifest, t) / store.options().shardCount,
                       store.options().parallelFor);
  for (int32_t server = 0; server < manifest.shardCount; ++server)
    if (holdsOwnShards(store, manifest, server))
      HETER_RETURN_IF_ERROR(readRows(files, dir, manifest, server, store.options().parallelFor, put));
  return {};
}

static Status loadDense(FileSystem &files, ParameterStore &store, const std::string &dir, const Manifest &manifest,
                        const ManifestFile &file) {
  std::vector<int> parameters;
  for (const ParameterSpec &spec : manifest.schema.parameters) {
    HETER_ASSIGN_OR_RETURN(const int parameter, store.findParameter(spec.name));
    parameters.push_back(parameter);
  }
  return readDense(files, dir, manifest, file, [&](size_t saved, int64_t number, std::span<const float> state) {
    const std::span<const DenseBlock> blocks = store.layout(parameters[saved]).blocks();
    const auto own = std::lower_bound(blocks.begin(), blocks.end(), number,
                                      [](const DenseBlock &block, int64_t n) { return block.block < n; });
    if (own != blocks.end() && own->block == number)
      store.writeDenseState(parameters[saved], own - blocks.begin(), state);
    return Status();
  });
}

static Status loadAll(FileSystem &files, ParameterStore &store, const std::string &dir, const Manifest &manifest) {
  HETER_RETURN_IF_ERROR(store.tierStatus());
  HETER_RETURN_IF_ERROR(loadRows(files, store, dir, manifest));
  for (const ManifestFile &file : manifest.files)
    if (file.dense)
      HETER_RETURN_IF_ERROR(loadDense(files, store, dir, manifest, file));
  return {};
}

StatusOr<DataPosition> loadInto(FileSystem &files, ParameterStore &store, const std::string &path) {
  const SavePath save(path);
  HETER_ASSIGN_OR_RETURN(const Manifest manifest, readManifest(files, save));
  HETER_RETURN_IF_ERROR(checkSameSchema(manifest.schema, store.schema()).withContext(path));
  store.reset(manifest.seed, manifest.steps);
  if (Status status = loadAll(files, store, save.folder, manifest); !status.ok()) {
    store.reset(manifest.seed, 0);
    return status;
  }
  return manifest.position;
}

} // namespace heter::runtime
