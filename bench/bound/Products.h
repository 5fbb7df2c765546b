// The matrix products of a training step with operands that lie as the product wants them, by oneDNN or by our own
// kernels; which is faster for a shape, the step finds out.
#ifndef HETER_BENCH_BOUND_PRODUCTS_H
#define HETER_BENCH_BOUND_PRODUCTS_H

#include "runtime/base/Scheduler.h"
#include "runtime/kernels/Packed.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace heter::bench {

/// rows x columns results, each a sum over `depth`.
struct Extents {
  int64_t rows = 0, columns = 0, depth = 0;
};

/// A product with its operands, filled with numbers near 0.01. Not thread-safe.
class BoundProduct {
public:
  virtual ~BoundProduct() = default;
  /// Computes it on all threads of the scheduler. REQUIRES: called in a task.
  virtual void run() = 0;
  virtual std::string name() const = 0;
  virtual bool fits() const { return true; } ///< Whether it can compute a product of these extents.
};

/// How a step's products are computed; `scheduler` and `tiles` outlive what is made.
struct ProductKind {
  runtime::Scheduler &scheduler;
  runtime::TileKernels tiles; ///< Of a package for bf16.
  int threads = 1;
  bool bf16 = false;
};

/// All ways of computing a product here: oneDNN's of any layout, and ours. A result of bf16 operands is bf16, or f32 if
/// `wide`. REQUIRES: called in a task.
std::vector<std::unique_ptr<BoundProduct>> waysOf(const ProductKind &kind, const Extents &extents, bool wide);

} // namespace heter::bench

#endif // HETER_BENCH_BOUND_PRODUCTS_H
