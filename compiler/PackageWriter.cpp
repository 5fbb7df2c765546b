// Writes a package folder: aside first, then into place by one rename.
#include "compiler/PackageWriter.h"

#include "runtime/package/Package.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <fcntl.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace mlir;

namespace heter::compiler {

namespace fs = std::filesystem;
namespace package = runtime::package;

namespace {

std::string kernelFile(const IsaLevel &isa) { return "kernels-cpu-" + isa.name + ".so"; }

std::string manifest(const PackageContents &contents, const std::vector<KernelObjectBytes> &kernels) {
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
  return json.dump(2) + "\n";
}

LogicalResult writeFile(const fs::path &path, const std::string &bytes, Location loc) {
  std::error_code error;
  llvm::raw_fd_ostream file(path.string(), error);
  if (!error) {
    file << bytes;
    file.close();
    error = file.error();
    file.clear_error();
  }
  if (error)
    return emitError(loc, "cannot write ") << path.string() << ": " << error.message();
  return success();
}

/// Whether a package may take this path: nothing is there, an empty folder, or a package.
bool mayReplace(const fs::path &path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error)))
    return true;
  return fs::is_directory(path, error) && (fs::is_empty(path, error) || fs::exists(path / "manifest.json", error));
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

LogicalResult writeFiles(const PackageContents &contents, const std::vector<KernelObjectBytes> &kernels,
                         const std::string &explanation, const fs::path &folder, Location loc) {
  if (failed(writeFile(folder / runtime::packageInfoFile, runtime::encode(contents.info), loc)) ||
      failed(writeFile(folder / "explain.txt", explanation, loc)) ||
      failed(writeFile(folder / runtime::manifestFile, manifest(contents, kernels), loc)))
    return failure();
  for (const package::RoleProgram &program : contents.programs)
    if (failed(writeFile(folder / (program.role + runtime::programSuffix), runtime::encode(program), loc)))
      return failure();
  for (const KernelObjectBytes &kernel : kernels)
    if (failed(linkSharedObject(kernel.object, (folder / kernelFile(kernel.isa)).string(), loc)))
      return failure();
  return success();
}

} // namespace

LogicalResult writePackage(const PackageContents &contents, const std::vector<KernelObjectBytes> &kernels,
                           const std::string &explanation, const std::string &path, Location loc) {
  fs::path target = fs::path(path).lexically_normal();
  if (!target.has_filename())
    target = target.parent_path();
  if (!mayReplace(target))
    return emitError(loc, "cannot write a package to ")
           << target.string() << ": something else is there; give another -o or remove it";
  fs::path aside = target.string() + ".new-" + std::to_string(getpid());
  std::error_code error;
  fs::create_directories(aside, error);
  if (error)
    return emitError(loc, "cannot make the folder ") << aside.string() << ": " << error.message();
  LogicalResult written = writeFiles(contents, kernels, explanation, aside, loc);
  if (succeeded(written))
    error = moveInto(aside, target);
  std::error_code ignored;
  fs::remove_all(aside, ignored);
  if (error)
    return emitError(loc, "cannot write ") << target.string() << ": " << error.message();
  return written;
}

} // namespace heter::compiler
