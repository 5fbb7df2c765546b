// The shared object of generated kernels, loaded with dlopen for the best instruction-set level at hand.
#include "runtime/package/KernelObject.h"

#include "runtime/base/Log.h"
#include "runtime/base/Processor.h"
#include "runtime/package/Manifest.h"
#include "runtime/package/Package.h"

#include <dlfcn.h>

namespace heter::runtime {
namespace {

/// The level whose kernels multiply tiles of bf16.
constexpr const char *tileLevel = "x86-64-v4-amx";

class SharedKernelObject final : public KernelObject {
public:
  SharedKernelObject(void *handle, std::string description) : handle_(handle), description_(std::move(description)) {}
  ~SharedKernelObject() override { dlclose(handle_); }

  KernelFunction find(const std::string &symbol) const override {
    return reinterpret_cast<KernelFunction>(dlsym(handle_, symbol.c_str()));
  }
  const std::string &description() const override { return description_; }

private:
  void *handle_;
  std::string description_;
};

} // namespace

/// Loading a damaged object may end the process, so its bytes are checked before.
static Status checkObject(FileSystem &files, const std::string &folder, const std::string &name) {
  HETER_ASSIGN_OR_RETURN(bool there, files.exists(folder + "/" + manifestFile));
  if (!there)
    return {};
  HETER_ASSIGN_OR_RETURN(std::string text, files.readFile(folder + "/" + manifestFile));
  StatusOr<Manifest> manifest = parseManifest(text);
  if (!manifest.ok())
    return manifest.status().withContext("`" + folder + "/" + manifestFile + "`");
  HETER_ASSIGN_OR_RETURN(std::string bytes, files.readFile(folder + "/" + name));
  return checkFile(*manifest, folder, name, bytes);
}

std::vector<std::string> supportedLevels() {
  std::vector<std::string> levels;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4") && mayUseTiles())
    levels.emplace_back(tileLevel);
  if (__builtin_cpu_supports("x86-64-v4"))
    levels.emplace_back("x86-64-v4");
  if (__builtin_cpu_supports("x86-64-v3"))
    levels.emplace_back("x86-64-v3");
  return levels;
}

/// Says how products in bf16 are computed, if the package has any.
static Status sayHowTilesAreMultiplied(FileSystem &files, const std::string &folder, const std::string &chosen) {
  HETER_ASSIGN_OR_RETURN(bool there, files.exists(folder + "/kernels-cpu-" + tileLevel + ".so"));
  if (there && chosen == tileLevel)
    logInfo("products in bf16: the package's kernels for AMX tiles");
  else if (there)
    logInfo("products in bf16: rounded operands are multiplied in f32 by oneDNN, because this processor has no AMX");
  return {};
}

StatusOr<std::unique_ptr<KernelObject>> openKernelObject(FileSystem &files, const std::string &folder) {
  std::vector<std::string> levels = supportedLevels();
  for (const std::string &level : levels) {
    std::string name = "kernels-cpu-" + level + ".so", path = folder + "/" + name;
    HETER_ASSIGN_OR_RETURN(bool there, files.exists(path));
    if (!there)
      continue;
    HETER_RETURN_IF_ERROR(checkObject(files, folder, name));
    // A path with a slash keeps dlopen from searching the library folders.
    std::string named = path.front() == '/' ? path : "./" + path;
    void *handle = dlopen(named.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      return Status::dataLoss("cannot load the kernels `" + path + "`: " + dlerror() + "; compile the model again");
    auto kernels = std::make_unique<SharedKernelObject>(handle, path + " (" + level + ")");
    HETER_RETURN_IF_ERROR(sayHowTilesAreMultiplied(files, folder, level));
    return std::unique_ptr<KernelObject>(std::move(kernels));
  }
  if (levels.empty())
    return Status::failedPrecondition(
        "this processor has neither x86-64-v4 nor x86-64-v3 (AVX2), which the kernels need");
  return Status::notFound("`" + folder + "` holds no kernels for this processor, kernels-cpu-" + levels.back() +
                          ".so; compile the model again");
}

} // namespace heter::runtime
