// RowFinder: finds the rows of a batch's keys in one range of a table, ahead of who wants them.
#ifndef HETER_RUNTIME_TABLE_ROWFINDER_H
#define HETER_RUNTIME_TABLE_ROWFINDER_H

#include "runtime/table/TableRange.h"

#include <algorithm>
#include <array>
#include <span>

namespace heter::runtime {

/// Finds the rows of keys in blocks, each of which goes through four stages, a block apart, so that the memory that a
/// stage needs is on its way since the one before. The few keys whose likely row is another's are put off: they wait
/// for memory together, not one by one while all others wait for them.
class RowFinder {
public:
  /// The first `bytes` of each row will be wanted.
  RowFinder(const RowIndex &index, const RowStore &rows, std::span<const BatchKey> keys, size_t bytes)
      : index_(index), rows_(rows), keys_(keys), bytes_(bytes) {}

  /// Calls visit(i, row, at) once for each keys[i], in an order of its own; `row` is RowIndex::none if it has none,
  /// else `at` is where it lies. `visit` may add rows, and move those of keys that it was called with. REQUIRES: no key
  /// twice; called once.
  template <typename Visit> void forEach(Visit visit) {
    const size_t blocks = (keys_.size() + blockKeys - 1) / blockKeys;
    size_t segments = index_.segments();
    // A number of a block that is not below `blocks` is that of none yet or none any more.
    for (size_t block = 0; block < blocks + 3; ++block) {
      if (segments != index_.segments()) { // segments were split, and the directory may have moved
        segments = index_.segments();
        locate(block - 1);
      }
      locate(block);
      bringNear(block - 1, block - 2);
      const size_t count = compare(block - 3);
      visitAll(std::span(found_).first(count), visit);
      if (putOffCount_ > putOff_.size() - blockKeys || block + 1 == blocks + 3)
        visitAll(findPutOff(), visit);
    }
  }

private:
  static constexpr size_t blockKeys = 16;

  /// What is known of a key.
  struct Step {
    uint64_t hash;
    RowIndex::Entry entry;
    /// May be that before a split: then the likely row is another's, or the key's all the same.
    RowIndex::Bucket *segment;
    Row at;
    uint32_t likely; ///< A row whose key is not compared yet, or RowIndex::none.
  };
  struct Found {
    uint32_t i;
    uint32_t row;
    Row at;
  };

  /// None of a number that is no block's.
  std::span<const BatchKey> keysOf(size_t block) const {
    const size_t begin = std::min(block * blockKeys, keys_.size());
    return keys_.subspan(begin, std::min(blockKeys, keys_.size() - begin));
  }
  std::span<Step> stepsOf(size_t block) { return std::span(steps_[block % 4]).first(keysOf(block).size()); }

  void locate(size_t block) {
    Step *step = steps_[block % 4].data();
    for (const BatchKey &key : keysOf(block)) {
      step->hash = key.hash;
      step->entry = index_.locate(key.hash);
      ++step;
    }
  }
  /// The second and the third stage, each of its block's keys.
  void bringNear(size_t ofBuckets, size_t ofRows) {
    const std::span<Step> buckets = stepsOf(ofBuckets);
    const std::span<Step> rows = stepsOf(ofRows);
    const size_t both = std::min(buckets.size(), rows.size());
    const size_t bytes = bytes_; // a local one is not read again after each store
    for (size_t i = 0; i < both; ++i) {
      approach(buckets[i]);
      prefetch(rows[i], bytes);
    }
    for (Step &step : buckets.subspan(both))
      approach(step);
    for (Step &step : rows.subspan(both))
      prefetch(step, bytes);
  }
  [[gnu::always_inline]] static void approach(Step &step) { step.segment = RowIndex::approach(step.entry, step.hash); }
  [[gnu::always_inline]] void prefetch(Step &step, size_t bytes) const {
    step.likely = RowIndex::candidate(step.segment, step.hash);
    if (step.likely == RowIndex::none)
      return;
    step.at = rows_.at(step.likely);
    RowStore::prefetch(step.at, bytes);
  }
  /// Puts off the keys of a block whose likely row is another's; gives how many others there are in found_.
  size_t compare(size_t block) {
    size_t count = 0;
    auto i = static_cast<uint32_t>(block * blockKeys);
    for (const Step &step : stepsOf(block)) {
      if (step.likely != RowIndex::none && step.at.key() == keys_[i].key) {
        found_[count++] = {i, step.likely, step.at};
      } else {
        RowIndex::approachOthers(step.segment, step.hash);
        putOff_[putOffCount_++].i = i;
      }
      ++i;
    }
    return count;
  }
  std::span<const Found> findPutOff() {
    const std::span<Found> all = std::span(putOff_).first(putOffCount_);
    putOffCount_ = 0;
    for (const Found &key : all) {
      const uint64_t hash = keys_[key.i].hash;
      RowIndex::visitCandidates(index_.approach(hash), hash,
                                [&](uint32_t row) { RowStore::prefetch(rows_.at(row), bytes_); });
    }
    for (Found &key : all) {
      key.row = index_.find(keys_[key.i].hash, keys_[key.i].key, rows_);
      key.at = key.row == RowIndex::none ? Row() : rows_.at(key.row);
    }
    return all;
  }
  /// What `visit` requires to be locked is locked by who calls forEach().
  template <typename Visit>
  [[gnu::noinline]] static void visitAll(std::span<const Found> all, Visit &visit)
      HETER_THREAD_ATTRIBUTE(no_thread_safety_analysis) {
    for (const Found &key : all)
      visit(key.i, key.row, key.at);
  }

  const RowIndex &index_;
  const RowStore &rows_;
  const std::span<const BatchKey> keys_;
  const size_t bytes_;
  std::array<std::array<Step, blockKeys>, 4> steps_;
  std::array<Found, blockKeys> found_;
  std::array<Found, 3 * blockKeys> putOff_;
  size_t putOffCount_ = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWFINDER_H
