// Columns of many rows, or one row after another.
#include "runtime/table/RowUpdater.h"

#include "runtime/base/Vectors.h"
#include "runtime/table/RowStore.h"

#include <algorithm>
#include <cstring>

namespace heter::runtime {

static size_t rowsPerCall(const PartSpec &spec, size_t mostRows, size_t mostElements) {
  if (!spec.optimizer.scalars.empty())
    return 1;
  return std::clamp<size_t>(mostElements / static_cast<size_t>(spec.dim), 1, mostRows);
}

RowUpdater::RowUpdater(const PartSpec &spec, float divisor, int64_t step)
    : spec_(spec), divisor_(divisor), dim_(static_cast<size_t>(spec.dim)), arrays_(1 + spec.optimizer.slots.size()),
      rowsPerCall_(rowsPerCall(spec, mostRows, mostElements)),
      scratch_((1 + 2 * arrays_) * rowsPerCall_ * dim_ + spec.optimizer.scalars.size()),
      call_(spec.optimizer, spec.dim, step) {
  call_.setGradient(column(0));
  if (!spec.optimizer.scalars.empty()) {
    call_.setPackedOutputs(column(1 + arrays_), spec.dim);
    return;
  }
  for (size_t a = 0; a < arrays_; ++a) {
    call_.setInput(static_cast<int>(a), column(1 + a));
    call_.setOutput(static_cast<int>(a), column(1 + arrays_ + a));
  }
}

void RowUpdater::flush() {
  if (!spec_.optimizer.scalars.empty()) {
    for (size_t i = 0; i < count_; ++i)
      runRow(states_[i], sums_[i]);
  } else if (count_ > 0) {
    runColumns();
  }
  count_ = 0;
}

void RowUpdater::runRow(float *state, const float *sum) {
  for (size_t d = 0; d < dim_; ++d)
    scratch_[d] = sum[d] / divisor_;
  call_.setPackedInputs(state, spec_.dim);
  call_.run();
  std::memcpy(state, column(1 + arrays_), static_cast<size_t>(spec_.stateFloats) * sizeof(float));
}

void RowUpdater::runColumns() {
  withKnownCount(dim_, [this](auto dim) {
    float *const gradient = column(0);
    for (size_t i = 0; i < count_; ++i)
      copyFloats(gradient + i * dim, sums_[i], dim);
    for (size_t a = 0; a < arrays_; ++a) {
      float *const array = column(1 + a);
      for (size_t i = 0; i < count_; ++i)
        copyFloats(array + i * dim, states_[i] + a * dim, dim);
    }
  });
  float *const gradient = column(0);
  if (divisor_ != 1.0F)
    divideFloats(gradient, gradient, divisor_, static_cast<int64_t>(count_ * dim_));
  call_.setElements(static_cast<int64_t>(count_ * dim_));
  call_.run();
  withKnownCount(dim_, [this](auto dim) {
    for (size_t a = 0; a < arrays_; ++a) {
      const float *const array = column(1 + arrays_ + a);
      for (size_t i = 0; i < count_; ++i)
        copyFloats(states_[i] + a * dim, array + i * dim, dim);
    }
  });
}

} // namespace heter::runtime
