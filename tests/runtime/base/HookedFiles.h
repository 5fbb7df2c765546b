// The machine's files, with a hook before everything that changes one: a test can fail any of these operations, or act
// in the middle of a save.
#ifndef HETER_TESTS_RUNTIME_BASE_HOOKEDFILES_H
#define HETER_TESTS_RUNTIME_BASE_HOOKEDFILES_H

#include "runtime/base/FileSystem.h"

#include <functional>
#include <memory>
#include <string>

namespace heter::runtime::test {

/// As thread-safe as the hook.
class HookedFiles : public FileSystem {
public:
  /// Called with what is about to happen ("append", "rename", ...) and the path; its failure is the operation's.
  std::function<Status(const std::string &operation, const std::string &path)> hook =
      [](const std::string &, const std::string &) { return Status(); };

  StatusOr<std::unique_ptr<OutputFile>> openForWrite(const std::string &path) override {
    HETER_RETURN_IF_ERROR(hook("create", path));
    HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file, files_->openForWrite(path));
    return std::unique_ptr<OutputFile>(new Output(*this, path, std::move(file)));
  }
  /// Its blocks are read and written behind the hook "read blocks" or "write blocks".
  StatusOr<std::unique_ptr<BlockFile>> createScratchFile(const std::string &folder, const std::string &name) override {
    HETER_RETURN_IF_ERROR(hook("create", folder + "/" + name));
    HETER_ASSIGN_OR_RETURN(std::unique_ptr<BlockFile> file, files_->createScratchFile(folder, name));
    return std::unique_ptr<BlockFile>(new Scratch(*this, std::move(file)));
  }
  Status writeFileAtomically(const std::string &path, std::span<const char> bytes) override {
    HETER_RETURN_IF_ERROR(hook("write", path));
    return files_->writeFileAtomically(path, bytes);
  }
  Status rename(const std::string &from, const std::string &to) override {
    HETER_RETURN_IF_ERROR(hook("rename", from));
    return files_->rename(from, to);
  }
  Status remove(const std::string &path) override {
    HETER_RETURN_IF_ERROR(hook("remove", path));
    return files_->remove(path);
  }
  Status createDirectories(const std::string &path) override {
    HETER_RETURN_IF_ERROR(hook("make", path));
    return files_->createDirectories(path);
  }
  Status syncDirectory(const std::string &path) override {
    HETER_RETURN_IF_ERROR(hook("sync", path));
    return files_->syncDirectory(path);
  }

  StatusOr<std::unique_ptr<InputFile>> openForRead(const std::string &path) override {
    return files_->openForRead(path);
  }
  StatusOr<std::string> readFile(const std::string &path) override { return files_->readFile(path); }
  StatusOr<bool> exists(const std::string &path) override { return files_->exists(path); }
  StatusOr<int64_t> fileSize(const std::string &path) override { return files_->fileSize(path); }
  StatusOr<std::vector<std::string>> list(const std::string &path) override { return files_->list(path); }
  StatusOr<std::vector<std::string>> glob(const std::string &pattern) override { return files_->glob(pattern); }

private:
  class Output final : public OutputFile {
  public:
    Output(HookedFiles &files, std::string path, std::unique_ptr<OutputFile> file)
        : files_(files), path_(std::move(path)), file_(std::move(file)) {}
    Status append(std::span<const char> bytes) override {
      HETER_RETURN_IF_ERROR(files_.hook("append", path_));
      return file_->append(bytes);
    }
    Status sync() override {
      HETER_RETURN_IF_ERROR(files_.hook("sync", path_));
      return file_->sync();
    }
    Status close() override {
      HETER_RETURN_IF_ERROR(files_.hook("close", path_));
      return file_->close();
    }

  private:
    HookedFiles &files_;
    const std::string path_;
    std::unique_ptr<OutputFile> file_;
  };

  class Scratch final : public BlockFile {
  public:
    Scratch(HookedFiles &files, std::unique_ptr<BlockFile> file) : files_(files), file_(std::move(file)) {}
    Status read(std::span<const Read> reads) override {
      HETER_RETURN_IF_ERROR(files_.hook("read blocks", name()));
      return file_->read(reads);
    }
    Status write(uint64_t offset, std::span<const char> bytes) override {
      HETER_RETURN_IF_ERROR(files_.hook("write blocks", name()));
      return file_->write(offset, bytes);
    }
    const std::string &name() const override { return file_->name(); }

  private:
    HookedFiles &files_;
    std::unique_ptr<BlockFile> file_;
  };

  std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
};

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_BASE_HOOKEDFILES_H
