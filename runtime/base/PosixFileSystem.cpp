// The machine's own files through POSIX calls.
#include "runtime/base/FileSystem.h"
#include "runtime/base/LargeFile.h"
#include "runtime/base/PosixBlockFile.h"
#include "runtime/base/SystemError.h"
#include "runtime/base/ThreadAnnotations.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

namespace heter::runtime {
namespace {

int closeRetrying(int descriptor) {
  // On Linux the descriptor is gone even if close reports EINTR.
  int result = ::close(descriptor);
  return result != 0 && errno == EINTR ? 0 : result;
}

class PosixInputFile final : public InputFile {
public:
  PosixInputFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~PosixInputFile() override { closeRetrying(descriptor_); }

  StatusOr<size_t> read(std::span<char> buffer) override {
    while (true) {
      ssize_t got = ::read(descriptor_, buffer.data(), buffer.size());
      if (got >= 0)
        return static_cast<size_t>(got);
      if (errno != EINTR)
        return systemError(errno, "read", path_);
    }
  }

private:
  std::string path_;
  int descriptor_;
};

class PosixOutputFile final : public OutputFile {
public:
  PosixOutputFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~PosixOutputFile() override {
    if (descriptor_ >= 0)
      closeRetrying(descriptor_);
  }

  Status append(std::span<const char> bytes) override {
    while (!bytes.empty()) {
      ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return systemError(errno, "write", path_);
      bytes = bytes.subspan(static_cast<size_t>(written));
      written_ += written;
    }
    beginWriteback();
    return {};
  }

  Status sync() override { return ::fsync(descriptor_) == 0 ? Status() : systemError(errno, "sync", path_); }

  Status close() override {
    int descriptor = std::exchange(descriptor_, -1);
    return descriptor < 0 || closeRetrying(descriptor) == 0 ? Status() : systemError(errno, "close", path_);
  }

private:
  /// Has the disk begin with what was appended, so that little is left for sync; where that is not possible, nothing.
  void beginWriteback() {
    constexpr off_t atLeast = off_t{8} << 20;
    if (written_ - begun_ < atLeast)
      return;
    ::sync_file_range(descriptor_, begun_, written_ - begun_, SYNC_FILE_RANGE_WRITE);
    begun_ = written_;
  }

  std::string path_;
  int descriptor_;
  off_t written_ = 0;
  off_t begun_ = 0; ///< Bytes below are on their way.
};

std::string parentOf(const std::string &path) {
  size_t slash = path.find_last_of('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class PosixFileSystem final : public FileSystem {
public:
  explicit PosixFileSystem(const ScratchFileOptions &scratch) : scratch_(scratch) {}

  StatusOr<std::unique_ptr<InputFile>> openForRead(const std::string &path) override {
    int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
      return systemError(errno, "open", path);
    return std::unique_ptr<InputFile>(new PosixInputFile(path, descriptor));
  }

  StatusOr<std::unique_ptr<OutputFile>> openForWrite(const std::string &path) override {
    int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
      return systemError(errno, "create", path);
    return std::unique_ptr<OutputFile>(new PosixOutputFile(path, descriptor));
  }

  StatusOr<std::unique_ptr<InputFile>> openLargeForRead(const std::string &path) override {
    if (std::unique_ptr<InputFile> file = runtime::openLargeForRead(path))
      return file;
    return openForRead(path);
  }

  StatusOr<std::unique_ptr<OutputFile>> openLargeForWrite(const std::string &path) override {
    if (std::unique_ptr<OutputFile> file = runtime::openLargeForWrite(path))
      return file;
    return openForWrite(path);
  }

  StatusOr<std::unique_ptr<BlockFile>> createScratchFile(const std::string &folder, const std::string &name) override {
    return runtime::createScratchFile(folder, name, scratch_, blockReader());
  }

  StatusOr<std::string> readFile(const std::string &path) override {
    HETER_ASSIGN_OR_RETURN(std::unique_ptr<InputFile> file, openForRead(path));
    std::string bytes;
    size_t used = 0;
    while (true) {
      if (bytes.size() - used < 65536)
        bytes.resize(bytes.size() + std::max<size_t>(65536, bytes.size()));
      HETER_ASSIGN_OR_RETURN(size_t got, file->read({bytes.data() + used, bytes.size() - used}));
      if (got == 0)
        break;
      used += got;
    }
    bytes.resize(used);
    return bytes;
  }

  Status writeFileAtomically(const std::string &path, std::span<const char> bytes) override {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode))
      return writeInPlace(path, bytes);
    std::string aside = path + ".partial";
    Status written = writeAside(aside, bytes);
    if (written.ok())
      written = rename(aside, path);
    if (!written.ok()) {
      ::unlink(aside.c_str()); // On a full disk its bytes are missed.
      return written;
    }
    return syncDirectory(parentOf(path));
  }

