// Batched pulls and updates of one table, range after range.
#include "runtime/table/SparseTable.h"

#include "runtime/table/RowUpdater.h"
#include "runtime/table/TableSnapshot.h"
#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace heter::runtime {

/// The keys of a batched call, ordered by the range that holds them.
struct SparseTable::Batch {
  std::vector<uint64_t> mixed;                  ///< The mixed keys in the order of the call.
  std::vector<BatchKey> ordered;                ///< Range after range, keys of other servers last.
  std::array<uint32_t, rangeCount + 2> begin{}; ///< In `ordered`, of each range; of the others; the end.

  int rangeOf(const SparseTable &table, size_t at) const { return table.rangeOfShard_[mixed[at] >> 52]; }

  void assign(const SparseTable &table, std::span<const RowGradients> pushes) {
    size_t count = 0;
    for (const RowGradients &push : pushes)
      count += push.keys.size();
    mixed.resize(count);
    ordered.resize(count);
    begin.fill(0);
    size_t at = 0;
    for (const RowGradients &push : pushes)
      for (uint64_t key : push.keys) {
        mixed[at] = mixKey(key);
        ++begin[static_cast<size_t>(rangeOf(table, at++)) + 1];
      }
    for (size_t r = 1; r < begin.size(); ++r)
      begin[r] += begin[r - 1];
    std::array<uint32_t, rangeCount + 2> next = begin;
    at = 0;
    for (uint32_t p = 0; p < pushes.size(); ++p)
      for (uint32_t i = 0; i < pushes[p].keys.size(); ++i) {
        const auto range = static_cast<size_t>(rangeOf(table, at));
        const uint64_t hash = range < rangeCount ? table.hashes_[range].ofMixed(mixed[at]) : 0;
        ordered[next[range]++] = {pushes[p].keys[i], hash, i, p};
        ++at;
      }
  }

  std::span<const BatchKey> ofRange(int range) const {
    const auto r = static_cast<size_t>(range);
    return std::span(ordered).subspan(begin[r], begin[r + 1] - begin[r]);
  }
};

/// A batch on loan from its table.
class SparseTable::LentBatch {
public:
  explicit LentBatch(const SparseTable &table) : table_(&table) {
    MutexLock lock(table.idleMutex_);
    if (!table.idle_.empty()) {
      batch_ = std::move(table.idle_.back());
      table.idle_.pop_back();
    } else {
      batch_ = std::make_unique<Batch>();
    }
  }
  LentBatch(LentBatch &&) noexcept = default;
  LentBatch &operator=(LentBatch &&) noexcept = default;
  ~LentBatch() {
    if (!batch_)
      return;
    MutexLock lock(table_->idleMutex_);
    table_->idle_.push_back(std::move(batch_));
  }
  Batch &operator*() const { return *batch_; }
  Batch *operator->() const { return batch_.get(); }

private:
  const SparseTable *table_;
  std::unique_ptr<Batch> batch_;
};

SparseTable::SparseTable(const TableSpec &spec, uint64_t seed, int firstShard, int endShard,
                         BackgroundRunner background, const TierPlace &place)
    : spec_(spec), firstShard_(firstShard), endShard_(endShard), background_(std::move(background)), place_(place),
      context_(spec) {
  assert(firstShard >= 0 && firstShard <= endShard && endShard <= virtualShards);
  rangeOfShard_.fill(rangeCount);
  for (int range = 0; range < rangeCount; ++range) {
    const int first = firstShardOfRange(range);
    const int end = firstShardOfRange(range + 1);
    std::fill(rangeOfShard_.begin() + first, rangeOfShard_.begin() + end, static_cast<uint8_t>(range));
    if (first < end)
      hashes_[static_cast<size_t>(range)] = RangeHash(first, end);
  }
  reset(seed);
}

SparseTable::~SparseTable() = default;

int SparseTable::firstShardOfRange(int range) const {
  return firstShard_ + (endShard_ - firstShard_) * range / rangeCount;
}

void SparseTable::reset(uint64_t seed) {
  context_.setSeed(seed);
  ranges_.clear();
  arena_ = std::make_unique<RowArena>(background_);
  asides_ = std::make_unique<RowArena>(background_);
  tier_.reset();
  if (spec_.policy.tiered) {
    StatusOr<std::unique_ptr<RowTier>> tier = RowTier::create(place_, spec_, background_);
    noTier_ = tier.ok() ? Status() : tier.status();
    if (tier.ok())
      tier_ = std::move(*tier);
  }
  for (int range = 0; range < rangeCount; ++range)
    ranges_.push_back(std::make_unique<TableRange>(context_, *arena_, *asides_, hashes_[static_cast<size_t>(range)],
                                                   tier_.get(),
                                                   firstShardOfRange(range + 1) - firstShardOfRange(range)));
}

