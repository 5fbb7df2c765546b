// The machine's own files through POSIX calls.
#include "runtime/base/FileSystem.h"
#include "runtime/base/LargeFile.h"

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

/// "cannot VERB `PATH`: REASON", with the code that `error` stands for.
Status errorStatus(int error, const char *verb, const std::string &path) {
  std::string message = std::string("cannot ") + verb + " `" + path + "`: " + std::strerror(error);
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    return Status::notFound(std::move(message));
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
  case EMFILE:
  case ENFILE:
  case ENOMEM:
    return Status::resourceExhausted(std::move(message));
  case EIO:
    return Status::dataLoss(std::move(message));
  default:
    return Status::failedPrecondition(std::move(message));
  }
}

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
        return errorStatus(errno, "read", path_);
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
        return errorStatus(errno, "write", path_);
      bytes = bytes.subspan(static_cast<size_t>(written));
      written_ += written;
    }
    beginWriteback();
    return {};
  }

  Status sync() override { return ::fsync(descriptor_) == 0 ? Status() : errorStatus(errno, "sync", path_); }

  Status close() override {
    int descriptor = std::exchange(descriptor_, -1);
    return descriptor < 0 || closeRetrying(descriptor) == 0 ? Status() : errorStatus(errno, "close", path_);
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

class PosixBlockFile final : public BlockFile {
public:
  PosixBlockFile(std::string name, int descriptor) : name_(std::move(name)), descriptor_(descriptor) {}
  ~PosixBlockFile() override { closeRetrying(descriptor_); }

  Status read(std::span<const Read> reads) override {
    for (const Read &read : reads)
      HETER_RETURN_IF_ERROR(readOne(read));
    return {};
  }

  Status write(uint64_t offset, std::span<const char> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return errorStatus(errno, "write", name_);
      bytes = bytes.subspan(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
    return {};
  }

  const std::string &name() const override { return name_; }

private:
  Status readOne(Read read) const {
    while (!read.to.empty()) {
      const ssize_t got = ::pread(descriptor_, read.to.data(), read.to.size(), static_cast<off_t>(read.offset));
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return errorStatus(errno, "read", name_);
      if (got == 0)
        return Status::dataLoss("cannot read `" + name_ + "`: it ends before byte " +
                                std::to_string(read.offset + read.to.size()));
      read = {read.offset + static_cast<uint64_t>(got), read.to.subspan(static_cast<size_t>(got))};
    }
    return {};
  }

  const std::string name_;
  const int descriptor_;
};

std::string parentOf(const std::string &path) {
  size_t slash = path.find_last_of('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class PosixFileSystem final : public FileSystem {
public:
  StatusOr<std::unique_ptr<InputFile>> openForRead(const std::string &path) override {
    int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
      return errorStatus(errno, "open", path);
    return std::unique_ptr<InputFile>(new PosixInputFile(path, descriptor));
  }

  StatusOr<std::unique_ptr<OutputFile>> openForWrite(const std::string &path) override {
    int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
      return errorStatus(errno, "create", path);
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
    const std::string path = folder + "/" + name;
    const int descriptor = ::open(folder.c_str(), O_RDWR | O_TMPFILE | O_DIRECT | O_CLOEXEC, 0600);
    if (descriptor < 0)
      return errorStatus(errno, "create", path);
    return std::unique_ptr<BlockFile>(new PosixBlockFile(path, descriptor));
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
    return ::rename(from.c_str(), to.c_str()) == 0 ? Status() : errorStatus(errno, "rename", from);
  }

  Status remove(const std::string &path) override {
    return ::remove(path.c_str()) == 0 ? Status() : errorStatus(errno, "remove", path);
  }

  Status createDirectories(const std::string &path) override {
    for (size_t end = 1; end <= path.size(); ++end) {
      if (end != path.size() && path[end] != '/')
        continue;
      std::string prefix = path.substr(0, end);
      if (::mkdir(prefix.c_str(), 0777) != 0 && errno != EEXIST)
        return errorStatus(errno, "create folder", prefix);
    }
    struct stat info;
    if (::stat(path.c_str(), &info) != 0)
      return errorStatus(errno, "create folder", path);
    return S_ISDIR(info.st_mode) ? Status() : errorStatus(EEXIST, "create folder", path);
  }

  Status syncDirectory(const std::string &path) override {
    int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
      return errorStatus(errno, "open folder", path);
    int result = ::fsync(descriptor);
    int error = errno;
    closeRetrying(descriptor);
    return result == 0 ? Status() : errorStatus(error, "sync folder", path);
  }

  StatusOr<bool> exists(const std::string &path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0)
      return true;
    if (errno == ENOENT || errno == ENOTDIR)
      return false;
    return errorStatus(errno, "look at", path);
  }

  StatusOr<int64_t> fileSize(const std::string &path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) != 0)
      return errorStatus(errno, "look at", path);
    return static_cast<int64_t>(info.st_size);
  }

  StatusOr<std::vector<std::string>> list(const std::string &path) override {
    DIR *folder = ::opendir(path.c_str());
    if (!folder)
      return errorStatus(errno, "open folder", path);
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
      return errorStatus(result == GLOB_NOSPACE ? ENOMEM : EIO, "expand", pattern);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

private:
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
};

} // namespace

std::unique_ptr<FileSystem> makePosixFileSystem() { return std::make_unique<PosixFileSystem>(); }

} // namespace heter::runtime
