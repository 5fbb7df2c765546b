// Loops over the elements of a call.
#include "bench/table/Kernels.h"
#include "bench/table/Peers.h"
#include "runtime/table/OptimizerCall.h"

#include <cmath>

using namespace heter::runtime;

namespace heter::bench {

static const KernelArgument &at(void *const *args, int i) { return *static_cast<const KernelArgument *>(args[i]); }

void adagradKernel(void *const *args) {
  const float *__restrict value = at(args, 0).aligned;
  const float *__restrict sum = at(args, 1).aligned;
  const float *__restrict gradient = at(args, 2).aligned;
  float *__restrict newValue = at(args, 3).aligned;
  float *__restrict newSum = at(args, 4).aligned;
  for (int64_t i = 0; i < at(args, 0).size; ++i) {
    const float g = gradient[i];
    newSum[i] = sum[i] + g * g;
    newValue[i] = value[i] - learningRate * g / (std::sqrt(newSum[i]) + epsilon);
  }
}

void sgdKernel(void *const *args) {
  const float *__restrict value = at(args, 0).aligned;
  const float *__restrict gradient = at(args, 1).aligned;
  float *__restrict newValue = at(args, 2).aligned;
  for (int64_t i = 0; i < at(args, 0).size; ++i)
    newValue[i] = value[i] - learningRate * gradient[i];
}

} // namespace heter::bench
