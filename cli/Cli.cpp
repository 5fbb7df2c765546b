// Reads a line twice: first for what CLI11 would answer in words of its own (unknown flags, values that are missing or
// too many), then with CLI11, which converts and binds the values.
#include "cli/Cli.h"

#include "runtime/base/Suggest.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

namespace heter::cli {

using runtime::didYouMean;

namespace {

/// --help of every command in our own layout.
class HelpFormatter : public CLI::FormatterBase {
public:
  std::string make_help(const CLI::App *app, std::string, CLI::AppFormatMode) const override { return help(*app); }
};

std::vector<std::string> subcommandNames(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::App *sub : app.get_subcommands([](const CLI::App *) { return true; }))
    names.push_back(sub->get_name());
  return names;
}

std::string unknownCommand(const CLI::App &app, const std::string &word) {
  std::vector<std::string> names = subcommandNames(app);
  return "there is no command `" + word + "`" + didYouMean(word, names);
}

std::string unknownFlag(const CLI::App &app, const std::string &flag) {
  std::vector<std::string> names;
  for (const CLI::Option *option : flagsOf(app))
    for (const std::string &name : namesOf(*option))
      if (name.size() > 2)
        names.push_back(name);
  std::string typed = flag.starts_with("--") ? flag : "-" + flag; // -epochs
  return "there is no flag `" + flag + "`" + (typed.size() > 3 ? didYouMean(typed, names) : "");
}

const CLI::Option *findFlag(const CLI::App &app, const std::string &name) {
  for (const CLI::Option *option : app.get_options())
    for (const std::string &own : namesOf(*option))
      if (own == name)
        return option;
  return nullptr;
}

/// Follows a line through commands and flags; says what is wrong with it, in words of its own.
class Scan {
public:
  Scan(CLI::App &app, const std::vector<std::string> &arguments) : app_(&app), arguments_(arguments) {}

  /// Empty if nothing is wrong. `app()` is the command that it is about.
  std::string run() {
    for (position_ = 0; position_ < arguments_.size(); ++position_) {
      const std::string &argument = arguments_[position_];
      if (argument == "--")
        return {};
      std::string wrong = argument.size() > 1 && argument[0] == '-' ? flag(argument) : word(argument);
      if (!wrong.empty() || stopped_)
        return wrong;
    }
    return {};
  }
  const CLI::App &app() const { return *app_; }

private:
  std::string word(const std::string &argument) {
    std::vector<std::string> names = subcommandNames(*app_);
    if (names.empty())
      return {};
    if (std::find(names.begin(), names.end(), argument) == names.end())
      return unknownCommand(*app_, argument);
    app_ = app_->get_subcommand(argument);
    return {};
  }

  std::string flag(const std::string &argument) {
    size_t equals = argument.find('=');
    std::string name = argument.substr(0, equals);
    const CLI::Option *option = findFlag(*app_, name);
    bool joined = false; // -oPKG
    if (!option && argument.size() > 2 && argument[1] != '-') {
      option = findFlag(*app_, argument.substr(0, 2));
      joined = option && takesValue(*option);
      option = joined ? option : nullptr;
      name = joined ? argument.substr(0, 2) : name;
    }
    if (!option)
      return unknownFlag(*app_, name);
    if (name == "--help" || name == "-h" || name == "--version")
      stopped_ = true; // Nothing else of the line matters.
    bool hasValue = joined || equals != std::string::npos;
    if (!takesValue(*option))
      return hasValue ? "`" + name + "` takes no value" : std::string();
    if (++seen_[option] > 1 && option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw &&
        !takesManyValues(*option))
      return "`" + name + "` is given twice";
    std::string missing = "`" + name + "` wants a value: " + option->get_type_name();
    if (hasValue)
      return !joined && equals + 1 == argument.size() ? missing : std::string();
    if (position_ + 1 == arguments_.size() || arguments_[position_ + 1].empty() ||
        findFlag(*app_, arguments_[position_ + 1].substr(0, arguments_[position_ + 1].find('='))))
      return missing;
    ++position_;
    return {};
  }

