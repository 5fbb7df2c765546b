// One product of f32 matrices with all that it ends with, as the ways of computing it (TileProduct.h, ThinProduct.h and
// OneDnnProduct.h) are told of it; and the end that they share.
#ifndef HETER_RUNTIME_KERNELS_MATRIXPRODUCT_H
#define HETER_RUNTIME_KERNELS_MATRIXPRODUCT_H

#include <cstdint>

namespace heter::runtime {

/// out (m x n) = a (m x k) * b (k x n) + bias (n), perhaps max(that, 0), perhaps 0 where the mask is not above 0. All
/// row-major, an operand transposed in memory if its flag says so; strides are floats from one row in memory to the
/// next.
struct MatrixProduct {
  int64_t m = 0, n = 0, k = 0;
  const float *a = nullptr, *b = nullptr;
  int64_t strideA = 0, strideB = 0, strideOut = 0;
  bool transposeA = false, transposeB = false;
  const float *bias = nullptr; ///< Null for none.
  bool relu = false;           ///< NaN stays NaN.
  float *out = nullptr;        ///< Overlaps no operand.
  const float *mask = nullptr; ///< m x n, with rows of strideOut as the result's; null for none.
  float *sums = nullptr;       ///< If not null, gets the sums of the result's n columns; only with a mask.
};

/// Columns are summed so many rows together, and these sums one after another, so that the bits do not depend on how a
/// result is cut.
inline constexpr int64_t summedRows = 32;
constexpr int64_t summedBlocks(int64_t rows) { return (rows + summedRows - 1) / summedRows; }

/// Masks the rows of the result from block * summedRows on, summedRows of them or those that are left, and gives their
/// columns' sums to partial[block * n ..] unless that is null.
void maskRows(const MatrixProduct &product, int64_t block, float *partial);

/// Gives product.sums the sum of the blocks' sums.
void addPartialSums(const MatrixProduct &product, const float *partial);

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_MATRIXPRODUCT_H
