// Tag buckets, and segments that split one at a time.
#include "runtime/table/RowIndex.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace heter::runtime {

// Maps t in [0, 1) to 2^t - 1 by 256 straight pieces, in 32-bit fixed point. Prefixes are then up to twice as dense at
// one end as at the other, so that the segments of one depth fill over the whole time of a doubling.
constinit const std::array<uint32_t, RowIndex::skewPieces + 1> RowIndex::skewTable = [] {
  std::array<uint32_t, skewPieces + 1> table{};
  double power = 1;
  for (uint32_t &entry : table) {
    entry = static_cast<uint32_t>(power < 2 ? (power - 1) * 4294967295.0 : 4294967295.0);
    power *= 1.0027112750502025; // 2^(1/256)
  }
  return table;
}();

RowIndex::Directory::Directory() {
  static const Bucket segment[bucketsPerSegment] = {};
  static Bucket *const entry = const_cast<Bucket *>(segment); // which nobody writes to by an entry
  entries_ = &entry;
  shift_ = 32;
}

RowIndex::RowIndex(RowArena &arena, RangeHash hash) : arena_(arena), hash_(hash) {
  directory_.push_back(newSegment(0));
}

RowIndex::Bucket *RowIndex::newSegment(int depth) {
  auto *segment = reinterpret_cast<Bucket *>(arena_.allocateClose(bucketsPerSegment * sizeof(Bucket)));
  segment[1].header = static_cast<uint16_t>(depth); // the rest is zero
  ++segments_;
  return segment;
}

void RowIndex::clear(Bucket *segment, int depth) {
  std::memset(static_cast<void *>(segment), 0, bucketsPerSegment * sizeof(Bucket));
  segment[1].header = static_cast<uint16_t>(depth);
}

uint32_t RowIndex::findAmongSpilled(uint64_t hash, uint64_t key, const RowStore &rows) const {
  for (auto [it, end] = spill_.equal_range(hash); it != end; ++it)
    if (rows.key(it->second) == key)
      return it->second;
  return none;
}

void RowIndex::replace(uint64_t hash, uint32_t from, uint32_t to) {
  const auto exchange = [&](Bucket &bucket, int slot) {
    if (bucket.rows[slot] != from)
      return false;
    bucket.rows[slot] = to;
    return true;
  };
  if (probe(segmentOf(hash), hash, exchange))
    return;
  for (auto [it, end] = spill_.equal_range(hash); it != end; ++it)
    if (it->second == from)
      it->second = to;
}

void RowIndex::put(Bucket *segment, uint64_t hash, uint32_t row) {
  int at = bucketOf(hash);
  while (segment[at].used == slotsPerBucket) {
    segment[at].overflowed = 1;
    at = (at + 1) & (bucketsPerSegment - 1);
  }
  Bucket &bucket = segment[at];
  bucket.tags[bucket.used] = tagOf(hash);
  bucket.rows[bucket.used++] = row;
  ++segment[0].header;
}

void RowIndex::insert(uint64_t hash, uint32_t row, const RowStore &rows) {
  while (segmentOf(hash)[0].header >= fullSegment) {
    if (segmentOf(hash)[1].header >= deepest()) {
      spill_.emplace(hash, row);
      return;
    }
    const int before = deepest();
    split(hash, rows);
    if (deepest() > before && !spill_.empty())
      insertSpilled(rows);
  }
  put(segmentOf(hash), hash, row);
}

/// Rows that come in the order of their hashes, as those of a saved table do, find the first segments at their deepest
/// long before the others are there.
void RowIndex::insertSpilled(const RowStore &rows) {
  const std::multimap<uint64_t, uint32_t> spilled = std::exchange(spill_, {});
  for (const auto &[hash, row] : spilled)
    insert(hash, row, rows);
}

