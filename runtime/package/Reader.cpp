// Reads a package folder file by file and has it verified.
#include "runtime/package/Manifest.h"
#include "runtime/package/Package.h"
#include "runtime/package/Package_constants.h"

#include <set>

namespace heter::runtime {

const package::RoleProgram *Package::find(const std::string &role) const {
  for (const package::RoleProgram &program : programs)
    if (program.role == role)
      return &program;
  return nullptr;
}

static Status checkVersion(int64_t version, const std::string &path) {
  int64_t known = package::g_Package_constants.FORMAT_VERSION;
  if (version == known)
    return {};
  return Status::failedPrecondition("`" + path + "` has package format " + std::to_string(version) +
                                    ", this program reads " + std::to_string(known) + "; compile the model again");
}

/// Every file that looks like a program must be one of the package's roles.
static Status checkNoStrangers(FileSystem &files, const std::string &folder, const package::PackageInfo &info) {
  std::set<std::string> roles(info.roles.begin(), info.roles.end());
  HETER_ASSIGN_OR_RETURN(std::vector<std::string> names, files.list(folder));
  for (const std::string &name : names)
    if (name.ends_with(programSuffix) && !roles.count(name.substr(0, name.size() - std::string(programSuffix).size())))
      return Status::dataLoss("`" + folder + "/" + name + "` belongs to no role of the package");
  return {};
}

StatusOr<Package> readPackage(FileSystem &files, const std::string &folder) {
  std::string manifestPath = folder + "/" + manifestFile;
  HETER_ASSIGN_OR_RETURN(bool there, files.exists(manifestPath));
  if (!there)
    return Status::notFound("`" + folder + "` is not a package: it has no " + manifestFile +
                            "; `heterc MODEL.heter -o " + folder + "` makes one");
  HETER_ASSIGN_OR_RETURN(std::string manifestText, files.readFile(manifestPath));
  StatusOr<Manifest> manifest = parseManifest(manifestText);
  if (!manifest.ok())
    return Status(manifest.status().code(), "`" + manifestPath + "` " + manifest.status().message());
  HETER_RETURN_IF_ERROR(checkVersion(manifest->format, manifestPath));

  Package result;
  result.folder = folder;
  std::string infoPath = folder + "/" + packageInfoFile;
  HETER_ASSIGN_OR_RETURN(std::string infoBytes, files.readFile(infoPath));
  HETER_RETURN_IF_ERROR(checkFile(*manifest, folder, packageInfoFile, infoBytes));
  StatusOr<package::PackageInfo> info = decodePackageInfo(infoBytes);
  if (!info.ok())
    return Status(info.status().code(), "`" + infoPath + "` " + info.status().message());
  HETER_RETURN_IF_ERROR(checkVersion(info->version, infoPath));
  result.info = std::move(*info);
  HETER_RETURN_IF_ERROR(checkNoStrangers(files, folder, result.info));

  for (const std::string &role : result.info.roles) {
    std::string path = folder + "/" + role + programSuffix;
    HETER_ASSIGN_OR_RETURN(std::string bytes, files.readFile(path));
    HETER_RETURN_IF_ERROR(checkFile(*manifest, folder, role + programSuffix, bytes));
    StatusOr<package::RoleProgram> program = decodeRoleProgram(bytes);
    if (!program.ok())
      return Status(program.status().code(), "`" + path + "` " + program.status().message());
    if (program->role != role)
      return Status::dataLoss("`" + path + "` holds the program of role `" + program->role + "`");
    result.programs.push_back(std::move(*program));
  }
  if (Status status = verifyPackage(result.info, result.programs); !status.ok())
    return status.withContext("package `" + folder + "`");
  result.hash = programHash(result.info, result.programs);
  if (result.hash != manifest->programHash)
    return Status::dataLoss("`" + manifestPath + "` records program hash " + manifest->programHash +
                            " but the files have " + result.hash + ": they were changed after heterc wrote them");
  return result;
}

} // namespace heter::runtime
