// Products of f32 matrices that are thin: of one column, such as a model's last layer, or of depth one, such as that
// layer's gradient. They do two operations a number that they read or write, so that no packing pays.
#ifndef HETER_RUNTIME_KERNELS_THINPRODUCT_H
#define HETER_RUNTIME_KERNELS_THINPRODUCT_H

#include "runtime/base/Scheduler.h"
#include "runtime/kernels/MatrixProduct.h"

namespace heter::runtime {

/// Whether multiplyThin computes it.
bool isThin(const MatrixProduct &product);

/// Computes the product; idle threads of `scheduler` help if it is not null. Neither the threads nor m change an
/// element's bits. REQUIRES: isThin(product), k > 0.
void multiplyThin(const MatrixProduct &product, Scheduler *scheduler);

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_THINPRODUCT_H
