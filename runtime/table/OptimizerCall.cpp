// Memref descriptors for optimizer kernels.
#include "runtime/table/OptimizerCall.h"

#include <cassert>

namespace heter::runtime {

OptimizerCall::OptimizerCall(const OptimizerSpec &spec, int64_t elements)
    : kernel_(spec.kernel), states_(static_cast<int>(1 + spec.slots.size() + spec.scalars.size())),
      slots_(static_cast<int>(spec.slots.size())) {
  assert(spec.slots.size() <= maxOptimizerStates && spec.scalars.size() <= maxOptimizerStates);
  for (size_t i = 0; i < maxArguments; ++i) {
    descriptors_[i] = {nullptr, nullptr, 0, elements, 1};
    args_[i] = &descriptors_[i];
  }
}

void OptimizerCall::setElements(int64_t elements) {
  for (Descriptor &descriptor : descriptors_)
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
