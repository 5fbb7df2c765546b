// Lines of columns: tsv, whose fields are what stands between tabs, and csv, whose fields may be quoted.
#include "runtime/data/LineSplitter.h"

#include "runtime/base/Suggest.h"

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace heter::runtime {

namespace {

struct ColumnFormat {
  char separator = '\t';
  bool quotes = false; ///< "a ""quoted"" field".
  bool trim = false;   ///< Spaces around a field do not belong to it.
  std::string missing; ///< A field of this text is missing, as an empty one is.
};

bool isSpace(char c) { return c == ' ' || c == '\t'; }

std::string separatorName(char separator) {
  switch (separator) {
  case '\t':
    return "tabs";
  case ',':
    return "commas";
  case ';':
    return "semicolons";
  default:
    return "`" + std::string(1, separator) + "`";
  }
}

/// Bit i: whether at[i] is `c`. REQUIRES: 64 readable bytes.
uint64_t equalBytes(const char *at, char c) {
  uint64_t bits = 0;
#ifdef __SSE2__
  const __m128i wanted = _mm_set1_epi8(c);
  for (int i = 0; i < 4; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(at) + i);
    const auto equal = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)));
    bits |= uint64_t{equal} << (16 * i);
  }
#else
  for (int i = 0; i < 64; ++i)
    bits |= uint64_t{at[i] == c} << i;
#endif
  return bits;
}

/// Writes where the first `ends.size()` fields of the line end, and returns how many fields there are, up to that many.
size_t findFieldEnds(std::string_view line, char separator, std::vector<size_t> &ends) {
  constexpr size_t block = 64;
  size_t found = 0;
  for (size_t first = 0; first < line.size(); first += block) {
    uint64_t bits;
    if (line.size() - first >= block) {
      bits = equalBytes(line.data() + first, separator);
    } else {
      char rest[block] = {};
      std::memcpy(rest, line.data() + first, line.size() - first);
      bits = equalBytes(rest, separator) & ((uint64_t{1} << (line.size() - first)) - 1);
    }
    for (; bits; bits &= bits - 1) {
      if (found == ends.size())
        return found;
      ends[found++] = first + static_cast<size_t>(std::countr_zero(bits));
    }
  }
  if (found < ends.size())
    ends[found++] = line.size();
  return found;
}

class ColumnSplitter final : public LineSplitter {
public:
  ColumnSplitter(ColumnFormat format, const std::vector<WantedPart> &wanted);

  bool split(std::string_view line, LineParts &parts, RowError &error) override;
  bool readHeader(std::string_view line, RowError &error) override;
  size_t columnCount(std::string_view line) override;

private:
  void place(int64_t column, int32_t field);
  bool tooFewColumns(size_t got, RowError &error) const;
  bool splitPlain(std::string_view line, LineParts &parts, RowError &error);
  bool splitQuoted(std::string_view line, LineParts &parts, RowError &error);
  bool readField(std::string_view line, size_t &at, Text &field, RowError &error);
  bool readQuoted(std::string_view line, size_t &at, Text &field, RowError &error);
  Text tidy(std::string_view line, size_t begin, size_t end) const;

  ColumnFormat format_;
  std::vector<WantedPart> wanted_;
  std::vector<int32_t> fieldOf_;                   ///< By column: its field, or -1.
  std::vector<std::pair<int32_t, int32_t>> again_; ///< Fields that are columns of other fields: (from, to).
  std::vector<size_t> ends_;                       ///< Of the line's fields.
  std::string unescaped_;                          ///< Quoted fields of this line that held quotes.
};

ColumnSplitter::ColumnSplitter(ColumnFormat format, const std::vector<WantedPart> &wanted)
    : format_(std::move(format)), wanted_(wanted) {
  for (const WantedPart &part : wanted_)
    if (part.name.number >= 0)
      place(part.name.number, part.index);
}

void ColumnSplitter::place(int64_t column, int32_t field) {
  auto at = static_cast<size_t>(column);
  if (fieldOf_.size() <= at)
    fieldOf_.resize(at + 1, -1);
  if (fieldOf_[at] < 0)
    fieldOf_[at] = field;
  else
    again_.emplace_back(fieldOf_[at], field);
}

