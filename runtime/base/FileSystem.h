// The file seam: every file that the runtime reads or writes goes through a FileSystem, so that tests can fail, delay
// or lose any operation.
#ifndef HETER_RUNTIME_BASE_FILESYSTEM_H
#define HETER_RUNTIME_BASE_FILESYSTEM_H

#include "runtime/base/BlockFile.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace heter::runtime {

/// A file being read from front to back. Not thread-safe.
class InputFile {
public:
  virtual ~InputFile() = default;
  /// Reads up to `buffer.size()` bytes; 0 means the end of the file.
  virtual StatusOr<size_t> read(std::span<char> buffer) = 0;
};

/// A file being written from front to back. Not thread-safe. Bytes are durable only after `sync`.
class OutputFile {
public:
  virtual ~OutputFile() = default;
  virtual Status append(std::span<const char> bytes) = 0;
  virtual Status sync() = 0;
  virtual Status close() = 0;
};

/// Thread-safe. Errors name the path and the operating system's reason.
class FileSystem {
public:
  virtual ~FileSystem() = default;
  virtual StatusOr<std::unique_ptr<InputFile>> openForRead(const std::string &path) = 0;
  virtual StatusOr<std::unique_ptr<OutputFile>> openForWrite(const std::string &path) = 0;
  /// The same for files of many MB that are written and synced, or read, once and from front to back: maybe past the
  /// system's cache, and by another thread.
  virtual StatusOr<std::unique_ptr<InputFile>> openLargeForRead(const std::string &path) { return openForRead(path); }
  virtual StatusOr<std::unique_ptr<OutputFile>> openLargeForWrite(const std::string &path) {
    return openForWrite(path);
  }
  /// An empty scratch file in `folder`, which is there. Its name is for messages: several may have the same.
  virtual StatusOr<std::unique_ptr<BlockFile>> createScratchFile(const std::string &folder,
                                                                 const std::string &name) = 0;
  virtual StatusOr<std::string> readFile(const std::string &path) = 0;
  /// Writes aside, syncs, renames over `path` and syncs the folder: a crash leaves the old or the new file, whole. What
  /// is no regular file (a device, a pipe) is written in place.
  virtual Status writeFileAtomically(const std::string &path, std::span<const char> bytes) = 0;
  virtual Status rename(const std::string &from, const std::string &to) = 0;
  virtual Status remove(const std::string &path) = 0;
  virtual Status createDirectories(const std::string &path) = 0;
  virtual Status syncDirectory(const std::string &path) = 0;
  virtual StatusOr<bool> exists(const std::string &path) = 0;
  virtual StatusOr<int64_t> fileSize(const std::string &path) = 0;
  /// The names (not paths) in a folder, sorted.
  virtual StatusOr<std::vector<std::string>> list(const std::string &path) = 0;
  /// The paths that match a shell pattern, sorted; a pattern without wildcards gives itself if it exists.
  virtual StatusOr<std::vector<std::string>> glob(const std::string &pattern) = 0;
};

/// What the machine's scratch files may make use of; each has something in its place that works everywhere.
struct ScratchFileOptions {
  bool kernelQueue = true;   ///< io_uring; else threads.
  bool pastCache = true;     ///< Direct I/O; else the system's cache.
  bool hasNameFirst = false; ///< Even where files can be made without one.
};

/// The machine's own files.
std::unique_ptr<FileSystem> makePosixFileSystem(const ScratchFileOptions &scratch = {});

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_FILESYSTEM_H
