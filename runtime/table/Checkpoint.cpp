// Saving and loading whole models.
#include "runtime/table/Checkpoint.h"

#include "runtime/base/Log.h"
#include "runtime/package/Package_types.h"
#include "runtime/table/CheckpointFiles.h"
#include "runtime/table/CheckpointManifest.h"
#include "runtime/table/ParameterStore.h"
#include "runtime/table/SparseTable.h"

#include <algorithm>
#include <charconv>

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

StatusOr<int64_t> nextSaveNumber(FileSystem &files, const std::string &dir) {
  HETER_ASSIGN_OR_RETURN(const bool there, files.exists(dir));
  if (!there)
    return int64_t{1};
  HETER_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list(dir));
  int64_t last = 0;
  for (const std::string &name : names) { // numbers of saves that were never committed are not used again either
    int64_t number = 0;
    if (isDataFile(name) &&
        std::from_chars(name.data() + filePrefix.size(), name.data() + name.size(), number).ec == std::errc())
      last = std::max(last, number);
  }
  if (const StatusOr<Manifest> manifest = readManifest(files, dir); manifest.ok())
    last = std::max(last, manifest->save);
  return last + 1;
}

//===--- Saving ---------------------------------------------------------------------------------------------------===//

static Status writeTable(BlockWriter &out, const SparseTable &table, uint32_t index, int64_t &rows) {
  BlockBuilder block;
  uint32_t inBlock = 0;
  const auto flush = [&] {
    block.set(sizeof(uint32_t), inBlock);
    rows += inBlock;
    inBlock = 0;
    const Status status = out.append(block.bytes());
    block.clear();
    return status;
  };
  HETER_RETURN_IF_ERROR(table.visitRows([&](const RowImage &row) {
    if (inBlock == 0) {
      block.add(index);
      block.add(uint32_t{0});
    }
    block.add(row.key);
    block.addFloats(row.state);
    ++inBlock;
    return block.bytes().size() >= rowBlockBytes ? flush() : Status();
  }));
  return inBlock > 0 ? flush() : Status();
}

static Status writeRows(FileSystem &files, const ParameterStore &store, const std::string &dir, int64_t saveNumber,
                        ShardInfo &info) {
  const std::string name = fileName(saveNumber, info.shardIndex, info.shardCount, rowsSuffix);
  HETER_ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> out, BlockWriter::create(files, dir, name));
  BlockBuilder header;
  FileHeader{std::string(rowsMagic), saveNumber, info.shardIndex, info.shardCount}.write(header);
  HETER_RETURN_IF_ERROR(out->append(header.bytes()));
  for (size_t t = 0; t < store.schema().tables.size(); ++t) {
    info.rowsPerTable.push_back(0);
    HETER_RETURN_IF_ERROR(
        writeTable(*out, store.table(static_cast<int>(t)), static_cast<uint32_t>(t), info.rowsPerTable.back()));
  }
  HETER_ASSIGN_OR_RETURN(info.rows, out->finish());
  return {};
}

