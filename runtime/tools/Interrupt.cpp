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

std::array<std::atomic<pid_t>, 1024> doomed; ///< 0: free.
static_assert(std::atomic<pid_t>::is_always_lock_free);

void say(std::string_view text) {
  int error = errno;
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  errno = error;
}

void leave(int) {
  say("\nheter: interrupted\n");
  for (const auto &slot : doomed)
    if (pid_t process = slot.load())
      ::kill(process, SIGKILL);
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

static void replace(pid_t from, pid_t to) {
  for (auto &slot : doomed)
    if (pid_t expected = from; slot.compare_exchange_strong(expected, to))
      return;
}

void killOnExit(pid_t process) { replace(0, process); }
void forget(pid_t process) { replace(process, 0); }

void surviveFileSizeLimit() { std::signal(SIGXFSZ, SIG_IGN); }

} // namespace heter::runtime::tools
