// A table's ranges, and what goes through all of them: eviction, sizes, visits, rows that are put.
#include "runtime/table/SparseTable.h"
#include "runtime/table/SparseTableLife.h"

#include "runtime/table/KeyBatch.h"
#include "runtime/table/TableSnapshot.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace heter::runtime {

SparseTable::SparseTable(const TableSpec &spec, uint64_t seed, int firstShard, int endShard,
                         BackgroundRunner background, const TierPlace &place)
    : spec_(spec), firstShard_(firstShard), endShard_(endShard), background_(std::move(background)), place_(place),
      context_(spec), life_(std::make_shared<Life>()) {
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
  MutexLock lock(life_->mutex);
  life_->table = this;
}

SparseTable::~SparseTable() {
  MutexLock lock(life_->mutex); // waits for the task that is under way
  life_->table = nullptr;
}

int SparseTable::firstShardOfRange(int range) const {
  return firstShard_ + (endShard_ - firstShard_) * range / rangeCount;
}

void SparseTable::reset(uint64_t seed) {
  MutexLock lock(life_->mutex);
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

void SparseTable::reserve(int64_t rows, const ParallelFor &parallelFor) {
  constexpr int64_t onDiskRowMemory = 25; // with its place in the index, about
  int64_t bytes = rows * spec_.rowMemory(false);
  if (spec_.policy.tiered)
    bytes = std::min(bytes, spec_.policy.memoryBytes + rows * onDiskRowMemory);
  arena_->reserve(static_cast<size_t>(bytes + bytes / 64)); // slabs have some room at their end
  const auto reserveRange = [&](int64_t r) {
    while (arena_->readyNext()) {
    }
    const int64_t shards = firstShardOfRange(static_cast<int>(r) + 1) - firstShardOfRange(static_cast<int>(r));
    TableRange &range = *ranges_[static_cast<size_t>(r)];
    WriterLock lock(range.mutex());
    range.reserve(rows * shards / (endShard_ - firstShard_));
  };
  if (parallelFor)
    return parallelFor(rangeCount, reserveRange);
  for (int r = 0; r < rangeCount; ++r)
    reserveRange(r);
}

void SparseTable::putRows(std::span<const RowImage> rows) {
  const ptrdiff_t most = isTiered() ? 256 : PTRDIFF_MAX; // before those that have no room leave
  const auto rangeOf = [this](const RowImage &row) { return rangeOfShard_[static_cast<size_t>(shardOf(row.key))]; };
  while (arena_->readyNext()) {
  }
  while (!rows.empty()) {
    assert(owns(rows.front().key));
    const uint8_t first = rangeOf(rows.front());
    const auto last = rows.begin() + std::min(most, std::ssize(rows));
    const auto end = std::find_if(rows.begin(), last, [&](const RowImage &row) { return rangeOf(row) != first; });
    const auto count = static_cast<size_t>(end - rows.begin());
    TableRange &range = *ranges_[first];
    {
      WriterLock lock(range.mutex());
      range.put(rows.first(count));
    }
    if (isTiered())
      trimRange(first);
    rows = rows.subspan(count);
  }
}

} // namespace heter::runtime
