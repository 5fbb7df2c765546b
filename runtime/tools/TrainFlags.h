// The flags of `heter run` and `heter launch`.
#ifndef HETER_RUNTIME_TOOLS_TRAINFLAGS_H
#define HETER_RUNTIME_TOOLS_TRAINFLAGS_H

#include "runtime/tools/Commands.h"
#include "runtime/tools/Flags.h"

#include <optional>

namespace heter::runtime::tools {

/// A training subcommand's flags, and what of them needs a second look after parsing.
class TrainFlags {
public:
  void addTo(CLI::App &app, bool launch);
  /// Fills the command; returns what is wrong, or "".
  std::string finish(bool launch, TrainCommand &command);

private:
  void addDataFlags(CLI::App &app);
  void addTrainingFlags(CLI::App &app, bool launch);
  void addRoleFlags(CLI::App &app, bool launch);

  TrainCommand command_;
  std::string lines_, testLines_, update_ = "sync", rowCache_;
  std::optional<int64_t> staleness_;
  std::optional<uint64_t> seed_;
  ClassFlags classes_;
};

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_TRAINFLAGS_H
