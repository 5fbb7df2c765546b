// Signal handlers; they call nothing but async-signal-safe functions.
#include "runtime/tools/Interrupt.h"

#include "runtime/tools/Commands.h"

#include <unistd.h>

#include <csignal>
#include <string_view>

namespace heter::runtime::tools {

namespace {

volatile std::sig_atomic_t noted = 0;

void handle(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

} // namespace

void exitOnInterrupt() {
  handle([](int) {
    constexpr std::string_view text = "\nheter: interrupted\n";
    [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    ::_exit(exitInterrupted);
  });
}

void noteInterrupts() {
  handle([](int) { noted = 1; });
}

bool interrupted() { return noted != 0; }

} // namespace heter::runtime::tools
