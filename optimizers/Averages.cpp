// Averages of what an optimizer has made of a parameter: used in its place by tests and predictions. They begin as the
// parameter's first values (the owner of the state sees to that), so that they are of use before any update.
#include "optimizers/Rules.h"

namespace heter::optimizers {

namespace {

using Kind = Option::Kind;

/// A moving average, its beginning corrected as Adam corrects its moments: average * (1 - decay^t) is the sum of
/// (1 - decay) * decay^(t - i) * value_i.
void ema(Update &u) {
  double decay = u.option("decay");
  Term &average = u.state("average"), &weight = u.state("average_weight");
  weight = decay * weight + (1 - decay);
  average = average + (1 - decay) / weight * (u.value - average);
}

/// The mean of the last values: all of the window that is being filled, and the full one before it. So it spans one to
/// two windows, as no value is kept longer than for a sum.
void window(Update &u) {
  double length = u.option("over");
  Term &now = u.state("window"), &before = u.state("window_before");
  Term &count = u.state("window_count"), &countBefore = u.state("window_before_count");
  Term full = floor(count / length), open = 1 - full;
  before = full * now + open * before;
  countBefore = full * count + open * countBefore;
  count = open * count + 1;
  now = open * now;
  now = now + (u.value - now) / count;
  u.state("average") = (countBefore * before + count * now) / (countBefore + count);
}

} // namespace

const std::vector<UpdateRule> &averages() {
  static const std::vector<UpdateRule> rules = {
      {"ema",
       {{"decay", Kind::Number, std::nullopt, false, true, 0, 1}},
       {{"average"}, {"average_weight", false}},
       ema},
      {"window",
       {{"over", Kind::Steps, std::nullopt, false, true, 1, 1 << 24}},
       {{"average"}, {"window"}, {"window_before"}, {"window_count", false}, {"window_before_count", false}},
       window},
  };
  return rules;
}

} // namespace heter::optimizers
