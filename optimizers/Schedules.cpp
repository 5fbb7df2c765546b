// Schedules of the learning rate. `t` counts the steps done before: the first step has t = 0.
#include "optimizers/Rules.h"

#include <cmath>

namespace heter::optimizers {

namespace {

using Kind = Option::Kind;

double number(const Call &call, const char *name) { return call.numbers.at(name); }

/// How much of `over` has passed: 0 at first, 1 at the end and after it.
Term passed(const Call &call, const Term &t) { return min(t / number(call, "over"), 1); }

/// (t + 1) / over of what `to` begins with, then `to`, whose steps count from the end of the warm-up.
Term warmup(const Call &call, const Term &t) {
  double over = number(call, "over");
  Term share = min((t + 1) / over, 1);
  auto inner = call.calls.find("to");
  return inner == call.calls.end() ? number(call, "to") * share : share * rateOf(inner->second, max(t - over, 0));
}

Term exponential(const Call &call, const Term &t) {
  return number(call, "from") * exp(std::log(number(call, "rate")) * (t / number(call, "every")));
}

Term steps(const Call &call, const Term &t) {
  return number(call, "from") * exp(std::log(number(call, "rate")) * floor(t / number(call, "every")));
}

Term polynomial(const Call &call, const Term &t) {
  double to = number(call, "to");
  return (number(call, "from") - to) * pow(1 - passed(call, t), number(call, "power")) + to;
}

Term linear(const Call &call, const Term &t) {
  double to = number(call, "to");
  return (number(call, "from") - to) * (1 - passed(call, t)) + to;
}

Term cosine(const Call &call, const Term &t) {
  double to = number(call, "to");
  return (number(call, "from") - to) / 2 * (1 + cosPi(passed(call, t))) + to;
}

/// Vaswani et al. 2017.
Term noam(const Call &call, const Term &t) {
  double scale = number(call, "scale") / std::sqrt(number(call, "dim"));
  Term done = t + 1;
  return scale * min(1 / sqrt(done), done * std::pow(number(call, "over"), -1.5));
}

Option first(std::string name, Kind kind = Kind::Number) { return {std::move(name), kind, std::nullopt, false, true}; }
Option steps(std::string name) { return {std::move(name), Kind::Steps, std::nullopt, false, false, 1}; }
Option otherwise(std::string name, double number) { return {std::move(name), Kind::Number, number}; }

} // namespace

const std::vector<ScheduleRule> &schedules() {
  Option rate = {"rate", Kind::Number, std::nullopt, false, false, 1e-9};
  static const std::vector<ScheduleRule> rules = {
      {"warmup", {first("to", Kind::Rate), steps("over")}, warmup},
      {"step", {first("from"), rate, steps("every")}, steps},
      {"exponential", {first("from"), rate, steps("every")}, exponential},
      {"polynomial", {first("from"), steps("over"), otherwise("to", 0), otherwise("power", 1)}, polynomial},
      {"linear", {first("from"), steps("over"), otherwise("to", 0)}, linear},
      {"cosine", {first("from"), steps("over"), otherwise("to", 0)}, cosine},
      {"noam", {first("scale"), {"dim", Kind::Number, std::nullopt, false, false, 1}, steps("over")}, noam},
  };
  return rules;
}

} // namespace heter::optimizers
