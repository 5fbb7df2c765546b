// Names and defaults of run options.
#include "runtime/role/RunOptions.h"

#include <filesystem>

namespace heter::runtime {

std::string RunOptions::tierPlace() const {
  if (!tierFolder.empty())
    return tierFolder;
  if (saveFolder.empty()) {
    std::error_code none;
    const std::filesystem::path temporary = std::filesystem::temp_directory_path(none);
    return none ? "/tmp" : temporary.string();
  }
  const std::filesystem::path save = std::filesystem::path(saveFolder).lexically_normal();
  const std::filesystem::path folder = (save.has_filename() ? save : save.parent_path()).parent_path();
  return folder.empty() ? "." : folder.string();
}

Status RunOptions::checkSaving() const {
  const auto needs = [](const std::string &flag, const std::string &other) {
    return Status::invalidArgument(flag + " needs " + other);
  };
  if (saveEvery > 0 && saveFolder.empty())
    return needs("--save-every", "--save DIR");
  if (keepCheckpoints > 1 && saveFolder.empty())
    return needs("--keep-checkpoints", "--save DIR");
  if (increments > 0 && saveEvery == 0)
    return needs("--increments", "--save-every STEPS");
  if (restartData && loadFolder.empty())
    return needs("--restart-data", "--load DIR");
  return Status();
}

const char *updateModeName(UpdateMode mode) {
  return mode == UpdateMode::Sync ? "sync" : mode == UpdateMode::HalfAsync ? "half-async" : "async";
}

int RunOptions::heterTrainersOf(const std::string &deviceClass) const {
  for (const std::string &key : {deviceClass, std::string()})
    if (auto it = heterTrainers.find(key); it != heterTrainers.end())
      return it->second;
  return 1;
}

std::string RunOptions::deviceOf(const std::string &deviceClass) const {
  auto it = devices.find(deviceClass);
  return it == devices.end() ? "cpu" : it->second;
}

} // namespace heter::runtime
