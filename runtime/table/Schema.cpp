// From the package's tables and parameters to what a store works with.
#include "runtime/table/Schema.h"

#include "runtime/base/Random.h"
#include "runtime/package/Package_types.h"

#include <algorithm>
#include <limits>
#include <set>

namespace heter::runtime {

void InitializerSpec::fill(float *out, int64_t count, std::array<uint32_t, 2> key, uint64_t row,
                           int64_t firstColumn) const {
  switch (kind) {
  case Kind::Constant:
    std::fill_n(out, count, scale);
    return;
  case Kind::Uniform:
    fillUniform(out, count, key, row, firstColumn, scale);
    return;
  case Kind::Normal:
    fillNormal(out, count, key, row, firstColumn, scale);
    return;
  }
}

static StatusOr<InitializerSpec> makeInitializer(const package::Initializer &init, const std::string &owner) {
  using Kind = InitializerSpec::Kind;
  const float scale = static_cast<float>(init.scale);
  if (init.kind == "zeros")
    return InitializerSpec{Kind::Constant, 0.0F};
  if (init.kind == "ones")
    return InitializerSpec{Kind::Constant, 1.0F};
  if (init.kind == "constant")
    return InitializerSpec{Kind::Constant, scale};
  if (init.kind == "uniform")
    return InitializerSpec{Kind::Uniform, scale};
  if (init.kind == "normal")
    return InitializerSpec{Kind::Normal, scale};
  return Status::invalidArgument(owner + " has an unknown initializer `" + init.kind + "`");
}

static StatusOr<OptimizerSpec> makeOptimizer(const package::Optimizer &optimizer, const KernelResolver &resolver,
                                             const std::string &owner) {
  const std::string what = "the optimizer `" + optimizer.name + "` of " + owner;
  if (optimizer.slots.size() != optimizer.slotInit.size() || optimizer.scalars.size() != optimizer.scalarInit.size())
    return Status::invalidArgument(what + " does not say how each of its slots and scalars begins");
  if (optimizer.slots.size() > maxOptimizerStates || optimizer.scalars.size() > maxOptimizerStates)
    return Status::invalidArgument(what + " has more than " + std::to_string(maxOptimizerStates) + " slots or scalars");
  OptimizerSpec spec{
      optimizer.name, resolver(optimizer.callee), optimizer.slots, {}, optimizer.scalars, {}, nullptr, -1};
  if (!spec.kernel)
    return Status::invalidArgument(what + " wants kernel `" + optimizer.callee + "`, which the kernel object lacks");
  spec.slotInit.assign(optimizer.slotInit.begin(), optimizer.slotInit.end());
  spec.scalarInit.assign(optimizer.scalarInit.begin(), optimizer.scalarInit.end());
  if (!optimizer.schedule.empty() && !(spec.schedule = resolver(optimizer.schedule)))
    return Status::invalidArgument(what + " wants kernel `" + optimizer.schedule + "`, which the kernel object lacks");
  if (!optimizer.averaged.empty()) {
    const auto slot = std::find(spec.slots.begin(), spec.slots.end(), optimizer.averaged);
    if (slot == spec.slots.end())
      return Status::invalidArgument(what + " has no slot `" + optimizer.averaged + "` to stand for the value");
    spec.averaged = static_cast<int>(slot - spec.slots.begin());
  }
  return spec;
}

void TableSpec::layOut() {
  rowFloats = policy.statistics();
  for (const bool wantsAdmission : {false, true}) {
    for (PartSpec &part : parts)
      if (part.wantsAdmission == wantsAdmission) {
        part.offset = rowFloats;
        rowFloats += part.stateFloats;
      }
    if (!wantsAdmission)
      shortFloats = rowFloats;
  }
  const auto first =
      std::find_if(parts.begin(), parts.end(), [](const PartSpec &part) { return !part.wantsAdmission; });
  countingPart = first == parts.end() ? 0 : static_cast<int>(first - parts.begin());
}

/// Takes the admission rule of a part over for its table: a key is admitted to all parts at once.
static Status admitBy(const package::Rule &rule, TableSpec &spec, const std::string &owner) {
  using Admission = RowPolicy::Admission;
  if (rule.kind.empty())
    return {};
  const char *option = rule.kind == "count" ? "times" : "chance";
  const auto limit = rule.numbers.find(option);
  if ((rule.kind != "count" && rule.kind != "probability") || limit == rule.numbers.end())
    return Status::invalidArgument(owner + " has an unknown admission rule `" + rule.kind + "`");
  const RowPolicy before = spec.policy;
  spec.policy.admission = rule.kind == "count" ? Admission::Count : Admission::Probability;
  spec.policy.admissionLimit = limit->second;
  if (!before.admitsAll() &&
      (before.admission != spec.policy.admission || before.admissionLimit != spec.policy.admissionLimit))
    return Status::invalidArgument(owner + " admits keys by another rule than the parts before it");
  return {};
}

static StatusOr<TableSpec> makeTable(const package::Table &table, const KernelResolver &resolver) {
  TableSpec spec;
  spec.name = table.name;
  if (table.parts.empty())
    return Status::invalidArgument("table `" + table.name + "` has no part");
  if (!table.policy.empty())
    return Status::unimplemented("table `" + table.name + "` has the rule `" + table.policy.front().kind +
                                 "`, and keeping rows by rules is not supported yet; leave it out");
  std::set<std::string> names;
  for (const package::Part &part : table.parts) {
    const std::string seedName = part.name.empty() ? table.name : table.name + "." + part.name;
    const std::string owner = "table `" + seedName + "`";
    if (part.dim < 1 || part.dim > (1 << 20))
      return Status::invalidArgument(owner + " has dim " + std::to_string(part.dim) + ", not 1 to 1,048,576");
    if (!names.insert(part.name).second)
      return Status::invalidArgument(owner + " is there twice");
    HETER_ASSIGN_OR_RETURN(InitializerSpec init, makeInitializer(part.init, owner));
    HETER_ASSIGN_OR_RETURN(OptimizerSpec optimizer, makeOptimizer(part.optimizer, resolver, owner));
    if (optimizer.averaged >= 0)
      return Status::invalidArgument(owner + " keeps an average, and only dense parameters are averaged");
    const int64_t floats =
        part.dim * (1 + static_cast<int64_t>(optimizer.slots.size())) + static_cast<int64_t>(optimizer.scalars.size());
    HETER_RETURN_IF_ERROR(admitBy(part.admit, spec, owner));
    spec.parts.push_back(
        {part.name, part.dim, init, std::move(optimizer), seedName, 0, floats, !part.admit.kind.empty()});
  }
  spec.layOut();
  return spec;
}

static StatusOr<ParameterSpec> makeParameter(const package::Parameter &parameter, const KernelResolver &resolver) {
  const std::string owner = "parameter `" + parameter.name + "`";
  ParameterSpec spec{parameter.name, parameter.shape, 1, {}, {}};
  for (int64_t extent : parameter.shape) {
    if (extent < 1 || spec.elements > std::numeric_limits<int64_t>::max() / 64 / extent)
      return Status::invalidArgument(owner + " has an impossible shape");
    spec.elements *= extent;
  }
  HETER_ASSIGN_OR_RETURN(spec.init, makeInitializer(parameter.init, owner));
  HETER_ASSIGN_OR_RETURN(spec.optimizer, makeOptimizer(parameter.optimizer, resolver, owner));
  return spec;
}

StatusOr<StoreSchema> StoreSchema::create(const package::PackageInfo &info, const KernelResolver &resolver) {
  StoreSchema schema{info.model, {}, {}};
  std::set<std::string> names;
  for (const package::Table &table : info.tables) {
    if (!names.insert(table.name).second)
      return Status::invalidArgument("table `" + table.name + "` is there twice");
    HETER_ASSIGN_OR_RETURN(TableSpec spec, makeTable(table, resolver));
    schema.tables.push_back(std::move(spec));
  }
  names.clear();
  for (const package::Parameter &parameter : info.parameters) {
    if (!names.insert(parameter.name).second)
      return Status::invalidArgument("parameter `" + parameter.name + "` is there twice");
    HETER_ASSIGN_OR_RETURN(ParameterSpec spec, makeParameter(parameter, resolver));
    schema.parameters.push_back(std::move(spec));
  }
  return schema;
}

} // namespace heter::runtime
