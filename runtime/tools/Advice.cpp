// Compares flags with what a package has.
#include "runtime/tools/Advice.h"

#include "runtime/role/Model.h"

#include <algorithm>
#include <set>

namespace heter::runtime::tools {

/// The optimizers that keep state, each once: "adagrad and adam".
static std::string adaptiveOptimizers(const package::PackageInfo &info) {
  std::set<std::string> names;
  auto look = [&](const package::Optimizer &optimizer) {
    if (!optimizer.slots.empty() || !optimizer.scalars.empty())
      names.insert(optimizer.name);
  };
  for (const package::Table &table : info.tables)
    for (const package::Part &part : table.parts)
      look(part.optimizer);
  for (const package::Parameter &parameter : info.parameters)
    look(parameter.optimizer);
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "" : " and ") + name;
  return text;
}

std::string delayWarning(const RunOptions &options, const package::PackageInfo &info) {
  int64_t trainers = info.mode == "local" ? 1 : options.cpuTrainers;
  int64_t delay = options.inFlight * trainers - 1;
  if (options.update == UpdateMode::HalfAsync) // Its updates are whole steps.
    delay = std::min(options.staleness, delay / (options.microBatches > 0 ? options.microBatches : trainers));
  std::string adaptive = adaptiveOptimizers(info);
  if (options.update == UpdateMode::Sync || delay < 1 || adaptive.empty() || !options.loadFolder.empty())
    return {};
  return std::string("--update ") + updateModeName(options.update) + " with --in-flight " +
         std::to_string(options.inFlight) + (trainers > 1 ? " and " + std::to_string(trainers) + " cpu-trainers" : "") +
         " computes gradients from parameters about " + std::to_string(delay) + (delay == 1 ? " update" : " updates") +
         " old, and early training with " + adaptive +
         " suffers from that: use fewer frames in flight, or begin in sync and go on with --load "
         "(docs/how-to/async.md)";
}

std::string rolesWarning(const RunOptions &options, const std::string &mode) {
  const bool classes = !options.heterTrainers.empty() || !options.devices.empty();
  if (mode == "local" && (options.servers > 1 || options.cpuTrainers > 1 || classes))
    return "the package is compiled for one process, so --servers, --cpu-trainers, --heter-trainers and --device have "
           "no effect; compile it with --mode=ps or --mode=heter-ps";
  if (mode == "ps" && classes)
    return "the package is compiled without heter-trainers, so --heter-trainers and --device have no effect; compile "
           "it with --mode=heter-ps";
  return {};
}

std::string tierWarning(const RunOptions &options, const package::PackageInfo &info) {
  const auto hasTier = [](const package::Table &table) {
    return std::ranges::any_of(table.policy, [](const package::Rule &rule) { return rule.kind == "ssd"; });
  };
  if (options.tierFolder.empty() || std::ranges::any_of(info.tables, hasTier))
    return {};
  return "no table of model `" + info.model + "` has `beyond: ssd`, so --tier-dir has no effect";
}

std::vector<std::string> warningsOf(const RunOptions &options, const package::PackageInfo &info) {
  std::vector<std::string> warnings = {delayWarning(options, info), rolesWarning(options, info.mode),
                                       tierWarning(options, info)};
  std::erase(warnings, "");
  return warnings;
}

std::string rowCacheNote(const RunOptions &options, const Package &package) {
  if (options.rowCacheBytes.value_or(0) == 0)
    return {};
  const Model model(package.info);
  const std::set<int> parts = heterParts(model, package);
  std::string kept, others;
  for (size_t part = 0; part < model.parts().size(); ++part) {
    std::string &names = parts.contains(static_cast<int>(part)) ? kept : others;
    names += (names.empty() ? "`" : ", `") + model.parts()[part].name + "`";
  }
  if (kept.empty() || others.empty())
    return {};
  return "--row-cache is for rows of " + kept + "; of " + others +
         " none are kept, since no heter-trainer looks them up";
}

} // namespace heter::runtime::tools
