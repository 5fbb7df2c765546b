// OptimizerCall: calls an optimizer's kernel through the compiled kernel ABI. Its memref descriptors are made once for
// a number of elements and pointed at one row or block chunk after another.
#ifndef HETER_RUNTIME_TABLE_OPTIMIZERCALL_H
#define HETER_RUNTIME_TABLE_OPTIMIZERCALL_H

#include "runtime/table/Schema.h"

#include <array>
#include <cstdint>

namespace heter::runtime {

/// An argument of a kernel: a memref descriptor of rank 1; one of rank 0 ends after `offset`.
struct KernelArgument {
  float *base;
  float *aligned;
  int64_t offset;
  int64_t size;
  int64_t stride;
};

/// The state of n elements is an array of arrays in kernel order: value[n], then each slot[n], then each scalar (one
/// float). The kernel takes them, gradient[n] and, of a schedule, the learning rate, and gives the same arrays anew;
/// outputs never alias inputs. Not
/// thread-safe; cheap to make, so make one a call site and thread.
class OptimizerCall {
public:
  /// `step` counts the steps closed before the one that is applied: its learning rate is used. `spec` may go then.
  OptimizerCall(const OptimizerSpec &spec, int64_t elements, int64_t step);
  OptimizerCall(const OptimizerCall &) = delete;
  OptimizerCall &operator=(const OptimizerCall &) = delete;

  /// Changes n for the next calls.
  void setElements(int64_t elements);
  void setInput(int state, const float *array) { point(state, array); }
  void setGradient(const float *array) { point(states_, array); }
  void setOutput(int state, float *array) { point(firstOutput_ + state, array); }
  /// REQUIRES: every input, the gradient and every output are set.
  void run() { kernel_(args_.data()); }

  /// Points the inputs (or outputs) at a state that lies as [value][slots..][scalars] in one piece.
  void setPackedInputs(const float *state, int64_t elements);
  void setPackedOutputs(float *state, int64_t elements);

private:
  static constexpr size_t maxArguments = 2 * (1 + 2 * maxOptimizerStates) + 2;

  void point(int argument, const float *array) {
    KernelArgument &descriptor = descriptors_[static_cast<size_t>(argument)];
    descriptor.base = descriptor.aligned = const_cast<float *>(array);
  }

  KernelFunction kernel_;
  int states_;
  int slots_;
  int firstOutput_;
  float rate_ = 0;
  std::array<KernelArgument, maxArguments> descriptors_;
  std::array<void *, maxArguments> args_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_OPTIMIZERCALL_H
