// Pulls: one stream of keys over all ranges, of which each key goes through four stages, some keys apart, so that the
// memory that a stage needs is on its way since the one before. The few keys whose likely row is another's are put off:
// they wait for memory together, not one by one while all others wait for them.
#include "runtime/table/SparseTable.h"

#include <algorithm>
#include <array>

namespace heter::runtime {

/// Copies values of one part out of a table for as long as it lives: it holds every range to read.
class SparseTable::PullStream {
public:
  PullStream(const SparseTable &table, const PartSpec &part) : table_(table), part_(part) {
    for (size_t r = 0; r < rangeCount; ++r) {
      const TableRange &range = *table.ranges_[r];
      range.mutex().lockShared();
      views_[r] = viewOf(range, table.hashes_[r]);
    }
  }
  ~PullStream() {
    for (const std::unique_ptr<TableRange> &range : table_.ranges_)
      range->mutex().unlockShared();
  }
  PullStream(const PullStream &) = delete;
  PullStream &operator=(const PullStream &) = delete;

  /// Positions, counted from `first`, of keys that have their initial value are appended to `missing`.
  void copy(std::span<const uint64_t> keys, float *out, uint32_t first, std::vector<uint32_t> &missing,
            DiskRows &onDisk) {
    const size_t blocks = (keys.size() + blockKeys - 1) / blockKeys;
    const auto dim = static_cast<size_t>(part_.dim);
    const auto keysOf = [&](size_t block) {
      const size_t begin = block * blockKeys;
      return keys.subspan(begin, std::min(blockKeys, keys.size() - begin));
    };
    const auto stepsOf = [&](size_t block) {
      return std::span(steps_[block % 4]).first(block < blocks ? keysOf(block).size() : 0);
    };
    // A number of a block that is not below `blocks` is that of none yet or none any more.
    for (size_t block = 0; block < blocks + 3; ++block) {
      if (block < blocks)
        locate(stepsOf(block).data(), keysOf(block));
      bringNear(stepsOf(block - 1), stepsOf(block - 2));
      if (block - 3 < blocks) {
        const size_t begin = (block - 3) * blockKeys;
        const Found found{first + static_cast<uint32_t>(begin), out + begin * dim, missing, onDisk};
        withKnownCount(dim, [&](auto count) { take(stepsOf(block - 3).data(), keysOf(block - 3), found, count); });
        if (table_.isTiered())
          touch(stepsOf(block - 3));
      }
      if (putOffCount_ > putOff_.size() - blockKeys || (putOffCount_ > 0 && block + 1 == blocks + 3)) {
        const Found found{first, out, missing, onDisk};
        withKnownCount(dim, [&](auto count) { takePutOff(keys, found, count); });
      }
    }
  }

private:
  static constexpr size_t blockKeys = 16;

  struct View {
    const TableRange *range = nullptr;
    const RowIndex *index = nullptr; ///< Null: of keys that other servers own.
    const RowStore *rows = nullptr;
    RangeHash hash;
  };
  /// What is known of a key.
  struct Step {
    const View *view;
    uint64_t hash;
    RowIndex::Entry entry;
    RowIndex::Bucket *segment;
    Row row; ///< Whose key is not compared yet.
    uint32_t likely;
  };

  // The constructor locks.
  static View viewOf(const TableRange &range, const RangeHash &hash) HETER_THREAD_ATTRIBUTE(no_thread_safety_analysis) {
    return {&range, &range.index(), &range.rows(), hash};
  }

