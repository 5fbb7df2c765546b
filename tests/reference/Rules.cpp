// Direct implementations: powers, conditions and whole histories in place of the compiler's running sums.
#include "tests/reference/Rules.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace heter::reference {

using optimizers::Call;

//===--- Schedules ------------------------------------------------------------------------------------------------===//

static double scheduled(const Call &call, int64_t step) {
  auto option = [&](const char *name) { return call.numbers.at(name); };
  const auto t = static_cast<double>(step);
  if (call.name == "warmup") {
    const auto over = static_cast<int64_t>(option("over"));
    auto inner = call.calls.find("to");
    auto target = [&](int64_t after) {
      return inner == call.calls.end() ? option("to") : scheduled(inner->second, after);
    };
    return step < over ? target(0) * (t + 1) / option("over") : target(step - over);
  }
  if (call.name == "step")
    return option("from") * std::pow(option("rate"), static_cast<double>(step / static_cast<int64_t>(option("every"))));
  if (call.name == "exponential")
    return option("from") * std::pow(option("rate"), t / option("every"));
  if (call.name == "noam")
    return option("scale") * std::pow(option("dim"), -0.5) *
           std::min(std::pow(t + 1, -0.5), (t + 1) * std::pow(option("over"), -1.5));
  // The others go from `from` to `to`, and stay there.
  if (t >= option("over"))
    return option("to");
  const double left = 1 - t / option("over"), distance = option("from") - option("to");
  if (call.name == "linear")
    return option("to") + distance * left;
  if (call.name == "polynomial")
    return option("to") + distance * std::pow(left, option("power"));
  if (call.name == "cosine")
    return option("to") + distance * (1 + std::cos(std::numbers::pi * t / option("over"))) / 2;
  throw std::runtime_error("the reference does not know the schedule " + call.name);
}

double learningRate(const Call &optimizer, int64_t step) {
  auto schedule = optimizer.calls.find("lr");
  return schedule == optimizer.calls.end() ? optimizer.numbers.at("lr") : scheduled(schedule->second, step);
}

//===--- Optimizers -----------------------------------------------------------------------------------------------===//

namespace {

/// One update under way.
struct Step {
  const Call &call;
  double rate;
  const std::vector<double> &gradient;
  std::vector<double> &value;
  OptimizerState &state;

  double option(const char *name) const { return call.numbers.at(name); }
  double meanSquare() const {
    double sum = 0;
    for (double g : gradient)
      sum += g * g;
    return sum / static_cast<double>(gradient.size());
  }

  void momentum(bool nesterov) {
    for (size_t i = 0; i < value.size(); ++i) {
      double &velocity = state.first[i];
      velocity = option("momentum") * velocity + gradient[i];
      value[i] -= rate * (nesterov ? gradient[i] + option("momentum") * velocity : velocity);
    }
  }

  void adagrad(bool rowwise) {
    for (size_t i = 0; i < value.size(); ++i) {
      double &sum = state.first[i];
      if (state.updates == 1)
        sum = option("initial");
      sum += rowwise ? meanSquare() : gradient[i] * gradient[i];
      value[i] -= rate * gradient[i] / (std::sqrt(sum) + option("epsilon"));
    }
  }

  void adam(bool rowwise, double decay) {
    const double beta1 = option("beta1"), beta2 = option("beta2");
    const auto t = static_cast<double>(state.updates);
    for (size_t i = 0; i < value.size(); ++i) {
      const double g = gradient[i];
      state.first[i] = beta1 * state.first[i] + (1 - beta1) * g;
      state.second[i] = beta2 * state.second[i] + (1 - beta2) * (rowwise ? meanSquare() : g * g);
      const double mean = state.first[i] / (1 - std::pow(beta1, t));
      const double square = state.second[i] / (1 - std::pow(beta2, t));
      value[i] -= rate * decay * value[i];
      value[i] -= rate * mean / (std::sqrt(square) + option("epsilon"));
    }
  }

  /// Algorithm 1 of McMahan et al. 2013, with a power in place of its square roots.
  void ftrl() {
    for (size_t i = 0; i < value.size(); ++i) {
      double &z = state.first[i], &n = state.second[i];
      const double g = gradient[i], power = option("power");
      const double sigma = (std::pow(n + g * g, power) - std::pow(n, power)) / rate;
      z += g - sigma * value[i];
      n += g * g;
      value[i] = std::abs(z) <= option("l1") ? 0.0
                                             : -(z - std::copysign(option("l1"), z)) /
                                                   ((option("beta") + std::pow(n, power)) / rate + option("l2"));
    }
  }

  void run() {
    const std::string &name = call.name;
    if (name == "sgd")
      for (size_t i = 0; i < value.size(); ++i)
        value[i] -= rate * gradient[i];
    else if (name == "momentum" || name == "nesterov")
      momentum(name == "nesterov");
    else if (name == "adagrad" || name == "rowwise_adagrad")
      adagrad(name == "rowwise_adagrad");
    else if (name == "adam" || name == "rowwise_adam" || name == "adamw")
      adam(name == "rowwise_adam", name == "adamw" ? option("decay") : 0);
    else if (name == "ftrl")
      ftrl();
    else
      throw std::runtime_error("the reference does not know the optimizer " + name);
  }
};

} // namespace

void applyOptimizer(const Call &optimizer, int64_t step, std::vector<double> gradient, std::vector<double> &value,
                    OptimizerState &state) {
  state.first.resize(value.size());
  state.second.resize(value.size());
  ++state.updates;
  if (auto l2 = optimizer.numbers.find("l2"); l2 != optimizer.numbers.end() && optimizer.name != "ftrl")
    for (size_t i = 0; i < value.size(); ++i)
      gradient[i] += l2->second * value[i];
  Step{optimizer, learningRate(optimizer, step), gradient, value, state}.run();
  for (double &v : value) {
    if (auto least = optimizer.numbers.find("least"); least != optimizer.numbers.end())
      v = std::max(v, least->second);
    if (auto most = optimizer.numbers.find("most"); most != optimizer.numbers.end())
      v = std::min(v, most->second);
  }
  if (optimizer.calls.count("average"))
    state.history.push_back(value);
}

std::vector<double> averageOf(const Call &optimizer, const OptimizerState &state) {
  const Call &call = optimizer.calls.at("average");
  const auto count = static_cast<int64_t>(state.history.size());
  std::vector<double> sum(state.history.front().size());
  double weights = 0;
  for (int64_t t = 0; t < count; ++t) {
    double weight = 0;
    if (call.name == "ema") {
      weight = std::pow(call.numbers.at("decay"), static_cast<double>(count - 1 - t));
    } else if (call.name == "window") {
      // The window that the last value is in, and the one before.
      const auto length = static_cast<int64_t>(call.numbers.at("over"));
      weight = t / length >= (count - 1) / length - 1 ? 1 : 0;
    } else {
      throw std::runtime_error("the reference does not know the average " + call.name);
    }
    weights += weight;
    for (size_t i = 0; i < sum.size(); ++i)
      sum[i] += weight * state.history[static_cast<size_t>(t)][i];
  }
  for (double &value : sum)
    value /= weights;
  return sum;
}

} // namespace heter::reference
