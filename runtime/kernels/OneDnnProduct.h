// Products of f32 matrices by oneDNN, which runs on the calling thread alone: large ones are cut into pieces for the
// scheduler's idle threads, by their shape only, so that the number of threads changes no bit.
#ifndef HETER_RUNTIME_KERNELS_ONEDNNPRODUCT_H
#define HETER_RUNTIME_KERNELS_ONEDNNPRODUCT_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <tuple>

namespace heter::runtime {

/// out[b] (m x n) = a[b] (m x k) * b[b] (k x n) + bias (n), perhaps max(that, 0), each operand transposed in memory if
/// its flag says so.
struct Product {
  bool batched = false;
  int64_t batch = 1, m = 0, n = 0, k = 0;
  bool transposeA = false, transposeB = false, bias = false;
  bool relu = false;                               ///< Not oneDNN's to do: its own would turn NaN into 0.
  int64_t strideA = 0, strideB = 0, strideOut = 0; ///< From one row in memory to the next.
  const float *mask = nullptr;                     ///< As MatrixProduct has them, and not oneDNN's to do.
  float *sums = nullptr;

  /// What a primitive depends on.
  auto key() const {
    return std::tuple(batched, batch, m, n, k, transposeA, transposeB, bias, strideA, strideB, strideOut);
  }
};

/// Computes all of the product but mask and sums. `bias` is null without one, `scheduler` may be null.
/// REQUIRES: no extent is 0.
Status multiplyByOneDnn(const Product &product, const float *a, const float *b, const float *bias, float *out,
                        Scheduler *scheduler);

/// Has oneDNN generate the code of such a product, which the first call on any thread would do otherwise: before
/// training begins it delays no step, and what it takes (some 2 MB, oneDNN's generators included) is part of what is
/// loaded. REQUIRES: no extent is 0.
Status generateOneDnnCode(const Product &product);

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_ONEDNNPRODUCT_H
