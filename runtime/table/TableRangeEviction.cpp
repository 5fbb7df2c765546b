// Which rows of a range go, and that they go.
#include "runtime/table/TableRange.h"

#include <algorithm>
#include <tuple>

namespace heter::runtime {

/// A row that may go. Ordered by what goes first.
struct TableRange::Candidate {
  float score;
  int age;
  uint64_t hash;
  uint32_t row;
  int shard;
  bool goes = false;

  bool operator<(const Candidate &other) const {
    return std::tuple(score, -age, hash) < std::tuple(other.score, -other.age, other.hash);
  }
};

void TableRange::rate(Candidate &candidate, uint16_t period) const {
  const RowPolicy &policy = spec_.policy;
  const Row row = rows_.at(candidate.row);
  candidate.age = RowPolicy::age(row.seen(), period);
  if (policy.evictsByScore || (policy.scored && !tier_)) {
    const float *floats = rows_.firstFloats(candidate.row);
    std::array<float, 2> statistics = {floats[0], floats[1]};
    policy.age(statistics.data(), candidate.age);
    candidate.score = policy.score(statistics.data());
  }
  candidate.goes = (policy.unseenPeriods > 0 && candidate.age > policy.unseenPeriods) ||
                   (policy.evictsByScore && candidate.score < policy.leastScore);
}

void TableRange::keepWithin(std::span<Candidate> ofShard, int64_t memoryBytes) const {
  int64_t bytes = 0;
  for (const Candidate &candidate : ofShard)
    bytes += candidate.goes ? 0 : spec_.rowMemory(RowStore::isShort(candidate.row));
  if (bytes <= memoryBytes)
    return;
  std::sort(ofShard.begin(), ofShard.end());
  for (Candidate &candidate : ofShard) {
    if (bytes <= memoryBytes)
      return;
    bytes -= candidate.goes ? 0 : spec_.rowMemory(RowStore::isShort(candidate.row));
    candidate.goes = true;
  }
}

int64_t TableRange::evict(int first, int end, int64_t memoryOfShard, const TableTime &time, DiskRows &onDisk) {
  const RangeHash &hash = index_.hash();
  const uint64_t last = RowIndex::position(hash.lastOfShard(end - 1));
  const uint16_t period = spec_.policy.periodOf(time);
  std::vector<Candidate> candidates;
  std::vector<uint32_t> rows;
  std::vector<uint64_t> segments;
  for (uint64_t at = RowIndex::position(hash.firstOfShard(first)); at <= last; at = index_.segmentEnd(at)) {
    index_.segmentRows(at, rows);
    segments.push_back(at);
    for (uint32_t row : rows) { // a segment at either end may hold rows of other shards too
      const uint64_t key = rows_.key(row);
      const int shard = shardOf(key);
      if (shard < first || shard >= end)
        continue;
      candidates.push_back({0, 0, hash(key), row, shard});
      rate(candidates.back(), period);
    }
  }
  if (memoryOfShard >= 0) {
    std::sort(candidates.begin(), candidates.end(),
              [](const Candidate &a, const Candidate &b) { return a.shard < b.shard; });
    for (auto shard = candidates.begin(); shard != candidates.end();) {
      const auto next =
          std::find_if(shard, candidates.end(), [&](const Candidate &c) { return c.shard != shard->shard; });
      keepWithin({shard, next}, memoryOfShard);
      shard = next;
    }
  }
  for (Candidate &candidate : candidates)
    if (candidate.goes && RowStore::isOnDisk(candidate.row) && wantsAside(candidate.hash, candidate.row)) {
      onDisk.add(diskRow(candidate.hash, candidate.row, 0));
      candidate.goes = false;
    }
  std::erase_if(candidates, [](const Candidate &candidate) { return !candidate.goes; });
  if (candidates.empty())
    return 0;
  std::vector<uint32_t> gone;
  for (const Candidate &candidate : candidates) {
    setAside(candidate.hash, candidate.row);
    if (epoch_ > 1) // else no save has these rows
      erased_.push_back({rows_.key(candidate.row), epoch_});
    tally(rows_.key(candidate.row), candidate.row, false);
    gone.push_back(candidate.row);
  }
  std::sort(gone.begin(), gone.end());
  for (uint64_t segment : segments) {
    index_.segmentRows(segment, rows);
    std::erase_if(rows, [&](uint32_t row) { return std::binary_search(gone.begin(), gone.end(), row); });
    index_.keepOnly(segment, rows, rows_);
  }
  for (uint32_t row : gone)
    removeRow(row);
  return static_cast<int64_t>(gone.size());
}

int64_t TableRange::evictOverfull(const TableTime &time) {
  std::vector<int> shards;
  shards.swap(overfull_);
  DiskRows none(nullptr); // memoryToKeep() is of tables without a tier
  int64_t evicted = 0;
  for (int shard : shards)
    if (shardBytes_[static_cast<size_t>(shard)] > memoryOfShard_)
      evicted += evict(shard, shard + 1, memoryOfShard_ - memoryOfShard_ / 16, time, none);
  return evicted;
}

} // namespace heter::runtime
