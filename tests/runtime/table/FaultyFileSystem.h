// Files in memory that can fail any operation and lose what was not synced, as a disk does when the power goes.
#ifndef HETER_TESTS_RUNTIME_TABLE_FAULTYFILESYSTEM_H
#define HETER_TESTS_RUNTIME_TABLE_FAULTYFILESYSTEM_H

#include "runtime/base/FileSystem.h"
#include "tests/runtime/support/MemoryBlockFile.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace heter::runtime::test {

/// Not thread-safe but for its scratch files. Names and folders are durable after syncDirectory, bytes after sync.
class FaultyFileSystem final : public FileSystem {
public:
  /// The operation with this number, counted from 0 over this object's life, fails; with `andAllAfter` all later ones
  /// too.
  void failAt(int64_t operation, bool andAllAfter) {
    failAt_ = operation;
    failRest_ = andAllAfter;
  }
  void heal() { failAt_ = -1; }
  int64_t operations() const { return operations_; }

  /// Called before each operation.
  void before(std::function<void()> hook) { before_ = std::move(hook); }

  /// Forgets what was not synced; with `butNames` only bytes of files, as if every name had reached the disk by itself.
  void loseUnsynced(bool butNames = false) {
    if (!butNames)
      live_ = durable_;
    durable_ = live_;
    for (auto &[path, file] : live_)
      file->bytes = file->synced;
  }

  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> result;
    for (const auto &[path, file] : live_)
      result[path] = file->bytes;
    return result;
  }
  void setContents(const std::map<std::string, std::string> &contents) {
    live_.clear();
    for (const auto &[path, bytes] : contents)
      live_[path] = std::make_shared<File>(File{bytes, bytes});
    durable_ = live_;
  }

  StatusOr<std::unique_ptr<InputFile>> openForRead(const std::string &path) override {
    HETER_RETURN_IF_ERROR(operation("open " + path));
    if (!live_.contains(path))
      return Status::notFound(path + " does not exist");
    return std::unique_ptr<InputFile>(new Input(*this, live_[path]));
  }
  StatusOr<std::unique_ptr<OutputFile>> openForWrite(const std::string &path) override {
    HETER_RETURN_IF_ERROR(operation("open " + path));
    live_[path] = std::make_shared<File>();
    return std::unique_ptr<OutputFile>(new Output(*this, live_[path]));
  }
  /// Its reads and writes are no operations of this object; they fail by blockFaults().
  StatusOr<std::unique_ptr<BlockFile>> createScratchFile(const std::string &folder, const std::string &name) override {
    HETER_RETURN_IF_ERROR(operation("create " + folder + "/" + name));
    return std::unique_ptr<BlockFile>(new MemoryBlockFile(folder + "/" + name, blockFaults_));
  }
  BlockFaults &blockFaults() { return *blockFaults_; }
  StatusOr<std::string> readFile(const std::string &path) override {
    HETER_RETURN_IF_ERROR(operation("read " + path));
    if (!live_.contains(path))
      return Status::notFound(path + " does not exist");
    return live_[path]->bytes;
  }
  Status writeFileAtomically(const std::string &path, std::span<const char> bytes) override {
    HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> out, openForWrite(path + ".partial"));
    HETER_RETURN_IF_ERROR(out->append(bytes));
    HETER_RETURN_IF_ERROR(out->sync());
    HETER_RETURN_IF_ERROR(out->close());
    HETER_RETURN_IF_ERROR(rename(path + ".partial", path));
    return syncDirectory(path.substr(0, path.rfind('/')));
  }
  Status rename(const std::string &from, const std::string &to) override {
    HETER_RETURN_IF_ERROR(operation("rename " + from));
    live_[to] = live_[from];
    live_.erase(from);
    return {};
  }
  Status remove(const std::string &path) override {
    HETER_RETURN_IF_ERROR(operation("remove " + path));
    live_.erase(path);
    return {};
  }
  Status createDirectories(const std::string &path) override { return operation("make " + path); }
  Status syncDirectory(const std::string &path) override {
    HETER_RETURN_IF_ERROR(operation("sync " + path));
    durable_ = live_;
    return {};
  }
  StatusOr<bool> exists(const std::string &path) override {
    HETER_RETURN_IF_ERROR(operation("look for " + path));
    return std::any_of(live_.begin(), live_.end(),
                       [&](const auto &entry) { return entry.first == path || entry.first.starts_with(path + "/"); });
  }
  StatusOr<int64_t> fileSize(const std::string &path) override {
    HETER_RETURN_IF_ERROR(operation("size of " + path));
    if (!live_.contains(path))
      return Status::notFound(path + " does not exist");
    return static_cast<int64_t>(live_[path]->bytes.size());
  }
  StatusOr<std::vector<std::string>> list(const std::string &path) override {
    HETER_RETURN_IF_ERROR(operation("list " + path));
    std::vector<std::string> names;
    for (const auto &[name, file] : live_)
      if (name.starts_with(path + "/"))
        names.push_back(name.substr(path.size() + 1));
    return names;
  }
  /// Knows no wildcards.
  StatusOr<std::vector<std::string>> glob(const std::string &pattern) override {
    HETER_RETURN_IF_ERROR(operation("look for " + pattern));
    return live_.contains(pattern) ? std::vector{pattern} : std::vector<std::string>();
  }

private:
  struct File {
    std::string bytes;
    std::string synced;
  };

  class Input final : public InputFile {
  public:
    Input(FaultyFileSystem &files, std::shared_ptr<File> file) : files_(files), file_(std::move(file)) {}
    StatusOr<size_t> read(std::span<char> buffer) override {
      HETER_RETURN_IF_ERROR(files_.operation("read"));
      const size_t count = std::min({buffer.size(), file_->bytes.size() - at_, size_t{1000}}); // short reads happen
      std::memcpy(buffer.data(), file_->bytes.data() + at_, count);
      at_ += count;
      return count;
    }

  private:
    FaultyFileSystem &files_;
    std::shared_ptr<File> file_;
    size_t at_ = 0;
  };

  class Output final : public OutputFile {
  public:
    Output(FaultyFileSystem &files, std::shared_ptr<File> file) : files_(files), file_(std::move(file)) {}
    Status append(std::span<const char> bytes) override {
      const Status status = files_.operation("append");
      file_->bytes.append(bytes.data(), status.ok() ? bytes.size() : bytes.size() / 2); // a full disk takes some
      return status;
    }
    Status sync() override {
      HETER_RETURN_IF_ERROR(files_.operation("sync"));
      file_->synced = file_->bytes;
      return {};
    }
    Status close() override { return files_.operation("close"); }

  private:
    FaultyFileSystem &files_;
    std::shared_ptr<File> file_;
  };

  Status operation(const std::string &what) {
    if (before_)
      before_();
    const int64_t number = operations_++;
    if (failAt_ >= 0 && (number == failAt_ || (failRest_ && number > failAt_)))
      return Status::resourceExhausted("injected fault: " + what);
    return {};
  }

  std::map<std::string, std::shared_ptr<File>> live_;
  std::map<std::string, std::shared_ptr<File>> durable_;
  std::shared_ptr<BlockFaults> blockFaults_ = std::make_shared<BlockFaults>();
  int64_t operations_ = 0;
  std::function<void()> before_;
  int64_t failAt_ = -1;
  bool failRest_ = false;
};

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_TABLE_FAULTYFILESYSTEM_H
