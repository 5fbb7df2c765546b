// The text of --help: usage, commands, flags by group with their descriptions in a second column, examples.
#include "cli/Cli.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>

namespace heter::cli {

std::string wrap(std::string_view text, size_t indent, size_t width) {
  std::string result;
  size_t column = indent;
  while (!text.empty()) {
    size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (column > indent && column + 1 + word.size() > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

namespace {

constexpr size_t descriptionColumn = 26;

/// One entry of a list: a term, and what it means beginning in the description's column.
std::string entry(const std::string &term, const std::string &description) {
  std::string line = "  " + term;
  if (line.size() + 2 > descriptionColumn)
    line += "\n" + std::string(descriptionColumn, ' ');
  else
    line.resize(descriptionColumn, ' ');
  return line + wrap(description, descriptionColumn) + "\n";
}

std::string term(const CLI::Option &option) {
  std::string text;
  for (const std::string &name : namesOf(option))
    text += (text.empty() ? "" : ", ") + name;
  if (takesValue(option))
    text += (text.empty() ? "" : " ") + option.get_type_name();
  return text;
}

} // namespace

std::string usageOf(const CLI::App &app) {
  std::string text = pathOf(app);
  if (!app.get_subcommands([](const CLI::App *) { return true; }).empty())
    return text + " COMMAND";
  for (const CLI::Option *option : positionalsOf(app))
    text += option->get_required() ? " " + option->get_type_name() : " [" + option->get_type_name() + "]";
  bool more = false;
  for (const CLI::Option *option : flagsOf(app)) {
    if (option->get_required())
      text += " " + namesOf(*option).front() + " " + option->get_type_name();
    else
      more = more || option->get_group() != "";
  }
  return more ? text + " [flags]" : text;
}

std::string help(const CLI::App &app) {
  std::string text = wrap(app.get_description(), 0) + "\n\nusage: " + wrap(usageOf(app), 7) + "\n";
  auto positionals = positionalsOf(app);
  if (!positionals.empty())
    text += "\n";
  for (const CLI::Option *option : positionals)
    text += entry(option->get_type_name(), option->get_description());
  auto commands = app.get_subcommands([](const CLI::App *) { return true; });
  if (!commands.empty())
    text += "\ncommands:\n";
  for (const CLI::App *command : commands)
    text += entry(command->get_name(), command->get_description());
  // The common flags come last.
  std::vector<std::string> groups = app.get_groups();
  std::stable_partition(groups.begin(), groups.end(), [](const std::string &group) { return group != "Options"; });
  for (const std::string &group : groups) {
    std::string entries;
    for (const CLI::Option *option : flagsOf(app))
      if (option->get_group() == group && !group.empty())
        entries += entry(term(*option), option->get_description());
    if (!entries.empty())
      text += "\n" + (group == "Options" ? std::string("flags") : group) + ":\n" + entries;
  }
  if (std::string footer = app.get_footer(); !footer.empty())
    text += "\n" + footer + "\n";
  return text;
}

} // namespace heter::cli
