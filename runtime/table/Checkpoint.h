// Saved models: writing and reading checkpoint folders, and printing them as text. docs/formats/checkpoint.md and
// docs/formats/dump.md describe the formats; CheckpointFormat.h holds their constants.
//
// Saving is a two-step commit. Each server writes its share with `writeShard` under a save number; then one of them, or
// the coordinator, calls `commitManifest`, whose atomic rename of the manifest is the commit. Until then an older save
// in the folder stays whole; after it the older save's files are removed.
#ifndef HETER_RUNTIME_TABLE_CHECKPOINT_H
#define HETER_RUNTIME_TABLE_CHECKPOINT_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace heter::runtime {

class ParameterStore;
namespace package {
class PackageInfo;
}

/// One file that a save consists of.
struct CheckpointFile {
  std::string name; ///< Within the folder.
  int64_t bytes = 0;
  uint64_t checksum = 0; ///< XXH64 of the whole file.
};

/// What one server wrote: plain numbers and names, to be sent to whoever commits.
struct ShardInfo {
  int shardIndex = 0;
  int shardCount = 1;
  uint64_t seed = 0;
  int64_t version = 0;               ///< Steps closed.
  CheckpointFile rows;               ///< Table rows.
  CheckpointFile dense;              ///< Dense blocks.
  std::vector<int64_t> rowsPerTable; ///< In the order of the package's tables.
};

/// The number for the next save into `dir`: above that of every save there, committed or not; 1 if there is none.
StatusOr<int64_t> nextSaveNumber(FileSystem &files, const std::string &dir);

/// Writes and syncs one server's share. Creates `dir` if need be; touches no file of another save number. REQUIRES: no
/// push is staged (FailedPrecondition otherwise) and none runs meanwhile.
StatusOr<ShardInfo> writeShard(FileSystem &files, const ParameterStore &store, const std::string &dir,
                               int64_t saveNumber);

/// Commits a save of all of its servers' shards, in any order, then removes the files of other saves. Shards that
/// disagree on seed, version or shard count, or are not all there, are an InvalidArgument and nothing is committed.
Status commitManifest(FileSystem &files, const std::string &dir, const package::PackageInfo &info, int64_t saveNumber,
                      const std::vector<ShardInfo> &shards);

/// The whole of a save by one store that owns everything, under the next number.
Status saveCheckpoint(FileSystem &files, const ParameterStore &store, const std::string &dir);

/// Replaces the store's contents by its share of the save in `dir`, whatever number of servers wrote it. The store
/// takes the save's seed and steps; a run goes on with step `store.version()`. A file that is missing, truncated,
/// edited or of another save or model is an error that names it and the reason; the store is then empty and must not be
/// used.
Status loadInto(FileSystem &files, ParameterStore &store, const std::string &dir);

/// Prints a save as text to `out`: the same text whatever mode, number of servers or package it came from.
Status dumpCheckpoint(FileSystem &files, const std::string &dir, OutputFile &out);

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_CHECKPOINT_H
