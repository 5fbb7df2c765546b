// Products of f32 matrices on the matrix tiles of CPUs with AMX, which multiply bf16 only. Each f32 operand is split
// into three bf16 parts that sum to it exactly (8 + 8 + 8 bits), and the six largest of the nine products of parts are
// added in f32: what is left out is below 2^-24 of each product, so that the result is as near to the exact one as that
// of ordinary f32 arithmetic, at several times its speed. docs/decisions/f32-products-on-tiles.md has the measurements.
#ifndef HETER_RUNTIME_KERNELS_TILEPRODUCT_H
#define HETER_RUNTIME_KERNELS_TILEPRODUCT_H

#include "runtime/base/Scheduler.h"

#include <cstdint>

namespace heter::runtime {

/// out (m x n) = a (m x k) * b (k x n) + bias (n), perhaps max(that, 0). All row-major, an operand transposed in memory
/// if its flag says so; strides are floats from one row in memory to the next.
struct TileProduct {
  int64_t m = 0, n = 0, k = 0;
  const float *a = nullptr, *b = nullptr;
  int64_t strideA = 0, strideB = 0, strideOut = 0;
  bool transposeA = false, transposeB = false;
  const float *bias = nullptr; ///< Null for none.
  bool relu = false;           ///< NaN stays NaN.
  float *out = nullptr;        ///< Overlaps no operand.
};

/// Whether this process may use tiles: the CPU has them and the system lets it. Decided at the first call. Thread-safe.
bool haveTiles();

/// Computes the product; idle threads of `scheduler` help if it is not null. An element's bits depend on its row of a,
/// its column of b and k alone, so neither the threads nor the other extents change them. A NaN or infinity makes its
/// row or column of the result NaN; operands below 2^-126 count as 0, those from 0x1.FFp127 as infinite. REQUIRES:
/// haveTiles(), k > 0.
void multiplyTiles(const TileProduct &product, Scheduler *scheduler);

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_TILEPRODUCT_H
