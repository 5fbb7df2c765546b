// The flags of `heter predict`.
#ifndef HETER_RUNTIME_TOOLS_PREDICTFLAGS_H
#define HETER_RUNTIME_TOOLS_PREDICTFLAGS_H

#include "runtime/tools/Commands.h"
#include "runtime/tools/Flags.h"

namespace heter::runtime::tools {

/// The flags of `predict`.
class PredictFlags {
public:
  void addTo(CLI::App &app);
  /// Fills the command; returns what is wrong, or "".
  std::string finish(PredictCommand &command);

private:
  void addDataFlags(CLI::App &app);
  void addRoleFlags(CLI::App &app);

  PredictCommand command_;
  std::string lines_, labels_ = "auto";
  ClassFlags classes_;
};

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_PREDICTFLAGS_H
