// Source text and places in it. A SourceManager owns every file of one compilation; a SourceRange is a cheap handle
// (file number and byte offsets) that stays valid as long as the manager lives.
#ifndef HETER_FRONTEND_SYNTAX_SOURCE_H
#define HETER_FRONTEND_SYNTAX_SOURCE_H

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace heter::frontend {

/// Bytes [begin, end) of one file; file -1 means "nowhere".
struct SourceRange {
  int32_t file = -1;
  uint32_t begin = 0;
  uint32_t end = 0;

  bool isValid() const { return file >= 0; }
  bool operator==(const SourceRange &) const = default;
};

/// The range from the start of `first` to the end of `last`. REQUIRES: both lie in one file.
inline SourceRange join(SourceRange first, SourceRange last) { return {first.file, first.begin, last.end}; }

/// Both count from 1; the column counts characters (UTF-8 code points), not bytes.
struct LineColumn {
  int line = 0;
  int column = 0;
};

class SourceFile {
public:
  SourceFile(std::string path, std::string text);

  const std::string &path() const { return path_; }
  std::string_view text() const { return text_; }
  LineColumn position(uint32_t offset) const;
  /// The whole line that holds `offset`, without its newline.
  std::string_view line(uint32_t offset) const;
  uint32_t lineBegin(uint32_t offset) const;

private:
  size_t lineIndex(uint32_t offset) const;

  std::string path_;
  std::string text_;
  std::vector<uint32_t> lineStarts_;
};

class SourceManager {
public:
  /// Adds a file and returns its number. `path` is printed as given.
  int add(std::string path, std::string text);
  /// Reads and adds a file; -1 if it cannot be read (`reason` then says why). A file is at most 16 MiB.
  int load(const std::string &path, std::string &reason);

  const SourceFile &file(int number) const { return files_[number]; }
  std::string_view text(SourceRange range) const;
  /// "FILE:LINE:COL", or "" for nowhere.
  std::string location(SourceRange range) const;

private:
  std::deque<SourceFile> files_;
};

/// The number of code points in UTF-8 text; a malformed byte counts as one.
int countCharacters(std::string_view text);

} // namespace heter::frontend

#endif // HETER_FRONTEND_SYNTAX_SOURCE_H
