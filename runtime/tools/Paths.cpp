// Looks beside a missing path for what was meant.
#include "runtime/tools/Paths.h"

#include "runtime/base/Suggest.h"

namespace heter::runtime::tools {

Status checkExists(FileSystem &files, const std::string &path, const std::string &what) {
  if (path.find_first_of("*?[") != std::string::npos) {
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

Status checkOptions(FileSystem &files, const package::PackageInfo &info, const RunOptions &options) {
  HETER_RETURN_IF_ERROR(findDataSource(info, options.input).status());
  for (const auto &[name, count] : options.heterTrainers)
    HETER_RETURN_IF_ERROR(checkClass(info, "--heter-trainers", name));
  for (const auto &[name, device] : options.devices)
    HETER_RETURN_IF_ERROR(checkClass(info, "--device", name));
  for (const std::string &path : options.dataFiles)
    HETER_RETURN_IF_ERROR(checkExists(files, path, "data file"));
  for (const std::string &path : options.testFiles)
    HETER_RETURN_IF_ERROR(checkExists(files, path, "test file"));
  if (!options.loadFolder.empty())
    HETER_RETURN_IF_ERROR(checkExists(files, options.loadFolder, "saved model"));
  return {};
}

Status checkWritable(FileSystem &files, const std::string &path) {
  std::string probe = path + ".partial";
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file, files.openForWrite(probe));
  HETER_RETURN_IF_ERROR(file->close());
  return files.remove(probe);
}

Status checkOutputs(FileSystem &files, const std::string &saveFolder, const std::string &summaryFile,
                    const std::string &lossesFile) {
  if (!summaryFile.empty())
    HETER_RETURN_IF_ERROR(checkWritable(files, summaryFile).withContext("--summary"));
  if (!lossesFile.empty())
    HETER_RETURN_IF_ERROR(checkWritable(files, lossesFile).withContext("--losses"));
  if (saveFolder.empty())
    return {};
  HETER_ASSIGN_OR_RETURN(bool isPackage, files.exists(saveFolder + "/" + packageInfoFile));
  if (isPackage)
    return Status::invalidArgument("--save: `" + saveFolder + "` is a package; give the model a folder of its own");
  HETER_RETURN_IF_ERROR(files.createDirectories(saveFolder).withContext("--save"));
  return checkWritable(files, saveFolder + "/" + manifestFile).withContext("--save");
}

StatusOr<Package> openPackage(FileSystem &files, const std::string &path) {
  HETER_RETURN_IF_ERROR(checkExists(files, path, "package"));
  HETER_ASSIGN_OR_RETURN(bool isPackage, files.exists(path + "/" + manifestFile));
  if (!isPackage)
    return Status::invalidArgument("`" + path + "` is no package, for it has no " + manifestFile +
                                   "; make one with `heterc SPEC -o " + path + "`");
  return readPackage(files, path);
}

} // namespace heter::runtime::tools
