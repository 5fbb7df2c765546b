// The optimizers. Sources: Duchi et al. 2011 (Adagrad), Gupta et al. 2014 and Mudigere et al. 2022 (one accumulator a
// row), Sutskever et al. 2013 (momentum, Nesterov's in the form of PyTorch), Kingma & Ba 2014 (Adam), Loshchilov &
// Hutter 2019 (AdamW), McMahan et al. 2013 (FTRL-Proximal). Epsilons stand outside of roots, as PyTorch has them.
#include "optimizers/Rules.h"

namespace heter::optimizers {

namespace {

using Kind = Option::Kind;

// One operation a statement or one after another: each formula is written once, and reads as it is computed.

void sgd(Update &u) { u.value = u.value - u.rate * u.gradient; }

void momentum(Update &u) {
  Term &velocity = u.state("velocity");
  velocity = u.option("momentum") * velocity + u.gradient;
  u.value = u.value - u.rate * velocity;
}

void nesterov(Update &u) {
  Term &velocity = u.state("velocity");
  velocity = u.option("momentum") * velocity + u.gradient;
  u.value = u.value - u.rate * (u.gradient + u.option("momentum") * velocity);
}

void adagrad(Update &u) {
  Term &sum = u.state("sum");
  sum = sum + u.gradient * u.gradient;
  u.value = u.value - u.rate * u.gradient / (sqrt(sum) + u.option("epsilon"));
}

void rowwiseAdagrad(Update &u) {
  Term &sum = u.state("sum");
  sum = sum + mean(u.gradient * u.gradient);
  u.value = u.value - u.rate * u.gradient / (sqrt(sum) + u.option("epsilon"));
}

/// decay * average + (1 - decay) * sample.
Term movingAverage(double decay, const Term &average, const Term &sample) {
  return decay * average + (1 - decay) * sample;
}

/// The step of Adam, from the sample of the second moment. Weights are what a moving average that began at zero makes
/// of ones, 1 - decay^steps: in f32 such a sum keeps the moment's own rounding, where 1 minus a power of a decay near 1
/// would lose most of its digits.
Term adamStep(Update &u, const Term &square) {
  double beta1 = u.option("beta1"), beta2 = u.option("beta2");
  Term &moment1 = u.state("moment1"), &moment2 = u.state("moment2");
  Term &weight1 = u.state("moment1_weight"), &weight2 = u.state("moment2_weight");
  weight1 = movingAverage(beta1, weight1, 1);
  weight2 = movingAverage(beta2, weight2, 1);
  moment1 = movingAverage(beta1, moment1, u.gradient);
  moment2 = movingAverage(beta2, moment2, square);
  // rate * (moment1 / weight1) / (sqrt(moment2 / weight2) + epsilon), with what the elements share computed once.
  Term scale = 1 / sqrt(weight2);
  return u.rate / weight1 * moment1 / (sqrt(moment2) * scale + u.option("epsilon"));
}

void adam(Update &u) { u.value = u.value - adamStep(u, u.gradient * u.gradient); }

void rowwiseAdam(Update &u) { u.value = u.value - adamStep(u, mean(u.gradient * u.gradient)); }

void adamw(Update &u) {
  Term shrunk = u.value * (1 - u.rate * u.option("decay"));
  u.value = shrunk - adamStep(u, u.gradient * u.gradient);
}

void ftrl(Update &u) {
  double power = u.option("power");
  Term &linear = u.state("linear"), &sum = u.state("sum");
  Term before = pow(sum, power);
  sum = sum + u.gradient * u.gradient;
  Term after = pow(sum, power);
  linear = linear + u.gradient - (after - before) / u.rate * u.value;
  // linear - sign(linear) * l1 where that does not change the sign, else 0.
  Term beyond = max(linear - u.option("l1"), 0) + min(linear + u.option("l1"), 0);
  u.value = 0 - beyond / ((u.option("beta") + after) / u.rate + u.option("l2"));
}

Option rate() { return {"lr", Kind::Rate}; }
Option number(std::string name, double otherwise) { return {std::move(name), Kind::Number, otherwise}; }
Option share(std::string name, double otherwise) {
  Option option = number(std::move(name), otherwise);
  option.below = 1;
  return option;
}
State perRow(std::string name) { return {std::move(name), false}; }

std::vector<UpdateRule> makeOptimizers() {
  Option beta1 = share("beta1", 0.9), beta2 = share("beta2", 0.999), epsilon = number("epsilon", 1e-8);
  State weight1 = perRow("moment1_weight"), weight2 = perRow("moment2_weight");
  std::vector<Option> adagradOptions = {rate(), number("epsilon", 1e-10), number("initial", 0)};
  return {
      {"sgd", {rate()}, {}, sgd},
      {"momentum", {rate(), share("momentum", 0.9)}, {{"velocity"}}, momentum},
      {"nesterov", {rate(), share("momentum", 0.9)}, {{"velocity"}}, nesterov},
      {"adagrad", adagradOptions, {{"sum", true, 0, "initial"}}, adagrad},
      {"rowwise_adagrad", adagradOptions, {{"sum", false, 0, "initial"}}, rowwiseAdagrad, true},
      {"adam", {rate(), beta1, beta2, epsilon}, {{"moment1"}, {"moment2"}, weight1, weight2}, adam},
      {"rowwise_adam",
       {rate(), beta1, beta2, epsilon},
       {{"moment1"}, perRow("moment2"), weight1, weight2},
       rowwiseAdam,
       true},
      {"adamw",
       {rate(), beta1, beta2, epsilon, number("decay", 0.01)},
       {{"moment1"}, {"moment2"}, weight1, weight2},
       adamw},
      {"ftrl",
       {rate(), number("l1", 0), number("l2", 0), number("beta", 1), number("power", 0.5)},
       {{"linear"}, {"sum"}},
       ftrl,
       false,
       true,
       true},
  };
}

/// Options that every optimizer has: a share of the value added to its gradient, and bounds that the value keeps.
void addCommonOptions(UpdateRule &rule) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!rule.ownL2)
    rule.options.push_back({"l2", Kind::Number, std::nullopt, true});
  for (const char *bound : {"least", "most"})
    rule.options.push_back({bound, Kind::Number, std::nullopt, true, false, -infinity});
}

} // namespace

const std::vector<UpdateRule> &optimizers() {
  static const std::vector<UpdateRule> rules = [] {
    std::vector<UpdateRule> made = makeOptimizers();
    for (UpdateRule &rule : made)
      addCommonOptions(rule);
    return made;
  }();
  return rules;
}

} // namespace heter::optimizers
