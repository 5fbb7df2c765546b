// posix_spawn of this program, and waitpid.
#include "runtime/tools/ChildProcess.h"

#include "runtime/tools/Interrupt.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <utility>

extern char **environ; // NOLINT(readability-redundant-declaration): POSIX leaves the declaration to the program.

namespace heter::runtime::tools {

std::string ChildExit::text() const {
  if (signal == 0)
    return "exited with " + std::to_string(code);
  return "was killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
}

StatusOr<ChildProcess> ChildProcess::start(std::string name, const std::vector<std::string> &arguments,
                                           std::string log) {
  std::vector<char *> argv;
  std::string program = "heter";
  argv.push_back(program.data());
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str())); // NOLINT: posix_spawn does not write to it.
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGTERM);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);

  pid_t pid = -1;
  int error = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return Status::unavailable("cannot start " + name + " with log " + log + ": " + std::strerror(error));
  killOnExit(pid);
  return ChildProcess(std::move(name), std::move(log), pid);
}

ChildProcess::ChildProcess(ChildProcess &&other) noexcept
    : name_(std::move(other.name_)), log_(std::move(other.log_)), pid_(std::exchange(other.pid_, -1)),
      exit_(other.exit_) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0)
    return;
  ::kill(pid_, SIGKILL);
  forget(pid_);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

const ChildExit *ChildProcess::poll() {
  int status = 0;
  if (pid_ >= 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    forget(std::exchange(pid_, -1));
    exit_ =
        WIFSIGNALED(status) ? ChildExit{128 + WTERMSIG(status), WTERMSIG(status)} : ChildExit{WEXITSTATUS(status), 0};
  }
  return exit_ ? &*exit_ : nullptr;
}

void ChildProcess::signal(int number) {
  if (pid_ >= 0)
    ::kill(pid_, number);
}

std::vector<std::string> warnings(const std::string &log) {
  std::vector<std::string> result;
  for (size_t begin = 0, end = 0; begin < log.size(); begin = end + 1) {
    end = std::min(log.find('\n', begin), log.size());
    if (std::string line = log.substr(begin, end - begin); line.find(": warning: ") != std::string::npos)
      result.push_back(std::move(line));
  }
  return result;
}

std::string tail(const std::string &text, int lines, const std::string &indent) {
  std::vector<std::string> last;
  size_t end = text.size();
  while (end > 0 && text[end - 1] == '\n')
    --end;
  while (end > 0 && static_cast<int>(last.size()) < lines) {
    size_t before = text.rfind('\n', end - 1);
    size_t begin = before == std::string::npos ? 0 : before + 1;
    last.push_back(text.substr(begin, end - begin));
    end = begin == 0 ? 0 : begin - 1;
  }
  std::string result;
  for (auto line = last.rbegin(); line != last.rend(); ++line)
    result += indent + *line + "\n";
  return result;
}

} // namespace heter::runtime::tools
