// Optimizers of the tables' benchmarks, as the compiler makes them of a model.
#ifndef HETER_BENCH_TABLE_KERNELS_H
#define HETER_BENCH_TABLE_KERNELS_H

namespace heter::bench {

/// (value, sum, gradient) -> (value, sum), with learningRate and epsilon of Peers.h.
void adagradKernel(void *const *args);
/// (value, gradient) -> (value).
void sgdKernel(void *const *args);

} // namespace heter::bench

#endif // HETER_BENCH_TABLE_KERNELS_H
