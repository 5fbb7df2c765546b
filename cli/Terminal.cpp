// Escape sequences of ECMA-48, and what the system says about a terminal.
#include "cli/Terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace heter::cli {

bool mayColor(int descriptor) {
  const char *off = std::getenv("NO_COLOR"), *term = std::getenv("TERM");
  return isatty(descriptor) != 0 && !(off && *off) && term && std::string_view(term) != "dumb";
}

int columnsOf(int descriptor) {
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string styled(std::string_view text, Style style, bool colored) {
  static constexpr const char *codes[] = {"1", "1;31", "1;32", "36"};
  if (!colored || text.empty())
    return std::string(text);
  return "\x1b[" + std::string(codes[static_cast<int>(style)]) + "m" + std::string(text) + "\x1b[0m";
}

namespace {

bool isUnderline(std::string_view line) {
  return line.find('^') != std::string_view::npos && line.find_first_not_of(" ^~") == std::string_view::npos;
}

std::string paintLine(std::string_view line) {
  if (isUnderline(line))
    return styled(line, Style::Caret, true);
  for (auto [word, style] :
       {std::pair(std::string_view("error:"), Style::Error), std::pair(std::string_view("warning:"), Style::Help),
        std::pair(std::string_view("note:"), Style::Help), std::pair(std::string_view("help:"), Style::Help)}) {
    size_t at = line.find(word);
    // Only where a message begins: at the start, or behind the place or the tool's name.
    if (at == std::string_view::npos ||
        (line.substr(0, at).find_first_not_of(' ') != std::string_view::npos && !line.substr(0, at).ends_with(": ")))
      continue;
    return std::string(line.substr(0, at)) + styled(word, style, true) + std::string(line.substr(at + word.size()));
  }
  return std::string(line);
}

} // namespace

std::string paintErrors(std::string_view text, bool colored) {
  if (!colored)
    return std::string(text);
  std::string result;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    result += paintLine(text.substr(0, end));
    if (end < text.size())
      result += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

void printError(std::string_view tool, std::string_view message) {
  std::string line = std::string(tool) + ": error: " + std::string(message) + "\n";
  std::fputs(paintErrors(line, mayColor(STDERR_FILENO)).c_str(), stderr);
}

} // namespace heter::cli
