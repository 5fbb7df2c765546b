// Signal handlers; they call nothing but async-signal-safe functions.
#include "runtime/tools/Interrupt.h"

#include "runtime/tools/Commands.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace heter::runtime::tools {

namespace {

volatile std::sig_atomic_t noted = 0;

std::array<std::atomic<pid_t>, 1024> doomed;
std::atomic<size_t> doomedCount = 0;
static_assert(std::atomic<pid_t>::is_always_lock_free && std::atomic<size_t>::is_always_lock_free);

void say(std::string_view text) {
  int error = errno;
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  errno = error;
}

void leave(int) {
  say("\nheter: interrupted\n");
  for (size_t i = 0; i < doomedCount.load(); ++i)
    ::kill(doomed[i].load(), SIGKILL);
  ::_exit(exitInterrupted);
}

void note(int signal) {
  if (noted != 0)
    leave(signal);
  noted = 1;
  say("\nheter: interrupted; ending the run (once more leaves at once)\n");
}

void handle(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

} // namespace

void exitOnInterrupt() { handle(leave); }

void noteInterrupts() { handle(note); }

bool interrupted() { return noted != 0; }

void killOnExit(pid_t process) {
  size_t slot = doomedCount.load();
  if (slot == doomed.size())
    return;
  doomed[slot] = process;
  doomedCount = slot + 1;
}

void ignoreWriteSignals() {
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
}

} // namespace heter::runtime::tools
