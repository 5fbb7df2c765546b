// KeyBatch: the keys of a batched call by the range of their table that holds them. They are sorted in chunks, which
// threads can share; who takes a range gathers its keys from all of them.
#ifndef HETER_RUNTIME_TABLE_KEYBATCH_H
#define HETER_RUNTIME_TABLE_KEYBATCH_H

#include "runtime/table/TableRange.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace heter::runtime {

/// Keeps its memory from one assign() to the next. Thread-compatible, but for what it says of calls at once.
class KeyBatch {
public:
  static constexpr int ranges = 16;

  /// Replaces its keys by those of `pushes`, still to be sorted. `rangeOfShard` gives each virtual shard's range, or
  /// `ranges` if none has it: such keys are left out. `hashes` are the ranges'. Both, and what the pushes hold, outlive
  /// the use of the keys.
  void assign(std::span<const RowGradients> pushes, std::span<const uint8_t, virtualShards> rangeOfShard,
              std::span<const RangeHash, ranges> hashes) {
    rangeOfShard_ = rangeOfShard.data();
    hashes_ = hashes.data();
    chunks_.clear();
    uint32_t keys = 0;
    for (uint32_t p = 0; p < pushes.size(); ++p)
      for (size_t begin = 0; begin < pushes[p].keys.size(); begin += chunkKeys) {
        const size_t count = std::min(chunkKeys, pushes[p].keys.size() - begin);
        chunks_.push_back(
            {pushes[p].keys.data() + begin, static_cast<uint32_t>(count), p, static_cast<uint32_t>(begin), keys, {}});
        keys += static_cast<uint32_t>(count);
      }
    if (sorted_.size() < keys)
      sorted_.resize(keys);
    for (Gathered &range : gathered_)
      range.there = false;
  }

  int64_t chunks() const { return static_cast<int64_t>(chunks_.size()); }
  /// Calls for different chunks may run at once.
  void sort(int64_t chunk) {
    Chunk &of = chunks_[static_cast<size_t>(chunk)];
    std::array<uint64_t, chunkKeys> mixed;
    std::array<uint8_t, chunkKeys> rangeOf;
    std::array<uint32_t, ranges + 1> next{}; // first a range's keys, then where its next one goes
    for (uint32_t i = 0; i < of.count; ++i) {
      mixed[i] = mixKey(of.keys[i]);
      rangeOf[i] = rangeOfShard_[mixed[i] >> 52];
      ++next[rangeOf[i]];
    }
    std::exclusive_scan(next.begin(), next.end(), next.begin(), of.first);
    of.starts = next;
    BatchKey *const sorted = sorted_.data();
    for (uint32_t i = 0; i < of.count; ++i)
      if (const uint8_t range = rangeOf[i]; range < ranges)
        sorted[next[range]++] = {of.keys[i], hashes_[range].ofMixed(mixed[i]), of.position + i, of.push};
  }

  /// The keys of a range in the order of the pushes. REQUIRES: all chunks are sorted. Calls for different ranges may
  /// run at once.
  std::span<const BatchKey> ofRange(int range) {
    const auto at = static_cast<size_t>(range);
    if (chunks_.size() == 1)
      return std::span(sorted_).subspan(chunks_[0].starts[at], chunks_[0].starts[at + 1] - chunks_[0].starts[at]);
    Gathered &gathered = gathered_[at];
    if (!gathered.there)
      gather(at, gathered);
    return std::span(gathered.keys).first(gathered.count);
  }

private:
  static constexpr size_t chunkKeys = 1024;

  struct Chunk {
    const uint64_t *keys;
    uint32_t count;
    uint32_t push;     ///< The push of all its keys ..
    uint32_t position; ///< .. and there the position of the first.
    uint32_t first;    ///< Where its part of sorted_ begins.
    /// Where each range's keys begin there, and where the last one's end.
    std::array<uint32_t, ranges + 1> starts;
  };
  struct alignas(64) Gathered { // of which others write the next
    std::vector<BatchKey> keys; ///< Never made smaller.
    size_t count = 0;
    bool there = false;
  };

  void gather(size_t range, Gathered &gathered) const {
    gathered.count = 0;
    for (const Chunk &chunk : chunks_)
      gathered.count += chunk.starts[range + 1] - size_t{chunk.starts[range]};
    if (gathered.keys.size() < gathered.count)
      gathered.keys.resize(gathered.count);
    BatchKey *to = gathered.keys.data();
    for (const Chunk &chunk : chunks_)
      to = std::copy(sorted_.data() + chunk.starts[range], sorted_.data() + chunk.starts[range + 1], to);
    gathered.there = true;
  }

  const uint8_t *rangeOfShard_ = nullptr;
  const RangeHash *hashes_ = nullptr;
  std::vector<Chunk> chunks_;
  std::vector<BatchKey> sorted_; ///< Never made smaller.
  std::array<Gathered, ranges> gathered_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_KEYBATCH_H
