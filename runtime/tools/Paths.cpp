// Looks at what a path leads to, and beside a missing one for what was meant.
#include "runtime/tools/Paths.h"

#include "runtime/base/Suggest.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/data/DataStream.h"
#include "runtime/device/Device.h"
#include "runtime/export/ExportFile.h"
#include "runtime/role/Model.h"

#include <filesystem>
#include <map>
#include <optional>

namespace heter::runtime::tools {

namespace {

enum class PathKind { Nothing, File, Folder, Package, SavedModel };

StatusOr<PathKind> kindOf(FileSystem &files, const std::string &path) {
  HETER_ASSIGN_OR_RETURN(bool there, files.exists(path));
  if (!there)
    return PathKind::Nothing;
  if (!files.list(path).ok())
    return PathKind::File;
  HETER_ASSIGN_OR_RETURN(bool hasInfo, files.exists(path + "/" + packageInfoFile));
  HETER_ASSIGN_OR_RETURN(bool hasManifest, files.exists(path + "/" + manifestFile));
  return hasInfo ? PathKind::Package : hasManifest ? PathKind::SavedModel : PathKind::Folder;
}

bool isPattern(const std::string &path) { return path.find_first_of("*?[") != std::string::npos; }

} // namespace

Status checkExists(FileSystem &files, const std::string &path, const std::string &what) {
  if (path.empty())
    return Status::invalidArgument("the name of a " + what + " is empty");
  if (isPattern(path)) {
    HETER_ASSIGN_OR_RETURN(std::vector<std::string> matches, files.glob(path));
    return matches.empty() ? Status::notFound("no " + what + " matches `" + path + "`") : Status();
  }
  HETER_ASSIGN_OR_RETURN(bool there, files.exists(path));
  if (there)
    return {};
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/')
    trimmed.pop_back();
  size_t slash = trimmed.rfind('/');
  std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : trimmed.substr(0, slash);
  std::string message = "there is no " + what + " `" + path + "`";
  if (StatusOr<std::vector<std::string>> near = files.list(folder); near.ok())
    message += didYouMean(slash == std::string::npos ? trimmed : trimmed.substr(slash + 1), *near);
  return Status::notFound(message);
}

namespace {

/// Only heter-ps packages have classes; elsewhere the flags mean nothing and stay without effect.
Status checkClass(const package::PackageInfo &info, const char *flag, const std::string &name) {
  constexpr std::string_view prefix = "heter-trainer.";
  if (info.mode != "heter-ps" || name.empty())
    return {};
  std::vector<std::string> classes;
  std::string known;
  for (const std::string &role : info.roles) {
    if (!role.starts_with(prefix))
      continue;
    classes.push_back(role.substr(prefix.size()));
    if (classes.back() == name)
      return {};
    known += (known.empty() ? "`" : ", `") + classes.back() + "`";
  }
  std::string message = std::string(flag) + ": model `" + info.model + "` has no class `" + name + "`";
  std::string mend = didYouMean(name, classes);
  return Status::invalidArgument(message + (mend.empty() ? "; it has " + known : mend));
}

} // namespace

namespace {

Status checkDataFiles(FileSystem &files, const char *flag, const std::vector<std::string> &paths, const char *what) {
  for (const std::string &path : paths) {
    HETER_RETURN_IF_ERROR(checkExists(files, path, what));
    HETER_ASSIGN_OR_RETURN(PathKind kind, isPattern(path) ? PathKind::File : kindOf(files, path));
    if (kind == PathKind::Package || kind == PathKind::SavedModel)
      return Status::invalidArgument(std::string(flag) + ": `" + path + "` is a " +
                                     (kind == PathKind::Package ? "package" : "saved model") + ", no " + what);
    if (kind == PathKind::Folder)
      return Status::invalidArgument(std::string(flag) + ": `" + path + "` is a folder; name its files, as in '" +
                                     path + "/*'");
  }
  return {};
}

} // namespace

Status checkOptions(FileSystem &files, const package::PackageInfo &info, const RunOptions &options, bool readsData) {
  HETER_RETURN_IF_ERROR(findDataSource(info, options.input).status());
  HETER_RETURN_IF_ERROR(options.checkSaving());
  for (const auto &[name, count] : options.heterTrainers)
    HETER_RETURN_IF_ERROR(checkClass(info, "--heter-trainers", name));
  SimulatedScheduler scheduler(0); // Nothing is launched: only the device's name is read.
  for (const auto &[name, device] : options.devices) {
    HETER_RETURN_IF_ERROR(checkClass(info, "--device", name));
    HETER_RETURN_IF_ERROR(makeDevice(device, scheduler).status().withContext("--device " + name + "=" + device));
  }
  if (readsData) {
    HETER_RETURN_IF_ERROR(checkDataFiles(files, "--data", options.dataFiles, "data file"));
    HETER_RETURN_IF_ERROR(checkDataFiles(files, "--test", options.testFiles, "test file"));
  }
  if (options.loadFolder.empty() || (options.predict && exports::isExport(files, options.loadFolder)))
    return {};
  return checkSavedModel(files, options.loadFolder);
}

Status checkRowCache(const Package &package, const RunOptions &options) {
  if (options.rowCacheBytes.value_or(0) == 0 || !heterParts(Model(package.info), package).empty())
    return {};
  if (package.info.mode == "heter-ps")
    return Status::invalidArgument("--row-cache: no heter-trainer of model `" + package.info.model +
                                   "` looks a table up, so there are no rows to keep; leave the flag out, or put a "
                                   "lookup of the model in a block like `on heter { .. }`");
  return Status::invalidArgument("--row-cache: the package is compiled with --mode=" + package.info.mode +
                                 ", so no heter-trainer is there to keep rows; leave the flag out, or compile a model "
                                 "that looks tables up in a block like `on heter { .. }` with --mode=heter-ps");
}

Status checkTestData(FileSystem &files, const package::PackageInfo &info, const RunOptions &options) {
  if (options.testFiles.empty())
    return {};
  HETER_ASSIGN_OR_RETURN(const package::DataSource *source, findDataSource(info, options.input));
  DataOptions data;
  data.files = options.testFiles;
  data.lines = options.testLines;
  data.batchSize = data.maxExamples = 1;
  data.maxBadLines = options.maxBadLines;
  Mutex mutex;
  CondVar changed;
  std::optional<Status> outcome;
  // Destroyed first: then no task uses the rest any more.
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(1);
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<DataStream> stream,
                         DataStream::open(*source, info.inputs, data, files, *scheduler));
  stream->next([&](StatusOr<BatchPtr> batch) {
    MutexLock lock(mutex);
    outcome = batch.status();
    changed.notifyAll();
  });
  MutexLock lock(mutex);
  while (!outcome)
    changed.wait(mutex);
  return outcome->withContext("--test");
}