  CLI::App *app_;
  const std::vector<std::string> &arguments_;
  size_t position_ = 0;
  bool stopped_ = false;
  std::map<const CLI::Option *, int> seen_;
};

Answer errorOf(CLI::App &app, const CLI::ParseError &error) {
  CLI::App &sub = chosen(app);
  if (std::vector<std::string> extras = sub.remaining(); !extras.empty())
    return usageError(sub, "`" + extras.front() + "` is one argument too many");
  if (dynamic_cast<const CLI::RequiredError *>(&error)) {
    for (const CLI::Option *option : sub.get_options())
      if (option->get_required() && option->count() == 0)
        return usageError(sub,
                          (takesValue(*option) && !option->get_positional() ? namesOf(*option).front() + " " : "") +
                              option->get_type_name() + " is missing: " + option->get_description());
    std::string commands;
    for (const std::string &name : subcommandNames(sub))
      commands += (commands.empty() ? "" : ", ") + name;
    return usageError(sub, "a command is missing: " + pathOf(sub) + " has " + commands);
  }
  return usageError(sub, error.what());
}

} // namespace

void prepare(CLI::App &app, const std::string &version) {
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "Print this text");
  app.set_version_flag("--version", app.get_name() + " " + version, "Print the version");
  app.add_option("--completion")
      ->description("Print a completion script: eval \"$(" + app.get_name() + " --completion bash)\"")
      ->type_name("bash|zsh");
  app.add_option("--write-share")
      ->description("Write manual pages and completion scripts to DIR, laid out as in /usr/share")
      ->type_name("DIR");
}

namespace {

/// `help`, `help COMMAND..`: the same as --help behind the command.
Answer helpOn(CLI::App &app, const std::vector<std::string> &words) {
  CLI::App *command = &app;
  for (const std::string &word : words) {
    std::vector<std::string> names = subcommandNames(*command);
    if (std::find(names.begin(), names.end(), word) == names.end())
      return usageError(*command, unknownCommand(*command, word));
    command = command->get_subcommand(word);
  }
  return {help(*command), 0};
}

/// What `prepare` promised, if the line asks for it.
std::optional<Answer> commonAnswer(CLI::App &app, const std::vector<std::string> &arguments) {
  if (arguments.empty())
    return Answer{help(app), exitUsage};
  if (arguments[0] == "help" && !subcommandNames(app).empty())
    return helpOn(app, {arguments.begin() + 1, arguments.end()});
  size_t equals = arguments[0].find('=');
  std::string name = arguments[0].substr(0, equals);
  bool joined = equals != std::string::npos;
  if ((name != "--completion" && name != "--write-share") || arguments.size() != (joined ? 1 : 2))
    return std::nullopt;
  std::string value = joined ? arguments[0].substr(equals + 1) : arguments[1];
  if (name == "--write-share") {
    std::string wrong = writeShare(app, value);
    return wrong.empty() ? Answer{} : Answer{app.get_name() + ": error: --write-share: " + wrong + "\n", 1};
  }
  if (value == "bash" || value == "zsh")
    return Answer{value == "bash" ? bashCompletion(app) : zshCompletion(app), 0};
  return usageError(app, "--completion: expected bash or zsh, got `" + value + "`");
}

} // namespace

std::optional<Answer> parse(CLI::App &app, const std::vector<std::string> &arguments) {
  if (std::optional<Answer> answer = commonAnswer(app, arguments))
    return answer;
  Scan scan(app, arguments);
  if (std::string wrong = scan.run(); !wrong.empty())
    return usageError(scan.app(), wrong);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return std::nullopt;
  } catch (const CLI::CallForHelp &) {
    return Answer{help(chosen(app)), 0};
  } catch (const CLI::CallForVersion &error) {
    return Answer{std::string(error.what()) + "\n", 0};
  } catch (const CLI::ParseError &error) {
    return errorOf(app, error);
  }
}