//===--- Updates --------------------------------------------------------------------------------------------------===//

namespace {
/// Pushes of some keys summed by key, keys in order of first appearance.
class FoldedRows {
public:
  FoldedRows(std::span<const BatchKey> keys, std::span<const RowGradients> pushes, size_t dim, bool counts)
      : pushes_(pushes), dim_(dim), counts_(counts), slots_(std::bit_ceil(keys.size() * 2 + 1), empty) {
    keys_.reserve(keys.size());
    sums_.reserve(keys.size() * dim);
    for (const BatchKey &key : keys)
      add(key);
  }

  std::span<const BatchKey> keys() const { return keys_; }
  /// What the keys' positions are in.
  RowGradients sums() const { return {{}, sums_, countSums_}; }

private:
  static constexpr uint32_t empty = ~uint32_t{0};

  void add(const BatchKey &key) {
    const RowGradients &push = pushes_[key.push];
    const float *gradient = push.gradients.data() + key.position * dim_;
    const size_t mask = slots_.size() - 1;
    size_t at = (key.hash >> 12) & mask;
    while (slots_[at] != empty && (keys_[slots_[at]].key != key.key || HETER_MUTATION("deduplication/folded-keys")))
      at = (at + 1) & mask;
    if (slots_[at] == empty) {
      slots_[at] = static_cast<uint32_t>(keys_.size());
      keys_.push_back({key.key, key.hash, slots_[at], 0});
      sums_.insert(sums_.end(), gradient, gradient + dim_);
      if (counts_)
        countSums_.insert(countSums_.end(), 2, 0.0F);
    } else {
      float *sum = sums_.data() + slots_[at] * dim_;
      for (size_t d = 0; d < dim_; ++d)
        sum[d] += gradient[d];
    }
    if (counts_) {
      const RowGradients::Counts counts = push.countsOf(key.position);
      if (HETER_MUTATION("counts/last-of-a-step"))
        countSums_[2 * slots_[at]] = 0;
      countSums_[2 * slots_[at]] += counts.shows;
      countSums_[2 * slots_[at] + 1] += counts.clicks;
    }
  }

  std::span<const RowGradients> pushes_;
  size_t dim_;
  bool counts_;
  std::vector<BatchKey> keys_;
  std::vector<float> sums_;
  std::vector<float> countSums_; ///< Shows and clicks of each key.
  std::vector<uint32_t> slots_;
};
} // namespace

struct SparseTable::Update::Work {
  struct Part {
    int part;
    std::span<const RowGradients> pushes;
    LentBatch batch;
  };

  SparseTable &table;
  const float divisor;
  const TableTime time;
  std::vector<Part> parts; ///< The counting part first: it may create and admit the rows that the others update.
  Mutex mutex;             ///< Held while the batches change.
  bool sorted HETER_GUARDED_BY(mutex) = false;
};

SparseTable::Update::Update(SparseTable &table, std::span<const PartGradients> parts, float divisor,
                            const TableTime &time)
    : work_(new Work{table, divisor, time, {}, {}}) {
  for (const PartGradients &part : parts) {
    const bool counts = part.part == table.spec_.countingPart;
    work_->parts.insert(counts ? work_->parts.begin() : work_->parts.end(),
                        Work::Part{part.part, part.pushes, LentBatch(table)});
  }
}
SparseTable::Update::Update(Update &&) noexcept = default;
SparseTable::Update::~Update() = default;

void SparseTable::Update::sort() const {
  MutexLock lock(work_->mutex);
  if (std::exchange(work_->sorted, true))
    return;
  for (const Work::Part &part : work_->parts)
    part.batch->assign(work_->table, part.pushes);
}

Status SparseTable::Update::prepare() const {
  SparseTable &table = work_->table;
  if (!table.isTiered())
    return {};
  sort();
  DiskRows onDisk(table.tier());
  for (const Work::Part &part : work_->parts)
    for (int r = 0; r < rangeCount; ++r) {
      const TableRange &range = *table.ranges_[static_cast<size_t>(r)];
      ReaderLock lock(range.mutex());
      range.findOnDisk(part.batch->ofRange(r), onDisk);
    }
  if (onDisk.empty())
    return {};
  HETER_RETURN_IF_ERROR(onDisk.read());
  table.bringBack(onDisk);
  return {};
}

