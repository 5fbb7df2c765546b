// Optimizers, schedules and averages in double precision, each written out from its source rather than from the
// formulas that the compiler takes from optimizers/.
#ifndef HETER_TESTS_REFERENCE_RULES_H
#define HETER_TESTS_REFERENCE_RULES_H

#include "optimizers/Rules.h"

#include <cstdint>
#include <vector>

namespace heter::reference {

/// What an optimizer keeps for a parameter or a row: running sums, a number an element, and how often it was updated.
struct OptimizerState {
  std::vector<double> first, second;
  int64_t updates = 0;
  std::vector<std::vector<double>> history; ///< What each update made, if the optimizer keeps an average.
};

/// The learning rate of an optimizer after `step` steps.
double learningRate(const optimizers::Call &optimizer, int64_t step);

/// The update of step `step` of an optimizer. REQUIRES: the call is complete (optimizers::complete); `gradient`, of the
/// mean loss, is as long as `value`, which is one row where the optimizer looks at rows.
void applyOptimizer(const optimizers::Call &optimizer, int64_t step, std::vector<double> gradient,
                    std::vector<double> &value, OptimizerState &state);

/// The average that the optimizer keeps, from all values that its updates made.
std::vector<double> averageOf(const optimizers::Call &optimizer, const OptimizerState &state);

} // namespace heter::reference

#endif // HETER_TESTS_REFERENCE_RULES_H
