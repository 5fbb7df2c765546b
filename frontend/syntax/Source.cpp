// Source text and places in it: loading files, and turning byte offsets into lines and columns.
#include "frontend/syntax/Source.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace heter::frontend {

static constexpr size_t maxFileBytes = 16 << 20;

int countCharacters(std::string_view text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

SourceFile::SourceFile(std::string path, std::string text) : path_(std::move(path)), text_(std::move(text)) {
  lineStarts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n')
      lineStarts_.push_back(static_cast<uint32_t>(i + 1));
}

size_t SourceFile::lineIndex(uint32_t offset) const {
  return std::upper_bound(lineStarts_.begin(), lineStarts_.end(), offset) - lineStarts_.begin() - 1;
}

uint32_t SourceFile::lineBegin(uint32_t offset) const { return lineStarts_[lineIndex(offset)]; }

std::string_view SourceFile::line(uint32_t offset) const {
  uint32_t begin = lineBegin(offset);
  std::string_view rest = text().substr(begin);
  rest = rest.substr(0, rest.find('\n'));
  if (!rest.empty() && rest.back() == '\r')
    rest.remove_suffix(1);
  return rest;
}

LineColumn SourceFile::position(uint32_t offset) const {
  size_t index = lineIndex(offset);
  uint32_t begin = lineStarts_[index];
  return {static_cast<int>(index + 1), countCharacters(text().substr(begin, offset - begin)) + 1};
}

int SourceManager::add(std::string path, std::string text) {
  files_.emplace_back(std::move(path), std::move(text));
  return static_cast<int>(files_.size() - 1);
}

/// Why bytes are no text, or "".
static std::string whyNoText(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF"))
    return "it begins with a byte-order mark; save it as UTF-8 without one";
  auto isControl = [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n' && c != '\r'; };
  auto found = std::find_if(bytes.begin(), bytes.end(), isControl);
  if (found == bytes.end())
    return "";
  return "it is no text: byte " + std::to_string(static_cast<int>(*found)) + " in line " +
         std::to_string(1 + std::count(bytes.begin(), found, '\n'));
}

int SourceManager::load(const std::string &path, std::string &reason) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) {
    reason = "it is a folder";
    return -1;
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    reason = errno ? std::strerror(errno) : "it cannot be opened";
    return -1;
  }
  // A device or a pipe has no size beforehand, so the limit is found by reading.
  std::string text;
  std::array<char, 1 << 16> piece;
  while (stream.read(piece.data(), piece.size()), stream.gcount() > 0) {
    text.append(piece.data(), static_cast<size_t>(stream.gcount()));
    if (text.size() > maxFileBytes) {
      reason = "it is larger than 16 MiB";
      return -1;
    }
  }
  reason = whyNoText(text);
  return reason.empty() ? add(path, std::move(text)) : -1;
}

std::string_view SourceManager::text(SourceRange range) const {
  return range.isValid() ? file(range.file).text().substr(range.begin, range.end - range.begin) : std::string_view();
}

std::string SourceManager::location(SourceRange range) const {
  if (!range.isValid())
    return "";
  LineColumn at = file(range.file).position(range.begin);
  return file(range.file).path() + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

} // namespace heter::frontend
