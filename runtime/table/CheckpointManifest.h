// The manifest of a saved model: what was saved, in which files. Its appearance under its name is the commit.
#ifndef HETER_RUNTIME_TABLE_CHECKPOINTMANIFEST_H
#define HETER_RUNTIME_TABLE_CHECKPOINTMANIFEST_H

#include "runtime/base/FileSystem.h"
#include "runtime/table/Checkpoint.h"
#include "runtime/table/Schema.h"

#include <string>
#include <vector>

namespace heter::runtime::checkpoint {

struct ManifestFile {
  CheckpointFile file;
  bool dense = false;
  int32_t shardIndex = 0;
  std::vector<int64_t> rows; ///< Of each table; .rows files only.
};

struct Manifest {
  int64_t save = 0;
  uint64_t seed = 0;
  int64_t steps = 0;
  int32_t shardCount = 1;
  StoreSchema schema; ///< Names, shapes and optimizer states; kernels and initializers are not saved.
  std::vector<ManifestFile> files;
};

/// The file's bytes.
std::string printManifest(const Manifest &manifest);

/// Reads the manifest of `dir`. NotFound if there is none: the error says that nothing was saved there. DataLoss if it
/// is damaged.
StatusOr<Manifest> readManifest(FileSystem &files, const std::string &dir);

/// Whether a save can be loaded by a model; the error names the first difference.
Status checkSameSchema(const StoreSchema &saved, const StoreSchema &wanted);

} // namespace heter::runtime::checkpoint

#endif // HETER_RUNTIME_TABLE_CHECKPOINTMANIFEST_H