Status checkWritable(FileSystem &files, const std::string &path) {
  if (path.starts_with("/dev/"))
    return {}; // Devices are written in place, and say by themselves.
  std::string probe = path + ".partial";
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file, files.openForWrite(probe));
  HETER_RETURN_IF_ERROR(file->close());
  return files.remove(probe);
}

Status checkOwnFile(FileSystem &files, const std::string &flag, const std::string &path) {
  HETER_ASSIGN_OR_RETURN(PathKind kind, kindOf(files, path));
  if (kind != PathKind::File)
    return {};
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string name = path.substr(slash + 1); // all of it, if there is no slash
  HETER_ASSIGN_OR_RETURN(PathKind around, kindOf(files, folder));
  if (around == PathKind::SavedModel && name != manifestFile && !name.starts_with("save-"))
    return {};
  if (around != PathKind::Package && around != PathKind::SavedModel)
    return {};
  return Status::invalidArgument(flag + ": `" + path + "` is a file of a " +
                                 (around == PathKind::Package ? "package" : "saved model") + "; give another file");
}

Status checkOutputFile(FileSystem &files, const std::string &flag, const std::string &path) {
  HETER_RETURN_IF_ERROR(checkOwnFile(files, flag, path));
  HETER_ASSIGN_OR_RETURN(PathKind kind, kindOf(files, path));
  if (kind != PathKind::Nothing && kind != PathKind::File)
    return Status::invalidArgument(flag + ": `" + path + "` is a folder; give a file in it");
  return checkWritable(files, path).withContext(flag);
}

Status checkReports(FileSystem &files, const RunOptions &options, const std::vector<ReportFile> &reports) {
  std::map<std::filesystem::path, std::string> taken; // files that the run needs, and what each is
  const auto placeOf = [](const std::string &path) {
    std::error_code error;
    std::filesystem::path place = std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
    return error ? std::filesystem::path(path) : place;
  };
  for (const auto &[paths, what] :
       {std::pair(&options.dataFiles, "a data file"), std::pair(&options.testFiles, "a test file")})
    for (const std::string &path : *paths) {
      StatusOr<std::vector<std::string>> matches = files.glob(path); // None on a machine without the data.
      for (const std::string &match : matches.ok() ? *matches : std::vector<std::string>())
        taken.emplace(placeOf(match), what);
    }
  for (const auto &[flag, path] : reports) {
    if (path.empty())
      continue;
    if (auto [other, fresh] = taken.emplace(placeOf(path), "what " + flag + " writes"); !fresh)
      return Status::invalidArgument(flag + ": `" + path + "` is also " + other->second + "; give another file");
    HETER_RETURN_IF_ERROR(checkOutputFile(files, flag, path));
  }
  return {};
}

