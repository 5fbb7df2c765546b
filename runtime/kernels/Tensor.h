// What a value of a running frame looks like to kernels and handlers: its kind, element type, actual shape and memory.
#ifndef HETER_RUNTIME_KERNELS_TENSOR_H
#define HETER_RUNTIME_KERNELS_TENSOR_H

#include "runtime/package/Package_types.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <memory>
#include <span>

namespace heter::runtime {

/// The actual extents of a tensor, the example count already put in. At most `maxRank` of them.
struct Shape {
  static constexpr int maxRank = 8;
  int rank = 0;
  std::array<int64_t, maxRank> dims{};

  int64_t operator[](int axis) const { return assert(axis >= 0 && axis < rank), dims[axis]; }
  std::span<const int64_t> span() const { return {dims.data(), static_cast<size_t>(rank)}; }
  /// The product of the extents [begin, end).
  int64_t product(int begin, int end) const {
    int64_t n = 1;
    for (int i = begin; i < end; ++i)
      n *= dims[i];
    return n;
  }
  int64_t elements() const { return product(0, rank); }
  bool operator==(const Shape &other) const {
    return rank == other.rank && std::equal(dims.begin(), dims.begin() + rank, other.dims.begin());
  }
};

/// Bytes of one element in memory: f32 4, i64 8, bool 1, bf16 2.
constexpr int64_t elementBytes(package::ElementType::type element) {
  return element == package::ElementType::I64    ? 8
         : element == package::ElementType::BOOL ? 1
         : element == package::ElementType::BF16 ? 2
                                                 : 4;
}

/// Rows and columns of a packed matrix are rounded up to multiples of this.
inline constexpr int64_t packedUnit = 32;
constexpr int64_t roundToPacked(int64_t extent) { return (extent + packedUnit - 1) / packedUnit * packedUnit; }

/// Bytes of a tensor of kind TENSOR.
inline int64_t tensorBytes(package::ElementType::type element, const Shape &shape) {
  if (element == package::ElementType::BF16)
    return roundToPacked(shape[0]) * roundToPacked(shape[1]) * elementBytes(element);
  return shape.elements() * elementBytes(element);
}

/// One value of a frame. By kind:
///   TENSOR: `data` holds shape.elements() elements, row-major.
///   RAGGED: `offsets` holds examples + 1 entries from 0 to `count`; `data` holds `count` elements of `shape` each.
///   ROWS:   `keys` holds `count` different keys; `data` holds `count` f32 rows of `shape` each.
/// `data` of a DEVICE value is a device address.
struct TensorView {
  package::ValueKind::type kind = package::ValueKind::TENSOR;
  package::ElementType::type element = package::ElementType::F32;
  package::Packing::type packing = package::Packing::NONE; ///< Of BF16: see Tiles.h.
  Shape shape;
  void *data = nullptr;
  int64_t bytes = 0; ///< Of `data`.
  const int64_t *offsets = nullptr;
  const uint64_t *keys = nullptr;
  int64_t count = 0;
  int64_t examples = 0; ///< B of the frame.

  template <typename T> T *as() const { return static_cast<T *>(data); }
  const float *f32() const { return as<const float>(); }
  const int64_t *i64() const { return as<const int64_t>(); }
};

/// A value of a frame: its memory belongs to the frame unless `owner` is set.
struct TensorRef : TensorView {
  std::shared_ptr<const void> owner;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_TENSOR_H
