// RowIndex: from a table's 64-bit keys to its rows, in about ten bytes a row. A directory points at segments of 4 KB,
// each 64 buckets of one cache line: 12 one-byte tags compared at once, and 12 row numbers. Only full segments split,
// one at a time, so growth never pauses; the directory's prefix is skewed, so that segments that fill at the same rate
// do not split together. Keys themselves lie in their rows.
#ifndef HETER_RUNTIME_TABLE_ROWINDEX_H
#define HETER_RUNTIME_TABLE_ROWINDEX_H

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <vector>

namespace heter::runtime {

/// Rows of one size in slabs that never move. A row is its key and its floats. Thread-compatible.
class RowSlabs {
public:
  explicit RowSlabs(int64_t rowFloats);

  uint32_t size() const { return size_; }
  uint64_t key(uint32_t row) const { return *reinterpret_cast<const uint64_t *>(address(row)); }
  float *state(uint32_t row) { return reinterpret_cast<float *>(address(row) + sizeof(uint64_t)); }
  const float *state(uint32_t row) const { return reinterpret_cast<const float *>(address(row) + sizeof(uint64_t)); }
  /// Adds a row whose floats are not set yet. REQUIRES: size() < 2^32 - 1.
  uint32_t add(uint64_t key);
  void prefetch(uint32_t row) const;

private:
  struct Free {
    void operator()(char *p) const { std::free(p); }
  };

  char *address(uint32_t row) const {
    return slabs_[row >> slabShift_].get() + static_cast<size_t>(row & slabMask_) * stride_;
  }

  size_t stride_;
  int slabShift_;
  uint32_t slabMask_;
  uint32_t size_ = 0;
  std::vector<std::unique_ptr<char[], Free>> slabs_;
};

/// Maps hashes of keys to rows of a RowSlabs, which it reads to tell keys of one tag apart. Of a hash the top bits
/// choose the segment, bits 12 to 25 the bucket and the tag; the low 12 are not used. Equal keys have equal hashes.
/// Rows are never removed. Thread-compatible.
class RowIndex {
public:
  static constexpr uint32_t none = ~uint32_t{0};

  RowIndex();

  /// The row of `key`, or `none`.
  uint32_t find(uint64_t hash, uint64_t key, const RowSlabs &rows) const;
  /// Adds a row. REQUIRES: its key is not there yet.
  void insert(uint64_t hash, uint32_t row, const RowSlabs &rows, uint64_t (*hashOf)(uint64_t key));

  /// Brings the bucket of a hash near, for a `find` a little later.
  void prefetch(uint64_t hash) const;
  /// The most likely row of a hash, whose key is not compared, or `none`: worth prefetching.
  uint32_t candidate(uint64_t hash) const;

  size_t segments() const { return segments_; }
  size_t bytes() const;

private:
  static constexpr int bucketsPerSegment = 64;
  static constexpr int slotsPerBucket = 12;
  static constexpr int fullSegment = bucketsPerSegment * slotsPerBucket * 85 / 100;

  struct alignas(64) Bucket {
    uint8_t tags[slotsPerBucket]; ///< 0: empty; tags lie from the front.
    uint8_t used;
    uint8_t overflowed; ///< Some key of this bucket is in a later one.
    uint16_t header;    ///< Of the segment: its rows in bucket 0, its depth in bucket 1.
    uint32_t rows[slotsPerBucket];
  };
  static_assert(sizeof(Bucket) == 64);

  struct FreeBuckets {
    void operator()(Bucket *p) const { std::free(p); }
  };

  static uint32_t skewedPrefix(uint64_t hash);
  static int bucketOf(uint64_t hash) { return static_cast<int>((hash >> 12) & (bucketsPerSegment - 1)); }
  static uint8_t tagOf(uint64_t hash) {
    const auto tag = static_cast<uint8_t>(hash >> 18);
    return tag ? tag : 1;
  }
  static unsigned matches(const Bucket &bucket, uint8_t tag);
  static void put(Bucket *segment, uint64_t hash, uint32_t row);

  size_t directorySlot(uint64_t hash) const { return static_cast<uint64_t>(skewedPrefix(hash)) >> (32 - depth_); }
  Bucket *segmentOf(uint64_t hash) const { return directory_[directorySlot(hash)]; }
  /// Deeper than hashed keys make a segment, so that keys made to collide cannot blow up the directory.
  int deepest() const { return std::min(static_cast<int>(std::bit_width(segments_)) + 4, 30); }
  Bucket *newSegment(int depth);
  void split(uint64_t hash, const RowSlabs &rows, uint64_t (*hashOf)(uint64_t key));

  int depth_ = 0; ///< The directory has 2^depth_ entries.
  std::vector<Bucket *> directory_;
  std::vector<std::unique_ptr<Bucket[], FreeBuckets>> chunks_;
  size_t chunkCapacity_ = 0; ///< Segments of the newest chunk ..
  size_t chunkUsed_ = 0;     ///< .. and how many of them are handed out.
  size_t segments_ = 0;
  std::unordered_multimap<uint64_t, uint32_t>
      spill_; ///< By hash: what full segments of the deepest() depth did not take.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWINDEX_H
