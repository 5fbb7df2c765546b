// Looking rules up, checking calls of them, and putting a call's formula together.
#include "optimizers/Rules.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace heter::optimizers {

template <typename Rule> static const Rule *find(const std::vector<Rule> &rules, std::string_view name) {
  auto found = std::find_if(rules.begin(), rules.end(), [&](const Rule &rule) { return rule.name == name; });
  return found == rules.end() ? nullptr : &*found;
}

const UpdateRule *findOptimizer(std::string_view name) { return find(optimizers(), name); }
const ScheduleRule *findSchedule(std::string_view name) { return find(schedules(), name); }
const UpdateRule *findAverage(std::string_view name) { return find(averages(), name); }

static std::string numberText(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", number);
  return text;
}

std::string toText(const Call &call) {
  std::map<std::string, std::string> options;
  for (const auto &[name, number] : call.numbers)
    options[name] = numberText(number);
  for (const auto &[name, inner] : call.calls)
    options[name] = toText(inner);
  std::string text = call.name + "(";
  for (bool isFirst = true; const auto &[name, value] : options) {
    text += (isFirst ? "" : ", ") + name + ": " + value;
    isFirst = false;
  }
  return text + ")";
}

std::string boundsError(const Option &option, double number) {
  if (std::isfinite(number) && !std::isfinite(static_cast<float>(number)))
    return "a number that f32 can hold";
  if (std::isfinite(number) && number >= option.least && number < option.below &&
      (option.kind != Option::Kind::Steps || number == std::floor(number)))
    return "";
  if (!std::isfinite(option.least))
    return "a finite number";
  if (std::isfinite(option.below))
    return "at least " + numberText(option.least) + " and below " + numberText(option.below);
  return numberText(option.least) + " or more";
}

static std::string checkCall(const std::string &what, const std::vector<Option> &options, const Call &call,
                             bool mayAverage) {
  const std::string rule = what + " '" + call.name + "'";
  auto optionOf = [&](const std::string &name) { return find(options, name); };
  for (const auto &[name, number] : call.numbers) {
    const Option *option = optionOf(name);
    if (!option)
      return rule + " has no option '" + name + "'";
    if (std::string wanted = boundsError(*option, number); !wanted.empty())
      return "expected option '" + name + "' of " + rule + " to be " + wanted + ", got " + numberText(number);
  }
  for (const auto &[name, inner] : call.calls) {
    if (name == "average" && mayAverage) {
      const UpdateRule *average = findAverage(inner.name);
      if (!average)
        return "expected average ema or window, got '" + inner.name + "'";
      if (std::string error = checkCall("average", average->options, inner, false); !error.empty())
        return error;
      continue;
    }
    const Option *option = optionOf(name);
    if (!option || option->kind != Option::Kind::Rate)
      return rule + " has no option '" + name + "' that may be a rule";
    const ScheduleRule *schedule = findSchedule(inner.name);
    if (!schedule)
      return "there is no schedule '" + inner.name + "'";
    if (std::string error = checkCall("schedule", schedule->options, inner, false); !error.empty())
      return error;
  }
  for (const Option &option : options)
    if (!option.otherwise && !option.optional && !call.numbers.count(option.name) && !call.calls.count(option.name))
      return rule + " needs option '" + option.name + "'";
  return "";
}

std::string checkOptimizer(const Call &call) {
  if (const UpdateRule *rule = findOptimizer(call.name)) {
    auto least = call.numbers.find("least"), most = call.numbers.find("most");
    if (least != call.numbers.end() && most != call.numbers.end() && least->second > most->second)
      return "expected option 'least' of optimizer '" + call.name + "' not to be above 'most'";
    std::string error = checkCall("optimizer", rule->options, call, true);
    return !error.empty() || !dividesByZero(call)
               ? error
               : "expected the learning rate of optimizer '" + call.name + "', which divides by it, to stay above 0";
  }
  std::string known;
  for (const UpdateRule &rule : optimizers())
    known += (known.empty() ? "" : ", ") + rule.name;
  return "expected one of the optimizers " + known + ", got '" + call.name + "'";
}

