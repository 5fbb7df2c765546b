// Batched pulls and updates of one table, range after range.
#include "runtime/table/SparseTable.h"

#include "runtime/base/Random.h"
#include "runtime/table/OptimizerCall.h"
#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <optional>

namespace heter::runtime {

// Within a range the index sees the bits of the mixed key below the virtual shard.
static uint64_t indexHash(uint64_t key) { return mixKey(key) << 12; }

static constexpr size_t prefetchAhead = 16;

struct SparseTable::Range {
  explicit Range(int64_t rowFloats) : rows(rowFloats) {}
  mutable Mutex mutex;
  RowSlabs rows HETER_GUARDED_BY(mutex);
  RowIndex index HETER_GUARDED_BY(mutex);
};

namespace {
/// One key of a batched call.
struct BatchKey {
  uint64_t key;
  uint64_t hash;     ///< Its indexHash.
  uint32_t position; ///< In the call's keys.
};
} // namespace

/// The keys of a batched call, ordered by the range that holds them; kept by each thread so that calls do not allocate.
struct SparseTable::Batch {
  std::vector<uint8_t> ranges;                  ///< Of each key; rangeCount for keys of other servers.
  std::vector<BatchKey> ordered;                ///< Range after range, keys of other servers last.
  std::array<uint32_t, rangeCount + 2> begin{}; ///< In `ordered`, of each range; of the others; the end.
  std::vector<uint32_t> missing;                ///< Positions of keys without a row.

  static Batch &ofThread() {
    thread_local Batch batch;
    return batch;
  }

  void assign(const SparseTable &table, std::span<const uint64_t> keys) {
    ranges.resize(keys.size());
    ordered.resize(keys.size());
    missing.clear();
    begin.fill(0);
    for (size_t i = 0; i < keys.size(); ++i) {
      ranges[i] = table.rangeOfShard_[static_cast<size_t>(shardOf(keys[i]))];
      ++begin[ranges[i] + size_t{1}];
    }
    for (size_t r = 1; r < begin.size(); ++r)
      begin[r] += begin[r - 1];
    std::array<uint32_t, rangeCount + 2> next = begin;
    for (size_t i = 0; i < keys.size(); ++i)
      ordered[next[ranges[i]]++] = {keys[i], indexHash(keys[i]), static_cast<uint32_t>(i)};
  }

