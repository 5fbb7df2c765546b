// What the language calls an optimizer, a schedule of the learning rate or an average of parameters: its name, its
// options, the state that it keeps and its formula. One entry of a table here is all that such a rule needs: the
// checker takes its options, the dialect its verifier and the compiler its operations from that entry.
#ifndef HETER_OPTIMIZERS_RULES_H
#define HETER_OPTIMIZERS_RULES_H

#include "optimizers/Formula.h"

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace heter::optimizers {

/// A rule as a model asks for it: its name, its numbers, and what is a rule again, as `lr: warmup(1e-3, over: 100
/// steps)`.
struct Call {
  std::string name;
  std::map<std::string, double> numbers;
  std::map<std::string, Call> calls;

  bool operator==(const Call &) const = default;
};

/// "adam(beta1: 0.9, .., lr: warmup(over: 100, to: 0.001))".
std::string toText(const Call &call);

struct Option {
  /// Number; Rate: a number or a schedule; Steps: a whole number of steps.
  enum class Kind { Number, Rate, Steps };
  std::string name;
  Kind kind = Kind::Number;
  /// What it is if left out. An option without is required, unless `optional`.
  std::optional<double> otherwise = std::nullopt;
  bool optional = false;
  bool positional = false;
  double least = 0;                                       ///< The smallest value.
  double below = std::numeric_limits<double>::infinity(); ///< Below which it stays.
};

/// One kind of state that an optimizer keeps beside the values.
struct State {
  std::string name;
  bool each = true;             ///< A number for each element; else one for each row or block.
  double begin = 0;             ///< Where it starts ..
  std::string beginOption = {}; ///< .. or the option that says so.
};

/// The values that an optimizer's formula reads and, in `value` and `state`, writes anew.
class Update {
public:
  /// `call` is complete and outlives it.
  Update(const Call &call, Term value) : value(std::move(value)), call_(&call) {}

  Term value;
  Term gradient; ///< The mean gradient of the step.
  Term rate;     ///< The learning rate of the step.

  /// The number of an option.
  double option(const std::string &name) const { return call_->numbers.at(name); }
  bool has(const std::string &name) const { return call_->numbers.count(name) > 0; }
  /// Takes options from another call from now on.
  void readOptions(const Call &call) { call_ = &call; }
  /// A state by its name; assign its new value.
  Term &state(const std::string &name) { return states_.at(name); }
  void addState(const std::string &name, Term value) { states_.emplace(name, std::move(value)); }

private:
  const Call *call_;
  std::map<std::string, Term> states_;
};

/// An optimizer, or an average of the values that an optimizer makes.
struct UpdateRule {
  std::string name;
  std::vector<Option> options;
  std::vector<State> states;
  void (*body)(Update &);
  bool wholeRows = false; ///< It looks at all elements of a row at once, so that it serves tables only.
  bool ownL2 = false;     ///< Its option l2 is its own; elsewhere l2 times the value is added to the gradient.
  bool dividesByRate = false;
};

/// A learning rate as a function of the steps done before.
struct ScheduleRule {
  std::string name;
  std::vector<Option> options;
  Term (*body)(const Call &call, const Term &step);
};

const std::vector<UpdateRule> &optimizers();
const std::vector<ScheduleRule> &schedules();
/// Each has a state called "average", which stands for the value in tests and predictions.
const std::vector<UpdateRule> &averages();

/// The rule of that name, or null.
const UpdateRule *findOptimizer(std::string_view name);
const ScheduleRule *findSchedule(std::string_view name);
const UpdateRule *findAverage(std::string_view name);

/// What is wrong with `number` as the option, as "at least 0 and below 1"; "" if it may have that value.
std::string boundsError(const Option &option, double number);

/// Whether the learning rate of `call` is 0 or comes to it, and its optimizer divides by it.
bool dividesByZero(const Call &call);

/// Why `call` is no optimizer (schedule, average), or "" if it is a complete one, options that may be left out aside:
/// "optimizer 'adam' has no option 'beta'".
std::string checkOptimizer(const Call &call);

/// The formula of one optimizer call. Arguments are numbered: value, `slots`, `scalars`, gradient and, if the learning
/// rate is a schedule, the rate; `results` are the new value, slots and scalars.
struct UpdateFormula {
  std::vector<std::string> slots;
  std::vector<double> slotBegin;
  std::vector<std::string> scalars;
  std::vector<double> scalarBegin;
  std::vector<Term> results;
  std::string averaged; ///< The slot that stands for the value in tests and predictions, or "".
  bool scheduled = false;
};

/// The optimizer's call and those within it with what they left out. REQUIRES: checkOptimizer(call) is "".
Call complete(const Call &call);

/// REQUIRES: checkOptimizer(call) is "".
UpdateFormula formulaOf(const Call &call);

/// The rate of `schedule` after `step` steps, a term without a value for each element.
Term rateOf(const Call &schedule, const Term &step);

} // namespace heter::optimizers

#endif // HETER_OPTIMIZERS_RULES_H
