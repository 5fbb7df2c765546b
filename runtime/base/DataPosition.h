// How far training has come in its data: what a saved model says of it, and where a run goes on that loads the model.
#ifndef HETER_RUNTIME_BASE_DATAPOSITION_H
#define HETER_RUNTIME_BASE_DATAPOSITION_H

#include <cstdint>

namespace heter::runtime {

/// Stands between two steps.
struct DataPosition {
  uint64_t data = 0;         ///< Which data: the same for the same files (names and sizes), lines and binding.
  int64_t epoch = 0;         ///< From 0.
  int64_t lines = 0;         ///< Of the range of lines, read in this epoch.
  int64_t epochExamples = 0; ///< Of these, examples ..
  int64_t badLines = 0;      ///< .. and malformed lines that were passed over.
  int64_t examples = 0;      ///< Over all epochs.
  bool ended = false;        ///< The run had read all that it was to read: the next one begins anew.

  bool operator==(const DataPosition &) const = default;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_DATAPOSITION_H