Status checkSaveFolder(FileSystem &files, const std::string &path) {
  if (path.empty())
    return {};
  HETER_ASSIGN_OR_RETURN(PathKind kind, kindOf(files, path));
  if (kind == PathKind::Package)
    return Status::invalidArgument("--save: `" + path + "` is a package; give the model a folder of its own");
  if (kind == PathKind::File)
    return Status::invalidArgument("--save: `" + path + "` is a file; give a folder");
  HETER_RETURN_IF_ERROR(files.createDirectories(path).withContext("--save"));
  return checkWritable(files, path + "/" + manifestFile).withContext("--save");
}

Status checkScratchFolder(FileSystem &files, const std::string &flag, const std::string &path) {
  HETER_ASSIGN_OR_RETURN(PathKind kind, kindOf(files, path));
  const char *what = kind == PathKind::File         ? "a file"
                     : kind == PathKind::Package    ? "a package"
                     : kind == PathKind::SavedModel ? "a saved model"
                                                    : nullptr;
  return what ? Status::invalidArgument(flag + ": `" + path + "` is " + what + "; give a folder of its own") : Status();
}

Status checkSavedModel(FileSystem &files, const std::string &path) {
  HETER_RETURN_IF_ERROR(checkExists(files, path, "saved model"));
  HETER_ASSIGN_OR_RETURN(PathKind kind, kindOf(files, path));
  if (kind == PathKind::Package)
    return Status::invalidArgument("`" + path + "` is a package, no saved model; --save DIR of `heter run` writes one");
  const std::string name = path.substr(path.rfind('/') + 1);
  if (kind == PathKind::File && name.starts_with("save-") && name.ends_with(".json"))
    return {}; // One of several saves of a folder.
  if (kind == PathKind::File && exports::isExport(files, path))
    return Status::invalidArgument("`" + path +
                                   "` is an export, which has values for predictions only; give the "
                                   "saved model that it was made from");
  if (kind == PathKind::File)
    return Status::invalidArgument("`" + path + "` is a file; a saved model is the folder that --save writes");
  if (kind == PathKind::Folder)
    return Status::invalidArgument("no model was saved in `" + path + "`: there is no " + manifestFile);
  return {};
}

Status checkExport(FileSystem &files, const std::string &path, const std::string &what) {
  HETER_RETURN_IF_ERROR(checkExists(files, path, what));
  HETER_ASSIGN_OR_RETURN(PathKind kind, kindOf(files, path));
  if (kind == PathKind::File)
    return {};
  return Status::invalidArgument("`" + path + "` is a " +
                                 (kind == PathKind::Package      ? "package"
                                  : kind == PathKind::SavedModel ? "saved model"
                                                                 : "folder") +
                                 ", no " + what + "; `heter export` writes one");
}

StatusOr<Package> openPackage(FileSystem &files, const std::string &path) {
  HETER_RETURN_IF_ERROR(checkExists(files, path, "package"));
  HETER_ASSIGN_OR_RETURN(PathKind kind, kindOf(files, path));
  if (kind == PathKind::File && path.ends_with(".heter"))
    return Status::invalidArgument("`" + path + "` is a model; compile it first: heterc " + path + " -o " +
                                   path.substr(0, path.size() - 6) + ".pkg");
  if (kind == PathKind::File)
    return Status::invalidArgument("`" + path + "` is a file; a package is the folder that heterc writes");
  if (kind == PathKind::SavedModel)
    return Status::invalidArgument("`" + path +
                                   "` is a saved model, no package; give the package it was trained with, "
                                   "and the model with --load");
  HETER_ASSIGN_OR_RETURN(bool isPackage, files.exists(path + "/" + manifestFile));
  if (!isPackage)
    return Status::invalidArgument("`" + path + "` is no package, for it has no " + manifestFile +
                                   "; make one with `heterc MODEL.heter -o " + path + "`");
  return readPackage(files, path);
}

} // namespace heter::runtime::tools
