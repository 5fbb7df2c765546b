// Lines of several text files, one file after another, as views into one buffer.
#ifndef HETER_RUNTIME_DATA_LINEREADER_H
#define HETER_RUNTIME_DATA_LINEREADER_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"
#include "runtime/data/DataFile.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace heter::runtime {

/// Replaces shell patterns by the files that match. The error is that nothing matches.
StatusOr<std::vector<std::string>> expandDataFiles(FileSystem &files, const std::vector<std::string> &patterns);

/// Reads lines from front to back; a line ends with LF, CR LF or the end of its file, and none of these belong to it.
/// Blank lines (nothing, or spaces only) and a byte order mark before the first line are passed over. A file whose
/// lines end with CR alone is an error. Blocks on files. Not thread-safe.
class LineReader {
public:
  /// With `headers` the first line of each file is its header, and not one of the lines that `next` gives.
  LineReader(FileSystem &files, std::vector<std::string> paths, bool headers = false);

  /// The next line, valid until the next call; false after the last line of the last file.
  StatusOr<bool> next(std::string_view &line);

  /// Of the file that `next` read last: its number, from 1, counted anew by `rewind`, its header, and where that
  /// stands.
  size_t file() const { return nextPath_; }
  const std::string &header() const { return header_; }
  std::string headerPosition() const { return paths_[nextPath_ - 1] + ":" + std::to_string(headerLine_); }

  /// Reads on until so many bytes of text lie ready, unless the file ends or fails before: which `next` will find. The
  /// buffer becomes twice as large if it must.
  void readAhead(size_t bytes);
  /// The bytes that `next` can give without reading a file.
  size_t ready() const { return end_ - begin_; }
  /// The bytes that `next` has passed, over all files and since the beginning.
  int64_t consumed() const { return consumed_; }

  /// Passes over up to `count` lines; returns how many there were.
  StatusOr<int64_t> skip(int64_t count);

  /// Goes back to the first line of the first file.
  void rewind();

  /// FILE:LINE of the line that `next` gave last, counted in its own file from 1.
  std::string position() const;

  /// Of the files themselves, compressed if they are, since the last rewind.
  int64_t bytesRead() const { return bytesRead_; }

  /// Memory for text and for what is stored of the open file.
  int64_t memoryBytes() const { return static_cast<int64_t>(buffer_.capacity()) + (file_ ? file_->memoryBytes() : 0); }

private:
  StatusOr<bool> nextLine(std::string_view &line);
  StatusOr<bool> openNext();
  StatusOr<bool> fill();

  FileSystem &files_;
  std::vector<std::string> paths_;
  bool headers_;
  std::string header_;
  int64_t headerLine_ = 0; ///< 0: not read yet.
  size_t nextPath_ = 0;
  std::unique_ptr<DataFile> file_;
  int64_t bytesOfOpen_ = 0; ///< What of `bytesRead_` is of the open file.
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0; ///< What of the buffer is read but not yet given.
  bool endOfFile_ = true;
  Status failed_; ///< Of the open file, where readAhead() found it so.
  int64_t consumed_ = 0;
  int64_t lineInFile_ = 0;
  int64_t bytesRead_ = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_LINEREADER_H
