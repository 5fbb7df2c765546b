// RowClock: which rows in memory of a range were used of late, so that others leave first when there is no room. A byte
// a row counts its uses, up to a few; a hand goes round, lowers the counts that it passes, and takes rows whose count
// is 0. New rows begin low, so that many keys seen once do not push out those that are seen often.
#ifndef HETER_RUNTIME_TABLE_ROWCLOCK_H
#define HETER_RUNTIME_TABLE_ROWCLOCK_H

#include "runtime/table/RowStore.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

namespace heter::runtime {

/// Thread-compatible, but for touch() and next(), which may run beside each other: a count that one of them loses does
/// no harm.
class RowClock {
public:
  static constexpr uint8_t created = 0; ///< The count of a row that no pull has found.
  static constexpr uint8_t fetched = 1; ///< Of one that came from the disk.

  void add(uint32_t row, uint8_t uses) {
    std::vector<uint8_t> &counts = counts_[RowStore::isShort(row)];
    const uint32_t number = RowStore::numberOf(row);
    if (number >= counts.size())
      counts.resize(std::max<size_t>(number + 1, counts.size() + counts.size() / 8), absent);
    counts[number] = uses;
  }
  void remove(uint32_t row) { counts_[RowStore::isShort(row)][RowStore::numberOf(row)] = absent; }
  bool has(uint32_t row) const { return counts_[RowStore::isShort(row)][RowStore::numberOf(row)] != absent; }

  /// REQUIRES: the row is there.
  void touch(uint32_t row) const {
    const auto count = at(counts_[RowStore::isShort(row)], RowStore::numberOf(row));
    if (const uint8_t uses = count.load(std::memory_order_relaxed); uses < mostUses)
      count.store(uses + 1, std::memory_order_relaxed);
  }

  /// The next row to leave; RowIndex::none after a round that passed none. REQUIRES: one call at a time.
  uint32_t next() {
    for (size_t left = (mostUses + 1) * (counts_[0].size() + counts_[1].size()); left > 0; --left) {
      if (hand_ >= counts_[handIsShort_].size()) {
        handIsShort_ = !handIsShort_;
        hand_ = 0;
        if (counts_[handIsShort_].empty())
          continue;
      }
      const uint32_t number = hand_++;
      const auto count = at(counts_[handIsShort_], number);
      const uint8_t uses = count.load(std::memory_order_relaxed);
      if (uses == 0)
        return RowStore::rowOf(number, handIsShort_);
      if (uses != absent)
        count.store(uses - 1, std::memory_order_relaxed);
    }
    return ~uint32_t{0};
  }

private:
  static constexpr uint8_t mostUses = 3;
  static constexpr uint8_t absent = 255; ///< The count where there is no row.
  static std::atomic_ref<uint8_t> at(const std::vector<uint8_t> &counts, uint32_t number) {
    return std::atomic_ref(const_cast<uint8_t &>(counts[number]));
  }

  std::array<std::vector<uint8_t>, 2> counts_; ///< Of whole rows, of short ones, by their numbers.
  uint32_t hand_ = 0;
  bool handIsShort_ = false;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWCLOCK_H