/// The call with what it left out.
static Call complete(Call call, const std::vector<Option> &options) {
  for (const Option &option : options)
    if (option.otherwise && !call.calls.count(option.name))
      call.numbers.try_emplace(option.name, *option.otherwise);
  return call;
}

static Call completeSchedule(const Call &call) {
  Call result = complete(call, findSchedule(call.name)->options);
  for (auto &[name, inner] : result.calls)
    inner = completeSchedule(inner);
  return result;
}

Call complete(const Call &call) {
  Call result = complete(call, findOptimizer(call.name)->options);
  for (auto &[name, inner] : result.calls)
    inner = name == "average" ? complete(inner, findAverage(inner.name)->options) : completeSchedule(inner);
  return result;
}

/// The least rate of a schedule: it lies between its numbers.
static double leastRate(const Call &schedule) {
  double least = std::numeric_limits<double>::infinity();
  for (const char *name : {"from", "to", "scale"})
    if (auto number = schedule.numbers.find(name); number != schedule.numbers.end())
      least = std::min(least, number->second);
  for (const auto &[name, inner] : schedule.calls)
    least = std::min(least, leastRate(inner));
  return least;
}

bool dividesByZero(const Call &call) {
  if (!findOptimizer(call.name)->dividesByRate)
    return false;
  const Call whole = complete(call);
  auto schedule = whole.calls.find("lr");
  return !((schedule == whole.calls.end() ? whole.numbers.at("lr") : leastRate(schedule->second)) > 0);
}

namespace {

/// A rule whose body is a part of a formula, with its call, complete.
struct Part {
  const UpdateRule *rule;
  Call call;
};

} // namespace

/// The optimizer and then, if it has one, the average of what it makes.
static std::vector<Part> partsOf(const Call &call) {
  const UpdateRule *rule = findOptimizer(call.name);
  std::vector<Part> parts = {{rule, complete(call, rule->options)}};
  if (auto average = call.calls.find("average"); average != call.calls.end()) {
    const UpdateRule *averageRule = findAverage(average->second.name);
    parts.push_back({averageRule, complete(average->second, averageRule->options)});
  }
  return parts;
}

/// Adds the states of all parts to `formula` and, as arguments, to `update`: those with a value for each element first.
static void addStates(const std::vector<Part> &parts, UpdateFormula &formula, Update &update) {
  int argument = 1;
  for (bool each : {true, false})
    for (const Part &part : parts)
      for (const State &state : part.rule->states) {
        if (state.each != each)
          continue;
        double begin = state.beginOption.empty() ? state.begin : part.call.numbers.at(state.beginOption);
        (each ? formula.slots : formula.scalars).push_back(state.name);
        (each ? formula.slotBegin : formula.scalarBegin).push_back(begin);
        update.addState(state.name, Term::argument(argument++, each));
      }
  update.gradient = Term::argument(argument++, true);
  if (formula.scheduled)
    update.rate = Term::argument(argument, false);
}

UpdateFormula formulaOf(const Call &call) {
  const std::vector<Part> parts = partsOf(call);
  const Part &optimizer = parts.front();
  UpdateFormula formula;
  formula.scheduled = call.calls.count("lr") > 0;
  Update update(optimizer.call, Term::argument(0, true));
  if (!formula.scheduled)
    update.rate = update.option("lr");
  addStates(parts, formula, update);
  if (!optimizer.rule->ownL2 && update.has("l2"))
    update.gradient = update.gradient + update.option("l2") * update.value;
  optimizer.rule->body(update);
  if (update.has("least"))
    update.value = max(update.value, update.option("least"));
  if (update.has("most"))
    update.value = min(update.value, update.option("most"));
  if (parts.size() > 1) {
    update.readOptions(parts.back().call);
    parts.back().rule->body(update);
    formula.averaged = "average";
  }
  formula.results.push_back(update.value);
  for (const std::vector<std::string> *names : {&formula.slots, &formula.scalars})
    for (const std::string &name : *names)
      formula.results.push_back(update.state(name));
  return formula;
}

Term rateOf(const Call &schedule, const Term &step) {
  const ScheduleRule *rule = findSchedule(schedule.name);
  return rule->body(complete(schedule, rule->options), step);
}

} // namespace heter::optimizers