void SparseTable::updateRange(TableRange &range, int part, std::span<const BatchKey> keys,
                              std::span<const RowGradients> pushes, RowUpdater &updater, const TableTime &time) {
  DiskRows onDisk(tier_.get());
  {
    WriterLock lock(range.mutex());
    range.update(part, keys, pushes, updater, time, onDisk);
  }
  std::vector<BatchKey> left(keys.begin(), onDisk.empty() ? keys.begin() : keys.end());
  while (!onDisk.empty() && onDisk.read().ok()) { // seldom: they left after they were brought back
    std::vector<BatchKey> these;
    for (const DiskRow &row : onDisk.rows())
      these.push_back(left[row.position]);
    left = std::move(these);
    DiskRows again(tier_.get());
    WriterLock lock(range.mutex());
    for (size_t i = 0; i < onDisk.rows().size(); ++i)
      range.bringBack(onDisk.rows()[i], onDisk.row(i));
    range.update(part, left, pushes, updater, time, again);
    onDisk = std::move(again);
  }
}

void SparseTable::Update::run(int piece) const {
  sort();
  TableRange &range = *work_->table.ranges_[static_cast<size_t>(piece)];
  for (const Work::Part &part : work_->parts) {
    const std::span<const BatchKey> keys = part.batch->ofRange(piece);
    if (keys.empty())
      continue;
    const PartSpec &spec = work_->table.spec_.parts[static_cast<size_t>(part.part)];
    RowUpdater updater(spec, work_->divisor, work_->time.step);
    if (part.pushes.size() == 1) {
      work_->table.updateRange(range, part.part, keys, part.pushes, updater, work_->time);
      continue;
    }
    const bool counts = work_->table.spec_.policy.statistics() > 0;
    const FoldedRows folded(keys, part.pushes, static_cast<size_t>(spec.dim), counts);
    const RowGradients sums = folded.sums();
    work_->table.updateRange(range, part.part, folded.keys(), {&sums, 1}, updater, work_->time);
  }
}

void SparseTable::update(int part, std::span<const RowGradients> pushes, float divisor, const TableTime &time) {
  const PartGradients only{part, pushes};
  const Update update(*this, {&only, 1}, divisor, time);
  if (!update.prepare().ok())
    return;
  static std::atomic<int> threads{0};
  thread_local const int firstPiece = threads++ * 7;
  for (int i = 0; i < Update::pieces; ++i)
    update.run((firstPiece + i) % Update::pieces);
  trim();
}

//===--- Eviction -------------------------------------------------------------------------------------------------===//

int64_t SparseTable::evictShards(int first, int end, const TableTime &time) {
  constexpr int64_t rowsAtOnce = 4096; // about; nobody waits for long
  const int64_t memory = spec_.policy.memoryToKeep();
  int64_t evicted = 0;
  for (int r = 0; r < rangeCount; ++r) {
    const int rangeEnd = firstShardOfRange(r + 1);
    const int64_t shards = rangeEnd - firstShardOfRange(r);
    TableRange &range = *ranges_[static_cast<size_t>(r)];
    for (int shard = std::max(first, firstShardOfRange(r)); shard < std::min(end, rangeEnd);) {
      DiskRows onDisk(tier_.get());
      int next = 0;
      {
        WriterLock lock(range.mutex());
        const int64_t rows = range.wholeRows() + range.shortRows();
        const auto atOnce = static_cast<int>(std::clamp<int64_t>(rowsAtOnce * shards / (rows + 1), 1, shards));
        next = std::min({end, rangeEnd, shard + atOnce});
        evicted += range.evict(shard, next, memory > 0 ? memory / virtualShards : -1, time, onDisk);
      }
      if (onDisk.empty())
        shard = next;
      else if (onDisk.read().ok())
        bringBack(onDisk); // and again
      else
        return evicted;
    }
  }
  return evicted;
}

int64_t SparseTable::shrinkAll(const TableTime &time) {
  return spec_.policy.evicts() ? evictShards(firstShard_, endShard_, time) : 0;
}

