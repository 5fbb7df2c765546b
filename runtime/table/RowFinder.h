// RowFinder: finds the rows of a batch's keys in one range of a table, ahead of who wants them.
#ifndef HETER_RUNTIME_TABLE_ROWFINDER_H
#define HETER_RUNTIME_TABLE_ROWFINDER_H

#include "runtime/table/TableRange.h"

#include <array>
#include <span>

namespace heter::runtime {

/// Finds the rows of keys one after another, with the memory of the next ones already on its way. Rows may be added
/// meanwhile, and those of keys that were found be moved.
class RowFinder {
public:
  /// The first `bytes` of each row will be wanted.
  RowFinder(const RowIndex &index, const RowStore &rows, std::span<const BatchKey> keys, size_t bytes)
      : index_(index), rows_(rows), keys_(keys), bytes_(bytes), segments_(index.segments()) {
    for (size_t i = 0; i < 2 * ahead; ++i)
      approach(i);
    for (size_t i = 0; i < ahead; ++i)
      prefetchRow(i);
    for (size_t i = 0; i < ahead / 2; ++i)
      prefetchOthers(i);
  }

  /// The row of keys[i], or RowIndex::none. REQUIRES: called for each i in order.
  uint32_t find(size_t i) {
    if (segments_ != index_.segments()) // a segment was split
      approachAgain(i);
    const Step step = steps_[i % (2 * ahead)]; // before approach() takes its place
    approach(i + 2 * ahead);
    prefetchRow(i + ahead);
    prefetchOthers(i + ahead / 2);
    const BatchKey &key = keys_[i];
    if (step.likely != RowIndex::none && rows_.key(step.likely) == key.key)
      return step.likely;
    return index_.find(step.segment, key.hash, key.key, rows_);
  }

private:
  static constexpr size_t ahead = 16;

  void approach(size_t i) {
    if (i < keys_.size())
      steps_[i % (2 * ahead)].segment = index_.approach(keys_[i].hash);
  }
  void approachAgain(size_t from) {
    for (size_t i = from; i < from + 2 * ahead; ++i)
      approach(i);
    segments_ = index_.segments();
  }
  [[gnu::always_inline]] void prefetchRow(size_t i) {
    if (i >= keys_.size())
      return;
    Step &step = steps_[i % (2 * ahead)];
    step.likely = RowIndex::candidate(step.segment, keys_[i].hash);
    if (step.likely != RowIndex::none)
      RowStore::prefetch(rows_.at(step.likely), bytes_);
    else
      RowIndex::approachOthers(step.segment, keys_[i].hash);
  }
  /// The few rows that do not lie where they are looked for first: without this each would be waited for by itself.
  [[gnu::always_inline]] void prefetchOthers(size_t i) {
    if (i >= keys_.size())
      return;
    const Step &step = steps_[i % (2 * ahead)];
    if (step.likely == RowIndex::none || rows_.key(step.likely) != keys_[i].key)
      RowIndex::visitCandidates(step.segment, keys_[i].hash, [&](uint32_t row) {
        if (row != step.likely)
          RowStore::prefetch(rows_.at(row), bytes_);
      });
  }

  struct Step {
    RowIndex::Bucket *segment;
    uint32_t likely; ///< A row whose key is not compared yet, or RowIndex::none.
  };
  const RowIndex &index_;
  const RowStore &rows_;
  const std::span<const BatchKey> keys_;
  const size_t bytes_;
  size_t segments_; ///< Of the index when the segments below were looked up.
  std::array<Step, 2 * ahead> steps_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWFINDER_H
