// The index of an export: which parameters and parts of tables it has, how they lie, and which save they are of.
#ifndef HETER_RUNTIME_EXPORT_EXPORTINDEX_H
#define HETER_RUNTIME_EXPORT_EXPORTINDEX_H

#include "runtime/base/Status.h"
#include "runtime/export/RowCoding.h"
#include "runtime/table/Schema.h"

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace heter::runtime::exports {

/// What a model's predictions read.
struct PredictionNeeds {
  std::set<std::pair<std::string, std::string>> parts; ///< Table and part.
  std::set<std::string> parameters;
};

struct ExportPart {
  std::string name; ///< "" if the table has one part.
  int64_t dim = 0;
  std::string init; ///< constant, uniform or normal.
  float scale = 0;
  bool operator==(const ExportPart &) const = default;
};

/// Parts of a table whose rows are there for the same keys.
struct ExportSet {
  bool absentIsZero = false; ///< What keys without a row read: zeros; else their initial values.
  std::vector<ExportPart> parts;
  size_t rowBytes(RowCoding coding) const;
  bool operator==(const ExportSet &) const = default;
};

struct ExportTable {
  std::string name;
  std::vector<ExportSet> sets; ///< One or two: of the parts without admission, and with it.
  bool operator==(const ExportTable &) const = default;
};

struct ExportParameter {
  std::string name;
  std::vector<int64_t> shape;
  int64_t elements = 0;
  bool operator==(const ExportParameter &) const = default;
};

struct ExportIndex {
  std::string model;
  uint64_t seed = 0;
  int64_t steps = 0;
  std::string save;  ///< Names the save that the values are of: 16 hexadecimal digits.
  std::string since; ///< Of a delta: the save whose export it changes; else empty.
  RowCoding coding = RowCoding::F32;
  std::vector<ExportTable> tables;         ///< In the model's order.
  std::vector<ExportParameter> parameters; ///< In the model's order; of a delta those that changed.

  bool isDelta() const { return !since.empty(); }
};

/// The tables and parameters of a model that are exported.
ExportIndex makeIndex(const StoreSchema &schema, const PredictionNeeds &needs);

/// JSON.
std::string printIndex(const ExportIndex &index);
/// Throws nothing; what is wrong with the text is a DataLoss without a place.
StatusOr<ExportIndex> parseIndex(const std::string &text);

/// That `index` has what `wanted` has, with the same shapes and initial values; the error names the first difference
/// between "the export" and "this model". It may have more.
Status checkFits(const ExportIndex &index, const ExportIndex &wanted);

} // namespace heter::runtime::exports

#endif // HETER_RUNTIME_EXPORT_EXPORTINDEX_H
