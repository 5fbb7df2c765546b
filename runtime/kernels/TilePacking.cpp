// Splitting and packing with AVX-512: the parts of 32 numbers at once, each rounded to bf16 and taken from what is
// left.
#include "runtime/kernels/TilePacking.h"

#if defined(__x86_64__) && defined(__linux__)

#include <immintrin.h>

#define HETER_PACK_CODE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#define HETER_PACK_INLINE inline HETER_PACK_CODE __attribute__((always_inline))

namespace heter::runtime::tiles {
namespace {

/// The bf16 in the lower (0) or upper (1) half of `both`, as f32.
template <int half> HETER_PACK_INLINE __m512 widenHalf(__m512i both) {
  const __m256i heads = half ? _mm512_extracti64x4_epi64(both, 1) : _mm512_castsi512_si256(both);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(heads), 16));
}

HETER_PACK_INLINE __m512i roundPair(__m512 low, __m512 high) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

/// Writes the three parts of 32 floats that follow each other along k to a row of three tiles, in that order.
HETER_PACK_INLINE void splitRow(__m512 low, __m512 high, char *to) {
  const __m512i first = roundPair(low, high);
  low = _mm512_sub_ps(low, widenHalf<0>(first));
  high = _mm512_sub_ps(high, widenHalf<1>(first));
  const __m512i second = roundPair(low, high);
  low = _mm512_sub_ps(low, widenHalf<0>(second));
  high = _mm512_sub_ps(high, widenHalf<1>(second));
  _mm512_store_si512(to, first);
  _mm512_store_si512(to + tileBytes, second);
  _mm512_store_si512(to + 2 * tileBytes, roundPair(low, high));
}

/// Element 2i is i, element 2i + 1 is 16 + i.
HETER_PACK_INLINE __m512i pairOrder() {
  const __m512i evens = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  return _mm512_or_si512(evens, _mm512_slli_epi32(_mm512_add_epi32(evens, _mm512_set1_epi32(16)), 16));
}

/// The same for 16 floats at one k and 16 at the next, as 16 words.
HETER_PACK_INLINE void splitPair(__m512 even, __m512 odd, __m512i order, char *to) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000U));
  const __m512i first = _mm512_permutexvar_epi16(order, roundPair(even, odd));
  even = _mm512_sub_ps(even, _mm512_castsi512_ps(_mm512_slli_epi32(first, 16)));
  odd = _mm512_sub_ps(odd, _mm512_castsi512_ps(_mm512_and_si512(first, upper)));
  const __m512i second = _mm512_permutexvar_epi16(order, roundPair(even, odd));
  even = _mm512_sub_ps(even, _mm512_castsi512_ps(_mm512_slli_epi32(second, 16)));
  odd = _mm512_sub_ps(odd, _mm512_castsi512_ps(_mm512_and_si512(second, upper)));
  _mm512_store_si512(to, first);
  _mm512_store_si512(to + tileBytes, second);
  _mm512_store_si512(to + 2 * tileBytes, _mm512_permutexvar_epi16(order, roundPair(even, odd)));
}

/// Turns 16 x 16 floats.
HETER_PACK_INLINE void transpose(__m512 r[16]) {
  __m512 t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4)
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const __m512d above = _mm512_castps_pd(t[i + j]), below = _mm512_castps_pd(t[i + 2 + j]);
      r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(above, below));
      r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(above, below));
    }
#pragma GCC unroll 2
  for (int i = 0; i < 16; i += 8)
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      t[i + j] = _mm512_shuffle_f32x4(r[i + j], r[i + 4 + j], 0x88);
      t[i + 4 + j] = _mm512_shuffle_f32x4(r[i + j], r[i + 4 + j], 0xdd);
    }
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) {
    r[j] = _mm512_shuffle_f32x4(t[j], t[8 + j], 0x88);
    r[8 + j] = _mm512_shuffle_f32x4(t[j], t[8 + j], 0xdd);
  }
}

HETER_PACK_INLINE __mmask16 firstLanes(int64_t count) {
  return count >= 16 ? 0xffff : static_cast<__mmask16>((1U << std::max<int64_t>(count, 0)) - 1);
}

/// Reads 16 rows of 16 floats, of which `rows` and `columns` are there (none if less than one), and turns them.
HETER_PACK_INLINE void loadTransposed(const float *from, int64_t stride, int64_t rows, int64_t columns, __m512 to[16]) {
  const __mmask16 there = firstLanes(columns);
#pragma GCC unroll 16
  for (int64_t i = 0; i < 16; ++i)
    to[i] = i < rows ? _mm512_maskz_loadu_ps(there, from + i * stride) : _mm512_setzero_ps();
  transpose(to);
}

