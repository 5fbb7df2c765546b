// The operand whose side of the result is shorter is packed once, by all threads; the longer side is cut into pieces,
// and whoever takes a piece packs its part of the other operand, a stretch of k at a time, into memory that stays in
// the second-level cache. A block of 32 x 32 results then takes 12 tile loads for 20 tile products, and 4 for the
// last 4.
#include "runtime/kernels/TileProduct.h"

#include "runtime/base/ParallelFor.h"
#include "runtime/base/Processor.h"
#include "runtime/base/ScratchBuffer.h"

#if defined(__x86_64__) && defined(__linux__)

#include <algorithm>
#include <immintrin.h>

#define HETER_TILE_CODE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16")))
#define HETER_TILE_INLINE inline HETER_TILE_CODE __attribute__((always_inline))

namespace heter::runtime {
namespace {

// A tile is 16 rows of 16 words, a word two bf16 that follow each other along k. A step is 32 of k, so one tile wide
// (for a) or high (for b); a panel is 16 rows of a or columns of b; a stretch is the steps whose sums stay in tiles.
constexpr int64_t panelWidth = 16, stepDepth = 32, tileBytes = 1024, partCount = 3;
constexpr int64_t stretchSteps = 16;
/// Panels that a piece packs for itself.
constexpr int64_t piecePanels = 16;
/// Of the shared operand's packed form at a time.
constexpr int64_t sharedBytes = int64_t{24} << 20;
/// Results of two panels with two, and what is fetched ahead during a step.
constexpr int64_t blockElements = 32 * 32, aheadBytes = 768;

constexpr int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// One operand, seen as `rows` vectors of length k: the rows of a or the columns of b.
struct Side {
  const float *data;
  int64_t stride;   ///< In memory, from one row to the next.
  bool alongK;      ///< Whether a vector's elements are neighbours in memory; otherwise neighbouring vectors' are.
  bool wordsInRows; ///< Tiles as a has them, a row a vector; otherwise as b, a column a vector.
  int64_t rows, k;

  int64_t panels() const { return 2 * ceilDivide(rows, 2 * panelWidth); }
};

/// Where the tiles of consecutive panels and steps lie.
struct Packed {
  char *memory;
  int64_t steps;
  int64_t panelSteps; ///< From one panel to the next.

  char *tile(int64_t panel, int64_t step) const { return memory + (panel * panelSteps + step) * partCount * tileBytes; }
};

//===--- Splitting and packing ------------------------------------------------------------------------------------===//

/// The three parts of 32 floats that follow each other along k, each as 32 bf16 in that order.
HETER_TILE_INLINE void splitRow(__m512 low, __m512 high, __m512i parts[partCount]) {
  for (int part = 0; part < partCount; ++part) {
    const __m512i both = parts[part] = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
    const __m512i lowHead = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(both)), 16);
    const __m512i highHead = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1)), 16);
    low = _mm512_sub_ps(low, _mm512_castsi512_ps(lowHead));
    high = _mm512_sub_ps(high, _mm512_castsi512_ps(highHead));
  }
}

/// The three parts of 16 floats at one k and 16 at the next, each as 16 words.
HETER_TILE_INLINE void splitPair(__m512 first, __m512 second, __m512i order, __m512i parts[partCount]) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000U));
  for (int part = 0; part < partCount; ++part) {
    const __m512i both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
    const __m512i words = parts[part] = _mm512_permutexvar_epi16(order, both);
    const __m512 firstHead = _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
    const __m512 secondHead = _mm512_castsi512_ps(_mm512_and_si512(words, upper));
    first = _mm512_sub_ps(first, firstHead);
    second = _mm512_sub_ps(second, secondHead);
  }
}

/// Element 2i is i, element 2i + 1 is 16 + i.
HETER_TILE_INLINE __m512i pairOrder() {
  const __m512i evens = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  return _mm512_or_si512(evens, _mm512_slli_epi32(_mm512_add_epi32(evens, _mm512_set1_epi32(16)), 16));
}

