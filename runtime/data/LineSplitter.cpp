// What the formats share: which there are, and how errors show pieces of lines.
#include "runtime/data/LineSplitter.h"

#include <cstdio>

namespace heter::runtime {

bool isKeyed(const std::string &format) { return format == "slot" || format == "libsvm" || format == "libfm"; }

bool hasHeader(const package::DataSource &source) {
  auto found = source.options.find("header");
  return found != source.options.end() && found->second.__isset.flag && found->second.flag;
}

std::string quoted(std::string_view text) {
  constexpr size_t longest = 40;
  std::string result = "`";
  size_t length = std::min(text.size(), longest);
  // Never ends inside a character of UTF-8.
  while (length < text.size() && length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
    --length;
  for (char c : text.substr(0, length)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
      result += escape;
    } else {
      result += c;
    }
  }
  return result + (length < text.size() ? "...`" : "`");
}

size_t LineSplitter::columnCount(std::string_view) { return 0; }

bool LineSplitter::readHeader(std::string_view line, RowError &error) { return true; }

StatusOr<std::unique_ptr<LineSplitter>> LineSplitter::make(const package::DataSource &source,
                                                           const std::vector<WantedPart> &wanted) {
  if (isKeyed(source.format))
    return makeKeySplitter(source, wanted);
  if (source.format == "tsv" || source.format == "csv")
    return makeColumnSplitter(source, wanted);
  return Status::unimplemented("data `" + source.name + "` has the format `" + source.format +
                               "`, which is not supported; tsv, csv, slot, libsvm and libfm are");
}

} // namespace heter::runtime
