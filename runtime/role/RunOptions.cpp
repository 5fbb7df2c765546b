// Names and defaults of run options.
#include "runtime/role/RunOptions.h"

namespace heter::runtime {

const char *updateModeName(UpdateMode mode) { return mode == UpdateMode::Sync ? "sync" : "async"; }

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
