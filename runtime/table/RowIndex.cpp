// Tag buckets, segments that split one at a time, and row slabs.
#include "runtime/table/RowIndex.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <new>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace heter::runtime {

//===--- Rows -----------------------------------------------------------------------------------------------------===//

static constexpr size_t slabBytes = size_t{2} << 20;
static constexpr size_t firstHugeSlab = 4; // small tables do not take 2 MiB pages

RowSlabs::RowSlabs(int64_t rowFloats) {
  stride_ = (sizeof(uint64_t) + static_cast<size_t>(rowFloats) * sizeof(float) + 7) / 8 * 8;
  slabShift_ = std::bit_width(std::max<size_t>(slabBytes / stride_, 1)) - 1;
  slabMask_ = (uint32_t{1} << slabShift_) - 1;
}

uint32_t RowSlabs::add(uint64_t key) {
  if (size_ >> slabShift_ == slabs_.size()) {
    const size_t bytes = ((stride_ << slabShift_) + slabBytes - 1) / slabBytes * slabBytes;
    auto *memory = static_cast<char *>(std::aligned_alloc(slabBytes, bytes));
    if (!memory)
      throw std::bad_alloc();
#if defined(__linux__)
    madvise(memory, bytes, slabs_.size() < firstHugeSlab ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
#endif
    slabs_.emplace_back(memory);
  }
  const uint32_t row = size_++;
  *reinterpret_cast<uint64_t *>(address(row)) = key;
  return row;
}

void RowSlabs::prefetch(uint32_t row) const {
  const char *at = address(row);
  const size_t bytes = std::min<size_t>(stride_, 256);
  for (size_t offset = 0; offset < bytes; offset += 64)
    __builtin_prefetch(at + offset);
}

//===--- Index ----------------------------------------------------------------------------------------------------===//

// Maps t in [0, 1) to 2^t - 1 by 256 straight pieces, in 32-bit fixed point. Prefixes are then up to twice as dense at
// one end as at the other, so that the segments of one depth fill over the whole time of a doubling.
static constexpr int skewPieces = 256;
static constexpr std::array<uint32_t, skewPieces + 1> skewTable = [] {
  std::array<uint32_t, skewPieces + 1> table{};
  double power = 1;
  for (uint32_t &entry : table) {
    entry = static_cast<uint32_t>(power < 2 ? (power - 1) * 4294967295.0 : 4294967295.0);
    power *= 1.0027112750502025; // 2^(1/256)
  }
  return table;
}();

uint32_t RowIndex::skewedPrefix(uint64_t hash) {
  const size_t piece = hash >> 56;
  const uint64_t within = (hash >> 24) & 0xffffffffU;
  return skewTable[piece] + static_cast<uint32_t>((uint64_t{skewTable[piece + 1] - skewTable[piece]} * within) >> 32);
}

unsigned RowIndex::matches(const Bucket &bucket, uint8_t tag) {
#if defined(__SSE2__)
  const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i *>(&bucket));
  const __m128i equal = _mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag)));
  return static_cast<unsigned>(_mm_movemask_epi8(equal)) & ((1U << slotsPerBucket) - 1);
#else
  unsigned mask = 0;
  for (int i = 0; i < slotsPerBucket; ++i)
    mask |= static_cast<unsigned>(bucket.tags[i] == tag) << i;
  return mask;
#endif
}

RowIndex::RowIndex() { directory_.push_back(newSegment(0)); }

RowIndex::Bucket *RowIndex::newSegment(int depth) {
  constexpr size_t bytes = bucketsPerSegment * sizeof(Bucket);
  if (chunkUsed_ == chunkCapacity_) {
    chunkCapacity_ = std::clamp<size_t>(segments_, 1, 64);
    auto *memory = static_cast<Bucket *>(std::aligned_alloc(4096, chunkCapacity_ * bytes));
    if (!memory)
      throw std::bad_alloc();
    chunks_.emplace_back(memory);
    chunkUsed_ = 0;
  }
  Bucket *segment = chunks_.back().get() + bucketsPerSegment * chunkUsed_++;
  std::memset(static_cast<void *>(segment), 0, bytes);
  segment[1].header = static_cast<uint16_t>(depth);
  ++segments_;
  return segment;
}

