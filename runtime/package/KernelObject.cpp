// The shared object of generated kernels, loaded with dlopen for the best instruction-set level at hand.
#include "runtime/package/KernelObject.h"

#include "runtime/base/Log.h"
#include "runtime/base/Processor.h"
#include "runtime/package/Manifest.h"
#include "runtime/package/Package.h"

#include <cstdlib>
#include <dlfcn.h>

namespace heter::runtime {
namespace {

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

/// Says how products in bf16 are computed, if the package has any.
static Status sayHowProductsAreMade(FileSystem &files, const std::string &folder, const std::string &chosen) {
  HETER_ASSIGN_OR_RETURN(bool there, files.exists(folder + "/kernels-cpu-" + tileLevel + ".so"));
  if (!there)
    return {};
  const std::vector<std::string> all = processorLevels();
  const bool forced = all.front() != usableLevels().front();
  if (chosen == tileLevel)
    logInfo(std::string("products in bf16: amx") + (tilesAreEmulated() ? ", emulated in software" : "") +
            ", the package's kernels for tiles");
  else if (chosen == vectorLevel)
    logInfo(std::string("products in bf16: avx512-bf16, the package's kernels for vectors, because ") +
            (forced ? "HETER_CPU_LEVEL says so" : "this processor has no AMX"));
  else
    logInfo(std::string("products in bf16: f32 fallback, rounded operands multiplied by oneDNN, because ") +
            (forced ? "HETER_CPU_LEVEL says so" : "this processor has neither AMX nor AVX-512 bf16"));
  return {};
}

/// What a setting that leaves no level is told.
static Status noLevel() {
  const std::vector<std::string> all = processorLevels();
  if (all.empty())
    return Status::failedPrecondition(
        "this processor has neither x86-64-v4 nor x86-64-v3 (AVX2), which the kernels need");
  std::string names;
  for (const std::string &level : all)
    names += (names.empty() ? "`" : ", `") + level + "`";
  const char *asked = std::getenv("HETER_CPU_LEVEL");
  return Status::invalidArgument("HETER_CPU_LEVEL is `" + std::string(asked ? asked : "") +
                                 "`, which is no level of this processor; it has " + names);
}

StatusOr<std::unique_ptr<KernelObject>> openKernelObject(FileSystem &files, const std::string &folder) {
  const std::vector<std::string> &levels = usableLevels();
  if (levels.empty())
    return noLevel();
  if (tilesAreEmulated() && mayUseTiles())
    logWarning("AMX tiles are emulated in software, by a preloaded library for tests: do not measure anything");
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
    HETER_RETURN_IF_ERROR(sayHowProductsAreMade(files, folder, level));
    return std::unique_ptr<KernelObject>(std::move(kernels));
  }
  return Status::notFound("`" + folder + "` holds no kernels for this processor, kernels-cpu-" + levels.back() +
                          ".so; compile the model again");
}

} // namespace heter::runtime
