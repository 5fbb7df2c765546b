// A row of a saved table as text, the same wherever one is printed (docs/formats/dump.md).
#ifndef HETER_RUNTIME_TABLE_ROWTEXT_H
#define HETER_RUNTIME_TABLE_ROWTEXT_H

#include "runtime/table/TableRange.h"

#include <charconv>
#include <string>

namespace heter::runtime {

/// Appends a space and the number; of a float the shortest digits that read back as the same.
template <typename Number> void appendNumber(std::string &text, Number value) {
  char digits[64];
  text.push_back(' ');
  text.append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
}

/// Appends the line of a row, without its end.
void appendRow(std::string &text, const TableSpec &spec, const RowImage &row);

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWTEXT_H
