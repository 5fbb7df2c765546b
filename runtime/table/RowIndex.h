// RowIndex: from a table's 64-bit keys to its rows, in about nine bytes a row. A directory points at segments of 4 KB,
// each 64 buckets of one cache line: 12 one-byte tags compared at once, and 12 row numbers. Only full segments split,
// one at a time, so growth never pauses; the directory's prefix is skewed, so that segments that fill at the same rate
// do not split together. Keys themselves lie in their rows.
//
// Segments lie in the directory in the order of their keys' hashes, which is the order of the mixed keys and so of
// virtual shards: rows can be visited in that order, one segment after another, while others are added.
#ifndef HETER_RUNTIME_TABLE_ROWINDEX_H
#define HETER_RUNTIME_TABLE_ROWINDEX_H

#include "runtime/base/Hash.h"
#include "runtime/table/RowStore.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace heter::runtime {

/// Spreads the keys of a range of virtual shards over all 64-bit numbers, in the order of the mixed keys. No two keys
/// of the range have one hash.
class RangeHash {
public:
  RangeHash() = default;
  /// REQUIRES: 0 <= firstShard < endShard <= virtualShards.
  RangeHash(int firstShard, int endShard)
      : first_(static_cast<uint64_t>(firstShard) << 52),
        factor_(static_cast<uint64_t>(4096 / (endShard - firstShard))) {}
  uint64_t operator()(uint64_t key) const { return ofMixed(mixKey(key)); }
  uint64_t ofMixed(uint64_t mixed) const { return (mixed - first_) * factor_; }
  /// The least and the greatest hash of a shard of the range.
  uint64_t firstOfShard(int shard) const { return ofMixed(static_cast<uint64_t>(shard) << 52); }
  uint64_t lastOfShard(int shard) const { return firstOfShard(shard) + ((uint64_t{1} << 52) - 1) * factor_; }

private:
  uint64_t first_ = 0;
  uint64_t factor_ = 1;
};

/// Maps keys to rows of a RowStore, which it reads to tell keys of one tag apart. Callers hash: of a hash the top 40
/// bits choose the segment, bits 12 to 25 the bucket and the tag; the low 12 are not used. Thread-compatible.
class RowIndex {
public:
  static constexpr uint32_t none = ~uint32_t{0};

  RowIndex(RowArena &arena, RangeHash hash);

  const RangeHash &hash() const { return hash_; }

  /// The row of `key`, or `none`.
  uint32_t find(uint64_t hash, uint64_t key, const RowStore &rows) const;
  /// Adds a row. REQUIRES: its key is not there yet.
  void insert(uint64_t hash, uint32_t row, const RowStore &rows);
  /// Splits segments ahead so that about `rows` rows in all, of keys spread evenly, find them as their growth would
  /// have made them. REQUIRES: there are no rows yet.
  void reserve(int64_t rows, const RowStore &store);
  /// Points at another row for a key. REQUIRES: `from` is there under `hash`.
  void replace(uint64_t hash, uint32_t from, uint32_t to);

  // Finding in steps, for many keys at once: bring the directory's entry near, bring the bucket near, guess the row and
  // bring it near, compare; the few whose guess was wrong go on by a Search. What they give holds until a row is
  // inserted.

  struct Bucket;
  using Entry = Bucket *const *;
  /// Where the directory's entries lie; by itself, so that who looks for keys of many indices has what that takes
  /// together.
  class Directory {
  public:
    /// Of an index that has no rows.
    Directory();
    explicit Directory(const RowIndex &index) : entries_(index.directory_.data()), shift_(32 - index.depth_) {}
    /// The directory's entry of a hash. Brings it near.
    Entry locate(uint64_t hash) const {
      const Entry entry = entries_ + (position(hash) >> shift_);
      __builtin_prefetch(entry);
      return entry;
    }

