// The rows of a save as predictions read them, coded, shard after shard.
#ifndef HETER_RUNTIME_EXPORT_SAVEDROWS_H
#define HETER_RUNTIME_EXPORT_SAVEDROWS_H

#include "runtime/base/FileSystem.h"
#include "runtime/export/ExportFile.h"
#include "runtime/table/CheckpointManifest.h"
#include "runtime/table/TableRange.h"

#include <cstdint>
#include <string>
#include <vector>

namespace heter::runtime::exports {

/// Holds the rows of one of the save's servers at a time. Not thread-safe.
class SavedRows {
public:
  /// All outlive the object. REQUIRES: the save has the tables and parts of the index.
  SavedRows(FileSystem &files, const std::string &folder, const checkpoint::Manifest &manifest,
            const ExportIndex &index);

  /// Sets `rows` to those of its table in its shard. Rows whose values the coding cannot hold are an InvalidArgument
  /// that names table, key and mend. REQUIRES: shards come in order, and of each the tables.
  Status read(ShardRows &rows);

private:
  /// A part of a set: where its values lie in a row's state.
  struct Slice {
    size_t offset;
    size_t dim;
  };
  struct Table {
    std::vector<std::vector<Slice>> sets; ///< As the index's.
    std::vector<bool> ofAdmitted;         ///< Whether a set has rows for admitted keys alone.
  };
  struct Entry {
    uint64_t key;
    uint64_t at; ///< Where its coded values begin, those of set 0 first.
    bool admitted;
  };
  struct Held {
    std::vector<Entry> entries; ///< In the order of mixed keys.
    std::string values;
    size_t next = 0;
  };

  Status loadServer();
  Status add(size_t table, const RowImage &row);

  FileSystem &files_;
  const std::string folder_;
  const checkpoint::Manifest &manifest_;
  const ExportIndex &index_;
  std::vector<Table> tables_;     ///< As the index's.
  std::vector<int> ofSavedTable_; ///< The index's table for each of the manifest's; -1: not exported.
  std::vector<Held> held_;        ///< As the index's tables.
  int32_t server_ = -1;           ///< Whose rows are held.
};

} // namespace heter::runtime::exports

#endif // HETER_RUNTIME_EXPORT_SAVEDROWS_H