size_t RowIndex::bytes() const {
  return segments_ * bucketsPerSegment * sizeof(Bucket) + directory_.capacity() * sizeof(Bucket *);
}

void RowIndex::prefetch(uint64_t hash) const { __builtin_prefetch(segmentOf(hash) + bucketOf(hash)); }

uint32_t RowIndex::candidate(uint64_t hash) const {
  const Bucket &bucket = segmentOf(hash)[bucketOf(hash)];
  const unsigned mask = matches(bucket, tagOf(hash));
  return mask ? bucket.rows[std::countr_zero(mask)] : none;
}

uint32_t RowIndex::find(uint64_t hash, uint64_t key, const RowSlabs &rows) const {
  const Bucket *segment = segmentOf(hash);
  const uint8_t tag = tagOf(hash);
  int at = bucketOf(hash);
  for (int probes = 0; probes < bucketsPerSegment; ++probes) {
    const Bucket &bucket = segment[at];
    for (unsigned mask = matches(bucket, tag); mask; mask &= mask - 1) {
      const uint32_t row = bucket.rows[std::countr_zero(mask)];
      if (rows.key(row) == key)
        return row;
    }
    if (!bucket.overflowed)
      break;
    at = (at + 1) & (bucketsPerSegment - 1);
  }
  if (spill_.empty())
    return none;
  for (auto [it, end] = spill_.equal_range(hash); it != end; ++it)
    if (rows.key(it->second) == key)
      return it->second;
  return none;
}

void RowIndex::put(Bucket *segment, uint64_t hash, uint32_t row) {
  int at = bucketOf(hash);
  while (segment[at].used == slotsPerBucket) {
    segment[at].overflowed = 1;
    at = (at + 1) & (bucketsPerSegment - 1);
  }
  Bucket &bucket = segment[at];
  bucket.tags[bucket.used] = tagOf(hash);
  bucket.rows[bucket.used++] = row;
  ++segment[0].header;
}

void RowIndex::insert(uint64_t hash, uint32_t row, const RowSlabs &rows, uint64_t (*hashOf)(uint64_t key)) {
  while (segmentOf(hash)[0].header >= fullSegment) {
    if (segmentOf(hash)[1].header >= deepest()) {
      spill_.emplace(hash, row);
      return;
    }
    split(hash, rows, hashOf);
  }
  put(segmentOf(hash), hash, row);
}

void RowIndex::split(uint64_t hash, const RowSlabs &rows, uint64_t (*hashOf)(uint64_t key)) {
  Bucket *low = segmentOf(hash);
  const int depth = low[1].header + 1;
  if (depth > depth_) { // every entry twice
    std::vector<Bucket *> doubled(directory_.size() * 2);
    for (size_t i = 0; i < doubled.size(); ++i)
      doubled[i] = directory_[i / 2];
    directory_ = std::move(doubled);
    ++depth_;
  }
  std::array<uint32_t, size_t{bucketsPerSegment} * slotsPerBucket> moving;
  size_t count = 0;
  for (int i = 0; i < bucketsPerSegment; ++i)
    for (int j = 0; j < low[i].used; ++j)
      moving[count++] = low[i].rows[j];
  std::memset(static_cast<void *>(low), 0, bucketsPerSegment * sizeof(Bucket));
  low[1].header = static_cast<uint16_t>(depth);

  Bucket *high = newSegment(depth);
  const size_t span = size_t{1} << (depth_ - depth);
  const size_t first = directorySlot(hash) & ~(2 * span - 1);
  std::fill_n(directory_.begin() + static_cast<ptrdiff_t>(first + span), span, high);
  constexpr size_t ahead = 24;
  for (size_t i = 0; i < count; ++i) {
    if (i + ahead < count)
      rows.prefetch(moving[i + ahead]);
    const uint64_t moved = hashOf(rows.key(moving[i]));
    put((skewedPrefix(moved) >> (32 - depth)) & 1 ? high : low, moved, moving[i]);
  }
}

} // namespace heter::runtime
