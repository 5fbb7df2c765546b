// Parsing and hashing of Criteo lines.
#include "CriteoLines.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>

namespace reference {

uint64_t hashText(std::string_view text, uint64_t seed) { return XXH64(text.data(), text.size(), seed); }

static std::vector<std::string_view> splitTabs(std::string_view line) {
  std::vector<std::string_view> columns;
  for (;;) {
    const size_t tab = line.find('\t');
    columns.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos)
      return columns;
    line.remove_prefix(tab + 1);
  }
}

Example parseLine(std::string_view line) {
  const std::vector<std::string_view> columns = splitTabs(line);
  if (columns.size() != 1 + denseCount + idCount)
    throw std::runtime_error("a line has " + std::to_string(columns.size()) + " columns, not 40");
  Example example{};
  example.label = std::stod(std::string(columns[0]));
  for (int i = 0; i < denseCount; ++i) {
    const std::string text(columns[1 + static_cast<size_t>(i)]);
    example.dense[static_cast<size_t>(i)] = text.empty() ? 0.0 : std::log1p(std::max(std::stod(text), 0.0));
  }
  for (int i = 0; i < idCount; ++i) {
    const int column = 1 + denseCount + i;
    const uint64_t salt = hashText("col[" + std::to_string(column) + "]", 0);
    example.ids[static_cast<size_t>(i)] = hashText(columns[static_cast<size_t>(column)], salt);
  }
  return example;
}

std::vector<Example> readLines(const std::vector<std::string> &files, int64_t first, int64_t last) {
  std::vector<Example> examples;
  int64_t number = 0;
  for (const std::string &file : files) {
    std::ifstream in(file);
    if (!in)
      throw std::runtime_error("cannot read " + file);
    for (std::string line; std::getline(in, line);) {
      ++number;
      if (number >= first && (last == 0 || number <= last))
        examples.push_back(parseLine(line));
    }
  }
  return examples;
}

} // namespace reference
