// What the command lines of heter and heterc share. A tool declares its commands, flags and examples once, as a
// CLI::App; from that come the parsing with one clear sentence for each wrong line, `--help`, the manual pages and the
// completion of bash and zsh.
//
// A command's footer is its examples: indented lines are commands, others are text. A value's type name says how it is
// completed: words between bars ("sync|async") are those words, DIR and PKG are folders, names with FILE are files.
#ifndef HETER_CLI_CLI_H
#define HETER_CLI_CLI_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
class Validator;
} // namespace CLI

namespace heter::cli {

inline constexpr int exitUsage = 2; ///< The command line is wrong.

/// What is said instead of doing something: help, a version, completion, or what is wrong with the line.
struct Answer {
  std::string text;
  int exitCode = 0;
};

/// Sets what all tools have in common: the layout of `--help`, `--version`, `--completion SHELL`, `--write-share DIR`
/// and, if the tool has commands, `help COMMAND`. Call it first.
void prepare(CLI::App &app, const std::string &version);

/// Parses the arguments after the program's name into what `app` is bound to. Null if they are to be obeyed. What all
/// tools have in common is done here, `--write-share` included.
std::optional<Answer> parse(CLI::App &app, const std::vector<std::string> &arguments);

/// "TOOL: error: MESSAGE" and where the deepest command that the line named has its help.
Answer usageError(const CLI::App &app, const std::string &message);

/// The deepest subcommand that the parsed line named.
CLI::App &chosen(CLI::App &app);
/// "heter data synth".
std::string pathOf(const CLI::App &app);
/// The commands of `app` and theirs, `app` first.
std::vector<const CLI::App *> allCommands(const CLI::App &app);
/// The options of a command without the positional arguments, or only these; as they were declared.
std::vector<const CLI::Option *> flagsOf(const CLI::App &app);
std::vector<const CLI::Option *> positionalsOf(const CLI::App &app);
bool takesValue(const CLI::Option &option);
bool takesManyValues(const CLI::Option &option);
/// Every name as it is typed: "-o", "--out".
std::vector<std::string> namesOf(const CLI::Option &option);
/// The words that a value may be, if its type name lists them.
std::vector<std::string> wordsOf(const CLI::Option &option);
/// "heter run PKG --data FILES.. [flags]".
std::string usageOf(const CLI::App &app);

/// The text of --help, no line longer than 80 columns.
std::string help(const CLI::App &app);

/// A manual page in the man macros of troff: "heter-run.1" and its text.
struct ManPage {
  std::string file;
  std::string text;
};
/// One page for each command.
std::vector<ManPage> manPages(const CLI::App &app);

/// A script for `eval "$(...)"` or a file that the shell loads by itself.
std::string bashCompletion(const CLI::App &app);
std::string zshCompletion(const CLI::App &app);

/// Writes all of these under `folder`, as they lie in /usr/share: man/man1, bash-completion/completions and
/// zsh/site-functions. Returns what went wrong, or "".
std::string writeShare(const CLI::App &app, const std::string &folder);

/// Checks a whole number; the error says what was expected.
CLI::Validator wholeNumber(int64_t least, int64_t most = INT64_MAX);
CLI::Validator seedNumber();
/// Any unsigned 64-bit number.
CLI::Validator idNumber();
/// A number in decimal, with or without a fraction.
CLI::Validator realNumber(int least, int most);
/// Checks that a value is one of the words, and says which one is near.
CLI::Validator oneOf(std::vector<std::string> words);

/// `text` in lines of at most `width` columns, each but the first begun with `indent` spaces.
std::string wrap(std::string_view text, size_t indent, size_t width = 80);

} // namespace heter::cli

#endif // HETER_CLI_CLI_H