static Status writeDense(FileSystem &files, const ParameterStore &store, const std::string &dir, int64_t saveNumber,
                         ShardInfo &info) {
  const std::string name = fileName(saveNumber, info.shardIndex, info.shardCount, denseSuffix);
  HETER_ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> out, BlockWriter::create(files, dir, name));
  BlockBuilder block;
  FileHeader{std::string(denseMagic), saveNumber, info.shardIndex, info.shardCount}.write(block);
  HETER_RETURN_IF_ERROR(out->append(block.bytes()));
  std::vector<float> state;
  for (int p = 0; p < store.parameterCount(); ++p) {
    const std::span<const DenseBlock> blocks = store.layout(p).blocks();
    for (size_t i = 0; i < blocks.size(); ++i) {
      store.readDenseState(p, static_cast<int64_t>(i), state);
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

StatusOr<ShardInfo> writeShard(FileSystem &files, const ParameterStore &store, const std::string &dir,
                               int64_t saveNumber) {
  if (store.hasStagedPushes())
    return Status::failedPrecondition("a model is saved between steps, but pushes wait for their step to be closed");
  ShardInfo info;
  info.shardIndex = store.options().shardIndex;
  info.shardCount = store.options().shardCount;
  info.seed = store.seed();
  info.version = store.version();
  HETER_RETURN_IF_ERROR(files.createDirectories(dir));
  HETER_RETURN_IF_ERROR(writeRows(files, store, dir, saveNumber, info));
  HETER_RETURN_IF_ERROR(writeDense(files, store, dir, saveNumber, info));
  HETER_RETURN_IF_ERROR(files.syncDirectory(dir));
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

/// Removes what other saves left. The save is committed already, so a failure here only leaves garbage for next time.
static void removeOtherSaves(FileSystem &files, const std::string &dir, int64_t saveNumber) {
  const StatusOr<std::vector<std::string>> names = files.list(dir);
  if (!names.ok())
    return;
  for (const std::string &name : *names) {
    if (!isDataFile(name) || name.starts_with(savePrefix(saveNumber)))
      continue;
    if (const Status status = files.remove(dir + "/" + name); !status.ok())
      logWarning("an old save's file stays: " + status.message());
  }
}

static Status commit(FileSystem &files, const std::string &dir, const StoreSchema &schema, int64_t saveNumber,
                     std::vector<ShardInfo> shards) {
  HETER_RETURN_IF_ERROR(checkShards(shards, schema.tables.size()));
  Manifest manifest{saveNumber, shards[0].seed, shards[0].version, shards[0].shardCount, schema, {}};
  for (const ShardInfo &shard : shards) {
    for (const CheckpointFile *file : {&shard.rows, &shard.dense}) {
      HETER_ASSIGN_OR_RETURN(const int64_t bytes, files.fileSize(dir + "/" + file->name));
      if (bytes != file->bytes)
        return Status::dataLoss(dir + "/" + file->name + " has " + std::to_string(bytes) + " bytes, and server " +
                                std::to_string(shard.shardIndex) + " wrote " + std::to_string(file->bytes));
    }
    manifest.files.push_back({shard.rows, false, shard.shardIndex, shard.rowsPerTable});
    manifest.files.push_back({shard.dense, true, shard.shardIndex, {}});
  }
  HETER_RETURN_IF_ERROR(files.writeFileAtomically(dir + "/" + std::string(manifestName), printManifest(manifest)));
  removeOtherSaves(files, dir, saveNumber);
  return {};
}

Status commitManifest(FileSystem &files, const std::string &dir, const package::PackageInfo &info, int64_t saveNumber,
                      const std::vector<ShardInfo> &shards) {
  // Only names and shapes are saved: who commits may have no kernels.
  const KernelResolver anyKernel = [](const std::string &) -> KernelFunction { return [](void *const *) {}; };
  HETER_ASSIGN_OR_RETURN(const StoreSchema schema, StoreSchema::create(info, anyKernel));
  return commit(files, dir, schema, saveNumber, shards);
}

Status saveCheckpoint(FileSystem &files, const ParameterStore &store, const std::string &dir) {
  HETER_ASSIGN_OR_RETURN(const int64_t saveNumber, nextSaveNumber(files, dir));
  HETER_ASSIGN_OR_RETURN(ShardInfo shard, writeShard(files, store, dir, saveNumber));
  return commit(files, dir, store.schema(), saveNumber, {std::move(shard)});
}

//===--- Loading --------------------------------------------------------------------------------------------------===//

/// Whether a file of `manifest` holds rows that the store owns.
static bool holdsOwnShards(const ParameterStore &store, const Manifest &manifest, const ManifestFile &file) {
  const int index = store.options().shardIndex;
  const int count = store.options().shardCount;
  return firstShardOf(file.shardIndex, manifest.shardCount) < firstShardOf(index + 1, count) &&
         firstShardOf(index, count) < firstShardOf(file.shardIndex + 1, manifest.shardCount);
}

static Status loadRows(FileSystem &files, ParameterStore &store, const std::string &dir, const Manifest &manifest,
                       const ManifestFile &file) {
  std::vector<SparseTable *> tables;
  for (const TableSpec &spec : manifest.schema.tables) {
    HETER_ASSIGN_OR_RETURN(const int table, store.findTable(spec.name));
    tables.push_back(&store.table(table));
  }
  return readRows(files, dir, manifest, file, [&](size_t table, uint64_t key, std::span<const float> state) {
    if (tables[table]->owns(key))
      tables[table]->putRow({key, true, state});
    return Status();
  });
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

Status loadInto(FileSystem &files, ParameterStore &store, const std::string &dir) {
  HETER_ASSIGN_OR_RETURN(const Manifest manifest, readManifest(files, dir));
  HETER_RETURN_IF_ERROR(checkSameSchema(manifest.schema, store.schema()).withContext(dir));
  store.reset(manifest.seed, manifest.steps);
  for (const ManifestFile &file : manifest.files) {
    Status status;
    if (file.dense)
      status = loadDense(files, store, dir, manifest, file);
    else if (holdsOwnShards(store, manifest, file))
      status = loadRows(files, store, dir, manifest, file);
    if (!status.ok()) {
      store.reset(manifest.seed, 0);
      return status;
    }
  }
  return {};
}

} // namespace heter::runtime
