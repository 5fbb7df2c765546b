// RowUpdater: runs a part's optimizer on the rows of a batch. Rows of optimizers without scalars are gathered into
// columns, so that one call of the compiled kernel updates many of them; an elementwise formula gives the same bits for
// any number of elements.
#ifndef HETER_RUNTIME_TABLE_ROWUPDATER_H
#define HETER_RUNTIME_TABLE_ROWUPDATER_H

#include "runtime/table/OptimizerCall.h"

#include <array>
#include <cstdint>
#include <vector>

namespace heter::runtime {

/// Not thread-safe; cheap to make.
class RowUpdater {
public:
  /// Gradient sums are divided by `divisor`; the learning rate is that of `step`. `spec` outlives the updater.
  RowUpdater(const PartSpec &spec, float divisor, int64_t step);

  /// Updates a row now or with the next flush: `state` is the part's state, `sum` has spec.dim floats. Both must stay
  /// until then. REQUIRES: no row twice between flushes.
  void add(float *state, const float *sum) {
    states_[count_] = state;
    sums_[count_] = sum;
    __builtin_prefetch(sum); // the sums come in the order of the rows: from anywhere
    __builtin_prefetch(sum + dim_ - 1);
    if (++count_ == rowsPerCall_)
      flush();
  }
  void flush();

private:
  static constexpr size_t mostRows = 64;
  static constexpr size_t mostElements = 4096;

  float *column(size_t index) { return scratch_.data() + index * rowsPerCall_ * dim_; }
  void runColumns();
  void runRow(float *state, const float *sum);

  const PartSpec &spec_;
  const float divisor_;
  const size_t dim_;
  const size_t arrays_; ///< The value and the slots.
  const size_t rowsPerCall_;
  std::vector<float> scratch_; ///< The gradients, then the inputs, then the outputs.
  OptimizerCall call_;
  size_t count_ = 0;
  std::array<float *, mostRows> states_;
  std::array<const float *, mostRows> sums_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWUPDATER_H
