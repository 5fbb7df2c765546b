// RowFinder: finds the rows of a batch's keys in one range of a table, ahead of who wants them.
#ifndef HETER_RUNTIME_TABLE_ROWFINDER_H
#define HETER_RUNTIME_TABLE_ROWFINDER_H

#include "runtime/table/TableRange.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace heter::runtime {

/// Finds the rows of keys in blocks, each of which goes through four stages, some blocks apart, so that the memory that
/// a stage needs is on its way since the one before. The few keys whose likely row is another's are put off: they go on
/// together, a piece of memory each at a time.
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
    searched_ = segments;
    // A number of a block that is not below `blocks` is that of none yet or none any more.
    for (size_t block = 0; block < blocks + toVisit; ++block) {
      if (segments != index_.segments()) { // segments were split, and the directory may have moved
        segments = index_.segments();
        locate(block - toBuckets);
      }
      locate(block);
      bringNear(block - toBuckets, block - toRows);
      visitAll(compare(block - toVisit), visit);
      while (putOffCount_ > putOff_.size() - blockKeys) // once, but for keys that were made to collide
        visitAll(goOn(), visit);
    }
    while (putOffCount_ > 0)
      visitAll(goOn(), visit);
  }

private:
  static constexpr size_t blockKeys = 16;
  // How many blocks a stage is behind the first.
  static constexpr size_t toBuckets = 1;
  static constexpr size_t toRows = 3;
  static constexpr size_t toVisit = 5;

  /// What is known of a key.
  struct Step {
    uint64_t hash;
    union { // by stage
      RowIndex::Entry entry;
      /// May be that before a split: then the likely row is another's, or the key's all the same.
      const RowIndex::Bucket *home;
      char *row; ///< Of `likely`.
    };
    uint32_t likely; ///< A row whose key is not compared yet, or RowIndex::none.
  };
  struct PutOff {
    uint32_t i;
    uint32_t likely; ///< None as long as it waits for a bucket.
    Row at;
    RowIndex::Search search;
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
  std::span<Step> stepsOf(size_t block) { return std::span(steps_[block % steps_.size()]).first(keysOf(block).size()); }

  void locate(size_t block) {
    const RowIndex::Directory directory(index_);
    Step *step = steps_[block % steps_.size()].data();
    for (const BatchKey &key : keysOf(block)) {
      step->hash = key.hash;
      step->entry = directory.locate(key.hash);
      ++step;
    }
  }
  /// The second and the third stage, each of its block's keys.
  void bringNear(size_t ofBuckets, size_t ofRows) {
    const std::span<Step> buckets = stepsOf(ofBuckets);
    const std::span<Step> rows = stepsOf(ofRows);
    const size_t both = std::min(buckets.size(), rows.size());
    const RowStore::Places places = rows_.places(); // local ones are not read again after each store
    const size_t bytes = bytes_;
    for (size_t i = 0; i < both; ++i) {
      approach(buckets[i]);
      prefetch(rows[i], places, bytes);
    }
    for (Step &step : buckets.subspan(both))
      approach(step);
    for (Step &step : rows.subspan(both))
      prefetch(step, places, bytes);
  }
  [[gnu::always_inline]] static void approach(Step &step) { step.home = RowIndex::approach(step.entry, step.hash); }
  [[gnu::always_inline]] static void prefetch(Step &step, const RowStore::Places &places, size_t bytes) {
    step.likely = RowIndex::candidate(*step.home, step.hash);
    if (step.likely == RowIndex::none)
      return;
    step.row = places.at(step.likely);
    RowStore::prefetch(Row(step.row), bytes);
  }
  /// Puts off the keys of a block whose likely row is another's, and gives the others.
  std::span<const Found> compare(size_t block) {
    size_t count = 0;
    auto i = static_cast<uint32_t>(block * blockKeys);
    for (const Step &step : stepsOf(block)) {
      if (step.likely != RowIndex::none && Row(step.row).key() == keys_[i].key)
        found_[count++] = {i, step.likely, Row(step.row)};
      else if (!putOff(i, step.likely))
        found_[count++] = endSearch(i);
      ++i;
    }
    return std::span(found_).first(count);
  }
  /// False if there is no more to look at. `compared` is not looked at again.
  [[gnu::noinline]] bool putOff(uint32_t i, uint32_t compared) {
    PutOff &key = putOff_[putOffCount_];
    key = {i, RowIndex::none, Row(), RowIndex::Search(index_, keys_[i].hash)};
    if (!goesOn(key) || (key.likely == compared && compared != RowIndex::none && !goesOn(key)))
      return false;
    ++putOffCount_;
    return true;
  }
  /// Each of those that were put off goes on by what was brought near for it since it was last here; gives those that
  /// are through.
  std::span<const Found> goOn() {
    const std::span<PutOff> all = std::span(putOff_).first(putOffCount_);
    if (searched_ != index_.segments()) { // what was put off before may have to look elsewhere now
      searched_ = index_.segments();
      for (PutOff &key : all)
        key = {key.i, RowIndex::none, Row(), RowIndex::Search(index_, keys_[key.i].hash)};
    }
    size_t count = 0;
    size_t left = 0;
    for (PutOff &key : all) {
      if (key.likely != RowIndex::none && key.at.key() == keys_[key.i].key)
        found_[count++] = {key.i, key.likely, key.at};
      else if (goesOn(key))
        putOff_[left++] = key;
      else
        found_[count++] = endSearch(key.i);
    }
    putOffCount_ = left;
    return std::span(found_).first(count);
  }
  /// Whether there is more to look at, which is brought near.
  bool goesOn(PutOff &key) const {
    const RowIndex::Search::Step next = key.search.next();
    key.likely = RowIndex::none;
    if (next == RowIndex::Search::Step::Row) {
      key.likely = key.search.row();
      key.at = rows_.at(key.likely);
      RowStore::prefetch(key.at, bytes_);
    }
    return next != RowIndex::Search::Step::End;
  }
  Found endSearch(uint32_t i) const {
    const uint32_t row = index_.findSpilled(keys_[i].hash, keys_[i].key, rows_);
    return {i, row, row == RowIndex::none ? Row() : rows_.at(row)};
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
  std::array<std::array<Step, blockKeys>, std::bit_ceil(toVisit + 1)> steps_;
  std::array<PutOff, size_t{4} * blockKeys> putOff_;
  std::array<Found, size_t{4} * blockKeys> found_;
  size_t putOffCount_ = 0;
  size_t searched_ = 0; ///< How many segments there were when those that are put off began to search, or other ones.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWFINDER_H