/// Turns a tile of 16 x 16 words.
HETER_TILE_CODE void transposeTile(char *tile) {
  __m512i r[16], t[16];
  for (int i = 0; i < 16; ++i)
    r[i] = _mm512_load_si512(tile + i * 64);
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 2; ++j) {
      r[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + 2 + j]);
      r[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + 2 + j]);
    }
  for (int i = 0; i < 16; i += 8)
    for (int j = 0; j < 4; ++j) {
      t[i + j] = _mm512_shuffle_i32x4(r[i + j], r[i + 4 + j], 0x88);
      t[i + 4 + j] = _mm512_shuffle_i32x4(r[i + j], r[i + 4 + j], 0xdd);
    }
  for (int j = 0; j < 8; ++j) {
    _mm512_store_si512(tile + j * 64, _mm512_shuffle_i32x4(t[j], t[8 + j], 0x88));
    _mm512_store_si512(tile + (8 + j) * 64, _mm512_shuffle_i32x4(t[j], t[8 + j], 0xdd));
  }
}

HETER_TILE_INLINE __mmask16 firstLanes(int64_t count) {
  return count >= 16 ? 0xffff : static_cast<__mmask16>((1U << std::max<int64_t>(count, 0)) - 1);
}

/// Packs panels [firstPanel, firstPanel + panels) of the steps from `firstStep` on, where each vector lies along
/// memory.
HETER_TILE_CODE void packAlong(const Side &side, int64_t firstPanel, int64_t panels, int64_t firstStep,
                               const Packed &to) {
  for (int64_t p = 0; p < panels; ++p)
    for (int64_t s = 0; s < to.steps; ++s) {
      char *tile = to.tile(p, s);
      const int64_t k = (firstStep + s) * stepDepth;
      const __mmask16 low = firstLanes(side.k - k), high = firstLanes(side.k - k - 16);
      for (int64_t i = 0; i < panelWidth; ++i) {
        const int64_t row = (firstPanel + p) * panelWidth + i;
        const bool there = row < side.rows;
        const float *from = side.data + (there ? row * side.stride + k : 0);
        __m512i parts[partCount];
        splitRow(_mm512_maskz_loadu_ps(there ? low : 0, from), _mm512_maskz_loadu_ps(there ? high : 0, from + 16),
                 parts);
        for (int part = 0; part < partCount; ++part)
          _mm512_store_si512(tile + part * tileBytes + i * 64, parts[part]);
      }
      if (!side.wordsInRows)
        for (int part = 0; part < partCount; ++part)
          transposeTile(tile + part * tileBytes);
    }
}

/// The same where the vectors lie across memory.
HETER_TILE_CODE void packAcross(const Side &side, int64_t firstPanel, int64_t panels, int64_t firstStep,
                                const Packed &to) {
  const __m512i order = pairOrder();
  for (int64_t s = 0; s < to.steps; ++s) {
    for (int64_t pair = 0; pair < stepDepth / 2; ++pair) {
      const int64_t k = (firstStep + s) * stepDepth + 2 * pair;
      const float *first = side.data + std::min(k, side.k - 1) * side.stride + firstPanel * panelWidth;
      const float *second = side.data + std::min(k + 1, side.k - 1) * side.stride + firstPanel * panelWidth;
      const __mmask16 firstThere = k < side.k ? 0xffff : 0, secondThere = k + 1 < side.k ? 0xffff : 0;
      int64_t left = side.rows - firstPanel * panelWidth;
      char *row = to.tile(0, s) + pair * 64;
      for (int64_t p = 0; p < panels; ++p, left -= panelWidth, first += panelWidth, second += panelWidth) {
        const __mmask16 there = firstLanes(left);
        __m512i parts[partCount];
        splitPair(_mm512_maskz_loadu_ps(firstThere & there, first), _mm512_maskz_loadu_ps(secondThere & there, second),
                  order, parts);
        for (int part = 0; part < partCount; ++part)
          _mm512_store_si512(row + part * tileBytes, parts[part]);
        row += to.panelSteps * partCount * tileBytes;
      }
    }
    if (side.wordsInRows)
      for (int64_t p = 0; p < panels; ++p)
        for (int part = 0; part < partCount; ++part)
          transposeTile(to.tile(p, s) + part * tileBytes);
  }
}

void pack(const Side &side, int64_t firstPanel, int64_t panels, int64_t firstStep, const Packed &to) {
  (side.alongK ? packAlong : packAcross)(side, firstPanel, panels, firstStep, to);
}

//===--- Multiplying ----------------------------------------------------------------------------------------------===//

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

