// Memref descriptors for optimizer kernels.
#include "runtime/table/OptimizerCall.h"

#include <cassert>

namespace heter::runtime {

/// The learning rate that a schedule's kernel gives for a step.
static float rateOf(KernelFunction schedule, int64_t step) {
  struct Number { // A memref descriptor of rank 0.
    void *base;
    void *aligned;
    int64_t offset;
  };
  float rate = 0;
  Number in{&step, &step, 0};
  Number out{&rate, &rate, 0};
  const std::array<void *, 2> args = {&in, &out};
  schedule(args.data());
  return rate;
}

OptimizerCall::OptimizerCall(const OptimizerSpec &spec, int64_t elements, int64_t step)
    : kernel_(spec.kernel), states_(static_cast<int>(1 + spec.slots.size() + spec.scalars.size())),
      slots_(static_cast<int>(spec.slots.size())), firstOutput_(states_ + (spec.schedule ? 2 : 1)) {
  assert(spec.slots.size() <= maxOptimizerStates && spec.scalars.size() <= maxOptimizerStates);
  for (size_t i = 0; i < maxArguments; ++i) {
    descriptors_[i] = {nullptr, nullptr, 0, elements, 1};
    args_[i] = &descriptors_[i];
  }
  if (spec.schedule) {
    rate_ = rateOf(spec.schedule, step);
    point(states_ + 1, &rate_);
  }
}

void OptimizerCall::setElements(int64_t elements) {
  for (KernelArgument &descriptor : descriptors_)
    descriptor.size = elements;
}

void OptimizerCall::setPackedInputs(const float *state, int64_t elements) {
  for (int i = 0; i < states_; ++i) {
    setInput(i, state);
    state += i <= slots_ ? elements : 1;
  }
}

void OptimizerCall::setPackedOutputs(float *state, int64_t elements) {
  for (int i = 0; i < states_; ++i) {
    setOutput(i, state);
    state += i <= slots_ ? elements : 1;
  }
}

} // namespace heter::runtime