void RowIndex::split(uint64_t hash, const RowStore &rows) {
  Bucket *low = segmentOf(hash);
  const int depth = low[1].header + 1;
  if (depth > depth_) { // every entry twice
    std::vector<Bucket *> doubled(directory_.size() * 2);
    for (size_t i = 0; i < doubled.size(); ++i)
      doubled[i] = directory_[i / 2];
    directory_ = std::move(doubled);
    ++depth_;
  }
  std::array<uint32_t, size_t{bucketsPerSegment} * slotsPerBucket> moving;
  size_t count = 0;
  for (int i = 0; i < bucketsPerSegment; ++i)
    for (int j = 0; j < low[i].used; ++j)
      moving[count++] = low[i].rows[j];
  clear(low, depth);

  Bucket *high = newSegment(depth);
  const size_t span = size_t{1} << (depth_ - depth);
  const size_t first = slotOf(position(hash)) & ~(2 * span - 1);
  std::fill_n(directory_.begin() + static_cast<ptrdiff_t>(first + span), span, high);
  constexpr size_t ahead = 24;
  for (size_t i = 0; i < count; ++i) {
    if (i + ahead < count)
      rows.prefetchKey(moving[i + ahead]);
    const uint64_t moved = hash_(rows.key(moving[i]));
    put((skewedPrefix(moved) >> (32 - depth)) & 1 ? high : low, moved, moving[i]);
  }
}

double RowIndex::hashesBelow(uint64_t position) {
  if (position >= skewTable.back())
    return 1;
  const auto piece =
      static_cast<size_t>(std::upper_bound(skewTable.begin(), skewTable.end(), position) - skewTable.begin()) - 1;
  const double within =
      static_cast<double>(position - skewTable[piece]) / static_cast<double>(skewTable[piece + 1] - skewTable[piece]);
  return (static_cast<double>(piece) + within) / skewPieces;
}

uint64_t RowIndex::hashAt(uint64_t at) {
  auto prefix = static_cast<uint64_t>(hashesBelow(at) * 1099511627776.0); // 40 bits
  prefix -= std::min<uint64_t>(prefix, 2);                                // what the division may have added
  while (position(prefix << 24) < at && prefix < (uint64_t{1} << 40) - 1)
    ++prefix;
  return prefix << 24;
}

void RowIndex::reserve(int64_t rows, const RowStore &store) {
  constexpr double most = fullSegment * 0.9; // some segments get more than others
  for (uint64_t at = 0; at < positions;) {
    const uint64_t end = segmentEnd(at);
    const uint64_t hash = hashAt(at);
    const double share = hashesBelow(end) - hashesBelow(at);
    if (share * static_cast<double>(rows) > most && position(hash) >= at && position(hash) < end)
      split(hash, store);
    else
      at = end;
  }
}

//===--- Visits ---------------------------------------------------------------------------------------------------===//

uint64_t RowIndex::segmentEnd(uint64_t position) const {
  const int depth = directory_[slotOf(position)][1].header;
  return ((position >> (32 - depth)) + 1) << (32 - depth);
}

/// The entries of `spill` in the segment of `depth` that holds `position`.
static auto spilled(auto &spill, uint64_t position, int depth) {
  const auto before = [=](const auto &entry) {
    return RowIndex::position(entry.first) >> (32 - depth) < position >> (32 - depth);
  };
  const auto within = [=](const auto &entry) {
    return RowIndex::position(entry.first) >> (32 - depth) == position >> (32 - depth);
  };
  const auto first = std::find_if_not(spill.begin(), spill.end(), before);
  return std::pair(first, std::find_if_not(first, spill.end(), within));
}

void RowIndex::segmentRows(uint64_t position, std::vector<uint32_t> &rows) const {
  const Bucket *segment = directory_[slotOf(position)];
  rows.clear();
  for (int i = 0; i < bucketsPerSegment; ++i)
    rows.insert(rows.end(), segment[i].rows, segment[i].rows + segment[i].used);
  if (!spill_.empty())
    for (auto [it, end] = spilled(spill_, position, segment[1].header); it != end; ++it)
      rows.push_back(it->second);
}

void RowIndex::keepOnly(uint64_t position, std::span<const uint32_t> kept, const RowStore &rows) {
  Bucket *segment = directory_[slotOf(position)];
  const int depth = segment[1].header;
  clear(segment, depth);
  if (!spill_.empty()) {
    const auto [first, end] = spilled(spill_, position, depth);
    spill_.erase(first, end);
  }
  for (uint32_t row : kept) {
    const uint64_t hash = hash_(rows.key(row));
    if (segment[0].header < fullSegment)
      put(segment, hash, row);
    else
      spill_.emplace(hash, row);
  }
}

} // namespace heter::runtime