bool ColumnSplitter::readHeader(std::string_view line, RowError &error) {
  std::vector<std::string> names;
  Text name;
  unescaped_.clear();
  unescaped_.reserve(line.size());
  bool more = true;
  for (size_t at = 0; more; ++at) {
    if (!readField(line, at, name, error)) {
      error.message = "in the header line: " + error.message;
      return false;
    }
    names.emplace_back(name.view);
    more = at < line.size();
  }
  fieldOf_.clear();
  again_.clear();
  for (const WantedPart &part : wanted_) {
    if (part.name.number >= 0) {
      place(part.name.number, part.index);
      continue;
    }
    auto found = std::find(names.begin(), names.end(), part.name.name);
    if (found == names.end() || std::find(found + 1, names.end(), part.name.name) != names.end()) {
      error.offset = 0;
      error.message = "the header line names " +
                      (found == names.end() ? "no column `" + part.name.name + "`" + didYouMean(part.name.name, names)
                                            : "column `" + part.name.name + "` twice");
      return false;
    }
    place(found - names.begin(), part.index);
  }
  return true;
}

size_t ColumnSplitter::columnCount(std::string_view line) {
  if (!format_.quotes)
    return static_cast<size_t>(std::count(line.begin(), line.end(), format_.separator)) + 1;
  size_t count = 0, at = 0;
  Text field;
  RowError ignored; // `split` finds it again.
  unescaped_.clear();
  unescaped_.reserve(line.size());
  for (bool more = true; more; ++at, ++count)
    more = readField(line, at, field, ignored) && at < line.size();
  return count;
}

bool ColumnSplitter::tooFewColumns(size_t got, RowError &error) const {
  error.offset = 0;
  error.message = "expected at least " + std::to_string(fieldOf_.size()) + " columns separated by " +
                  separatorName(format_.separator) + ", got " + std::to_string(got);
  return false;
}

/// A field as it counts: trimmed, and empty if its text says that it is missing.
Text ColumnSplitter::tidy(std::string_view line, size_t begin, size_t end) const {
  if (format_.trim) {
    while (begin < end && isSpace(line[begin]))
      ++begin;
    while (begin < end && isSpace(line[end - 1]))
      --end;
  }
  Text field{line.substr(begin, end - begin), begin};
  if (!format_.missing.empty() && field.view == format_.missing)
    field.view = {};
  return field;
}

/// A line without quotes. Goes no further than the last column that is used.
bool ColumnSplitter::splitPlain(std::string_view line, LineParts &parts, RowError &error) {
  const bool asTheyStand = !format_.trim && format_.missing.empty();
  ends_.resize(fieldOf_.size());
  if (const size_t found = findFieldEnds(line, format_.separator, ends_); found < ends_.size())
    return tooFewColumns(found, error);
  size_t begin = 0;
  for (size_t column = 0; column < ends_.size(); ++column) {
    const size_t end = ends_[column];
    if (int32_t field = fieldOf_[column]; field >= 0)
      parts.fields[static_cast<size_t>(field)] =
          asTheyStand ? Text{{line.data() + begin, end - begin}, begin} : tidy(line, begin, end);
    begin = end + 1;
  }
  return true;
}

bool ColumnSplitter::split(std::string_view line, LineParts &parts, RowError &error) {
  bool quoted = format_.quotes && line.find('"') != std::string_view::npos;
  if (!(quoted ? splitQuoted(line, parts, error) : splitPlain(line, parts, error)))
    return false;
  for (auto [from, to] : again_)
    parts.fields[static_cast<size_t>(to)] = parts.fields[static_cast<size_t>(from)];
  return true;
}