  std::span<const BatchKey> ofRange(int range) const {
    const auto r = static_cast<size_t>(range);
    return std::span(ordered).subspan(begin[r], begin[r + 1] - begin[r]);
  }
};

/// Calls visit(key, row or RowIndex::none) for each key, with the memory of the next ones already on its way.
template <typename Visit>
static void findEach(const RowIndex &index, const RowSlabs &rows, std::span<const BatchKey> keys, Visit visit) {
  const size_t count = keys.size();
  for (size_t i = 0; i < count + 2 * prefetchAhead; ++i) {
    if (i < count)
      index.prefetch(keys[i].hash);
    if (i >= prefetchAhead && i - prefetchAhead < count) {
      const uint32_t likely = index.candidate(keys[i - prefetchAhead].hash);
      if (likely != RowIndex::none)
        rows.prefetch(likely);
    }
    if (i >= 2 * prefetchAhead) {
      const BatchKey &key = keys[i - 2 * prefetchAhead];
      visit(key, index.find(key.hash, key.key, rows));
    }
  }
}

SparseTable::SparseTable(const TableSpec &spec, uint64_t seed, int firstShard, int endShard)
    : spec_(spec), firstShard_(firstShard), endShard_(endShard) {
  assert(firstShard >= 0 && firstShard <= endShard && endShard <= virtualShards);
  rangeOfShard_.fill(rangeCount);
  for (int shard = firstShard; shard < endShard; ++shard)
    rangeOfShard_[static_cast<size_t>(shard)] =
        static_cast<uint8_t>((shard - firstShard) * rangeCount / (endShard - firstShard));
  reset(seed);
}

SparseTable::~SparseTable() = default;

void SparseTable::reset(uint64_t seed) {
  seedKeys_.clear();
  for (const PartSpec &part : spec_.parts)
    seedKeys_.push_back(philoxKey(seed, part.seedName));
  ranges_.clear();
  for (int i = 0; i < rangeCount; ++i)
    ranges_.push_back(std::make_unique<Range>(spec_.rowFloats));
}

void SparseTable::initialize(uint64_t key, float *state) const {
  for (size_t p = 0; p < spec_.parts.size(); ++p) {
    const PartSpec &part = spec_.parts[p];
    part.init.fill(state, part.dim, seedKeys_[p], key, 0);
    state += part.dim;
    for (float init : part.optimizer.slotInit)
      state = std::fill_n(state, part.dim, init);
    state = std::copy(part.optimizer.scalarInit.begin(), part.optimizer.scalarInit.end(), state);
  }
}

/// Copies the value of each key to its place in `out`, or notes the position as missing.
static void copyValues(const RowIndex &index, const RowSlabs &rows, const PartSpec &spec,
                       std::span<const BatchKey> keys, float *out, std::vector<uint32_t> &missing) {
  const auto dim = static_cast<size_t>(spec.dim);
  findEach(index, rows, keys, [&](const BatchKey &key, uint32_t row) {
    if (row == RowIndex::none)
      missing.push_back(key.position);
    else
      std::memcpy(out + key.position * dim, rows.state(row) + spec.offset, dim * sizeof(float));
  });
}

void SparseTable::pull(int part, std::span<const uint64_t> keys, float *out) const {
  const PartSpec &spec = spec_.parts[static_cast<size_t>(part)];
  const auto dim = static_cast<size_t>(spec.dim);
  Batch &batch = Batch::ofThread();
  batch.assign(*this, keys);
  for (int r = 0; r < rangeCount; ++r) {
    const std::span<const BatchKey> ofRange = batch.ofRange(r);
    if (ofRange.empty())
      continue;
    const Range &range = *ranges_[static_cast<size_t>(r)];
    MutexLock lock(range.mutex);
    copyValues(range.index, range.rows, spec, ofRange, out, batch.missing);
  }
  for (const BatchKey &key : batch.ofRange(rangeCount))
    batch.missing.push_back(key.position);
  for (uint32_t position : batch.missing)
    spec.init.fill(out + position * dim, spec.dim, seedKeys_[static_cast<size_t>(part)], keys[position], 0);
}

//===--- Updates --------------------------------------------------------------------------------------------------===//

namespace {
/// The pushes of a step summed by key, keys in order of first appearance.
class FoldedRows {
public:
  FoldedRows(std::span<const RowGradients> pushes, size_t dim) : dim_(dim) {
    size_t most = 0;
    for (const RowGradients &push : pushes)
      most += push.keys.size();
    keys_.reserve(most);
    sums_.reserve(most * dim);
    slots_.assign(std::bit_ceil(most * 2 + 1), empty);
    for (const RowGradients &push : pushes)
      for (size_t i = 0; i < push.keys.size(); ++i)
        add(push.keys[i], push.gradients.data() + i * dim);
  }

  std::span<const uint64_t> keys() const { return keys_; }
  std::span<const float> sums() const { return sums_; }

private:
  static constexpr uint32_t empty = ~uint32_t{0};

  void add(uint64_t key, const float *gradient) {
    const size_t mask = slots_.size() - 1;
    size_t at = mixKey(key) & mask;
    while (slots_[at] != empty && (keys_[slots_[at]] != key || HETER_MUTATION("deduplication/folded-keys")))
      at = (at + 1) & mask;
    if (slots_[at] == empty) {
      slots_[at] = static_cast<uint32_t>(keys_.size());
      keys_.push_back(key);
      sums_.insert(sums_.end(), gradient, gradient + dim_);
      return;
    }
    float *sum = sums_.data() + slots_[at] * dim_;
    for (size_t d = 0; d < dim_; ++d)
      sum[d] += gradient[d];
  }

  size_t dim_;
  std::vector<uint64_t> keys_;
  std::vector<float> sums_;
  std::vector<uint32_t> slots_;
};
} // namespace

namespace {
/// Runs an optimizer on rows, one after another.
class RowUpdater {
public:
  RowUpdater(const PartSpec &spec, float divisor)
      : spec_(spec), divisor_(divisor), scratch_(static_cast<size_t>(spec.dim + spec.stateFloats)),
        call_(spec.optimizer, spec.dim) {
    call_.setGradient(scratch_.data());
    call_.setPackedOutputs(scratch_.data() + spec.dim, spec.dim);
  }

