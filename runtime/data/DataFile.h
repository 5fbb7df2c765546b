// Data files as text, compressed or not: gzip and zstd are recognised by how a file begins and decompressed as they are
// read, in memory of fixed size.
#ifndef HETER_RUNTIME_DATA_DATAFILE_H
#define HETER_RUNTIME_DATA_DATAFILE_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heter::runtime {

/// The bytes of a file as they are stored, read in large pieces.
class StoredBytes {
public:
  StoredBytes(std::unique_ptr<InputFile> file, std::string path);

  /// What is read and not consumed yet.
  std::string_view pending() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(size_t bytes) { begin_ += bytes; }
  /// Reads more behind `pending`, up to the buffer's size; false at the end of the file.
  StatusOr<bool> more();

  const std::string &path() const { return path_; }
  int64_t bytesRead() const { return bytesRead_; }
  int64_t memoryBytes() const { return static_cast<int64_t>(buffer_.capacity()); }
  /// An error of this file.
  Status error(const std::string &what) const { return Status::invalidArgument(path_ + ": " + what); }

private:
  std::unique_ptr<InputFile> file_;
  std::string path_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
  int64_t bytesRead_ = 0;
};

/// A data file read from front to back as text. Not thread-safe.
class DataFile {
public:
  virtual ~DataFile() = default;

  /// Errors: what the file system says; a name that ends in .gz or .zst on a file of another form; an
  /// archive of a kind that is not read, Parquet, UTF-16.
  static StatusOr<std::unique_ptr<DataFile>> open(FileSystem &files, const std::string &path);

  /// Reads up to `buffer.size()` bytes of text; 0 means the end. Errors name the file and say whether an archive is
  /// truncated or corrupt. REQUIRES: `buffer` is not empty.
  virtual StatusOr<size_t> read(std::span<char> buffer) = 0;

  /// Bytes of the file itself, compressed if it is, read so far.
  int64_t bytesRead() const { return stored_.bytesRead(); }
  int64_t memoryBytes() const { return stored_.memoryBytes(); }

protected:
  explicit DataFile(StoredBytes stored) : stored_(std::move(stored)) {}

  StoredBytes stored_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_DATAFILE_H