/// A line with quotes in it. It is read to its end: a quote that nothing closes is an error wherever it stands.
bool ColumnSplitter::splitQuoted(std::string_view line, LineParts &parts, RowError &error) {
  unescaped_.clear();
  unescaped_.reserve(line.size()); // So that views into it stay valid.
  Text field;
  size_t at = 0, column = 0;
  for (bool more = true; more; ++at, ++column) {
    if (!readField(line, at, field, error))
      return false;
    if (column < fieldOf_.size() && fieldOf_[column] >= 0)
      parts.fields[static_cast<size_t>(fieldOf_[column])] = field;
    more = at < line.size();
  }
  return column >= fieldOf_.size() || tooFewColumns(column, error);
}

/// Reads the field at `at` and goes on to the separator behind it, or to the end of the line.
bool ColumnSplitter::readField(std::string_view line, size_t &at, Text &field, RowError &error) {
  size_t first = at;
  while (format_.trim && first < line.size() && isSpace(line[first]) && line[first] != format_.separator)
    ++first;
  if (format_.quotes && first < line.size() && line[first] == '"') {
    at = first;
    return readQuoted(line, at, field, error);
  }
  size_t end = std::min(line.find(format_.separator, at), line.size());
  field = tidy(line, at, end);
  at = end;
  return true;
}

bool ColumnSplitter::readQuoted(std::string_view line, size_t &at, Text &field, RowError &error) {
  size_t open = at, begin = at + 1, from = unescaped_.size();
  bool escaped = false;
  size_t close = line.find('"', begin);
  while (close != std::string_view::npos && close + 1 < line.size() && line[close + 1] == '"') {
    unescaped_.append(line, begin, close + 1 - begin);
    escaped = true;
    begin = close + 2;
    close = line.find('"', begin);
  }
  if (close == std::string_view::npos) {
    error = {open, "the quote that opens here is not closed on this line; a quoted field cannot hold a line end"};
    return false;
  }
  field = {line.substr(begin, close - begin), open};
  if (escaped) {
    unescaped_.append(field.view);
    field.view = std::string_view(unescaped_).substr(from);
  }
  if (!format_.missing.empty() && field.view == format_.missing)
    field.view = {};
  at = close + 1;
  while (format_.trim && at < line.size() && isSpace(line[at]) && line[at] != format_.separator)
    ++at;
  if (at < line.size() && line[at] != format_.separator) {
    error = {at, "expected `" + std::string(1, format_.separator) +
                     "` or the end of the line after a quoted field, got " + quoted(line.substr(at))};
    return false;
  }
  return true;
}

Status optionError(const package::DataSource &source, const std::string &what) {
  return Status::invalidArgument("data `" + source.name + "`: " + what);
}

StatusOr<ColumnFormat> readFormat(const package::DataSource &source) {
  ColumnFormat format;
  format.quotes = source.format == "csv";
  format.separator = source.format == "csv" ? ',' : '\t';
  for (const auto &[name, value] : source.options) {
    if (name == "trim" && value.__isset.flag)
      format.trim = value.flag;
    else if (name == "missing" && value.__isset.text)
      format.missing = value.text;
    else if (name == "separator" && value.__isset.text && value.text.size() == 1 && value.text != "\"" &&
             value.text != "\n" && value.text != "\r")
      format.separator = value.text[0];
    else if (name != "columns" && name != "header")
      return optionError(source, "the option `" + name + "` of " + source.format + " is unknown or has a wrong value");
  }
  return format;
}

} // namespace

StatusOr<std::unique_ptr<LineSplitter>> makeColumnSplitter(const package::DataSource &source,
                                                           const std::vector<WantedPart> &wanted) {
  HETER_ASSIGN_OR_RETURN(ColumnFormat format, readFormat(source));
  constexpr int64_t maxColumn = 1 << 20;
  for (const WantedPart &part : wanted) {
    if (part.name.number > maxColumn)
      return optionError(source, "column " + std::to_string(part.name.number) + ": columns end at " +
                                     std::to_string(maxColumn));
    if (part.name.number < 0 && !hasHeader(source))
      return optionError(source, "column `" + part.name.name + "` has no number, and the files have no header line");
  }
  return std::unique_ptr<LineSplitter>(std::make_unique<ColumnSplitter>(std::move(format), wanted));
}

} // namespace heter::runtime