  void locate(Step *step, std::span<const uint64_t> keys) const {
    const View *const views = views_.data();
    const uint8_t *const rangeOfShard = table_.rangeOfShard_.data();
    for (uint64_t key : keys) {
      const uint64_t mixed = mixKey(key);
      const View &view = views[rangeOfShard[mixed >> 52]];
      const uint64_t hash = view.hash.ofMixed(mixed);
      step->view = &view;
      step->hash = hash;
      if (view.index)
        step->entry = view.index->locate(hash);
      ++step;
    }
  }
  /// The second and the third stage, each of its block's keys. They take turns, since the first use of a page takes its
  /// time, and few pages can be looked up at once.
  void bringNear(std::span<Step> ofBuckets, std::span<Step> ofRows) const {
    const size_t bytes = bytes_; // a local one is not read again after each store
    const size_t both = std::min(ofBuckets.size(), ofRows.size());
    for (size_t i = 0; i < both; ++i) {
      approach(ofBuckets[i]);
      prefetch(ofRows[i], bytes);
    }
    for (Step &step : ofBuckets.subspan(both))
      approach(step);
    for (Step &step : ofRows.subspan(both))
      prefetch(step, bytes);
  }
  [[gnu::always_inline]] static void approach(Step &step) {
    if (step.view->index)
      step.segment = RowIndex::approach(step.entry, step.hash);
  }
  [[gnu::always_inline]] static void prefetch(Step &step, size_t bytes) {
    const View &view = *step.view;
    const uint32_t likely = view.index ? RowIndex::candidate(step.segment, step.hash) : RowIndex::none;
    step.likely = likely;
    if (likely == RowIndex::none)
      return;
    const Row row = view.rows->at(likely);
    step.row = row;
    RowStore::prefetch(row, bytes);
  }
  /// Where values go.
  struct Found {
    uint32_t position; ///< Of the first key.
    float *out;
    std::vector<uint32_t> &missing;
    DiskRows &onDisk;
  };
  [[gnu::noinline]] void take(Step *step, std::span<const uint64_t> keys, const Found &found, auto dim) {
    float *out = found.out;
    for (size_t i = 0; i < keys.size(); ++i, ++step, out += dim) {
      const uint32_t position = found.position + static_cast<uint32_t>(i);
      if (step->likely == RowIndex::none || step->row.key() != keys[i])
        putOff(*step, position);
      else
        takeFound(*step, position, out, found, dim);
    }
  }
  void takeFound(const Step &step, uint32_t position, float *out, const Found &found, auto dim) const {
    const uint32_t row = step.likely;
    if (part_.wantsAdmission && RowStore::isShort(row) && step.view->index) // none, too
      std::fill_n(out, size_t{dim}, 0.0F);
    else if (RowStore::isOnDisk(row)) // none, too
      takeElsewhere(step, position, found);
    else
      copyFloats(out, step.row.floats() + static_cast<size_t>(part_.offset), dim);
  }
  /// The likely row was not the key's.
  [[gnu::noinline]] void putOff(Step &step, uint32_t position) {
    if (step.view->index)
      RowIndex::approachOthers(step.segment, step.hash);
    putOff_[putOffCount_++] = {step, position};
    step.likely = RowIndex::none;
  }
  [[gnu::noinline]] void takePutOff(std::span<const uint64_t> keys, const Found &found, auto dim) {
    const std::span<PutOff> all = std::span(putOff_).first(putOffCount_);
    for (const PutOff &key : all)
      if (const View &view = *key.step.view; view.index)
        RowIndex::visitCandidates(key.step.segment, key.step.hash, [&](uint32_t row) {
          if (row != key.step.likely)
            RowStore::prefetch(view.rows->at(row), bytes_);
        });
    for (PutOff &key : all) {
      const size_t at = key.position - found.position;
      search(key.step, keys[at]);
      takeFound(key.step, key.position, found.out + at * size_t{dim}, found, dim);
      if (table_.isTiered())
        touch({&key.step, 1});
    }
    putOffCount_ = 0;
  }
  /// Where no row in memory has the value.
  [[gnu::noinline]] void takeElsewhere(const Step &step, uint32_t position, const Found &found) const
      HETER_THREAD_ATTRIBUTE(no_thread_safety_analysis) {
    if (step.likely == RowIndex::none)
      found.missing.push_back(position);
    else
      found.onDisk.add(step.view->range->diskRow(step.hash, step.likely, position));
  }
  void touch(std::span<const Step> steps) const HETER_THREAD_ATTRIBUTE(no_thread_safety_analysis) {
    for (const Step &step : steps)
      if (!RowStore::isOnDisk(step.likely))
        step.view->range->touch(step.likely);
  }
  void search(Step &step, uint64_t key) const {
    const View &view = *step.view;
    step.likely = view.index ? view.index->find(step.segment, step.hash, key, *view.rows) : RowIndex::none;
    if (step.likely != RowIndex::none)
      step.row = view.rows->at(step.likely);
  }

  const SparseTable &table_;
  const PartSpec &part_;
  const size_t bytes_ = Row::headerBytes + static_cast<size_t>(part_.offset + part_.dim) * sizeof(float);
  std::array<View, rangeCount + 1> views_;
  std::array<std::array<Step, blockKeys>, 4> steps_;
  struct PutOff {
    Step step;
    uint32_t position;
  };
  std::array<PutOff, 3 * blockKeys> putOff_;
  size_t putOffCount_ = 0;
};

void SparseTable::pull(int part, std::span<const uint64_t> keys, float *out) const {
  DiskRows none(nullptr);
  pull(part, keys, out, none);
}

void SparseTable::pull(int part, std::span<const uint64_t> keys, float *out, DiskRows &onDisk) const {
  constexpr size_t most = 4096; // while updates wait
  const PartSpec &spec = spec_.parts[static_cast<size_t>(part)];
  const auto dim = static_cast<size_t>(spec.dim);
  std::vector<uint32_t> missing;
  for (size_t first = 0; first < keys.size(); first += most) {
    const std::span<const uint64_t> some = keys.subspan(first, std::min(most, keys.size() - first));
    PullStream(*this, spec).copy(some, out + first * dim, static_cast<uint32_t>(first), missing, onDisk);
  }
  for (uint32_t position : missing)
    spec.init.fill(out + position * dim, spec.dim, context_.seedKeys[static_cast<size_t>(part)], keys[position], 0);
  if (tier_)
    tier_->countPull(keys.size() - missing.size() - onDisk.rows().size(), onDisk.rows().size());
}

} // namespace heter::runtime
