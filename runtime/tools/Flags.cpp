// Flags that several subcommands have.
#include "runtime/tools/Flags.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <charconv>

namespace heter::runtime::tools {

namespace {

bool parseCount(const std::string &text, int &value) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() && value >= 1 && value <= mostProcesses;
}

/// N for every class, or CLASS=N.
std::string addHeterTrainers(const std::vector<std::string> &texts, std::map<std::string, int> &counts) {
  for (const std::string &text : texts) {
    size_t equals = text.find('=');
    std::string name = equals == std::string::npos ? std::string() : text.substr(0, equals);
    int count = 0;
    if (equals == 0 || !parseCount(equals == std::string::npos ? text : text.substr(equals + 1), count))
      return "--heter-trainers: expected N or CLASS=N with N from 1 to " + std::to_string(mostProcesses) + ", got `" +
             text + "`";
    if (!counts.emplace(name, count).second)
      return "--heter-trainers says the number of " + (name.empty() ? "every class" : "class `" + name + "`") +
             " twice";
  }
  return {};
}

std::string addDevices(const std::vector<std::string> &texts, std::map<std::string, std::string> &devices) {
  for (const std::string &text : texts) {
    size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      return "--device: expected CLASS=DEVICE, for example heter=cpu or gpu=timed:20ms, got `" + text + "`";
    if (!devices.emplace(text.substr(0, equals), text.substr(equals + 1)).second)
      return "--device says twice what runs class `" + text.substr(0, equals) + "`";
  }
  return {};
}

} // namespace

CLI::Validator atLeast(int64_t least, int64_t most) { return cli::wholeNumber(least, most); }

std::string setBytes(const char *flag, const std::string &text, int64_t &bytes) {
  if (text.empty())
    return {};
  constexpr std::array<std::pair<std::string_view, int>, 6> units = {
      {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}};
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  const auto *found = std::ranges::find(units, unit, &std::pair<std::string_view, int>::first);
  const bool known = found != units.end() && (!unit.empty() || number == 0);
  if (error != std::errc() || number < 0 || !known || number > (INT64_MAX >> 10 >> found->second))
    return std::string(flag) + ": expected a size like 64MiB (KiB, MiB, GiB or TiB), or 0, got `" + text + "`";
  bytes = number << found->second;
  return {};
}

std::string setLines(const char *flag, const std::string &text, LineRange &range) {
  if (text.empty())
    return {};
  StatusOr<LineRange> parsed = parseLineRange(text);
  if (!parsed.ok())
    return std::string(flag) + ": " + parsed.status().message();
  range = *parsed;
  return {};
}

void ClassFlags::addTo(CLI::App &app, const char *group) {
  app.add_option("--heter-trainers", heterTrainers_, "Heter-trainers, of every class or by class (default: 1)")
      ->type_name("N|CLASS=N,..")
      ->group(group)
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--device", devices_, "What runs a class: cpu, separate, timed:DURATION (default: cpu)")
      ->type_name("CLASS=DEVICE")
      ->group(group)
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

std::string ClassFlags::finish(RunOptions &options) const {
  std::string error = addHeterTrainers(heterTrainers_, options.heterTrainers);
  return error.empty() ? addDevices(devices_, options.devices) : error;
}

} // namespace heter::runtime::tools
