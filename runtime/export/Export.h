// Handing a model over: writing what predictions need of a save, or what of it changed since another save; bringing an
// export up to date with such deltas; and loading one to predict with. docs/formats/export.md describes the files.
#ifndef HETER_RUNTIME_EXPORT_EXPORT_H
#define HETER_RUNTIME_EXPORT_EXPORT_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"
#include "runtime/export/ExportIndex.h"

#include <cstdint>
#include <string>
#include <vector>

namespace heter::runtime {

class ParameterStore;

/// What an export or delta holds.
struct ExportReport {
  struct Table {
    std::string name;
    int64_t rows = 0;
    int64_t removed = 0; ///< Of a delta.
  };
  std::vector<Table> tables;
  int64_t parameters = 0;
  int64_t bytes = 0;
};

struct ExportOptions {
  std::string load;  ///< The saved model.
  std::string since; ///< Write only what changed since this saved model; empty: all.
  std::string out;   ///< The file.
  exports::RowCoding coding = exports::RowCoding::F32;
};

/// Writes a save's values, averages where the model keeps them. `schema` is the model's; a save of another is an error
/// that names the first difference. A failure leaves an older file at `out` as it was.
StatusOr<ExportReport> exportModel(FileSystem &files, const StoreSchema &schema, const exports::PredictionNeeds &needs,
                                   const ExportOptions &options);

/// Writes what an export becomes by some deltas, each of which must begin with the save that the one before ends with:
/// the very bytes of an export of the last delta's save.
StatusOr<ExportReport> applyDeltas(FileSystem &files, const std::string &base, const std::vector<std::string> &deltas,
                                   const std::string &out);

/// Replaces the store's contents by its share of what is at `path`, a saved model or an export, for predictions alone:
/// the optimizers' states of rows from an export are those of new ones. An error leaves the store empty.
Status loadForPrediction(FileSystem &files, ParameterStore &store, const exports::PredictionNeeds &needs,
                         const std::string &path);

} // namespace heter::runtime

#endif // HETER_RUNTIME_EXPORT_EXPORT_H
