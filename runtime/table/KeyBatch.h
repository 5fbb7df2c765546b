// KeyBatch: the keys of a batched call by the range of their table that holds them.
#ifndef HETER_RUNTIME_TABLE_KEYBATCH_H
#define HETER_RUNTIME_TABLE_KEYBATCH_H

#include "runtime/table/TableRange.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace heter::runtime {

/// Keeps its memory from one assign() to the next. Thread-compatible.
class KeyBatch {
public:
  static constexpr int ranges = 16;

  /// Replaces its keys by those of `pushes`, each range's in their order there. `rangeOfShard` gives each virtual
  /// shard's range, or `ranges` if none has it: such keys are left out. `hashes` are the ranges'. One pass: until it is
  /// done nobody can begin with a range.
  void assign(std::span<const RowGradients> pushes, std::span<const uint8_t, virtualShards> rangeOfShard,
              std::span<const RangeHash, ranges> hashes) {
    for (std::vector<BatchKey> &keys : ofRange_)
      keys.clear();
    for (uint32_t p = 0; p < pushes.size(); ++p) {
      const std::span<const uint64_t> keys = pushes[p].keys;
      for (uint32_t i = 0; i < keys.size(); ++i) {
        const uint64_t mixed = mixKey(keys[i]);
        const uint8_t range = rangeOfShard[mixed >> 52];
        if (range < ranges)
          ofRange_[range].push_back({keys[i], hashes[range].ofMixed(mixed), i, p});
      }
    }
  }

  std::span<const BatchKey> ofRange(int range) const { return ofRange_[static_cast<size_t>(range)]; }

private:
  std::array<std::vector<BatchKey>, ranges> ofRange_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_KEYBATCH_H
