// The longer side of the result is cut into pieces, each for one thread. A piece packs its part of that operand and,
// two panels at a time, all of the other; both while tiles are multiplied, which leaves the vector units free. What it
// reads then lies in the second-level cache: its panels of one operand for a stretch of k, and four of the other. A
// block of 32 x 32 results takes 12 tile loads for 20 tile products, and 4 for the last 4.
#include "runtime/kernels/TileProduct.h"

#include "runtime/base/ParallelFor.h"
#include "runtime/base/Processor.h"
#include "runtime/base/ScratchBuffer.h"
#include "runtime/kernels/TilePacking.h"

#if defined(__x86_64__) && defined(__linux__)

#include <algorithm>
#include <array>
#include <atomic>
#include <immintrin.h>
#include <span>
#include <utility>

#define HETER_TILE_CODE                                                                                                \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16,prfchw")))

namespace heter::runtime {
namespace {

using namespace tiles;

/// A stretch is the steps whose sums stay in tiles.
constexpr int64_t stretchSteps = 16;
/// Panels that a piece has at most.
constexpr int64_t piecePanels = 16;
/// Results of two panels with two.
constexpr int64_t blockWidth = 32, blockElements = blockWidth * blockWidth;

HETER_TILE_CODE __mmask16 firstLanes(int64_t count) {
  return count >= 16 ? 0xffff : static_cast<__mmask16>((1U << std::max<int64_t>(count, 0)) - 1);
}

//===--- Multiplying one block ------------------------------------------------------------------------------------===//

/// What ldtilecfg reads: eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileShapes {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileShapes tileShapes;

/// Lets the thread use tiles until it is destroyed.
class TileConfiguration {
public:
  HETER_TILE_CODE TileConfiguration() { _tile_loadconfig(&tileShapes); }
  HETER_TILE_CODE ~TileConfiguration() { _tile_release(); }
  TileConfiguration(const TileConfiguration &) = delete;
  TileConfiguration &operator=(const TileConfiguration &) = delete;
};

// Parts 0, 1 and 2 of the panels into tiles 4 and 5 (of a) or 6 and 7 (of b).
#define HETER_LOAD_A(part)                                                                                             \
  _tile_loadd(4, a0 + (part) * tileBytes, 64);                                                                         \
  if constexpr (twoOfA)                                                                                                \
  _tile_loadd(5, a1 + (part) * tileBytes, 64)
#define HETER_LOAD_B(part)                                                                                             \
  _tile_loadd(6, b0 + (part) * tileBytes, 64);                                                                         \
  if constexpr (twoOfB)                                                                                                \
  _tile_loadd(7, b1 + (part) * tileBytes, 64)
#define HETER_ADD_PRODUCTS()                                                                                           \
  _tile_dpbf16ps(0, 4, 6);                                                                                             \
  if constexpr (twoOfB)                                                                                                \
    _tile_dpbf16ps(1, 4, 7);                                                                                           \
  if constexpr (twoOfA)                                                                                                \
    _tile_dpbf16ps(2, 5, 6);                                                                                           \
  if constexpr (twoOfA && twoOfB)                                                                                      \
  _tile_dpbf16ps(3, 5, 7)

/// What is done while tiles are multiplied: packing, and fetching where the block's rows will be written and, unless
/// `read` is null, what will be read then.
struct Meanwhile {
  Packer &packer;
  int64_t quarters; ///< To pack during a step.
  const float *written, *read;
  int64_t stride; ///< From one row of 32 to the next.