int64_t SparseTable::shrink(const TableTime &before, const TableTime &time) {
  const RowPolicy &policy = spec_.policy;
  int64_t evicted = 0;
  if (policy.memoryToKeep() > 0)
    for (const std::unique_ptr<TableRange> &range : ranges_) {
      WriterLock lock(range->mutex());
      evicted += range->evictOverfull(time);
    }
  if (!policy.evicts() || policy.period == 0)
    return evicted;
  // Shard s has its turn when the part of the period that has gone by reaches s / virtualShards.
  const int64_t from = policy.clock(before);
  const int64_t to = std::min(policy.clock(time), from + policy.period);
  const auto turns = [&](int64_t clock) {
    return clock / policy.period * virtualShards + clock % policy.period * virtualShards / policy.period;
  };
  for (int64_t turn = turns(from); turn < turns(to);) {
    const auto first = static_cast<int>(turn % virtualShards);
    const auto end = static_cast<int>(std::min<int64_t>(virtualShards, first + turns(to) - turn));
    evicted += evictShards(first, end, time);
    turn += end - first;
  }
  return evicted;
}

//===--- Sizes and checkpoints ------------------------------------------------------------------------------------===//

int64_t SparseTable::rowCount() const {
  int64_t rows = 0;
  for (const std::unique_ptr<TableRange> &range : ranges_) {
    ReaderLock lock(range->mutex());
    rows += range->wholeRows() + range->shortRows();
  }
  return rows;
}

int64_t SparseTable::shortRowCount() const {
  int64_t rows = 0;
  for (const std::unique_ptr<TableRange> &range : ranges_) {
    ReaderLock lock(range->mutex());
    rows += range->shortRows();
  }
  return rows;
}

int64_t SparseTable::memoryBytes() const { return static_cast<int64_t>(arena_->bytes()); }

// A cursor is a range and a position in its index, and 1, so that none is 0.
StatusOr<uint64_t> SparseTable::visitSome(uint64_t cursor, const std::function<void(const RowImage &)> &visit) const {
  constexpr int positionBits = 32;
  static_assert(RowIndex::positions == uint64_t{1} << positionBits);
  const uint64_t at = cursor == 0 ? 0 : cursor - 1;
  const uint64_t range = at >> positionBits;
  if (range >= ranges_.size())
    return Status::invalidArgument("a table has no row at cursor " + std::to_string(cursor));
  const TableRange &from = *ranges_[range];
  DiskRows onDisk(tier_.get());
  uint64_t end = 0;
  {
    ReaderLock lock(from.mutex());
    end = from.visitSegment(at & (RowIndex::positions - 1), visit, onDisk);
  }
  HETER_RETURN_IF_ERROR(visitOnDisk(onDisk, visit));
  const uint64_t next = (range << positionBits) + end;
  return next >> positionBits < ranges_.size() ? next + 1 : 0;
}

Status SparseTable::visitKey(uint64_t key, const std::function<void(const RowImage &)> &visit) const {
  if (!owns(key))
    return {};
  const TableRange &range = *ranges_[rangeOfShard_[static_cast<size_t>(shardOf(key))]];
  DiskRows onDisk(tier_.get());
  {
    ReaderLock lock(range.mutex());
    range.visitRow(key, visit, onDisk);
  }
  return visitOnDisk(onDisk, visit);
}

Status SparseTable::visitRows(const std::function<Status(const RowImage &)> &visit) const {
  return TableSnapshot(*const_cast<SparseTable *>(this)).visit(0, visit);
}

void SparseTable::reserve(int64_t rows) {
  for (int r = 0; r < rangeCount; ++r) {
    const int64_t shards = firstShardOfRange(r + 1) - firstShardOfRange(r);
    TableRange &range = *ranges_[static_cast<size_t>(r)];
    WriterLock lock(range.mutex());
    range.reserve(rows * shards / (endShard_ - firstShard_));
  }
}

void SparseTable::putRows(std::span<const RowImage> rows) {
  const ptrdiff_t most = isTiered() ? 256 : PTRDIFF_MAX; // before those that have no room leave
  const auto rangeOf = [this](const RowImage &row) { return rangeOfShard_[static_cast<size_t>(shardOf(row.key))]; };
  while (!rows.empty()) {
    assert(owns(rows.front().key));
    const uint8_t first = rangeOf(rows.front());
    const auto last = rows.begin() + std::min(most, std::ssize(rows));
    const auto end = std::find_if(rows.begin(), last, [&](const RowImage &row) { return rangeOf(row) != first; });
    const auto count = static_cast<size_t>(end - rows.begin());
    TableRange &range = *ranges_[first];
    {
      WriterLock lock(range.mutex());
      for (const RowImage &row : rows.first(count))
        range.put(row);
    }
    if (isTiered())
      trimRange(first);
    rows = rows.subspan(count);
  }
}

} // namespace heter::runtime
