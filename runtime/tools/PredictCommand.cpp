// heter predict: the predictions of a saved model for the examples of some files, one line each, in their order.
#include "cli/Terminal.h"
#include "runtime/base/Log.h"
#include "runtime/role/Predictions.h"
#include "runtime/role/Run.h"
#include "runtime/tools/Advice.h"
#include "runtime/tools/Commands.h"
#include "runtime/tools/Interrupt.h"
#include "runtime/tools/Paths.h"
#include "runtime/tools/Report.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace heter::runtime::tools {

namespace {

/// Where predictions go. A file is written aside and takes its name when it is whole; standard output and what is no
/// plain file (a pipe, /dev/null) are written as predictions come.
class PredictionFile {
public:
  /// REQUIRES: `files` and `path` outlive the object.
  PredictionFile(FileSystem &files, const std::string &path) : files_(files), path_(path) {}
  /// What was not committed is removed.
  ~PredictionFile() {
    file_.reset();
    if (!aside_.empty())
      (void)files_.remove(aside_);
  }
  PredictionFile(const PredictionFile &) = delete;
  PredictionFile &operator=(const PredictionFile &) = delete;

  Status open(const RunOptions &options);
  Status write(const std::string &text);
  Status commit();

  bool isStandardOutput() const { return path_ == "-"; }

private:
  Status check(const RunOptions &options) const;

  FileSystem &files_;
  const std::string &path_;
  std::string aside_; ///< Empty: nothing is to be renamed or removed.
  std::unique_ptr<OutputFile> file_;
};

Status PredictionFile::check(const RunOptions &options) const {
  for (const char *suffix : {".gz", ".zst"})
    if (path_.ends_with(suffix))
      return Status::invalidArgument("--out: predictions are plain text, and `" + path_ + "` would say otherwise");
  std::error_code error;
  if (std::filesystem::is_directory(path_, error))
    return Status::invalidArgument("--out: `" + path_ + "` is a folder; name a file in it");
  if (std::filesystem::equivalent(options.loadFolder, path_, error))
    return Status::invalidArgument("--out: `" + path_ + "` is the model to predict with; give another file");
  HETER_RETURN_IF_ERROR(checkOwnFile(files_, "--out", path_));
  for (const std::string &pattern : options.dataFiles) {
    HETER_ASSIGN_OR_RETURN(std::vector<std::string> paths, files_.glob(pattern));
    for (const std::string &path : paths)
      if (std::filesystem::equivalent(path, path_, error))
        return Status::invalidArgument("--out: `" + path_ + "` holds examples; give the predictions another file");
  }
  return {};
}

Status PredictionFile::open(const RunOptions &options) {
  if (isStandardOutput())
    return {};
  HETER_RETURN_IF_ERROR(check(options));
  std::error_code error;
  bool replaceable = !std::filesystem::exists(path_, error) || std::filesystem::is_regular_file(path_, error);
  std::string target = replaceable ? path_ + ".partial" : path_;
  auto file = files_.openForWrite(target);
  if (!file.ok())
    return file.status().withContext("--out");
  file_ = std::move(*file);
  if (replaceable)
    aside_ = target;
  return {};
}

Status PredictionFile::write(const std::string &text) {
  if (file_)
    return file_->append(text);
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return {};
  return Status::failedPrecondition(std::string("cannot write to standard output: ") + std::strerror(errno));
}

Status PredictionFile::commit() {
  if (!file_)
    return {};
  if (!aside_.empty())
    HETER_RETURN_IF_ERROR(file_->sync());
  HETER_RETURN_IF_ERROR(file_->close());
  if (!aside_.empty())
    HETER_RETURN_IF_ERROR(files_.rename(aside_, path_));
  aside_.clear();
  return {};
}

/// Names of several columns; one needs none, so that line n of the output is that of example n.
std::string header(const std::vector<std::string> &columns) {
  std::string text;
  if (columns.size() > 1)
    for (const std::string &column : columns)
      text += (text.empty() ? "" : "\t") + column;
  return text.empty() ? text : text + "\n";
}

Status run(const PredictCommand &command) {
  prefixLog();
  auto files = makePosixFileSystem();
  HETER_ASSIGN_OR_RETURN(Package package, openPackage(*files, command.package));
  HETER_RETURN_IF_ERROR(checkOptions(*files, package.info, command.options));
  HETER_ASSIGN_OR_RETURN(std::vector<std::string> columns, predictionColumns(package));
  PredictionFile out(*files, command.out);
  HETER_RETURN_IF_ERROR(out.open(command.options));
  HETER_RETURN_IF_ERROR(out.write(header(columns)));
  exitOnInterrupt();
  for (const std::string &warning : warningsOf(command.options, package.info))
    logWarning(warning);
  ProgressDisplay display;
  RunHooks hooks;
  hooks.progress = [&](const RunProgress &progress) { display.show(progress); };
  hooks.predictions = [&](const std::string &lines) { return out.write(lines); };
  StatusOr<RunResult> result = runInProcess(package, *files, command.options, hooks);
  display.finish();
  HETER_RETURN_IF_ERROR(result.status());
  HETER_RETURN_IF_ERROR(out.commit());
  std::string table = predictionTable(*result, cli::mayColor(out.isStandardOutput() ? STDERR_FILENO : STDOUT_FILENO));
  std::fwrite(table.data(), 1, table.size(), out.isStandardOutput() ? stderr : stdout);
  return {};
}

} // namespace

int predict(const PredictCommand &command) {
  Status status = run(command);
  return status.ok() ? 0 : fail(status);
}

} // namespace heter::runtime::tools