  // Inlined always: gcc drops calls of functions that do nothing but prefetch.
  __attribute__((always_inline)) HETER_TILE_CODE void fetchRow(int64_t row) const {
    for (int64_t j = 0; j < blockWidth; j += 16) {
      __builtin_prefetch(written + row * stride + j, 1);
      if (read)
        __builtin_prefetch(read + row * stride + j);
    }
  }
};

/// Sums (32 x 32, row-major) of two panels of a and two of b over `steps` steps; of a panel that is no more of the
/// matrix they are 0. The small products come first, while the sums that they are added to are small, too.
template <bool twoOfA, bool twoOfB>
HETER_TILE_CODE __attribute__((noinline)) void sumBlock(const char *const a[2], const char *const b[2], int64_t steps,
                                                        const Meanwhile &meanwhile, float *sums) {
  asm volatile("" ::: "memory"); // Tile loads read what was stored before: compilers do not know.
  constexpr int64_t step = partCount * tileBytes;
  const char *a0 = a[0], *a1 = a[1], *b0 = b[0], *b1 = b[1];
  const int64_t quarters = meanwhile.quarters, rowsAtOnce = ceilDivide(blockWidth, steps);
  int64_t row = 0;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t s = 0; s < steps; ++s, a0 += step, a1 += step, b0 += step, b1 += step) {
    HETER_LOAD_A(2);
    HETER_LOAD_B(0);
    HETER_ADD_PRODUCTS();
    meanwhile.packer.pack((quarters + 4) / 5);
    HETER_LOAD_A(1);
    HETER_ADD_PRODUCTS();
    meanwhile.packer.pack((quarters + 3) / 5);
    HETER_LOAD_B(1);
    HETER_ADD_PRODUCTS();
    meanwhile.packer.pack((quarters + 2) / 5);
    for (int64_t end = std::min(row + rowsAtOnce, blockWidth); row < end; ++row)
      meanwhile.fetchRow(row);
    HETER_LOAD_A(0);
    HETER_ADD_PRODUCTS();
    meanwhile.packer.pack((quarters + 1) / 5);
    HETER_LOAD_B(2);
    HETER_ADD_PRODUCTS();
    meanwhile.packer.pack(quarters / 5);
  }
  for (int64_t s = 0; s < steps; ++s) {
    a0 -= step, a1 -= step, b0 -= step, b1 -= step;
    HETER_LOAD_A(0);
    HETER_LOAD_B(0);
    HETER_ADD_PRODUCTS();
  }
  _tile_stored(0, sums, 128);
  _tile_stored(1, sums + 16, 128);
  _tile_stored(2, sums + 512, 128);
  _tile_stored(3, sums + 528, 128);
  asm volatile("" ::: "memory");
}

#undef HETER_LOAD_A
#undef HETER_LOAD_B
#undef HETER_ADD_PRODUCTS

/// Adds the sums of another stretch of k.
HETER_TILE_CODE void addBlock(const float *sums, float *to) {
  for (int i = 0; i < blockElements; i += 16)
    _mm512_store_ps(to + i, _mm512_add_ps(_mm512_load_ps(to + i), _mm512_load_ps(sums + i)));
}

/// Ends the block at (row, column), whose sums are those of `earlier` stretches (if any) and `sums`; `partial` gets the
/// sums of its columns unless it is null.
HETER_TILE_CODE void storeBlock(const MatrixProduct &product, int64_t row, int64_t column, const float *earlier,
                                const float *sums, float *partial) {
  static_assert(summedRows == 2 * panelWidth, "a block's columns are summed alone");
  const int64_t rows = std::min<int64_t>(product.m - row, 32);
  const __m512 zero = _mm512_setzero_ps();
  for (int64_t half = 0; half < 2; ++half) {
    const int64_t j = column + half * 16;
    const __mmask16 there = firstLanes(product.n - j);
    const __m512 bias = product.bias ? _mm512_maskz_loadu_ps(there, product.bias + j) : zero;
    float *out = product.out + row * product.strideOut + j;
    const float *mask = product.mask ? product.mask + row * product.strideOut + j : nullptr;
    __m512 columnSums = zero;
    for (int64_t i = 0; i < rows; ++i, out += product.strideOut) {
      const int64_t at = i * 32 + half * 16;
      __m512 sum = _mm512_load_ps(sums + at);
      if (earlier)
        sum = _mm512_add_ps(_mm512_load_ps(earlier + at), sum);
      if (product.bias)
        sum = _mm512_add_ps(sum, bias);
      if (product.relu) // Keeps the second operand if it is NaN or both are zeros.
        sum = _mm512_max_ps(zero, sum);
      if (mask) {
        const __m512 activation = _mm512_maskz_loadu_ps(there, mask + i * product.strideOut);
        sum = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(activation, zero, _CMP_GT_OQ), sum);
      }
      columnSums = _mm512_add_ps(columnSums, sum);
      _mm512_mask_storeu_ps(out, there, sum);
    }
    if (partial)
      _mm512_mask_storeu_ps(partial + row / summedRows * product.n + j, there, columnSums);
  }
}

