// Products of f32 matrices on the matrix tiles of CPUs with AMX, which multiply bf16 only. Each f32 operand is split
// into three bf16 parts that sum to it exactly (8 + 8 + 8 bits), and the six largest of the nine products of parts are
// added in f32: what is left out is below 2^-24 of each product, so that the result is as near to the exact one as that
// of ordinary f32 arithmetic, at several times its speed. docs/decisions/f32-products-on-tiles.md has the measurements.
#ifndef HETER_RUNTIME_KERNELS_TILEPRODUCT_H
#define HETER_RUNTIME_KERNELS_TILEPRODUCT_H

#include "runtime/base/Scheduler.h"
#include "runtime/kernels/Library.h"
#include "runtime/kernels/MatrixProduct.h"

namespace heter::runtime {

/// Whether this process may use tiles: the CPU has them and the system lets it. Decided at the first call. Thread-safe.
bool haveTiles();

/// Computes the product; idle threads of `scheduler` help if it is not null. An element's bits depend on its row of a,
/// its column of b and k alone, so neither the threads nor the other extents change them. A NaN or infinity makes its
/// row or column of the result NaN; operands below 2^-126 count as 0, those from 0x1.FFp127 as infinite. REQUIRES:
/// haveTiles(), k > 0.
void multiplyTiles(const MatrixProduct &product, Scheduler *scheduler);

/// The same bits block by block, in the order of rows; `product.out` is not used. REQUIRES: it ends with nothing.
void multiplyTiles(const MatrixProduct &product, MatrixBlocks &blocks, Scheduler *scheduler);

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_TILEPRODUCT_H
