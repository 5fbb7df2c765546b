// Packing, and products of packed matrices cut into blocks of at most 256 x 512 results. Only the cuts between columns
// depend on the number of threads: they change no sum.
#include "runtime/kernels/Packed.h"

#include "runtime/base/ParallelFor.h"
#include "runtime/base/ScratchBuffer.h"
#include "runtime/kernels/Bf16.h"
#include "runtime/kernels/Prepare.h"

#include <algorithm>

namespace heter::runtime {

using package::Packing;

TileKernels TileKernels::of(const KernelObject *kernels) {
  if (!kernels)
    return {};
  TileKernels found{kernels->find("heter.tiles.product"), kernels->find("heter.tiles.pack")};
  return found.product && found.pack ? found : TileKernels{};
}

namespace {

constexpr int64_t tileElements = 512; // 1 KB

bool isTransposed(Packing::type packing) {
  return packing == Packing::LEFT_TRANSPOSED || packing == Packing::RIGHT_TRANSPOSED;
}

int64_t unitsOf(int64_t extent) { return roundToPacked(extent) / packedUnit; }

/// A block's extents at most, in units of 32: its sums and what it takes of the factors fit the second-level cache.
constexpr int64_t blockRows = 8, blockColumns = 16;

/// A split of `units` units of 32 into even parts of at most `most`.
struct Split {
  Split(int64_t units, int64_t most) : units(units), parts((units + most - 1) / most) {}
  int64_t begin(int64_t part) const { return units * part / parts; }
  int64_t units, parts;
};

/// What a generated kernel is told, in this order (docs/formats/package.md).
struct KernelSizes {
  int64_t rowBegin, rowEnd, columnBegin, columnEnd; ///< Of the block, in units of 32.
  int64_t depth;
  int64_t rows, columns; ///< Of the whole result.
  int64_t relu;
};

void callKernel(KernelFunction kernel, const PackedProduct &product, float *sums, float *scratch,
                const KernelSizes &sizes) {
  const std::array<const void *, 12> arguments = {product.left,
                                                  product.right,
                                                  product.bias,
                                                  product.mask,
                                                  product.out,
                                                  product.packed[Packing::LEFT],
                                                  product.packed[Packing::LEFT_TRANSPOSED],
                                                  product.packed[Packing::RIGHT],
                                                  product.packed[Packing::RIGHT_TRANSPOSED],
                                                  sums,
                                                  scratch,
                                                  &sizes};
  kernel(const_cast<void *const *>(arguments.data()));
}

/// The memory in which a thread gathers the sums of one block.
float *blockScratch() {
  thread_local ScratchBuffer memory;
  return reinterpret_cast<float *>(memory.ensure(blockRows * blockColumns * 32 * 32 * int64_t{sizeof(float)}));
}

void forBlocks(int64_t count, int64_t work, Scheduler *scheduler, const std::function<void(int64_t)> &body) {
  constexpr int64_t worthHelp = 512; // tiles' worth of 32 x 32 x 32 steps, about 30 us
  parallelFor(work >= worthHelp ? scheduler : nullptr, count, body);
}

/// Narrower blocks where there would be too few for the threads to share them evenly.
Split splitColumns(int64_t units, int64_t rowParts, int64_t threads) {
  constexpr int64_t perThread = 2, narrowest = 4;
  const int64_t wanted = threads > 1 ? (perThread * threads + rowParts - 1) / rowParts : 1;
  return Split(units, std::clamp((units + wanted - 1) / std::max<int64_t>(wanted, 1), narrowest, blockColumns));
}

/// The same where blocks are taken: who takes them goes through memory of his own beside them, which wants long rows.
constexpr int64_t takenColumns = 32, takenUnits = blockRows * blockColumns;

/// The block as a product of its own, whose result stays in this thread's scratch until it is taken.
void giveBlock(KernelFunction kernel, const PackedProduct &product, const KernelSizes &block) {
  thread_local ScratchBuffer memory;
  const int64_t row = block.rowBegin * packedUnit, column = block.columnBegin * packedUnit;
  // Units of 32 rows of a left factor lie one after another, and so do those of 32 columns of a right one.
  const int64_t unitElements = packedUnit * roundToPacked(block.depth);
  PackedProduct part;
  part.left = product.left + block.rowBegin * unitElements;
  part.right = product.right + block.columnBegin * unitElements;
  part.rows = std::min(block.rowEnd * packedUnit, product.rows) - row;
  part.columns = std::min(block.columnEnd * packedUnit, product.columns) - column;
  part.out = reinterpret_cast<float *>(memory.ensure(part.rows * part.columns * int64_t{sizeof(float)}));
  callKernel(kernel, part, nullptr, blockScratch(),
             {0, block.rowEnd - block.rowBegin, 0, block.columnEnd - block.columnBegin, block.depth, part.rows,
              part.columns, 0});
  product.blocks->take({row, part.rows, column, part.columns}, part.out);
}

/// In the order of rows, so that memory is gone through from its beginning to its end.
void giveBlocks(KernelFunction kernel, const PackedProduct &product, Scheduler *scheduler) {
  const Split columns(unitsOf(product.columns), takenColumns);
  const Split rows(unitsOf(product.rows), takenUnits / std::min(columns.units, takenColumns));
  const int64_t depth = unitsOf(product.depth);
  forBlocks(rows.parts * columns.parts, rows.units * columns.units * depth, scheduler, [&](int64_t block) {
    const int64_t row = block / columns.parts, column = block % columns.parts;
    giveBlock(kernel, product,
              {rows.begin(row), rows.begin(row + 1), columns.begin(column), columns.begin(column + 1), product.depth,
               product.rows, product.columns, 0});
  });
}

void multiplyTiles(KernelFunction kernel, const PackedProduct &product, std::vector<float> &sums,
                   Scheduler *scheduler) {
  const Split rows(unitsOf(product.rows), blockRows);
  const Split columns = splitColumns(unitsOf(product.columns), rows.parts, scheduler ? scheduler->concurrency() : 1);
  const int64_t depth = unitsOf(product.depth), width = roundToPacked(product.columns);
  if (product.sums)
    sums.assign(static_cast<size_t>(rows.parts * width), 0.0f);
  constexpr int64_t endSteps = 8; // what ends a product takes as long, where it masks, sums and packs
  forBlocks(rows.parts * columns.parts, rows.units * columns.units * (depth + endSteps), scheduler, [&](int64_t block) {
    const int64_t row = block % rows.parts, column = block / rows.parts;
    const KernelSizes sizes{rows.begin(row), rows.begin(row + 1), columns.begin(column), columns.begin(column + 1),
                            product.depth,   product.rows,        product.columns,       product.relu};
    callKernel(kernel, product, product.sums ? sums.data() + row * width : nullptr, blockScratch(), sizes);
  });
  if (!product.sums)
    return;
  std::fill_n(product.sums, product.columns, 0.0f);
  for (int64_t row = 0; row < rows.parts; ++row)
    for (int64_t j = 0; j < product.columns; ++j)
      product.sums[j] += sums[static_cast<size_t>(row * width + j)];
}

/// The ends of a product in plain loops: `result` is rows x columns.
void finish(const PackedProduct &product, float *result) {
  for (int64_t i = 0; i < product.rows; ++i)
    for (int64_t j = 0; j < product.columns; ++j) {
      float &value = result[i * product.columns + j];
      if (product.bias)
        value += product.bias[j];
      if (product.relu && value < 0)
        value = 0;
      if (product.mask) {
        const uint16_t active = product.mask[packedIndex(Packing::LEFT, product.rows, product.columns, i, j)];
        value = widen(active) > 0 ? value : 0;
      }
    }
  if (!product.sums)
    return;
  std::fill_n(product.sums, product.columns, 0.0f);
  for (int64_t i = 0; i < product.rows; ++i)
    for (int64_t j = 0; j < product.columns; ++j)
      product.sums[j] += result[i * product.columns + j];
}

Status multiplyUnpacked(const PackedProduct &product, std::vector<float> &scratch, Scheduler *scheduler) {
  const int64_t leftCount = product.rows * product.depth, rightCount = product.depth * product.columns,
                count = product.rows * product.columns;
  scratch.resize(static_cast<size_t>(leftCount + rightCount + count));
  float *left = scratch.data(), *right = left + leftCount, *result = right + rightCount;
  unpackMatrix(Packing::LEFT, product.left, product.rows, product.depth, left);
  unpackMatrix(Packing::RIGHT, product.right, product.depth, product.columns, right);
  HETER_RETURN_IF_ERROR(multiplyMatrices(left, right, result, product.rows, product.columns, product.depth, scheduler));
  if (product.blocks) {
    giveRows(result, product.rows, product.columns, *product.blocks, scheduler);
    return {};
  }
  finish(product, result);
  if (product.out)
    std::copy_n(result, count, product.out);
  packMatrix({}, result, product.rows, product.columns, product.packed, scheduler);
  return {};
}

} // namespace

int64_t packedIndex(Packing::type packing, int64_t rows, int64_t columns, int64_t i, int64_t j) {
  if (isTransposed(packing)) {
    std::swap(rows, columns);
    std::swap(i, j);
  }
  if (packing == Packing::LEFT || packing == Packing::LEFT_TRANSPOSED)
    return (i / 16 * unitsOf(columns) + j / 32) * tileElements + i % 16 * 32 + j % 32;
  return (j / 16 * unitsOf(rows) + i / 32) * tileElements + i % 32 / 2 * 32 + j % 16 * 2 + i % 2;
}

void packUnits(const TileKernels &tiles, const float *from, int64_t rows, int64_t columns, const PackedUnits &units,
               const PackedOutputs &to) {
  const int64_t first = units.rowBegin * packedUnit;
  if (tiles.pack) {
    PackedProduct outputs;
    // The kernel reads what it packs there, at the rows' numbers.
    outputs.out = reinterpret_cast<float *>(reinterpret_cast<uintptr_t>(from) -
                                            static_cast<uintptr_t>(first * columns) * sizeof(float));
    outputs.packed = to;
    return callKernel(tiles.pack, outputs, nullptr, nullptr,
                      {units.rowBegin, units.rowEnd, units.columnBegin, units.columnEnd, 0, rows, columns, 0});
  }
  for (int packing = Packing::LEFT; packing <= Packing::RIGHT_TRANSPOSED; ++packing)
    if (uint16_t *out = to[static_cast<size_t>(packing)])
      for (int64_t i = first; i < units.rowEnd * packedUnit; ++i)
        for (int64_t j = units.columnBegin * packedUnit; j < units.columnEnd * packedUnit; ++j)
          out[packedIndex(static_cast<Packing::type>(packing), rows, columns, i, j)] =
              i < rows && j < columns ? roundToBf16(from[(i - first) * columns + j]) : uint16_t{0};
}

void packUnit(const TileKernels &tiles, const float *from, int64_t unit, int64_t rows, int64_t columns,
              const PackedOutputs &to) {
  packUnits(tiles, from, rows, columns, {unit, unit + 1, 0, unitsOf(columns)}, to);
}

void packMatrix(const TileKernels &tiles, const float *from, int64_t rows, int64_t columns, const PackedOutputs &to,
                Scheduler *scheduler) {
  const int64_t units = unitsOf(rows);
  forBlocks(units, units * unitsOf(columns) * 8, scheduler,
            [&](int64_t unit) { packUnit(tiles, from + unit * packedUnit * columns, unit, rows, columns, to); });
}

void unpackMatrix(Packing::type packing, const uint16_t *from, int64_t rows, int64_t columns, float *to) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      to[i * columns + j] = widen(from[packedIndex(packing, rows, columns, i, j)]);
}

Status multiplyPacked(const TileKernels &tiles, const PackedProduct &product, std::vector<float> &scratch,
                      Scheduler *scheduler) {
  if (!tiles.product)
    return multiplyUnpacked(product, scratch, scheduler);
  if (product.blocks)
    giveBlocks(tiles.product, product, scheduler);
  else
    multiplyTiles(tiles.product, product, scratch, scheduler);
  return {};
}

} // namespace heter::runtime
