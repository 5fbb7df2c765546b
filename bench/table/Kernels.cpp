// Loops over the elements of a call.
#include "bench/table/Kernels.h"
#include "bench/table/Peers.h"
#include "runtime/table/OptimizerCall.h"

#include <cmath>

using namespace heter::runtime;

namespace heter::bench {

static const KernelArgument &at(void *const *args, int i) { return *static_cast<const KernelArgument *>(args[i]); }

static void adagrad(const float *__restrict value, const float *__restrict sum, const float *__restrict gradient,
                    float *__restrict newValue, float *__restrict newSum, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float g = gradient[i];
    const float squares = sum[i] + g * g;
    newSum[i] = squares;
    newValue[i] = value[i] - learningRate * g / (std::sqrt(squares) + epsilon);
  }
}

void adagradKernel(void *const *args) {
  adagrad(at(args, 0).aligned, at(args, 1).aligned, at(args, 2).aligned, at(args, 3).aligned, at(args, 4).aligned,
          at(args, 0).size);
}

void sgdKernel(void *const *args) {
  const float *__restrict value = at(args, 0).aligned;
  const float *__restrict gradient = at(args, 1).aligned;
  float *__restrict newValue = at(args, 2).aligned;
  for (int64_t i = 0; i < at(args, 0).size; ++i)
    newValue[i] = value[i] - learningRate * gradient[i];
}

} // namespace heter::bench
