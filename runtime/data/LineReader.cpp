// LineReader: memchr over a buffer that is refilled in large reads.
#include "runtime/data/LineReader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace heter::runtime {

namespace {

constexpr size_t bufferBytes = size_t{1} << 20;
constexpr size_t longestLine = size_t{64} << 20;
constexpr std::string_view byteOrderMark = "\xef\xbb\xbf";

bool isBlank(std::string_view line) {
  return line.empty() || (line.front() == ' ' && line.find_first_not_of(' ') == std::string_view::npos);
}

} // namespace

StatusOr<std::vector<std::string>> expandDataFiles(FileSystem &files, const std::vector<std::string> &patterns) {
  if (patterns.empty())
    return Status::invalidArgument("no data file given");
  std::vector<std::string> paths;
  for (const std::string &pattern : patterns) {
    HETER_ASSIGN_OR_RETURN(std::vector<std::string> matches, files.glob(pattern));
    if (matches.empty()) {
      bool isPattern = pattern.find_first_of("*?[") != std::string::npos;
      return Status::notFound(isPattern ? "no file matches `" + pattern + "`" : "there is no file `" + pattern + "`");
    }
    paths.insert(paths.end(), matches.begin(), matches.end());
  }
  return paths;
}

LineReader::LineReader(FileSystem &files, std::vector<std::string> paths, bool headers)
    : files_(files), paths_(std::move(paths)), headers_(headers), buffer_(bufferBytes) {}

void LineReader::rewind() {
  file_.reset();
  nextPath_ = 0;
  begin_ = end_ = 0;
  endOfFile_ = true;
  failed_ = {};
  lineInFile_ = 0;
  bytesRead_ = 0;
}

void LineReader::readAhead(size_t bytes) {
  if (buffer_.size() < 2 * bytes)
    buffer_.resize(2 * bytes);
  while (ready() < bytes && !endOfFile_ && failed_.ok())
    failed_ = fill().status();
}

std::string LineReader::position() const {
  return nextPath_ == 0 ? std::string() : paths_[nextPath_ - 1] + ":" + std::to_string(lineInFile_);
}

StatusOr<bool> LineReader::openNext() {
  if (nextPath_ == paths_.size())
    return false;
  HETER_ASSIGN_OR_RETURN(file_, DataFile::open(files_, paths_[nextPath_]));
  bytesOfOpen_ = 0;
  ++nextPath_;
  begin_ = end_ = 0;
  endOfFile_ = false;
  lineInFile_ = 0;
  headerLine_ = 0;
  return true;
}

/// Reads more of the file behind what is left in the buffer; false at the end of the file.
StatusOr<bool> LineReader::fill() {
  HETER_RETURN_IF_ERROR(failed_);
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    if (buffer_.size() >= longestLine)
      return Status::invalidArgument(paths_[nextPath_ - 1] + ":" + std::to_string(lineInFile_ + 1) +
                                     ": a line is longer than " + std::to_string(longestLine >> 20) + " MiB");
    buffer_.resize(buffer_.size() * 2);
  }
  HETER_ASSIGN_OR_RETURN(size_t got, file_->read({buffer_.data() + end_, buffer_.size() - end_}));
  end_ += got;
  bytesRead_ += file_->bytesRead() - bytesOfOpen_;
  bytesOfOpen_ = file_->bytesRead();
  endOfFile_ = got == 0;
  return got != 0;
}

StatusOr<bool> LineReader::next(std::string_view &line) {
  while (true) {
    HETER_ASSIGN_OR_RETURN(bool any, nextLine(line));
    if (!any)
      return false;
    if (lineInFile_ == 1 && line.starts_with(byteOrderMark))
      line.remove_prefix(byteOrderMark.size());
    if (isBlank(line))
      continue;
    if (!headers_ || headerLine_ > 0)
      return true;
    header_ = line;
    headerLine_ = lineInFile_;
  }
}

/// The next line as it stands, whatever it holds.
StatusOr<bool> LineReader::nextLine(std::string_view &line) {
  size_t scanned = 0; // Bytes behind begin_ known to hold no line feed.
  while (true) {
    const char *start = buffer_.data() + begin_;
    size_t available = end_ - begin_;
    const void *found = available > scanned ? std::memchr(start + scanned, '\n', available - scanned) : nullptr;
    if (found || (endOfFile_ && available > 0)) {
      size_t length = found ? static_cast<size_t>(static_cast<const char *>(found) - start) : available;
      const size_t passed = length + (found ? 1 : 0);
      begin_ += passed;
      consumed_ += static_cast<int64_t>(passed);
      ++lineInFile_;
      if (!found && lineInFile_ == 1 && std::memchr(start, '\r', length - 1))
        return Status::invalidArgument(paths_[nextPath_ - 1] +
                                       ": its lines end with CR alone; expected LF or CR LF: convert it with `tr "
                                       "'\\r' '\\n'`");
      if (length > 0 && start[length - 1] == '\r')
        --length;
      line = {start, length};
      return true;
    }
    if (endOfFile_) {
      HETER_ASSIGN_OR_RETURN(bool opened, openNext());
      if (!opened)
        return false;
      scanned = 0;
    } else {
      scanned = available;
      HETER_RETURN_IF_ERROR(fill().status());
    }
  }
}

StatusOr<int64_t> LineReader::skip(int64_t count) {
  std::string_view line;
  for (int64_t i = 0; i < count; ++i) {
    HETER_ASSIGN_OR_RETURN(bool any, next(line));
    if (!any)
      return i;
  }
  return count;
}

} // namespace heter::runtime
