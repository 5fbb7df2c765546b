// Writes a package folder: aside first, then into place by one rename.
#include "compiler/PackageWriter.h"

#include "runtime/package/Package.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace heter::compiler {

namespace fs = std::filesystem;
namespace package = runtime::package;

namespace {

std::string kernelFile(const IsaLevel &isa) { return "kernels-cpu-" + isa.name + ".so"; }

/// The manifest's text. `checksums` are of the other files that are read back.
std::string manifest(const PackageContents &contents, const std::vector<KernelObjectBytes> &kernels,
                     const std::map<std::string, std::string> &checksums) {
  nlohmann::ordered_json json;
  json["format"] = contents.info.version;
  json["model"] = contents.info.model;
  json["mode"] = contents.info.mode;
  json["roles"] = contents.info.roles;
  json["tables"] = nlohmann::ordered_json::array();
  for (const package::Table &table : contents.info.tables)
    json["tables"].push_back(table.name);
  json["program_hash"] = runtime::programHash(contents.info, contents.programs);
  json["kernels"] = nlohmann::ordered_json::array();
  for (const KernelObjectBytes &kernel : kernels)
    json["kernels"].push_back({{"file", kernelFile(kernel.isa)},
                               {"class", "cpu"},
                               {"isa", kernel.isa.name},
                               {"cpu_features", kernel.isa.cpuFeatures}});
  json["sha256"] = checksums;
  return json.dump(2) + "\n";
}

/// Links the kernels in the folder, and adds their checksums.
llvm::Error writeKernels(const std::vector<KernelObjectBytes> &kernels, const fs::path &folder,
                         std::map<std::string, std::string> &checksums) {
  for (const KernelObjectBytes &kernel : kernels) {
    std::string name = kernelFile(kernel.isa), path = (folder / name).string();
    if (llvm::Error failed = linkSharedObject(kernel.object, path))
      return failed;
    auto linked = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!linked)
      return llvm::createStringError(linked.getError(), "cannot read " + path + ": " + linked.getError().message());
    checksums[name] = runtime::sha256Hex((*linked)->getBuffer().str());
  }
  return llvm::Error::success();
}

llvm::Error writeFile(const fs::path &path, const std::string &bytes) {
  std::error_code error;
  llvm::raw_fd_ostream file(path.string(), error);
  if (!error) {
    file << bytes;
    file.close();
    error = file.error();
    file.clear_error();
  }
  if (error)
    return llvm::createStringError(error, "cannot write " + path.string() + ": " + error.message());
  return llvm::Error::success();
}

/// Whether a package may take this path: nothing is there, an empty folder, or a package. A manifest alone does not
/// make one: saved models have a manifest too.
bool mayReplace(const fs::path &path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error)))
    return true;
  return fs::is_directory(path, error) &&
         (fs::is_empty(path, error) ||
          (fs::exists(path / runtime::manifestFile, error) && fs::exists(path / runtime::packageInfoFile, error)));
}

/// Puts the folder `from` at `to`; what was there comes to `from` or is gone.
std::error_code moveInto(const fs::path &from, const fs::path &to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0)
    return {};
  std::error_code error;
  if (fs::exists(to, error)) // A file system without exchange: the package is missing for a moment.
    fs::remove_all(to, error);
  fs::rename(from, to, error);
  return error;
}

llvm::Error writeFiles(const PackageContents &contents, const std::vector<KernelObjectBytes> &kernels,
                       const std::string &explanation, const fs::path &folder) {
  std::map<std::string, std::string> files = {{runtime::packageInfoFile, runtime::encode(contents.info)}};
  for (const package::RoleProgram &program : contents.programs)
    files[program.role + runtime::programSuffix] = runtime::encode(program);
  std::map<std::string, std::string> checksums;
  for (const auto &[name, bytes] : files)
    checksums[name] = runtime::sha256Hex(bytes);
  if (llvm::Error failed = writeKernels(kernels, folder, checksums))
    return failed;
  files["explain.txt"] = explanation;
  files[runtime::manifestFile] = manifest(contents, kernels, checksums);
  for (const auto &[name, bytes] : files)
    if (llvm::Error failed = writeFile(folder / name, bytes))
      return failed;
  return llvm::Error::success();
}

/// `path` without a slash at its end.
fs::path packageFolder(const std::string &path) {
  fs::path folder = fs::path(path).lexically_normal();
  return folder.has_filename() ? folder : folder.parent_path();
}

} // namespace

llvm::Error checkPackageFolder(const std::string &path) {
  fs::path folder = packageFolder(path);
  fs::path parent = fs::absolute(folder).parent_path();
  std::error_code error;
  while (!parent.empty() && !fs::exists(parent, error) && !error && parent != parent.parent_path())
    parent = parent.parent_path();
  if (!fs::is_directory(parent, error))
    return llvm::createStringError("cannot write a package to " + folder.string() + ": " + parent.string() +
                                   " is no folder");
  if (access(parent.c_str(), W_OK) != 0)
    return llvm::createStringError("cannot write a package to " + folder.string() + ": " + std::strerror(errno) +
                                   " in " + parent.string());
  if (mayReplace(folder))
    return llvm::Error::success();
  return llvm::createStringError("cannot write a package to " + folder.string() +
                                 ": something else is there; give another -o or remove it");
}

llvm::Error writePackage(const PackageContents &contents, const std::vector<KernelObjectBytes> &kernels,
                         const std::string &explanation, const std::string &path) {
  if (llvm::Error refused = checkPackageFolder(path))
    return refused;
  fs::path target = packageFolder(path);
  fs::path aside = target.string() + ".new-" + std::to_string(getpid());
  std::error_code error;
  fs::create_directories(aside, error);
  if (error)
    return llvm::createStringError(error, "cannot make the folder " + target.string() + ": " + error.message());
  llvm::Error failed = writeFiles(contents, kernels, explanation, aside);
  if (!failed)
    error = moveInto(aside, target);
  std::error_code ignored;
  fs::remove_all(aside, ignored);
  if (error)
    return llvm::createStringError(error, "cannot write " + target.string() + ": " + error.message());
  return failed;
}

} // namespace heter::compiler