  /// `row` is the state of all parts.
  void update(float *row, const float *sum) {
    for (int64_t d = 0; d < spec_.dim; ++d)
      scratch_[static_cast<size_t>(d)] = sum[d] / divisor_;
    float *state = row + spec_.offset;
    call_.setPackedInputs(state, spec_.dim);
    call_.run();
    std::memcpy(state, scratch_.data() + spec_.dim, static_cast<size_t>(spec_.stateFloats) * sizeof(float));
  }

private:
  const PartSpec &spec_;
  const float divisor_;
  std::vector<float> scratch_; ///< The gradient, then the new state.
  OptimizerCall call_;
};
} // namespace

struct SparseTable::Update::Work {
  Work(SparseTable &table, int part, std::span<const RowGradients> pushes, float divisor)
      : table(table), spec(table.spec_.parts[static_cast<size_t>(part)]), divisor(divisor) {
    if (pushes.size() != 1)
      folded.emplace(pushes, static_cast<size_t>(spec.dim));
    sums = folded ? folded->sums() : pushes[0].gradients;
    batch.assign(table, folded ? folded->keys() : pushes[0].keys);
  }

  SparseTable &table;
  const PartSpec &spec;
  const float divisor;
  std::optional<FoldedRows> folded;
  std::span<const float> sums;
  Batch batch;
};

SparseTable::Update::Update(SparseTable &table, int part, std::span<const RowGradients> pushes, float divisor)
    : work_(std::make_unique<Work>(table, part, pushes, divisor)) {}
SparseTable::Update::Update(Update &&) noexcept = default;
SparseTable::Update::~Update() = default;

void SparseTable::Update::run(int piece) const {
  const std::span<const BatchKey> keys = work_->batch.ofRange(piece);
  if (keys.empty())
    return;
  RowUpdater updater(work_->spec, work_->divisor);
  const auto dim = static_cast<size_t>(work_->spec.dim);
  const auto updateRange = [&](RowIndex &index, RowSlabs &rows) {
    findEach(index, rows, keys, [&](const BatchKey &key, uint32_t row) {
      if (row == RowIndex::none)
        row = work_->table.create(index, rows, key.key);
      updater.update(rows.state(row), work_->sums.data() + key.position * dim);
    });
  };
  Range &range = *work_->table.ranges_[static_cast<size_t>(piece)];
  MutexLock lock(range.mutex);
  updateRange(range.index, range.rows);
}

void SparseTable::update(int part, std::span<const RowGradients> pushes, float divisor) {
  const Update update(*this, part, pushes, divisor);
  for (int piece = 0; piece < Update::pieces; ++piece)
    update.run(piece);
}

uint32_t SparseTable::create(RowIndex &index, RowSlabs &rows, uint64_t key) const {
  const uint32_t row = rows.add(key);
  initialize(key, rows.state(row));
  index.insert(indexHash(key), row, rows, indexHash);
  return row;
}

//===--- Sizes and checkpoints ------------------------------------------------------------------------------------===//

int64_t SparseTable::rowCount() const {
  int64_t rows = 0;
  for (const std::unique_ptr<Range> &range : ranges_) {
    MutexLock lock(range->mutex);
    rows += range->rows.size();
  }
  return rows;
}

Status SparseTable::visitRows(const std::function<Status(uint64_t, std::span<const float>)> &visit) const {
  struct Entry {
    int shard;
    uint64_t key;
    uint32_t row;
    auto operator<=>(const Entry &) const = default;
  };
  std::vector<Entry> entries;
  for (const std::unique_ptr<Range> &range : ranges_) {
    MutexLock lock(range->mutex);
    entries.clear();
    for (uint32_t row = 0; row < range->rows.size(); ++row)
      entries.push_back({shardOf(range->rows.key(row)), range->rows.key(row), row});
    std::sort(entries.begin(), entries.end());
    for (const Entry &entry : entries)
      HETER_RETURN_IF_ERROR(visit(
          entry.key, std::span(std::as_const(range->rows).state(entry.row), static_cast<size_t>(spec_.rowFloats))));
  }
  return {};
}

void SparseTable::putRow(uint64_t key, std::span<const float> state) {
  assert(owns(key) && static_cast<int64_t>(state.size()) == spec_.rowFloats);
  Range &range = *ranges_[rangeOfShard_[static_cast<size_t>(shardOf(key))]];
  MutexLock lock(range.mutex);
  uint32_t row = range.index.find(indexHash(key), key, range.rows);
  if (row == RowIndex::none) {
    row = range.rows.add(key);
    range.index.insert(indexHash(key), row, range.rows, indexHash);
  }
  std::copy(state.begin(), state.end(), range.rows.state(row));
}

} // namespace heter::runtime
