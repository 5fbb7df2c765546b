// Names and defaults of run options.
#include "runtime/role/RunOptions.h"

namespace heter::runtime {

const char *updateModeName(UpdateMode mode) { return mode == UpdateMode::Sync ? "sync" : "async"; }

StatusOr<UpdateMode> parseUpdateMode(const std::string &text) {
  if (text == "sync")
    return UpdateMode::Sync;
  if (text == "async")
    return UpdateMode::Async;
  if (text == "half-async" || text == "geo" || text == "collective")
    return Status::unimplemented("update mode '" + text + "' is not supported yet; sync and async are");
  return Status::invalidArgument("update mode '" + text + "' is not sync or async");
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
