// Processes that `heter launch` starts: one for each role, with a log file each.
#ifndef HETER_RUNTIME_TOOLS_CHILDPROCESS_H
#define HETER_RUNTIME_TOOLS_CHILDPROCESS_H

#include "runtime/base/Status.h"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace heter::runtime::tools {

/// How a process ended.
struct ChildExit {
  int code = 0;   ///< As a shell shows it: 128 + signal for a killed one.
  int signal = 0; ///< 0: it exited by itself.

  bool ok() const { return code == 0; }
  /// "exited with 1", "was killed by signal 9 (Killed)".
  std::string text() const;
};

/// A process that this one started. It is killed if it still runs when the object goes. Not thread-safe.
class ChildProcess {
public:
  /// Starts this very program with `arguments` in a process group of its own (so that Ctrl-C reaches only the
  /// launcher), its output going to the file `log`.
  static StatusOr<ChildProcess> start(std::string name, const std::vector<std::string> &arguments, std::string log);

  ChildProcess(ChildProcess &&other) noexcept;
  ChildProcess &operator=(ChildProcess &&) = delete;
  ~ChildProcess();

  /// How it ended; null while it runs. Never waits.
  const ChildExit *poll();
  /// Does nothing if it has ended.
  void signal(int number);

  const std::string &name() const { return name_; }
  const std::string &log() const { return log_; }

private:
  ChildProcess(std::string name, std::string log, pid_t pid)
      : name_(std::move(name)), log_(std::move(log)), pid_(pid) {}

  std::string name_;
  std::string log_;
  pid_t pid_; ///< -1 once it is reaped or moved from.
  std::optional<ChildExit> exit_;
};

/// The lines of a role's log that warn, without their line ends.
std::vector<std::string> warnings(const std::string &log);

/// The last `lines` lines of a text, each begun with `indent`.
std::string tail(const std::string &text, int lines, const std::string &indent);

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_CHILDPROCESS_H
