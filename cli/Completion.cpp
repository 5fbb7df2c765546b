// Completion scripts for bash and zsh, written out from the declared commands and flags: nothing is asked of the
// program while a user types.
#include "cli/Cli.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <functional>
#include <map>

namespace heter::cli {

namespace {

enum class Kind { Words, Files, Folders, Other };

Kind kindOf(const CLI::Option &option) {
  std::string type = option.get_type_name();
  if (!wordsOf(option).empty())
    return Kind::Words;
  if (type == "DIR" || type == "PKG")
    return Kind::Folders;
  return type.find("FILE") != std::string::npos ? Kind::Files : Kind::Other;
}

std::string joined(const std::vector<std::string> &words, const char *between = " ") {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<std::string> subcommandNames(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::App *sub : app.get_subcommands([](const CLI::App *) { return true; }))
    names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> flagNames(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::Option *option : flagsOf(app))
    for (const std::string &name : namesOf(*option))
      names.push_back(name);
  return names;
}

/// What bash completes a value of this kind with.
std::string bashAction(Kind kind, const std::vector<std::string> &words) {
  switch (kind) {
  case Kind::Words:
    return "mapfile -t COMPREPLY < <(compgen -W '" + joined(words) + "' -- \"$cur\")";
  case Kind::Files:
    return "compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")";
  case Kind::Folders:
    return "compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")";
  case Kind::Other:
    break;
  }
  return "COMPREPLY=()";
}

/// The lines `    'COMMAND --flag') action; return ;;` of one command's flags that take a value.
std::string bashValues(const CLI::App &command) {
  std::map<std::string, std::vector<std::string>> byAction;
  for (const CLI::Option *option : flagsOf(command))
    if (takesValue(*option))
      for (const std::string &name : namesOf(*option))
        byAction[bashAction(kindOf(*option), wordsOf(*option))].push_back("'" + pathOf(command) + " " + name + "'");
  std::string text;
  for (const auto &[action, names] : byAction)
    text += "    " + joined(names, "|") + ")\n      " + action + "\n      return ;;\n";
  return text;
}

std::string zshQuoted(const std::string &text) {
  std::string result;
  for (char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\')
      result += '\\';
    if (c == '\'')
      result += "'\\'";
    result += c;
  }
  return result;
}

std::string zshAction(const CLI::Option &option) {
  switch (kindOf(option)) {
  case Kind::Words:
    return "(" + joined(wordsOf(option)) + ")";
  case Kind::Files:
    return "_files";
  case Kind::Folders:
    return "_files -/";
  case Kind::Other:
    break;
  }
  return " ";
}

std::string zshFunction(const CLI::App &app) {
  std::string name = pathOf(app);
  std::replace(name.begin(), name.end(), ' ', '_');
  return "_" + name;
}

/// A function for a command without subcommands: its flags and arguments.
std::string zshLeaf(const CLI::App &app) {
  std::string text = zshFunction(app) + "() {\n  _arguments -s";
  for (const CLI::Option *option : flagsOf(app))
    for (const std::string &name : namesOf(*option)) {
      text += " \\\n    '";
      text += takesManyValues(*option) ? "*" : "";
      text +=
          name + (takesValue(*option) && name.size() > 2 ? "=" : "") + "[" + zshQuoted(option->get_description()) + "]";
      if (takesValue(*option))
        text += ":" + zshQuoted(option->get_type_name()) + ":" + zshAction(*option);
      text += "'";
    }
  for (const CLI::Option *option : positionalsOf(app))
    text += " \\\n    ':" + zshQuoted(option->get_type_name()) + ":" + zshAction(*option) + "'";
  return text + "\n}\n";
}

/// A function for a command with subcommands: completes their names, then hands over.
std::string zshBranch(const CLI::App &app) {
  std::string text = zshFunction(app) + "() {\n  local state line\n  _arguments -C '(- *)--help[Print the help]' "
                                        "'1: :->command' '*:: :->rest'\n  case $state in\n  command)\n    local -a "
                                        "commands=(";
  auto commands = app.get_subcommands([](const CLI::App *) { return true; });
  for (const CLI::App *command : commands)
    text += "\n      '" + zshQuoted(command->get_name()) + ":" + zshQuoted(command->get_description()) + "'";
  text += ")\n    _describe command commands ;;\n  rest)\n    case $words[1] in\n";
  for (const CLI::App *command : commands)
    text += "    " + command->get_name() + ") " + zshFunction(*command) + " ;;\n";
  return text + "    esac ;;\n  esac\n}\n";
}

} // namespace

std::string bashCompletion(const CLI::App &app) {
  const std::string tool = app.get_name();
  std::vector<const CLI::App *> commands = allCommands(app);
  std::string descend, values, words;
  for (const CLI::App *command : commands) {
    std::string path = pathOf(*command);
    for (const std::string &name : subcommandNames(*command))
      descend += "    '" + path + " " + name + "') command='" + path + " " + name + "' ;;\n";
    values += bashValues(*command);
    words += "  '" + path + "')\n    flags='" + joined(flagNames(*command)) + "'\n    words='" +
             joined(subcommandNames(*command)) + "' ;;\n";
  }
  return "# bash completion for " + tool + "; load it with: eval \"$(" + tool + " --completion bash)\"\n_" + tool +
         R"(() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=)" +
         tool + R"( flags= words= i
  COMPREPLY=()
  # bash takes --flag=value apart at the equals sign.
  if [ "$cur" = = ]; then
    cur=
  elif [ "$prev" = = ]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command ${COMP_WORDS[i]}" in
)" + descend +
         R"(    *) ;;
    esac
  done
  case "$command $prev" in
)" + values +
         R"(    *) ;;
  esac
  case $command in
)" + words +
         R"(  esac
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
  elif [ -n "$words" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  else
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  fi
}
complete -F _)" +
         tool + " " + tool + "\n";
}

std::string zshCompletion(const CLI::App &app) {
  const std::string tool = app.get_name();
  std::string text = "#compdef " + tool + "\n# zsh completion for " + tool + "\n";
  std::vector<const CLI::App *> commands = allCommands(app);
  for (auto command = commands.rbegin(); command != commands.rend(); ++command)
    text += subcommandNames(**command).empty() ? zshLeaf(**command) : zshBranch(**command);
  return text + "if [ \"$funcstack[1]\" = _" + tool + " ]; then\n  _" + tool + " \"$@\"\nelse\n  compdef _" + tool +
         " " + tool + "\nfi\n";
}

} // namespace heter::cli