  Status rename(const std::string &from, const std::string &to) override {
    return ::rename(from.c_str(), to.c_str()) == 0 ? Status() : systemError(errno, "rename", from);
  }

  Status remove(const std::string &path) override {
    return ::remove(path.c_str()) == 0 ? Status() : systemError(errno, "remove", path);
  }

  Status createDirectories(const std::string &path) override {
    for (size_t end = 1; end <= path.size(); ++end) {
      if (end != path.size() && path[end] != '/')
        continue;
      std::string prefix = path.substr(0, end);
      if (::mkdir(prefix.c_str(), 0777) != 0 && errno != EEXIST)
        return systemError(errno, "create folder", prefix);
    }
    struct stat info;
    if (::stat(path.c_str(), &info) != 0)
      return systemError(errno, "create folder", path);
    return S_ISDIR(info.st_mode) ? Status() : systemError(EEXIST, "create folder", path);
  }

  Status syncDirectory(const std::string &path) override {
    int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
      return systemError(errno, "open folder", path);
    int result = ::fsync(descriptor);
    int error = errno;
    closeRetrying(descriptor);
    return result == 0 ? Status() : systemError(error, "sync folder", path);
  }

  StatusOr<bool> exists(const std::string &path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0)
      return true;
    if (errno == ENOENT || errno == ENOTDIR)
      return false;
    return systemError(errno, "look at", path);
  }

  StatusOr<int64_t> fileSize(const std::string &path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) != 0)
      return systemError(errno, "look at", path);
    return static_cast<int64_t>(info.st_size);
  }

  StatusOr<std::vector<std::string>> list(const std::string &path) override {
    DIR *folder = ::opendir(path.c_str());
    if (!folder)
      return systemError(errno, "open folder", path);
    std::vector<std::string> names;
    while (dirent *entry = ::readdir(folder)) {
      std::string name = entry->d_name;
      if (name != "." && name != "..")
        names.push_back(std::move(name));
    }
    ::closedir(folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  StatusOr<std::vector<std::string>> glob(const std::string &pattern) override {
    glob_t found{};
    int result = ::glob(pattern.c_str(), 0, nullptr, &found);
    std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    if (result != 0 && result != GLOB_NOMATCH)
      return systemError(result == GLOB_NOSPACE ? ENOMEM : EIO, "expand", pattern);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

private:
  std::shared_ptr<BlockReader> blockReader() {
    MutexLock lock(mutex_);
    if (!blockReader_ && scratch_.kernelQueue)
      blockReader_ = makeQueuedReader();
    if (!blockReader_)
      blockReader_ = makeThreadedReader();
    return blockReader_;
  }

  Status writeAside(const std::string &path, std::span<const char> bytes) {
    HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file, openForWrite(path));
    HETER_RETURN_IF_ERROR(file->append(bytes));
    HETER_RETURN_IF_ERROR(file->sync());
    return file->close();
  }

  /// A device or a pipe can be neither replaced nor synced.
  Status writeInPlace(const std::string &path, std::span<const char> bytes) {
    HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file, openForWrite(path));
    HETER_RETURN_IF_ERROR(file->append(bytes));
    return file->close();
  }

  const ScratchFileOptions scratch_;
  Mutex mutex_;
  std::shared_ptr<BlockReader> blockReader_ HETER_GUARDED_BY(mutex_); ///< Of all scratch files; made for the first.
};

} // namespace

std::unique_ptr<FileSystem> makePosixFileSystem(const ScratchFileOptions &scratch) {
  return std::make_unique<PosixFileSystem>(scratch);
}

} // namespace heter::runtime
