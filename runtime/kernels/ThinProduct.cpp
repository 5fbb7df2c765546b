// Loops over vectors of 16 floats, compiled once for each instruction-set level; the loader picks. A dot product has 32
// sums, combined as a binary tree; a sum over the examples is made of sums of 64 examples each.
#include "runtime/kernels/ThinProduct.h"

#include "runtime/base/ParallelFor.h"
#include "runtime/base/ScratchBuffer.h"

#include <algorithm>
#include <cstring>

// Sanitizers run before the loader's choice can be made.
#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define HETER_EACH_LEVEL __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define HETER_EACH_LEVEL
#endif

namespace heter::runtime {

namespace {

constexpr int64_t lanes = 16;
using Vector = float __attribute__((vector_size(lanes * sizeof(float))));

// Macros, since functions with vectors as arguments differ from level to level.
#define HETER_LOAD(vector, from) std::memcpy(&(vector), (from), sizeof(Vector))
#define HETER_STORE(to, vector) std::memcpy((to), &(vector), sizeof(Vector))

/// out[i * strideOut] = the product of row i of `a` with `b`, for i < rows.
HETER_EACH_LEVEL void multiplyRows(const float *a, int64_t stride, const float *b, int64_t rows, int64_t k, float *out,
                                   int64_t strideOut) {
  for (int64_t i = 0; i < rows; ++i, a += stride, out += strideOut) {
    Vector first{}, second{}, x, y;
    int64_t l = 0;
    for (; l + 2 * lanes <= k; l += 2 * lanes) {
      HETER_LOAD(x, a + l);
      HETER_LOAD(y, b + l);
      first += x * y;
      HETER_LOAD(x, a + l + lanes);
      HETER_LOAD(y, b + l + lanes);
      second += x * y;
    }
    for (; l < k; l += lanes) {
      const size_t bytes = static_cast<size_t>(std::min(lanes, k - l)) * sizeof(float);
      x = y = Vector{};
      std::memcpy(&x, a + l, bytes);
      std::memcpy(&y, b + l, bytes);
      first += x * y;
    }
    first += second;
    float sums[lanes];
    HETER_STORE(sums, first);
    for (int64_t width = lanes / 2; width > 0; width /= 2)
      for (int64_t j = 0; j < width; ++j)
        sums[j] += sums[j + width];
    *out = sums[0];
  }
}

constexpr int64_t summedTogether = 64, columnsTogether = 4 * lanes;

/// out[j] = the sum over l of a[l * stride + j] * b[l], for j < columnsTogether.
HETER_EACH_LEVEL void sumColumns(const float *a, int64_t stride, const float *b, int64_t k, float *out) {
  Vector total[4] = {};
  for (int64_t begin = 0; begin < k; begin += summedTogether) {
    Vector part[4] = {};
    for (int64_t l = begin; l < std::min(k, begin + summedTogether); ++l)
      for (int64_t v = 0; v < 4; ++v) {
        Vector x;
        HETER_LOAD(x, a + l * stride + v * lanes);
        part[v] += x * b[l];
      }
    for (int64_t v = 0; v < 4; ++v)
      total[v] += part[v];
  }
  std::memcpy(out, total, sizeof total);
}

/// The same for `columns` < columnsTogether.
HETER_EACH_LEVEL void sumFewColumns(const float *a, int64_t stride, const float *b, int64_t k, int64_t columns,
                                    float *out) {
  std::fill_n(out, columns, 0.0F);
  for (int64_t begin = 0; begin < k; begin += summedTogether) {
    float part[columnsTogether] = {};
    for (int64_t l = begin; l < std::min(k, begin + summedTogether); ++l)
      for (int64_t j = 0; j < columns; ++j)
        part[j] += a[l * stride + j] * b[l];
    for (int64_t j = 0; j < columns; ++j)
      out[j] += part[j];
  }
}

/// to[j] = factor * b[j].
HETER_EACH_LEVEL void scaleRow(float factor, const float *b, int64_t n, float *to) {
  for (int64_t j = 0; j < n; ++j)
    to[j] = factor * b[j];
}

HETER_EACH_LEVEL void addBias(const float *bias, int64_t n, bool relu, float *row) {
  for (int64_t j = 0; bias && j < n; ++j)
    row[j] += bias[j];
  for (int64_t j = 0; relu && j < n; ++j)
    row[j] = row[j] < 0 ? 0 : row[j];
}

HETER_EACH_LEVEL void maskRow(const float *mask, int64_t n, float *row, float *sums) {
  for (int64_t j = 0; j < n; ++j)
    row[j] = mask[j] > 0 ? row[j] : 0;
  for (int64_t j = 0; sums && j < n; ++j)
    sums[j] += row[j];
}

HETER_EACH_LEVEL void addRow(const float *from, int64_t n, float *to) {
  for (int64_t j = 0; j < n; ++j)
    to[j] += from[j];
}

/// The rows [first, end) of a product that has one column or depth one.
void computeRows(const MatrixProduct &product, int64_t first, int64_t end) {
  float *out = product.out + first * product.strideOut;
  const int64_t stepA = product.transposeA ? 1 : product.strideA;
  if (product.k > 1)
    multiplyRows(product.a + first * product.strideA, product.strideA, product.b, end - first, product.k, out,
                 product.strideOut);
  for (int64_t i = first; i < end; ++i, out += product.strideOut) {
    if (product.k == 1)
      scaleRow(product.a[i * stepA], product.b, product.n, out);
    if (product.bias || product.relu)
      addBias(product.bias, product.n, product.relu, out);
  }
}

/// The rows [first, end), at most columnsTogether, of a sum over the rows of `a`, whose result is one column.
void computeSums(const MatrixProduct &product, int64_t first, int64_t end) {
  float sums[columnsTogether];
  if (end - first == columnsTogether)
    sumColumns(product.a + first, product.strideA, product.b, product.k, sums);
  else
    sumFewColumns(product.a + first, product.strideA, product.b, product.k, end - first, sums);
  for (int64_t i = first; i < end; ++i) {
    float &value = product.out[i * product.strideOut] = sums[i - first];
    if (product.bias || product.relu)
      addBias(product.bias, 1, product.relu, &value);
  }
}

} // namespace

void maskRows(const MatrixProduct &product, int64_t block, float *partial) {
  float *sums = partial ? partial + block * product.n : nullptr;
  if (sums)
    std::fill_n(sums, product.n, 0.0F);
  const int64_t first = block * summedRows;
  for (int64_t i = first; i < std::min(product.m, first + summedRows); ++i)
    maskRow(product.mask + i * product.strideOut, product.n, product.out + i * product.strideOut, sums);
}

void addPartialSums(const MatrixProduct &product, const float *partial) {
  std::fill_n(product.sums, product.n, 0.0F);
  for (int64_t block = 0; block < summedBlocks(product.m); ++block)
    addRow(partial + block * product.n, product.n, product.sums);
}

bool isThin(const MatrixProduct &product) {
  if (product.k == 1)
    return !product.transposeB || product.strideB == 1;
  return product.n == 1 && (product.transposeB || product.strideB == 1);
}

void multiplyThin(const MatrixProduct &product, Scheduler *scheduler) {
  const bool sumsRows = product.k > 1 && product.transposeA;
  const int64_t size = sumsRows ? columnsTogether : summedRows, count = (product.m + size - 1) / size;
  thread_local ScratchBuffer memory;
  float *partial = nullptr;
  if (product.sums)
    partial = reinterpret_cast<float *>(
        memory.ensure(summedBlocks(product.m) * product.n * static_cast<int64_t>(sizeof(float))));
  const auto compute = [&](int64_t i) {
    const int64_t first = i * size, end = std::min(product.m, first + size);
    sumsRows ? computeSums(product, first, end) : computeRows(product, first, end);
    if (!product.mask)
      return;
    for (int64_t block = first / summedRows; block < summedBlocks(end); ++block)
      maskRows(product, block, partial);
  };
  constexpr int64_t worthHelp = int64_t{1} << 16; // numbers, about 10 us
  parallelFor(product.m * std::max(product.n, product.k) >= worthHelp ? scheduler : nullptr, count, compute);
  if (product.sums)
    addPartialSums(product, partial);
}

} // namespace heter::runtime
