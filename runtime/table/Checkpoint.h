// Saved models: writing and reading checkpoint folders, and printing them as text. docs/formats/checkpoint.md and
// docs/formats/dump.md describe the formats; CheckpointFormat.h holds their constants.
//
// Saving is a two-step commit. Each server writes its share with a ShardWriter under a save number; then one of them,
// or the coordinator, calls `commitManifest`, whose atomic rename of the manifest is the commit. Until then an older
// save in the folder stays whole; after it the files of saves that are not to be kept are removed.
//
// An increment holds only the rows that changed since an earlier save, its base; the files of that go on to count.
//
// Where a saved model is named, a folder means its newest save, and the path of a manifest in one that save.
#ifndef HETER_RUNTIME_TABLE_CHECKPOINT_H
#define HETER_RUNTIME_TABLE_CHECKPOINT_H

#include "runtime/base/DataPosition.h"
#include "runtime/base/FileSystem.h"
#include "runtime/base/ParallelFor.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace heter::runtime {

class ParameterStore;
class StoreInstant;
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
  std::vector<int64_t> rowsPerTable; ///< In the order of the package's tables; of an increment those in its file.
  bool increment = false;            ///< It has only what changed since the base.
};

/// What is said of a save besides what its servers wrote.
struct SaveOptions {
  DataPosition position = {};
  int64_t base = 0; ///< The save that increments build on, which must be the newest of the folder; 0: none.
  int keep = 1;     ///< How many saves stay in the folder, this one among them.
};

/// The number for the next save into `dir`: above that of every save there, committed or not; 1 if there is none.
StatusOr<int64_t> nextSaveNumber(FileSystem &files, const std::string &dir);

/// Writes one server's shares of the saves of a run, each in two steps: the instant, and the writing, during which the
/// store is used as ever. Not thread-safe.
class ShardWriter {
public:
  /// Both outlive the writer.
  ShardWriter(FileSystem &files, ParameterStore &store);
  ~ShardWriter();

  /// The instant of the next save, between two steps: what is staged for steps that are not closed is left out.
  /// Forgets one that was not written. REQUIRES: as ParameterStore::snapshot.
  void mark();
  bool isMarked() const { return marked_ != nullptr; }

  /// Writes and syncs what was marked, on this thread alone and as the store's options.besideTraining has it, so that
  /// training keeps the others; or, if nothing was, the store as it is now, with all threads. Creates `dir` if need be;
  /// touches no file of another save number. With a `base`, the number of the last save of this writer, only rows that
  /// changed since are written; whether the marks for that were there is in the result. After an error the next save is
  /// full.
  StatusOr<ShardInfo> write(const std::string &dir, int64_t saveNumber, int64_t base = 0);

private:
  Status writeRows(StoreInstant &snapshot, const ParallelFor &parallelFor, const std::string &path, int64_t saveNumber,
                   ShardInfo &info);
  Status writeDense(const StoreInstant &snapshot, const std::string &path, int64_t saveNumber, ShardInfo &info) const;

  FileSystem &files_;
  ParameterStore &store_;
  std::unique_ptr<StoreInstant> marked_;
  int64_t lastSave_ = 0;
  std::vector<uint16_t> epochs_; ///< Of each table, which ended with the last save.
};

/// Commits a save of all of its servers' shards, in any order, then removes the files of saves that are not kept.
/// Shards that disagree on seed, version or shard count, or are not all there, and a base that is not there, are an
/// InvalidArgument, and nothing is committed.
Status commitManifest(FileSystem &files, const std::string &dir, const package::PackageInfo &info, int64_t saveNumber,
                      const std::vector<ShardInfo> &shards, const SaveOptions &options = {});

/// The whole of a save by one store that owns everything, under the next number, which is returned.
StatusOr<int64_t> saveCheckpoint(FileSystem &files, ShardWriter &writer, const ParameterStore &store,
                                 const std::string &dir, const SaveOptions &options = {});

/// Replaces the store's contents by its share of the save at `path`, whatever number of servers wrote it. The store
/// takes the save's seed and steps; a run goes on with step `store.version()`, and in the data with the position that
/// is returned. A file that is missing, truncated, edited or of another save or model is an error that names it and the
/// reason; the store is then empty and must not be used.
StatusOr<DataPosition> loadInto(FileSystem &files, ParameterStore &store, const std::string &path);

/// Prints a save as text to `out`: the same text whatever mode, number of servers or package it came from.
Status dumpCheckpoint(FileSystem &files, const std::string &path, OutputFile &out);

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_CHECKPOINT_H
