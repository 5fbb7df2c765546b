// Criteo lines for the reference trainer: a label, 13 numbers and 26 categories, tab-separated, empty = missing.
#ifndef HETER_TESTS_E2E_REFERENCE_CRITEOLINES_H
#define HETER_TESTS_E2E_REFERENCE_CRITEOLINES_H

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reference {

constexpr int denseCount = 13;
constexpr int idCount = 26;

struct Example {
  double label;
  std::array<double, denseCount> dense; ///< log1p(max(x, 0)); 0 if missing.
  std::array<uint64_t, idCount> ids;    ///< XXH64 of the text, seeded with XXH64 of "col[14]" .. "col[39]".
};

/// XXH64 of a text.
uint64_t hashText(std::string_view text, uint64_t seed);

/// Throws std::runtime_error if the line does not have 40 columns.
Example parseLine(std::string_view line);

/// Lines first..last (from 1, inclusive; last 0 = to the end) of the files, counted over all of them in order.
std::vector<Example> readLines(const std::vector<std::string> &files, int64_t first, int64_t last);

} // namespace reference

#endif // HETER_TESTS_E2E_REFERENCE_CRITEOLINES_H
