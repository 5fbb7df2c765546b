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

StatusOr<Package> openPackage(FileSystem &files, const std::string &path) {
  HETER_RETURN_IF_ERROR(checkExists(files, path, "package"));
  HETER_ASSIGN_OR_RETURN(bool isPackage, files.exists(path + "/" + manifestFile));
  if (!isPackage)
    return Status::invalidArgument("`" + path + "` is no package, for it has no " + manifestFile +
                                   "; make one with `heterc SPEC -o " + path + "`");
  return readPackage(files, path);
}

} // namespace heter::runtime::tools
