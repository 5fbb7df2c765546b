// The manifest of a saved model: what was saved, in which files. Its appearance under its name is the commit.
#ifndef HETER_RUNTIME_TABLE_CHECKPOINTMANIFEST_H
#define HETER_RUNTIME_TABLE_CHECKPOINTMANIFEST_H

#include "runtime/base/DataPosition.h"
#include "runtime/base/FileSystem.h"
#include "runtime/table/Checkpoint.h"
#include "runtime/table/Schema.h"

#include <string>
#include <vector>

namespace heter::runtime::checkpoint {

struct ManifestFile {
  CheckpointFile file;
  int64_t save = 0; ///< That wrote it.
  bool dense = false;
  int32_t shardIndex = 0;
  std::vector<int64_t> rows; ///< Of each table; .rows files only.
};

/// What a run names when it loads: a folder, whose newest save is meant, or the manifest of one in it.
struct SavePath {
  explicit SavePath(const std::string &path);
  std::string folder;
  std::string manifest; ///< Within the folder.
};

struct Manifest {
  int64_t save = 0;
  uint64_t seed = 0;
  int64_t steps = 0;
  int32_t shardCount = 1;
  StoreSchema schema;    ///< Names, shapes and optimizer states; kernels and initializers are not saved.
  DataPosition position; ///< Of the training in its data.
  /// Of rows, a server's full file and then what changed, in order: where two have a row, the later one counts.
  std::vector<ManifestFile> files;
};

/// The file's bytes.
std::string printManifest(const Manifest &manifest);

/// What such bytes say, `path` for messages; without `files` they name none. DataLoss if they are damaged.
StatusOr<Manifest> parseManifest(const std::string &path, const std::string &text, bool files = true);

/// Reads a manifest. NotFound if there is none: the error says that nothing was saved there. DataLoss if it is damaged.
StatusOr<Manifest> readManifest(FileSystem &files, const SavePath &path);

/// Whether a save can be loaded by a model; the error names the first difference.
Status checkSameSchema(const StoreSchema &saved, const StoreSchema &wanted);

} // namespace heter::runtime::checkpoint

#endif // HETER_RUNTIME_TABLE_CHECKPOINTMANIFEST_H