std::string writeShare(const CLI::App &app, const std::string &folder) {
  namespace fs = std::filesystem;
  std::vector<std::pair<fs::path, std::string>> files;
  for (const ManPage &page : manPages(app))
    files.emplace_back(fs::path("man/man1") / page.file, page.text);
  files.emplace_back(fs::path("bash-completion/completions") / app.get_name(), bashCompletion(app));
  files.emplace_back(fs::path("zsh/site-functions") / ("_" + app.get_name()), zshCompletion(app));
  for (const auto &[name, text] : files) {
    fs::path path = fs::path(folder) / name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    std::ofstream file(path, std::ios::binary);
    if (!(file << text).flush())
      return "cannot write `" + path.string() + "`: " + (error ? error.message() : std::strerror(errno));
  }
  return {};
}

Answer usageError(const CLI::App &app, const std::string &message) {
  const CLI::App *tool = &app;
  while (tool->get_parent())
    tool = tool->get_parent();
  return {tool->get_name() + ": error: " + message + "\nrun `" + pathOf(app) + " --help` for how it is used\n",
          exitUsage};
}

CLI::App &chosen(CLI::App &app) {
  CLI::App *result = &app;
  while (!result->get_subcommands().empty())
    result = result->get_subcommands().front();
  return *result;
}

std::string pathOf(const CLI::App &app) {
  std::string path = app.get_name();
  for (const CLI::App *parent = app.get_parent(); parent; parent = parent->get_parent())
    path.insert(0, parent->get_name() + " ");
  return path;
}

std::vector<const CLI::App *> allCommands(const CLI::App &app) {
  std::vector<const CLI::App *> commands = {&app};
  for (const CLI::App *sub : app.get_subcommands([](const CLI::App *) { return true; }))
    for (const CLI::App *command : allCommands(*sub))
      commands.push_back(command);
  return commands;
}

std::vector<const CLI::Option *> flagsOf(const CLI::App &app) {
  return app.get_options([](const CLI::Option *option) { return option->nonpositional(); });
}

std::vector<const CLI::Option *> positionalsOf(const CLI::App &app) {
  return app.get_options([](const CLI::Option *option) { return option->get_positional(); });
}

bool takesValue(const CLI::Option &option) { return option.get_items_expected_max() > 0; }
bool takesManyValues(const CLI::Option &option) { return option.get_items_expected_max() > 1; }

std::vector<std::string> namesOf(const CLI::Option &option) {
  std::vector<std::string> names;
  for (const std::string &name : option.get_snames())
    names.push_back("-" + name);
  for (const std::string &name : option.get_lnames())
    names.push_back("--" + name);
  return names;
}

std::vector<std::string> wordsOf(const CLI::Option &option) {
  std::string type = option.get_type_name();
  std::vector<std::string> words;
  if (type.find('|') == std::string::npos || type.find_first_of("=.ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)
    return words;
  for (size_t begin = 0; begin <= type.size();) {
    size_t end = std::min(type.find('|', begin), type.size());
    words.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

namespace {

template <typename T> CLI::Validator number(T least, T most, const std::string &kind, const std::string &range) {
  auto check = [=](std::string &text) {
    T value = 0;
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool good = code == std::errc() && end == text.data() + text.size() && value >= least && value <= most;
    return good ? std::string() : "expected " + kind + " " + range + ", got `" + text + "`";
  };
  return {check, ""};
}

} // namespace

CLI::Validator wholeNumber(int64_t least, int64_t most) {
  std::string from = std::to_string(least);
  return number<int64_t>(least, most, "a whole number",
                         most == INT64_MAX ? "of at least " + from : "from " + from + " to " + std::to_string(most));
}

CLI::Validator idNumber() {
  return number<uint64_t>(0, UINT64_MAX, "a whole number", "from 0 to 18446744073709551615");
}

CLI::Validator realNumber(int least, int most) {
  return number<double>(least, most, "a number", "from " + std::to_string(least) + " to " + std::to_string(most));
}

CLI::Validator seedNumber() { return number<uint64_t>(0, UINT64_MAX, "a whole number", "of at least 0"); }

CLI::Validator oneOf(std::vector<std::string> words) {
  auto check = [words = std::move(words)](std::string &text) {
    if (std::find(words.begin(), words.end(), text) != words.end())
      return std::string();
    std::string list;
    for (size_t i = 0; i < words.size(); ++i)
      list += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
    return "expected " + list + ", got `" + text + "`" + didYouMean(text, words);
  };
  return {check, ""};
}

} // namespace heter::cli
