// Packed matrices: bf16 in tiles of 1 KB, as products read them. docs/formats/package.md describes how they lie. The
// generated kernels of a package pack and multiply them where the processor multiplies tiles; the functions here call
// those, or do the same in plain C++ and f32 products.
#ifndef HETER_RUNTIME_KERNELS_PACKED_H
#define HETER_RUNTIME_KERNELS_PACKED_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/Status.h"
#include "runtime/kernels/Library.h"
#include "runtime/kernels/Tensor.h"
#include "runtime/package/KernelObject.h"

#include <array>
#include <cstdint>
#include <vector>

namespace heter::runtime {

/// The generated kernels that work on tiles; null where the kernel object has none.
struct TileKernels {
  KernelFunction product = nullptr;
  KernelFunction pack = nullptr;
  static TileKernels of(const KernelObject *kernels);
};

/// Memory for a matrix in each packing, indexed by the packing; null where it is not wanted.
using PackedOutputs = std::array<uint16_t *, 5>;

/// Where element (i, j) of a packed matrix of rows x columns lies, counted in elements.
int64_t packedIndex(package::Packing::type packing, int64_t rows, int64_t columns, int64_t i, int64_t j);

/// Rounds and packs `from`, row-major; the tiles' rest becomes 0. `scheduler` may be null.
void packMatrix(const TileKernels &tiles, const float *from, int64_t rows, int64_t columns, const PackedOutputs &to,
                Scheduler *scheduler);

/// A part of a matrix in units of 32 rows and columns; of its last units there may be less.
struct PackedUnits {
  int64_t rowBegin, rowEnd, columnBegin, columnEnd;
};
/// The same for a part, on this thread. The part's first row begins at `from`; `to` is the whole matrix.
void packUnits(const TileKernels &tiles, const float *from, int64_t rows, int64_t columns, const PackedUnits &units,
               const PackedOutputs &to);
/// The same for the 32 rows from row 32 * unit on.
void packUnit(const TileKernels &tiles, const float *from, int64_t unit, int64_t rows, int64_t columns,
              const PackedOutputs &to);

/// Row-major f32 from a packed matrix.
void unpackMatrix(package::Packing::type packing, const uint16_t *from, int64_t rows, int64_t columns, float *to);

/// result (rows x columns) = left (rows x depth) * right (depth x columns) + bias, then perhaps cut at 0, or 0 where
/// `mask` is not above 0.
struct PackedProduct {
  int64_t rows = 0, columns = 0, depth = 0;
  const uint16_t *left = nullptr;  ///< Packing LEFT of rows x depth.
  const uint16_t *right = nullptr; ///< Packing RIGHT of depth x columns.
  const float *bias = nullptr;     ///< Or null.
  const uint16_t *mask = nullptr;  ///< Packing LEFT of rows x columns, or null.
  bool relu = false;
  float *out = nullptr; ///< The result in f32, or null.
  PackedOutputs packed{};
  float *sums = nullptr;          ///< The sums of the result's columns, or null.
  MatrixBlocks *blocks = nullptr; ///< Takes the result in place of `out`, if nothing but the factors is given; or null.
};

/// `scratch` is used during the call only. What is added in which order depends on the extents alone.
Status multiplyPacked(const TileKernels &tiles, const PackedProduct &product, std::vector<float> &scratch,
                      Scheduler *scheduler);

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_PACKED_H
