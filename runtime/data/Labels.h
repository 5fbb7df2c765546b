// Lines with and without labels. Training and tests read the labels of a line; predicting does not, and takes lines
// that carry the label columns as well as lines that leave them out, as files to be predicted often do.
#ifndef HETER_RUNTIME_DATA_LABELS_H
#define HETER_RUNTIME_DATA_LABELS_H

#include "runtime/base/Status.h"
#include "runtime/data/DataStream.h"
#include "runtime/data/RowProgram.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace heter::runtime {

/// The numbered columns that labels alone are made of, in order. None for formats of keys.
std::vector<int64_t> labelColumns(const package::DataSource &source, const std::vector<package::Input> &inputs);

/// Whether an input that is no label has columns by their numbers.
bool numbersFeatures(const package::DataSource &source, const std::vector<package::Input> &inputs);

/// `auto`, `present` or `absent`, as --labels has them.
StatusOr<Labels> parseLabels(const std::string &text);
const char *labelsName(Labels labels);

/// The forms that the lines of a data set may have: one, or with Labels::Auto two, which the number of columns of a
/// file's first line tells apart. Not thread-safe.
class LineForms {
public:
  static StatusOr<LineForms> compile(const package::DataSource &source, const std::vector<package::Input> &inputs,
                                     Labels labels);

  /// Takes the first line read of a file: whether its lines have `columns` columns decides how they are read. An error
  /// says what was expected.
  Status choose(size_t columns);
  /// An error if a line of the chosen form cannot have so many columns.
  Status check(size_t columns) const;
  /// Whether `choose` and `check` want to know how many columns a line has.
  bool wantsColumns() const { return unlabelled_.has_value(); }

  /// RowProgram::readHeader, for all forms.
  bool readHeader(std::string_view line, RowError &error);

  /// Of the lines of the file at hand.
  RowProgram &program() { return absent_ ? *unlabelled_ : usual_; }
  const RowProgram &program() const { return absent_ ? *unlabelled_ : usual_; }

private:
  explicit LineForms(RowProgram usual) : usual_(std::move(usual)) {}

  RowProgram usual_;
  std::optional<RowProgram> unlabelled_;
  size_t columns_ = 0;                  ///< Of a line with the label columns, at least.
  size_t remaining_ = 0;                ///< Of a line without them, exactly.
  std::vector<std::string> labelNames_; ///< When predicting: the columns of labels that go by names.
  bool absent_ = false;                 ///< The file at hand lacks them.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_LABELS_H
