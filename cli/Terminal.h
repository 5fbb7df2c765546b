// What a terminal can show: its width, and colours where they are wanted.
#ifndef HETER_CLI_TERMINAL_H
#define HETER_CLI_TERMINAL_H

#include <string>
#include <string_view>

namespace heter::cli {

/// Whether colours may be written to a file descriptor: it is a terminal, TERM is not "dumb" and NO_COLOR is not set
/// (https://no-color.org).
bool mayColor(int descriptor);

/// Columns of the terminal behind a file descriptor; 80 if it is none or does not say.
int columnsOf(int descriptor);

enum class Style { Bold, Error, Caret, Help };

/// The text between the escape sequences of a style; the text alone if not `colored`.
std::string styled(std::string_view text, Style style, bool colored);

/// Error messages with their parts in colours: the word `error:`, underlines, `help:` and `note:`.
std::string paintErrors(std::string_view text, bool colored);

/// "TOOL: error: MESSAGE" to standard error, painted if it is a terminal. The message keeps its own lines.
void printError(std::string_view tool, std::string_view message);

} // namespace heter::cli

#endif // HETER_CLI_TERMINAL_H
