// Manual pages in the man macros of troff, from the same declarations as --help.
#include "cli/Cli.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>

namespace heter::cli {

namespace {

/// Text as troff must be given it: no backslash, dash or leading dot is a request.
std::string escape(const std::string &text) {
  std::string result;
  for (char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else if (c == '`')
      result += "\\(ga";
    else if (c == '\'')
      result += "\\(aq";
    else
      result += c;
  }
  return result.starts_with('.') ? "\\&" + result : result;
}

std::string pageName(const CLI::App &app) {
  std::string name = pathOf(app);
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string section(const std::string &title) { return ".SH " + title + "\n"; }

std::string tagged(const std::string &term, const std::string &description) {
  return ".TP\n" + term + "\n" + escape(description) + "\n";
}

std::string flagTerm(const CLI::Option &option) {
  std::string text;
  for (const std::string &name : namesOf(option))
    text += (text.empty() ? "" : ", ") + std::string("\\fB") + escape(name) + "\\fR";
  if (takesValue(option))
    text += " \\fI" + escape(option.get_type_name()) + "\\fR";
  return text;
}

/// Indented lines are shown as they are, others are text.
std::string examples(const std::string &footer) {
  std::string text;
  bool verbatim = false;
  for (size_t begin = 0; begin < footer.size();) {
    size_t end = std::min(footer.find('\n', begin), footer.size());
    std::string line = footer.substr(begin, end - begin);
    begin = end + 1;
    bool indented = line.starts_with("  ");
    if (indented != verbatim)
      text += indented ? ".PP\n.nf\n" : ".fi\n.PP\n";
    verbatim = indented;
    if (!line.empty() && line != "Examples:" && line != "Example:")
      text += escape(indented ? line.substr(2) : line) + "\n";
  }
  return verbatim ? text + ".fi\n" : text;
}

std::string page(const CLI::App &app) {
  std::string name = pageName(app), upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return std::toupper(c); });
  std::string text = ".TH " + escape(upper) + " 1 \"\" \"Heter\" \"Heter\"\n" + section("NAME") + escape(name) +
                     " \\- " + escape(app.get_description()) + "\n" + section("SYNOPSIS") + ".B " +
                     escape(usageOf(app)) + "\n";
  if (auto commands = app.get_subcommands([](const CLI::App *) { return true; }); !commands.empty()) {
    text += section("COMMANDS");
    for (const CLI::App *command : commands)
      text += tagged("\\fB" + escape(command->get_name()) + "\\fR", command->get_description());
  }
  text += section("OPTIONS");
  for (const CLI::Option *option : positionalsOf(app))
    text += tagged("\\fI" + escape(option->get_type_name()) + "\\fR", option->get_description());
  for (const std::string &group : app.get_groups()) {
    std::string entries;
    for (const CLI::Option *option : flagsOf(app))
      if (option->get_group() == group && !group.empty())
        entries += tagged(flagTerm(*option), option->get_description());
    if (!entries.empty())
      text += (group == "Options" ? "" : ".SS " + escape(group) + "\n") + entries;
  }
  if (std::string footer = app.get_footer(); !footer.empty())
    text += section("EXAMPLES") + examples(footer);
  text += section("EXIT STATUS") + tagged("0", "It was done.") +
          tagged("1", "It failed; one line on standard error says where, why and how to mend it.") +
          tagged("2", "The command line is wrong.") + tagged("130", "It was interrupted.");
  text += section("SEE ALSO");
  const CLI::App *root = &app;
  while (root->get_parent())
    root = root->get_parent();
  std::string others;
  for (const CLI::App *command : allCommands(*root))
    if (command != &app)
      others += (others.empty() ? "" : ",\n") + std::string(".BR ") + escape(pageName(*command)) + " (1)";
  for (const char *tool : {"heter", "heterc"})
    if (root->get_name() != tool)
      others += (others.empty() ? "" : ",\n") + std::string(".BR ") + tool + " (1)";
  return text + others + "\n";
}

} // namespace

std::vector<ManPage> manPages(const CLI::App &app) {
  std::vector<ManPage> pages;
  for (const CLI::App *command : allCommands(app))
    pages.push_back({pageName(*command) + ".1", page(*command)});
  return pages;
}

} // namespace heter::cli
