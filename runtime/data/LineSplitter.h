// Taking lines apart: a LineSplitter finds in each line the parts that a data binding uses and leaves them as views,
// the columns of tsv and csv as fields, the keys of slot and libsvm as lists. One class a family of formats, behind one
// interface; a line that cannot be taken apart is an error that says where.
#ifndef HETER_RUNTIME_DATA_LINESPLITTER_H
#define HETER_RUNTIME_DATA_LINESPLITTER_H

#include "runtime/base/Status.h"
#include "runtime/package/Package_types.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace heter::runtime {

/// A piece of a line. `view` is valid until the next line is split; empty means missing.
struct Text {
  std::string_view view;
  size_t offset = 0; ///< Where in the line it begins, for errors.
};

/// Why a line is malformed: where, counted in bytes from 0, and what was expected.
struct RowError {
  size_t offset = 0;
  std::string message;
};

/// What a binding computes with, line by line. Used again for every line, so that splitting allocates nothing.
struct LineParts {
  std::vector<Text> fields;
  std::vector<std::vector<Text>> lists;
};

/// A column or key as a binding names it.
struct PartName {
  int64_t number = -1; ///< The column, key or index; -1: it is called `name`.
  std::string name;

  bool operator==(const PartName &) const = default;
};

/// A column that goes to `fields[index]`, or a key whose values go to `lists[index]`.
struct WantedPart {
  PartName name;
  int32_t index = 0;
};

/// Thread-compatible. REQUIRES: `parts` has every index that was wanted.
class LineSplitter {
public:
  virtual ~LineSplitter() = default;

  /// The splitter of the source's format, which is to give these parts. Errors: a format or an option that there is
  /// none of; names that the format cannot have.
  static StatusOr<std::unique_ptr<LineSplitter>> make(const package::DataSource &source,
                                                      const std::vector<WantedPart> &wanted);

  /// Takes a line apart. False if it is malformed; then `error` is set.
  virtual bool split(std::string_view line, LineParts &parts, RowError &error) = 0;

  /// Takes the first line of a file, which names its columns. False if it lacks one. Only where `hasHeader(source)`.
  virtual bool readHeader(std::string_view line, RowError &error);

  /// How many columns a line has; 0 for formats that have none.
  virtual size_t columnCount(std::string_view line);
};

/// Whether a format has a key's values rather than columns.
bool isKeyed(const std::string &format);

/// Whether the first line of each file names the columns.
bool hasHeader(const package::DataSource &source);

/// A piece of a line as an error shows it: in backquotes, short, and without control characters.
std::string quoted(std::string_view text);

/// The splitters of the two families; see `LineSplitter::make`.
StatusOr<std::unique_ptr<LineSplitter>> makeColumnSplitter(const package::DataSource &source,
                                                           const std::vector<WantedPart> &wanted);
StatusOr<std::unique_ptr<LineSplitter>> makeKeySplitter(const package::DataSource &source,
                                                        const std::vector<WantedPart> &wanted);

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_LINESPLITTER_H