//===--- Cutting a product ----------------------------------------------------------------------------------------===//

/// The operands of a product: the one that is cut, and the other.
struct Work {
  Work(const MatrixProduct &p, Scheduler *s) : Work(p, s, p.m >= p.n) {}
  Work(const MatrixProduct &p, Scheduler *s, bool rows) : product(p), scheduler(s), cutsRows(rows) {
    const Side a{p.a, p.strideA, !p.transposeA, true, p.m, p.k}, b{p.b, p.strideB, p.transposeB, false, p.n, p.k};
    cut = cutsRows ? a : b;
    whole = cutsRows ? b : a;
    steps = ceilDivide(p.k, stepDepth);
    // Equal pieces of an even number of panels.
    const int64_t pieces = ceilDivide(cut.panels(), piecePanels);
    panelsOfPiece = 2 * ceilDivide(ceilDivide(cut.panels(), pieces), 2);
  }

  const MatrixProduct &product;
  Scheduler *scheduler;
  bool cutsRows;
  Side cut, whole;
  int64_t steps, panelsOfPiece;
  float *partialSums = nullptr; ///< Of the columns, for each block of summedRows rows.
};

/// A stretch of k of one piece: how many panels it has of the cut operand, where they go, and, in turns, where two
/// panels of the other operand go.
struct Stretch {
  int64_t firstPanel, panels, firstStep;
  Packed cut, whole[2];
  bool first, last;

  int64_t steps() const { return cut.steps; }
};

/// The block of panels [c, c + 2) of the piece and [w, w + 2) of the other operand, of which `whole` has those. It is
/// added to `earlier` or, after the last stretch, becomes the result.
void multiplyBlock(const Work &work, const Stretch &stretch, int64_t c, int64_t w, const Packed &whole, Packer &packer,
                   int64_t quarters, float *earlier) {
  alignas(64) float sums[blockElements];
  const MatrixProduct &product = work.product;
  const char *cutPanels[] = {stretch.cut.tile(c, 0), stretch.cut.tile(c + 1, 0)};
  const char *wholePanels[] = {whole.tile(0, 0), whole.tile(1, 0)};
  const int64_t cutAt = (stretch.firstPanel + c) * panelWidth, wholeAt = w * panelWidth;
  const int64_t row = work.cutsRows ? cutAt : wholeAt, column = work.cutsRows ? wholeAt : cutAt;
  const int64_t at = row * product.strideOut + column;
  const bool first = stretch.first, last = stretch.last;
  const auto sum = product.m - row > panelWidth
                       ? (product.n - column > panelWidth ? sumBlock<true, true> : sumBlock<true, false>)
                       : (product.n - column > panelWidth ? sumBlock<false, true> : sumBlock<false, false>);
  sum(work.cutsRows ? cutPanels : wholePanels, work.cutsRows ? wholePanels : cutPanels, stretch.steps(),
      {packer, quarters, last ? product.out + at : earlier, last && product.mask ? product.mask + at : nullptr,
       last ? product.strideOut : blockWidth},
      first && !last ? earlier : sums);
  if (last)
    storeBlock(product, row, column, first ? nullptr : earlier, sums, work.partialSums);
  else if (!first)
    addBlock(sums, earlier);
}

/// Pairs of panels of the other operand that a piece is still to be multiplied with: whoever has the piece takes them
/// from the front, and who has nothing else to do from the back. Thread-safe.
class PairsLeft {
public:
  static constexpr int64_t none = -1;

