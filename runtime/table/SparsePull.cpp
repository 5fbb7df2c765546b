// Pulls: one stream of keys over all ranges, of which each key goes through four stages, some blocks of keys apart, so
// that the memory that a stage needs is on its way since the one before. The few keys whose likely row is another's are
// put off: they go on together, a piece of memory each at a time.
#include "runtime/table/SparseTable.h"

#include <algorithm>
#include <array>
#include <bit>

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
    const Found found{keys, first, out, missing, onDisk};
    withKnownCount(static_cast<size_t>(part_.dim), [&](auto dim) { copyAll(found, dim); });
  }

private:
  static constexpr size_t blockKeys = 16;
  // How many blocks a stage is behind the first.
  static constexpr size_t toBuckets = 1;
  static constexpr size_t toRows = 3;
  static constexpr size_t toValues = 5;

  /// What of a range is needed for each key, in two cache lines.
  struct alignas(64) View {
    RangeHash hash;
    RowIndex::Directory directory; ///< Without rows: of keys that other servers own.
    const TableRange *range = nullptr;
    const RowIndex *index = nullptr;
    RowStore::Places rows{};
  };
  /// What is known of a key. There are many at once: it is small, so that they stay in the nearest cache.
  struct Step {
    uint64_t hash;
    union { // by stage
      RowIndex::Entry entry;
      const RowIndex::Bucket *home;
      char *row; ///< Of `likely`.
    };
    uint32_t likely; ///< A row whose key is not compared yet, or RowIndex::none.
    uint32_t view;
  };

  // The constructor locks.
  static View viewOf(const TableRange &range, const RangeHash &hash) HETER_THREAD_ATTRIBUTE(no_thread_safety_analysis) {
    return {hash, RowIndex::Directory(range.index()), &range, &range.index(), range.rows().places()};
  }

  /// Where keys come from and values go.
  struct Found {
    std::span<const uint64_t> keys;
    uint32_t position; ///< Of the first key.
    float *out;
    std::vector<uint32_t> &missing;
    DiskRows &onDisk;
  };
  /// Of rows of one dim, so that no block has to find out which loops are compiled for it.
  [[gnu::noinline]] void copyAll(const Found &found, auto dim) {
    const std::span<const uint64_t> keys = found.keys;
    const size_t blocks = (keys.size() + blockKeys - 1) / blockKeys;
    const auto keysOf = [&](size_t block) {
      const size_t begin = block * blockKeys;
      return keys.subspan(begin, std::min(blockKeys, keys.size() - begin));
    };
    const auto stepsOf = [&](size_t block) {
      return std::span(steps_[block % steps_.size()]).first(block < blocks ? keysOf(block).size() : 0);
    };
    // A number of a block that is not below `blocks` is that of none yet or none any more.
    for (size_t block = 0; block < blocks + toValues; ++block) {
      if (block < blocks)
        locate(stepsOf(block).data(), keysOf(block));
      bringNear(stepsOf(block - toBuckets), stepsOf(block - toRows));
      if (block - toValues < blocks) {
        const std::span<Step> steps = stepsOf(block - toValues);
        take(steps, (block - toValues) * blockKeys, found, dim);
        if (table_.isTiered())
          touch(steps);
      }
      while (putOffCount_ > putOff_.size() - blockKeys) // once, but for keys that were made to collide
        takePutOff(found, dim);
    }
    while (putOffCount_ > 0)
      takePutOff(found, dim);
  }

  void locate(Step *step, std::span<const uint64_t> keys) const {
    const View *const views = views_.data();
    const uint8_t *const rangeOfShard = table_.rangeOfShard_.data();
    for (uint64_t key : keys) {
      const uint64_t mixed = mixKey(key);
      const uint32_t range = rangeOfShard[mixed >> 52];
      const View &view = views[range];
      const uint64_t hash = view.hash.ofMixed(mixed);
      step->hash = hash;
      step->view = range;
      step->entry = view.directory.locate(hash);
      ++step;
    }
  }
  /// The second and the third stage, each of its block's keys. They take turns, since the first use of a page takes its
  /// time, and few pages can be looked up at once.
  void bringNear(std::span<Step> ofBuckets, std::span<Step> ofRows) const {
    const View *const views = views_.data(); // local ones are not read again after each store
    const size_t bytes = bytes_;
    const size_t both = std::min(ofBuckets.size(), ofRows.size());
    for (size_t i = 0; i < both; ++i) {
      approach(ofBuckets[i]);
      prefetch(ofRows[i], views, bytes);
    }
    for (Step &step : ofBuckets.subspan(both))
      approach(step);
    for (Step &step : ofRows.subspan(both))
      prefetch(step, views, bytes);
  }
  [[gnu::always_inline]] static void approach(Step &step) { step.home = RowIndex::approach(step.entry, step.hash); }
  [[gnu::always_inline]] static void prefetch(Step &step, const View *views, size_t bytes) {
    const uint32_t likely = RowIndex::candidate(*step.home, step.hash);
    step.likely = likely;
    if (likely == RowIndex::none)
      return;
    step.row = views[step.view].rows.at(likely);
    RowStore::prefetch(Row(step.row), bytes);
  }
  static bool isThere(const Step &step, uint64_t key) {
    return step.likely != RowIndex::none && Row(step.row).key() == key;
  }
  /// `begin`: the number of the first of the keys.
  [[gnu::noinline]] void take(std::span<Step> steps, size_t begin, const Found &found, auto dim) {
    const uint64_t *key = found.keys.data() + begin;
    float *out = found.out + begin * size_t{dim};
    const auto offset = static_cast<size_t>(part_.offset);
    for (Step &step : steps) {
      if (RowStore::isWholeInMemory(step.likely) && Row(step.row).key() == *key) [[likely]]
        copyFloats(out, Row(step.row).floats() + offset, dim);
      else
        takeOther(step, static_cast<uint32_t>(key - found.keys.data()), out, found, dim);
      ++key;
      out += dim;
    }
  }
  /// Where the likely row is not the key's, or is not whole in memory.
  [[gnu::noinline]] void takeOther(Step &step, uint32_t i, float *out, const Found &found, size_t dim) {
    if (isThere(step, found.keys[i]))
      takeFound(step, i, out, found, dim);
    else
      putOff(step, i, out, found, dim);
  }
  [[gnu::always_inline]] void takeFound(const Step &step, uint32_t i, float *out, const Found &found, auto dim) const {
    const float *values = Row(step.row).floats() + static_cast<size_t>(part_.offset);
    if (RowStore::isWholeInMemory(step.likely))
      copyFloats(out, values, dim);
    else if (part_.wantsAdmission && RowStore::isShort(step.likely) && views_[step.view].range) // none, too
      std::fill_n(out, size_t{dim}, 0.0F);
    else if (RowStore::isOnDisk(step.likely)) // none, too
      takeElsewhere(step, found.position + i, found);
    else
      copyFloats(out, values, dim);
  }
  /// The likely row was not the key's.
  void putOff(Step &step, uint32_t i, float *out, const Found &found, size_t dim) {
    PutOff &key = putOff_[putOffCount_];
    key = {step, i, {}};
    step.likely = RowIndex::none; // it is touched when it is found
    if (const RowIndex *index = views_[step.view].index) {
      key.search = RowIndex::Search(*index, step.hash);
      if (key.step.likely != RowIndex::none)
        key.search.next(); // that row
      if (goesOn(key)) {
        ++putOffCount_;
        return;
      }
      endSearch(key, found.keys[i]);
    }
    takeFound(key.step, i, out, found, dim);
    if (table_.isTiered())
      touch({&key.step, 1});
  }
  /// Each of those that were put off goes on by what was brought near for it since it was last here.
  [[gnu::noinline]] void takePutOff(const Found &found, auto dim) {
    size_t left = 0;
    for (PutOff &key : std::span(putOff_).first(putOffCount_)) {
      if (!isThere(key.step, found.keys[key.i])) {
        if (goesOn(key)) {
          putOff_[left++] = key;
          continue;
        }
        endSearch(key, found.keys[key.i]);
      }
      takeFound(key.step, key.i, found.out + key.i * size_t{dim}, found, dim);
      if (table_.isTiered())
        touch({&key.step, 1});
    }
    putOffCount_ = left;
  }
  struct PutOff {
    Step step; ///< `likely`: none as long as it waits for a bucket.
    uint32_t i;
    RowIndex::Search search;
  };
  /// Whether there is more to look at, which is brought near.
  bool goesOn(PutOff &key) const {
    const RowIndex::Search::Step next = key.search.next();
    key.step.likely = RowIndex::none;
    if (next == RowIndex::Search::Step::Row) {
      key.step.likely = key.search.row();
      key.step.row = views_[key.step.view].rows.at(key.step.likely);
      RowStore::prefetch(Row(key.step.row), bytes_);
    }
    return next != RowIndex::Search::Step::End;
  }
  void endSearch(PutOff &key, uint64_t of) const HETER_THREAD_ATTRIBUTE(no_thread_safety_analysis) {
    const View &view = views_[key.step.view];
    key.step.likely = view.index->findSpilled(key.step.hash, of, view.range->rows());
    if (key.step.likely != RowIndex::none)
      key.step.row = view.rows.at(key.step.likely);
  }
  /// Where no row in memory has the value.
  [[gnu::noinline]] void takeElsewhere(const Step &step, uint32_t position, const Found &found) const
      HETER_THREAD_ATTRIBUTE(no_thread_safety_analysis) {
    if (step.likely == RowIndex::none)
      found.missing.push_back(position);
    else
      found.onDisk.add(views_[step.view].range->diskRow(step.hash, step.likely, position));
  }
  void touch(std::span<const Step> steps) const HETER_THREAD_ATTRIBUTE(no_thread_safety_analysis) {
    for (const Step &step : steps)
      if (!RowStore::isOnDisk(step.likely))
        views_[step.view].range->touch(step.likely);
  }

  const SparseTable &table_;
  const PartSpec &part_;
  const size_t bytes_ = Row::headerBytes + static_cast<size_t>(part_.offset + part_.dim) * sizeof(float);
  std::array<View, rangeCount + 1> views_;
  std::array<std::array<Step, blockKeys>, std::bit_ceil(toValues + 1)> steps_;
  std::array<PutOff, size_t{4} * blockKeys> putOff_;
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