// Parts 0, 1 and 2 of two panels into tiles 4 and 5 (of a) or 6 and 7 (of b).
#define HETER_LOAD_A(part)                                                                                             \
  _tile_loadd(4, a0 + (part) * tileBytes, 64);                                                                         \
  _tile_loadd(5, a1 + (part) * tileBytes, 64)
#define HETER_LOAD_B(part)                                                                                             \
  _tile_loadd(6, b0 + (part) * tileBytes, 64);                                                                         \
  _tile_loadd(7, b1 + (part) * tileBytes, 64)
#define HETER_ADD_PRODUCTS()                                                                                           \
  _tile_dpbf16ps(0, 4, 6);                                                                                             \
  _tile_dpbf16ps(1, 4, 7);                                                                                             \
  _tile_dpbf16ps(2, 5, 6);                                                                                             \
  _tile_dpbf16ps(3, 5, 7)

/// Sums (32 x 32, row-major) of two panels of a and two of b over `steps` steps. The small products come first, while
/// the sums that they are added to are small, too. Meanwhile what lies at `ahead` comes nearer.
HETER_TILE_CODE __attribute__((noinline)) void sumBlock(const char *const a[2], const char *const b[2], int64_t steps,
                                                        const char *ahead, float *sums) {
  asm volatile("" ::: "memory"); // Tile loads read what was stored before: compilers do not know.
  constexpr int64_t step = partCount * tileBytes;
  const char *a0 = a[0], *a1 = a[1], *b0 = b[0], *b1 = b[1];
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t s = 0; s < steps; ++s, a0 += step, a1 += step, b0 += step, b1 += step) {
    for (int i = 0; i < aheadBytes; i += 64, ahead += 64)
      _mm_prefetch(ahead, _MM_HINT_T1);
    HETER_LOAD_A(2);
    HETER_LOAD_B(0);
    HETER_ADD_PRODUCTS();
    HETER_LOAD_A(1);
    HETER_ADD_PRODUCTS();
    HETER_LOAD_B(1);
    HETER_ADD_PRODUCTS();
    HETER_LOAD_A(0);
    HETER_ADD_PRODUCTS();
    HETER_LOAD_B(2);
    HETER_ADD_PRODUCTS();
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

/// The operands of a product, the one that is packed once and shared, and the one that is cut.
struct Work {
  Work(const MatrixProduct &p, Scheduler *s) : product(p), scheduler(s) {
    const Side a{p.a, p.strideA, !p.transposeA, true, p.m, p.k}, b{p.b, p.strideB, p.transposeB, false, p.n, p.k};
    cutsRows = p.m >= p.n;
    cut = cutsRows ? a : b;
    shared = cutsRows ? b : a;
    steps = ceilDivide(p.k, stepDepth);
    // Equal pieces of an even number of panels.
    const int64_t pieces = ceilDivide(cut.panels(), piecePanels);
    panelsOfPiece = 2 * ceilDivide(ceilDivide(cut.panels(), pieces), 2);
  }

  const MatrixProduct &product;
  Scheduler *scheduler;
  bool cutsRows;
  Side cut, shared;
  int64_t steps, panelsOfPiece;
  float *partialSums = nullptr; ///< Of the columns, for each block of summedRows rows.
};

void forEach(Scheduler *scheduler, int64_t count, const std::function<void(int64_t)> &body) {
  if (scheduler)
    return parallelFor(*scheduler, count, body);
  for (int64_t i = 0; i < count; ++i)
    body(i);
}

/// A stretch of k: its packed operands and which one it is.
struct Stretch {
  Packed cut, shared; ///< From the piece's first panel on, and all panels.
  bool first, last;
};

/// Adds the products of `panels` panels of the cut operand, from `firstPanel` on, with all of the shared one to the
/// blocks in `earlier`, or, after the last stretch, gives the result. `earlier` has a block for each two panels of
/// both; it is null if there is one stretch only.
void multiplyStretch(const Work &work, int64_t firstPanel, int64_t panels, const Stretch &stretch, float *earlier) {
  alignas(64) float sums[blockElements];
  const auto &[cut, shared, first, last] = stretch;
  for (int64_t s = 0; s < work.shared.panels(); s += 2)
    for (int64_t c = 0; c < panels; c += 2, earlier += earlier ? blockElements : 0) {
      const char *cutPanels[] = {cut.tile(c, 0), cut.tile(c + 1, 0)};
      const char *sharedPanels[] = {shared.tile(s, 0), shared.tile(s + 1, 0)};
      const char **a = work.cutsRows ? cutPanels : sharedPanels, **b = work.cutsRows ? sharedPanels : cutPanels;
      // A part of the next shared panels, while these are multiplied.
      const char *ahead = shared.tile(s + 2, 0) + c / 2 * cut.steps * aheadBytes;
      sumBlock(a, b, cut.steps, ahead, first && !last ? earlier : sums);
      const int64_t cutAt = (firstPanel + c) * panelWidth, sharedAt = s * panelWidth;
      if (last)
        storeBlock(work.product, work.cutsRows ? cutAt : sharedAt, work.cutsRows ? sharedAt : cutAt,
                   first ? nullptr : earlier, sums, work.partialSums);
      else if (!first)
        addBlock(sums, earlier);
    }
}

/// One piece of the cut operand, over the steps [first, end), of which `shared` is packed. `earlier` is the piece's.
void multiplyPiece(const Work &work, int64_t piece, int64_t first, int64_t end, const Packed &shared, float *earlier) {
  const int64_t firstPanel = piece * work.panelsOfPiece;
  const int64_t panels = std::min(work.panelsOfPiece, work.cut.panels() - firstPanel);
  thread_local ScratchBuffer buffer;
  char *memory = buffer.ensure(panels * stretchSteps * partCount * tileBytes);
  const TileConfiguration configuration;
  for (int64_t step = first; step < end; step += stretchSteps) {
    const int64_t steps = std::min(stretchSteps, end - step);
    const Packed cut{memory, steps, steps};
    pack(work.cut, firstPanel, panels, step, cut);
    multiplyStretch(
        work, firstPanel, panels,
        {cut, {shared.tile(0, step - first), shared.steps, shared.panelSteps}, step == 0, step + steps == work.steps},
        earlier);
  }
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

void multiplyTiles(const MatrixProduct &product, Scheduler *scheduler) {
  Work work(product, scheduler);
  thread_local ScratchBuffer partialSums;
  if (product.sums)
    work.partialSums = reinterpret_cast<float *>(
        partialSums.ensure(summedBlocks(product.m) * product.n * static_cast<int64_t>(sizeof(float))));
  const int64_t sharedPanels = work.shared.panels(), stepBytes = sharedPanels * partCount * tileBytes;
  const int64_t stretches = std::max<int64_t>(sharedBytes / (stepBytes * stretchSteps), 1);
  const int64_t stepsAtOnce = std::min(stretches * stretchSteps, work.steps);
  thread_local ScratchBuffer buffer;
  char *memory = buffer.ensure(stepsAtOnce * stepBytes);
  // What the pieces keep from one stretch of k to the next.
  const int64_t pieces = ceilDivide(work.cut.panels(), work.panelsOfPiece);
  const int64_t pieceElements = work.panelsOfPiece * sharedPanels / 4 * blockElements;
  thread_local ScratchBuffer sums;
  float *earlier = nullptr;
  if (work.steps > stretchSteps)
    earlier = reinterpret_cast<float *>(sums.ensure(pieces * pieceElements * static_cast<int64_t>(sizeof(float))));
  for (int64_t first = 0; first < work.steps; first += stepsAtOnce) {
    const int64_t end = std::min(first + stepsAtOnce, work.steps);
    const Packed shared{memory, end - first, end - first};
    constexpr int64_t packedTogether = 8;
    forEach(scheduler, ceilDivide(sharedPanels, packedTogether), [&](int64_t i) {
      const int64_t panel = i * packedTogether;
      pack(work.shared, panel, std::min(packedTogether, sharedPanels - panel), first,
           {shared.tile(panel, 0), shared.steps, shared.panelSteps});
    });
    forEach(scheduler, pieces, [&](int64_t piece) {
      multiplyPiece(work, piece, first, end, shared, earlier ? earlier + piece * pieceElements : nullptr);
    });
  }
  if (product.sums)
    addPartialSums(product, work.partialSums);
}

} // namespace heter::runtime

#else

namespace heter::runtime {

bool haveTiles() { return false; }
void multiplyTiles(const MatrixProduct &, Scheduler *) {}

} // namespace heter::runtime

#endif