  private:
    Entry entries_;
    int shift_;
  };
  /// The bucket where a hash belongs. Brings it near.
  static const Bucket *approach(Entry entry, uint64_t hash);
  /// The most likely row of a hash, whose key is not compared, or `none`: worth prefetching.
  static uint32_t candidate(const Bucket &home, uint64_t hash);
  class Search;
  /// What no Search gives: the row of a key that has no room in its segment, or `none`.
  uint32_t findSpilled(uint64_t hash, uint64_t key, const RowStore &rows) const {
    return spill_.empty() ? none : findAmongSpilled(hash, key, rows);
  }
  /// Brings near what inserting a hash takes.
  void approachToInsert(uint64_t hash) const {
    const Entry entry = &directory_[slotOf(skewedPrefix(hash))];
    prefetchLine(*entry);
    approach(entry, hash);
  }

  // Visits in the order of hashes. A position is in [0, positions), and hashes in order have positions in order.

  static constexpr uint64_t positions = uint64_t{1} << 32;
  static uint64_t position(uint64_t hash) { return skewedPrefix(hash); }
  /// Where the segment that holds a position ends: the next one's first position, or `positions`.
  uint64_t segmentEnd(uint64_t position) const;
  /// Replaces `rows` by the rows of the segment that holds a position, in no order.
  void segmentRows(uint64_t position, std::vector<uint32_t> &rows) const;
  /// Makes `kept` the rows of the segment that holds a position. REQUIRES: they are among its rows.
  void keepOnly(uint64_t position, std::span<const uint32_t> kept, const RowStore &rows);

  size_t segments() const { return segments_; }
  /// Rows that are found the slow way, because their segments may not split any more.
  size_t spilledRows() const { return spill_.size(); }

private:
  static constexpr int bucketsPerSegment = 64;
  static constexpr int slotsPerBucket = 12;
  static constexpr int fullSegment = bucketsPerSegment * slotsPerBucket * 88 / 100;

  /// Where hashes with equal top 40 bits lie among `positions`.
  static uint32_t skewedPrefix(uint64_t hash) {
    const size_t piece = hash >> 56;
    const uint64_t within = (hash >> 24) & 0xffffffffU;
    return skewTable[piece] + static_cast<uint32_t>((uint64_t{skewTable[piece + 1] - skewTable[piece]} * within) >> 32);
  }
  static constexpr int skewPieces = 256;
  /// Which part of all hashes lies at positions below.
  static double hashesBelow(uint64_t position);
  /// A hash of a position, or if it has none of the next one that has.
  static uint64_t hashAt(uint64_t position);
  static const std::array<uint32_t, skewPieces + 1> skewTable;

  static int bucketOf(uint64_t hash) { return static_cast<int>((hash >> 12) & (bucketsPerSegment - 1)); }
  static uint8_t tagOf(uint64_t hash) {
    const auto tag = static_cast<uint8_t>(hash >> 18);
    return tag ? tag : 1;
  }
  static unsigned matches(const Bucket &bucket, uint8_t tag);
  static void put(Bucket *segment, uint64_t hash, uint32_t row);

  size_t slotOf(uint64_t position) const { return position >> (32 - depth_); }
  uint32_t findAmongSpilled(uint64_t hash, uint64_t key, const RowStore &rows) const;
  Bucket *segmentOf(uint64_t hash) const { return directory_[slotOf(skewedPrefix(hash))]; }
  /// Deeper than hashed keys make a segment, so that keys made to collide cannot blow up the directory.
  int deepest() const { return std::min(static_cast<int>(std::bit_width(segments_)) + 4, 30); }
  Bucket *newSegment(int depth);
  static void clear(Bucket *segment, int depth);
  void split(uint64_t hash, const RowStore &rows);
  /// Inserts what was spilled anew, now that segments may be deeper.
  void insertSpilled(const RowStore &rows);
  /// Calls visit(bucket, slot) for each slot that may hold a hash until it gives true; false if none did.
  template <typename Visit> static bool probe(Bucket *segment, uint64_t hash, Visit visit);