/// What is read is fetched so many steps ahead.
constexpr int64_t aheadSteps = 2;

/// Packs a quarter of one step of a panel, of which the matrix has `rows` rows and `depth` of k from `from` on, into
/// three tiles. Where a quarter cannot be had alone, the first one is all of them, or the third the other half.
template <bool alongK, bool wordsInRows>
HETER_PACK_CODE void packTiles(const float *from, int64_t stride, int64_t rows, int64_t depth, char *tile,
                               int64_t quarter) {
  if constexpr (alongK && wordsInRows) {
    const __mmask16 low = firstLanes(depth), high = firstLanes(depth - 16);
    from += quarter * 4 * stride;
#pragma GCC unroll 4
    for (int64_t i = quarter * 4; i < quarter * 4 + 4; ++i, from += stride) {
      _mm_prefetch(from + aheadSteps * stepDepth, _MM_HINT_T0);
      _mm_prefetch(from + aheadSteps * stepDepth + 16, _MM_HINT_T0);
      splitRow(_mm512_maskz_loadu_ps(i < rows ? low : 0, from), _mm512_maskz_loadu_ps(i < rows ? high : 0, from + 16),
               tile + i * 64);
    }
  } else if constexpr (alongK) {
    if (quarter % 2)
      return;
    const __m512i order = pairOrder();
    const int64_t half = quarter / 2;
    __m512 atK[16];
    loadTransposed(from + half * 16, stride, rows, depth - half * 16, atK);
#pragma GCC unroll 8
    for (int64_t i = 0; i < 8; ++i)
      splitPair(atK[2 * i], atK[2 * i + 1], order, tile + (half * 8 + i) * 64);
  } else if constexpr (wordsInRows) {
    if (quarter)
      return;
    __m512 low[16], high[16];
    loadTransposed(from, stride, depth, rows, low);
    loadTransposed(from + 16 * stride, stride, depth - 16, rows, high);
#pragma GCC unroll 16
    for (int64_t i = 0; i < panelWidth; ++i)
      splitRow(low[i], high[i], tile + i * 64);
  } else {
    const __m512i order = pairOrder();
    const __mmask16 there = firstLanes(rows);
    from += quarter * 8 * stride;
#pragma GCC unroll 4
    for (int64_t i = quarter * 4; i < quarter * 4 + 4; ++i, from += 2 * stride) {
      _mm_prefetch(from + aheadSteps * stepDepth * stride, _MM_HINT_T0);
      _mm_prefetch(from + (aheadSteps * stepDepth + 1) * stride, _MM_HINT_T0);
      splitPair(_mm512_maskz_loadu_ps(2 * i < depth ? there : 0, from),
                _mm512_maskz_loadu_ps(2 * i + 1 < depth ? there : 0, from + stride), order, tile + i * 64);
    }
  }
}

} // namespace

Packer::Packer(const Side &side, int64_t panel, int64_t firstStep, const Packed &to)
    : side_(&side), panel_(panel), firstStep_(firstStep), panels_(side.rows - panel * panelWidth > panelWidth ? 2 : 1),
      to_(to), quarters_(panels_ * quartersOfStep * to.steps), packQuarter_(packerOf(side)) {
  findTiles();
}

Packer::PackQuarter Packer::packerOf(const Side &side) {
  if (side.alongK)
    return side.wordsInRows ? packTiles<true, true> : packTiles<true, false>;
  return side.wordsInRows ? packTiles<false, true> : packTiles<false, false>;
}

void Packer::findTiles() {
  // Along memory, one panel after the other; across it, both panels of a step, which are neighbours there.
  const int64_t unit = next_ / quartersOfStep;
  const int64_t second = side_->alongK ? unit >= to_.steps : unit % panels_;
  const int64_t step = side_->alongK ? unit - second * to_.steps : unit / panels_;
  const int64_t row = (panel_ + second) * panelWidth, k = (firstStep_ + step) * stepDepth;
  from_ = side_->data + (side_->alongK ? row * side_->stride + k : k * side_->stride + row);
  rows_ = side_->rows - row;
  depth_ = side_->k - k;
  tile_ = to_.tile(second, step);
}

} // namespace heter::runtime::tiles

#endif
