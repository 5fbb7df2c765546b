// saves-bench: trains and saves as `heter run` does, with the same flags, and says what saves cost:
//   saves-bench PKG --data FILES.. --save DIR --save-every STEPS [flags of heter run]
// prints JSON: of each save amid training how long it took, the examples a second while it was written and those since
// the save before it; and how long the last save took, which is written when training has ended.
#include "runtime/package/Package.h"
#include "runtime/role/Run.h"
#include "runtime/tools/CommandLine.h"

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

using namespace heter::runtime;

namespace {

double wallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// What happened when. Thread-safe.
class Course {
public:
  void saveBegins() {
    const std::lock_guard lock(mutex_);
    saves_.push_back({wallSeconds(), 0});
  }
  void saveEnds() {
    const std::lock_guard lock(mutex_);
    saves_.back().end = wallSeconds();
  }
  void trained(int64_t examples) {
    const std::lock_guard lock(mutex_);
    reports_.push_back({wallSeconds(), examples});
  }

  void print() const {
    const double trainingEnds = reports_.empty() ? 0 : reports_.back().time;
    std::string saves;
    double since = 0, alone = 0, ends = 0; // of the save before
    for (const Save &save : saves_) {
      if (save.begin >= trainingEnds)
        alone = save.end - save.begin;
      else if (save.end < trainingEnds && save.begin >= ends)
        saves += (saves.empty() ? "" : ", ") + ("{\"seconds\": " + std::to_string(save.end - save.begin)) +
                 ", \"before\": " + std::to_string(rate(since, save.begin)) +
                 ", \"amid\": " + std::to_string(rate(save.begin, save.end)) + "}";
      since = ends = save.end;
    }
    std::printf("{\"saves\": [%s], \"alone_seconds\": %.6f}\n", saves.c_str(), alone);
  }

private:
  struct Save {
    double begin, end;
  };
  struct Report {
    double time;
    int64_t examples;
  };
  /// Examples a second, of reports a quarter of a second apart that lie between two times; 0 if there are none.
  double rate(double from, double to) const {
    double seconds = 0;
    int64_t examples = 0;
    for (size_t i = 1; i < reports_.size(); ++i)
      if (reports_[i - 1].time >= from && reports_[i].time <= to) {
        seconds += reports_[i].time - reports_[i - 1].time;
        examples += reports_[i].examples - reports_[i - 1].examples;
      }
    return seconds > 0 ? static_cast<double>(examples) / seconds : 0;
  }

  mutable std::mutex mutex_;
  std::vector<Save> saves_;
  std::vector<Report> reports_;
};

/// The machine's files, watched: a save begins with the file of its rows and ends when its manifest is there.
class WatchedFiles final : public FileSystem {
public:
  explicit WatchedFiles(Course &course) : course_(course) {}
  StatusOr<std::unique_ptr<InputFile>> openForRead(const std::string &path) override { return all_->openForRead(path); }
  StatusOr<std::unique_ptr<OutputFile>> openForWrite(const std::string &path) override {
    return all_->openForWrite(path);
  }
  StatusOr<std::unique_ptr<InputFile>> openLargeForRead(const std::string &path) override {
    return all_->openLargeForRead(path);
  }
  StatusOr<std::unique_ptr<OutputFile>> openLargeForWrite(const std::string &path) override {
    if (path.ends_with(".rows"))
      course_.saveBegins();
    return all_->openLargeForWrite(path);
  }
  StatusOr<std::unique_ptr<BlockFile>> createScratchFile(const std::string &folder, const std::string &name) override {
    return all_->createScratchFile(folder, name);
  }
  StatusOr<std::string> readFile(const std::string &path) override { return all_->readFile(path); }
  Status writeFileAtomically(const std::string &path, std::span<const char> bytes) override {
    Status status = all_->writeFileAtomically(path, bytes);
    if (path.ends_with("manifest.json"))
      course_.saveEnds();
    return status;
  }
  Status rename(const std::string &from, const std::string &to) override { return all_->rename(from, to); }
  Status remove(const std::string &path) override { return all_->remove(path); }
  Status createDirectories(const std::string &path) override { return all_->createDirectories(path); }
  Status syncDirectory(const std::string &path) override { return all_->syncDirectory(path); }
  StatusOr<bool> exists(const std::string &path) override { return all_->exists(path); }
  StatusOr<int64_t> fileSize(const std::string &path) override { return all_->fileSize(path); }
  StatusOr<std::vector<std::string>> list(const std::string &path) override { return all_->list(path); }
  StatusOr<std::vector<std::string>> glob(const std::string &pattern) override { return all_->glob(pattern); }

private:
  Course &course_;
  const std::unique_ptr<FileSystem> all_ = makePosixFileSystem();
};

int fail(const std::string &what) {
  std::fprintf(stderr, "saves-bench: %s\n", what.c_str());
  return 1;
}

} // namespace

int main(int count, char **texts) {
  std::vector<std::string> arguments(texts + 1, texts + count);
  arguments.insert(arguments.begin(), "run");
  const tools::Request request = tools::parseCommandLine(arguments);
  const auto *run = std::get_if<tools::RunRequest>(&request);
  if (!run || run->command.options.saveFolder.empty())
    return fail("usage: saves-bench PKG --data FILES.. --save DIR --save-every STEPS [flags of heter run]");
  Course course;
  WatchedFiles files(course);
  StatusOr<Package> package = readPackage(files, run->command.package);
  if (!package.ok())
    return fail(package.status().message());
  RunHooks hooks;
  hooks.progress = [&](const RunProgress &progress) { course.trained(progress.examples); };
  const StatusOr<RunResult> result = runInProcess(*package, files, run->command.options, hooks);
  if (!result.ok())
    return fail(result.status().message());
  course.print();
  return 0;
}