  RowArena &arena_;
  RangeHash hash_;
  int depth_ = 0; ///< The directory has 2^depth_ entries.
  std::vector<Bucket *> directory_;
  size_t segments_ = 0;
  /// By hash: what full segments of the deepest() depth did not take.
  std::multimap<uint64_t, uint32_t> spill_;
};

struct alignas(64) RowIndex::Bucket {
  uint8_t tags[slotsPerBucket]; ///< 0: empty; tags lie from the front.
  uint8_t used;
  uint8_t overflowed; ///< Some key of this bucket is in a later one.
  uint16_t header;    ///< Of the segment: its rows in bucket 0, its depth in bucket 1.
  uint32_t rows[slotsPerBucket];
};

inline unsigned RowIndex::matches(const Bucket &bucket, uint8_t tag) {
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

template <typename Visit> bool RowIndex::probe(Bucket *segment, uint64_t hash, Visit visit) {
  const uint8_t tag = tagOf(hash);
  int at = bucketOf(hash);
  for (int probes = 0; probes < bucketsPerSegment; ++probes) {
    Bucket &bucket = segment[at];
    for (unsigned mask = matches(bucket, tag); mask; mask &= mask - 1)
      if (visit(bucket, std::countr_zero(mask)))
        return true;
    if (!bucket.overflowed)
      return false;
    at = (at + 1) & (bucketsPerSegment - 1);
  }
  return false;
}

inline const RowIndex::Bucket *RowIndex::approach(Entry entry, uint64_t hash) {
  const Bucket *home = *entry + bucketOf(hash);
  prefetchLine(home);
  return home;
}

inline uint32_t RowIndex::candidate(const Bucket &home, uint64_t hash) {
  const unsigned mask = matches(home, tagOf(hash));
  return mask ? home.rows[std::countr_zero(mask)] : none;
}

inline uint32_t RowIndex::find(uint64_t hash, uint64_t key, const RowStore &rows) const {
  uint32_t found = none;
  const bool there = probe(segmentOf(hash), hash, [&](const Bucket &bucket, int slot) {
    found = bucket.rows[slot];
    return rows.key(found) == key;
  });
  return there ? found : findSpilled(hash, key, rows);
}

/// The rows that may be a hash's, one after another, without a wait for any memory: what the next step needs is brought
/// near, and others have their turn meanwhile. Rows may be inserted between steps, as long as no segment is split.
class RowIndex::Search {
public:
  Search() = default;
  Search(const RowIndex &index, uint64_t hash)
      : segment_(index.segmentOf(hash)), mask_(matches(segment_[bucketOf(hash)], tagOf(hash))), tag_(tagOf(hash)),
        at_(static_cast<uint8_t>(bucketOf(hash))) {}

  enum class Step : uint8_t { Row, Bucket, End };
  /// Row: row() is the next one. Bucket: there may be one in a bucket that was not near. End: there is none.
  Step next() {
    const Bucket &bucket = segment_[at_];
    if (isNew_)
      mask_ = matches(bucket, tag_);
    isNew_ = false;
    if (mask_ != 0) {
      row_ = bucket.rows[std::countr_zero(mask_)];
      mask_ &= mask_ - 1;
      return Step::Row;
    }
    if (!bucket.overflowed || ++passed_ == bucketsPerSegment)
      return Step::End;
    at_ = (at_ + 1) & (bucketsPerSegment - 1);
    isNew_ = true;
    prefetchLine(&segment_[at_]);
    return Step::Bucket;
  }
  uint32_t row() const { return row_; }

private:
  const Bucket *segment_ = nullptr;
  uint32_t row_ = none;
  unsigned mask_ = 0; ///< The slots of the bucket that are still to be given, if it is not new.
  uint8_t tag_ = 0;
  uint8_t at_ = 0;
  uint8_t passed_ = 0;
  bool isNew_ = false; ///< Nothing was read of the bucket yet.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWINDEX_H
