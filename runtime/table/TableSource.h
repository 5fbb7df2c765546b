// Where tables that somebody looks into come from: a saved model, or what else can give its rows.
#ifndef HETER_RUNTIME_TABLE_TABLESOURCE_H
#define HETER_RUNTIME_TABLE_TABLESOURCE_H

#include "runtime/table/CheckpointFiles.h"
#include "runtime/table/CheckpointManifest.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace heter::runtime {

/// Not thread-safe.
class TableSource {
public:
  virtual ~TableSource() = default;

  /// What people call it, and where the model is: "in DIR".
  const std::string &name() const { return name_; }
  const std::string &place() const { return place_; }
  /// Of its members, those about files mean something only to a save's own source.
  const checkpoint::Manifest &manifest() const { return manifest_; }

  /// Calls `visit` with every row of one table (its position in the manifest), or of all.
  virtual Status forEachRow(std::optional<size_t> table, const checkpoint::RowVisitor &visit) = 0;
  /// Calls `visit` with the rows of these keys that are there, in any order.
  virtual Status forKeys(size_t table, std::span<const uint64_t> keys, const checkpoint::RowVisitor &visit) = 0;

protected:
  TableSource(std::string name, std::string place, checkpoint::Manifest manifest)
      : name_(std::move(name)), place_(std::move(place)), manifest_(std::move(manifest)) {}

private:
  const std::string name_;
  const std::string place_;
  const checkpoint::Manifest manifest_;
};

/// The save at `path`: a folder that holds one, or the manifest of one in it. `files` outlives it. A damaged file is a
/// DataLoss that names it, here or when rows are read.
StatusOr<std::unique_ptr<TableSource>> openSavedTables(FileSystem &files, const std::string &path);

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_TABLESOURCE_H