  /// REQUIRES: before anybody takes any.
  void reset(int64_t pairs) { left_.store(static_cast<uint64_t>(pairs) << 32, std::memory_order_relaxed); }
  /// The next pair's number, or none.
  int64_t takeFirst() {
    uint64_t left = left_.load(std::memory_order_relaxed);
    while (begin(left) < end(left))
      if (left_.compare_exchange_weak(left, left + 1, std::memory_order_relaxed))
        return begin(left);
    return none;
  }
  /// The last pair's number, or none if fewer than `least` are left.
  int64_t takeLast(int64_t least) {
    uint64_t left = left_.load(std::memory_order_relaxed);
    while (end(left) - begin(left) >= least)
      if (left_.compare_exchange_weak(left, left - (uint64_t{1} << 32), std::memory_order_relaxed))
        return end(left) - 1;
    return none;
  }

private:
  static int64_t begin(uint64_t left) { return static_cast<int64_t>(left & 0xffffffff); }
  static int64_t end(uint64_t left) { return static_cast<int64_t>(left >> 32); }

  std::atomic<uint64_t> left_ = 0; ///< The first one's number, and in the upper half that behind the last one.
};

/// Multiplies the piece's panels with the pairs of the other operand's that `take` gives until there are no more.
/// `earlier` has a block for each two panels of both; it is null if there is one stretch only. Panels are packed while
/// those before are multiplied.
void multiplyStretch(const Work &work, const Stretch &stretch, float *earlier, auto take) {
  const auto packerOfCut = [&](int64_t c) {
    return Packer(work.cut, stretch.firstPanel + c, stretch.firstStep, stretch.cut.from(c));
  };
  int64_t pair = take();
  if (pair == PairsLeft::none)
    return;
  const int64_t panels = stretch.panels;
  Packer nextCut = packerOfCut(0), nextWhole(work.whole, 2 * pair, stretch.firstStep, stretch.whole[0]);
  nextCut.packAll();
  for (int64_t turn = 0; pair != PairsLeft::none; ++turn) {
    nextWhole.packAll();
    const int64_t following = take();
    const Packed &now = stretch.whole[turn % 2], &next = stretch.whole[(turn + 1) % 2];
    nextWhole = following != PairsLeft::none ? Packer(work.whole, 2 * following, stretch.firstStep, next) : Packer();
    for (int64_t c = 0; c < panels; c += 2) {
      const bool packsCut = turn == 0 && c + 2 < panels;
      if (packsCut)
        nextCut = packerOfCut(c + 2);
      Packer &packer = packsCut ? nextCut : nextWhole;
      const int64_t stepsLeft = stretch.steps() * (packsCut ? 1 : (panels - c) / 2);
      multiplyBlock(work, stretch, c, 2 * pair, now, packer, ceilDivide(packer.left(), stepsLeft),
                    earlier ? earlier + (pair * panels + c) / 2 * blockElements : nullptr);
      if (packsCut)
        nextCut.packAll();
    }
    pair = following;
  }
}

/// A stretch of a piece from `step` on, with memory of this thread for what it packs.
Stretch stretchOf(const Work &work, int64_t piece, int64_t step) {
  thread_local ScratchBuffer buffer;
  char *memory = buffer.ensure((4 + piecePanels) * stretchSteps * partCount * tileBytes);
  const int64_t firstPanel = piece * work.panelsOfPiece;
  const Packed all{memory, std::min(stretchSteps, work.steps - step)};
  return {firstPanel,
          std::min(work.panelsOfPiece, work.cut.panels() - firstPanel),
          step,
          all.from(4),
          {all.from(0), all.from(2)},
          step == 0,
          step + all.steps == work.steps};
}

/// One piece of the cut operand. `earlier` is the piece's.
void multiplyPiece(const Work &work, int64_t piece, float *earlier) {
  const TileConfiguration configuration;
  const int64_t pairs = work.whole.panels() / 2;
  for (int64_t step = 0; step < work.steps; step += stretchSteps)
    multiplyStretch(work, stretchOf(work, piece, step), earlier,
                    [&, pair = int64_t{0}]() mutable { return pair < pairs ? pair++ : PairsLeft::none; });
}

