// From the package's tables and parameters to what a store works with.
#include "runtime/table/Schema.h"

#include "runtime/base/Random.h"
#include "runtime/package/Package_types.h"
#include "runtime/table/RowStore.h"
#include "runtime/table/Sharding.h"

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

int64_t TableSpec::rowMemory(bool isShort) const {
  constexpr int64_t indexBytes = 9; // on average; frontend/check/RowRules.cpp reckons with it, too
  return static_cast<int64_t>(Row::headerBytes) + floatsOf(isShort) * static_cast<int64_t>(sizeof(float)) + indexBytes;
}

/// Takes the admission rule of a part over for its table: a key is admitted to all parts at once.
static Status admitBy(const package::Rule &rule, TableSpec &spec, const std::string &owner) {
  using Admission = RowPolicy::Admission;
  if (rule.kind.empty())
    return {};
  struct Kind {
    const char *name;
    Admission admission;
    const char *option;
  };
  constexpr Kind kinds[] = {{"count", Admission::Count, "times"},
                            {"probability", Admission::Probability, "chance"},
                            {"score", Admission::Score, "least"}};
  const auto *kind =
      std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind &k) { return rule.kind == k.name; });
  if (kind == std::end(kinds) || !rule.numbers.contains(kind->option))
    return Status::invalidArgument(owner + " has an unknown admission rule `" + rule.kind + "`");
  const RowPolicy before = spec.policy;
  spec.policy.admission = kind->admission;
  spec.policy.admissionLimit = rule.numbers.at(kind->option);
  if (!before.admitsAll() &&
      (before.admission != spec.policy.admission || before.admissionLimit != spec.policy.admissionLimit))
    return Status::invalidArgument(owner + " admits keys by another rule than the parts before it");
  if (spec.policy.admission == Admission::Score && !spec.policy.scored)
    return Status::invalidArgument(owner + " admits keys by a score, and there is no rule that makes one");
  return {};
}

/// Takes a rule of the package's policy over.
static Status applyRule(const package::Rule &rule, RowPolicy &policy, const std::string &owner) {
  // So many can be told apart, and so much memory can be divided.
  constexpr double mostPeriods = 1 << 14, mostAmount = 1e15;
  const auto number = [&](const char *name, double least, double most) -> StatusOr<double> {
    const auto found = rule.numbers.find(name);
    if (found != rule.numbers.end() && found->second >= least && found->second <= most)
      return found->second;
    return Status::invalidArgument(owner + " has no good number `" + name + "` in its rule `" + rule.kind + "`");
  };
  if (rule.kind == "show_click") {
    HETER_ASSIGN_OR_RETURN(const double show, number("show", 0, mostAmount));
    HETER_ASSIGN_OR_RETURN(const double click, number("click", 0, mostAmount));
    HETER_ASSIGN_OR_RETURN(const double decay, number("decay", 0, 1));
    policy.scored = true;
    policy.showWeight = static_cast<float>(show);
    policy.clickWeight = static_cast<float>(click);
    policy.decay = static_cast<float>(decay);
  } else if (rule.kind == "period") {
    policy.periodUnit = rule.numbers.contains("steps") ? RowPolicy::Unit::Steps : RowPolicy::Unit::Seconds;
    HETER_ASSIGN_OR_RETURN(const double period,
                           number(policy.periodUnit == RowPolicy::Unit::Steps ? "steps" : "seconds", 1, mostAmount));
    policy.period = static_cast<int64_t>(period);
  } else if (rule.kind == "unseen") {
    HETER_ASSIGN_OR_RETURN(const double periods, number("periods", 1, mostPeriods));
    policy.unseenPeriods = static_cast<int64_t>(periods);
  } else if (rule.kind == "score") {
    HETER_ASSIGN_OR_RETURN(const double least, number("least", 0, mostAmount));
    policy.evictsByScore = true;
    policy.leastScore = static_cast<float>(least);
  } else if (rule.kind == "memory") {
    HETER_ASSIGN_OR_RETURN(const double bytes, number("bytes", 1, mostAmount));
    policy.memoryBytes = static_cast<int64_t>(bytes);
  } else if (rule.kind == "ssd") {
    policy.tiered = true;
  } else {
    return Status::invalidArgument(owner + " has an unknown rule `" + rule.kind + "`");
  }
  return {};
}

/// What the rules ask of each other, and of the rows.
static Status checkPolicy(const TableSpec &spec, const std::string &owner) {
  const RowPolicy &policy = spec.policy;
  if (policy.evictsByScore && !policy.scored)
    return Status::invalidArgument(owner + " evicts rows by a score, and there is no rule that makes one");
  if (policy.period == 0 && (policy.evicts() || policy.decay != 1.0F))
    return Status::invalidArgument(owner + " has rules that count periods, and none that says how long they are");
  if (policy.tiered && policy.memoryBytes == 0)
    return Status::invalidArgument(owner + " has a tier below memory, and no rule that limits memory");
  if (policy.memoryBytes > 0 && policy.memoryBytes / virtualShards < spec.rowMemory(false))
    return Status::invalidArgument(owner + " may take " + std::to_string(policy.memoryBytes) +
                                   " bytes, and wants room for " + std::to_string(virtualShards) + " rows of " +
                                   std::to_string(spec.rowMemory(false)) + ": at least " +
                                   std::to_string(virtualShards * spec.rowMemory(false)));
  return {};
}

static StatusOr<TableSpec> makeTable(const package::Table &table, const KernelResolver &resolver) {
  TableSpec spec;
  spec.name = table.name;
  if (table.parts.empty())
    return Status::invalidArgument("table `" + table.name + "` has no part");
  for (const package::Rule &rule : table.policy)
    HETER_RETURN_IF_ERROR(applyRule(rule, spec.policy, "table `" + table.name + "`"));
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
  HETER_RETURN_IF_ERROR(checkPolicy(spec, "table `" + table.name + "`"));
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