/// Few pieces of one stretch: who has done his helps with those that others are in the middle of, which costs packing
/// the piece again but leaves nobody waiting for a whole one that was begun late.
void multiplyShared(const Work &work, int64_t pieces, std::span<PairsLeft> left) {
  // Fewer pairs are done before the piece is packed.
  constexpr int64_t worthHelp = 4;
  for (int64_t piece = 0; piece < pieces; ++piece)
    left[static_cast<size_t>(piece)].reset(work.whole.panels() / 2);
  parallelFor(*work.scheduler, 2 * pieces, [&](int64_t i) {
    const bool helps = i >= pieces;
    const int64_t piece = helps ? i - pieces : i;
    PairsLeft &pairs = left[static_cast<size_t>(piece)];
    const TileConfiguration configuration;
    multiplyStretch(work, stretchOf(work, piece, 0), nullptr, [&, least = worthHelp]() mutable {
      return helps ? pairs.takeLast(std::exchange(least, 1)) : pairs.takeFirst();
    });
  });
}

} // namespace

bool haveTiles() {
  // The level has the vector instructions that the packing takes.
  static const bool have = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("x86-64-v4") && mayUseTiles();
  }();
  return have;
}

static void multiplyWork(Work &work) {
  const MatrixProduct &product = work.product;
  thread_local ScratchBuffer partialSums;
  if (product.sums)
    work.partialSums = reinterpret_cast<float *>(
        partialSums.ensure(summedBlocks(product.m) * product.n * static_cast<int64_t>(sizeof(float))));
  // What the pieces keep from one stretch of k to the next.
  const int64_t pieces = ceilDivide(work.cut.panels(), work.panelsOfPiece);
  const int64_t pieceElements = work.panelsOfPiece * work.whole.panels() / 4 * blockElements;
  static ScratchPool pool; // Of several megabytes each.
  std::array<PairsLeft, 8> left;
  if (work.steps > stretchSteps) {
    ScratchPool::Lent sums(pool);
    auto *earlier =
        reinterpret_cast<float *>(sums->ensure(pieces * pieceElements * static_cast<int64_t>(sizeof(float))));
    parallelFor(work.scheduler, pieces,
                [&](int64_t piece) { multiplyPiece(work, piece, earlier + piece * pieceElements); });
  } else if (work.scheduler && pieces > 1 && pieces <= std::ssize(left)) {
    multiplyShared(work, pieces, left);
  } else {
    parallelFor(work.scheduler, pieces, [&](int64_t piece) { multiplyPiece(work, piece, nullptr); });
  }
  if (product.sums)
    addPartialSums(product, work.partialSums);
}

void multiplyTiles(const MatrixProduct &product, Scheduler *scheduler) {
  Work work(product, scheduler);
  multiplyWork(work);
}

void multiplyTiles(const MatrixProduct &product, MatrixBlocks &blocks, Scheduler *scheduler) {
  // Long rows, since who takes them goes through memory of his own beside them; and one piece high, so that the rest of
  // a block is packed once.
  constexpr int64_t takenRows = piecePanels * panelWidth, takenColumns = 1024;
  static_assert(takenRows % MatrixBlocks::unit == 0 && takenColumns % MatrixBlocks::unit == 0);
  const int64_t across = ceilDivide(product.n, takenColumns);
  parallelFor(scheduler, ceilDivide(product.m, takenRows) * across, [&](int64_t block) {
    const int64_t row = block / across * takenRows, column = block % across * takenColumns;
    thread_local ScratchBuffer memory;
    MatrixProduct part = product;
    part.m = std::min(takenRows, product.m - row);
    part.n = part.strideOut = std::min(takenColumns, product.n - column);
    part.a += row * (product.transposeA ? 1 : product.strideA);
    part.b += column * (product.transposeB ? product.strideB : 1);
    part.out = reinterpret_cast<float *>(memory.ensure(part.m * part.n * static_cast<int64_t>(sizeof(float))));
    Work work(part, nullptr, /*rows=*/true);
    multiplyWork(work);
    blocks.take({row, part.m, column, part.n}, part.out);
  });
}

} // namespace heter::runtime

#else

namespace heter::runtime {

bool haveTiles() { return false; }
void multiplyTiles(const MatrixProduct &, Scheduler *) {}
void multiplyTiles(const MatrixProduct &, MatrixBlocks &, Scheduler *) {}

} // namespace heter::runtime

#endif
