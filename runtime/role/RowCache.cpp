// A clock a table part: a row that was asked for since the hand passed it last is passed once more.
#include "runtime/role/RowCache.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace heter::runtime {

int64_t RowCache::bytesPerRow(int64_t dim) {
  constexpr int64_t indexBytes = 32 + 16; // a node as it is allocated, and up to two buckets
  return dim * static_cast<int64_t>(sizeof(float)) + static_cast<int64_t>(sizeof(Row)) + indexBytes;
}

RowCache::RowCache(int64_t bytes, std::span<const int64_t> dims) {
  const auto parts = std::max<int64_t>(std::ranges::count_if(dims, [](int64_t dim) { return dim > 0; }), 1);
  for (int64_t dim : dims) {
    auto shelf = std::make_unique<Shelf>();
    shelf->dim = dim;
    if (dim > 0)
      shelf->capacity = static_cast<size_t>(
          std::clamp<int64_t>(bytes / parts / bytesPerRow(dim), 0, std::numeric_limits<int32_t>::max()));
    shelves_.push_back(std::move(shelf));
  }
}

RowCache::~RowCache() = default;

std::vector<uint32_t> RowCache::find(int part, int64_t leastVersion, std::span<const uint64_t> keys, float *out) {
  Shelf &shelf = *shelves_[static_cast<size_t>(part)];
  const auto dim = static_cast<size_t>(shelf.dim);
  std::vector<uint32_t> others;
  RowCacheCounts counts;
  MutexLock lock(shelf.mutex);
  for (size_t i = 0; i < keys.size(); ++i) {
    auto place = shelf.places.find(keys[i]);
    const bool there = place != shelf.places.end();
    if (there && shelf.rows[place->second].version >= leastVersion) {
      shelf.rows[place->second].used = true;
      std::copy_n(shelf.values.get() + place->second * dim, dim, out + i * dim);
      ++counts.hits;
      continue;
    }
    ++(there ? counts.stale : counts.misses);
    others.push_back(static_cast<uint32_t>(i));
  }
  shelf.counts += counts;
  return others;
}

uint32_t RowCache::Shelf::take(uint64_t key) {
  if (!values) // Not initialised: what no row uses takes no memory.
    values.reset(new float[capacity * static_cast<size_t>(dim)]);
  if (rows.size() < capacity) {
    rows.emplace_back();
    return static_cast<uint32_t>(rows.size() - 1);
  }
  while (std::exchange(rows[hand].used, false))
    hand = (hand + 1) % capacity;
  const size_t place = hand;
  hand = (hand + 1) % capacity;
  places.erase(rows[place].key);
  return static_cast<uint32_t>(place);
}

void RowCache::keep(int part, int64_t version, std::span<const uint64_t> keys, const float *rows) {
  Shelf &shelf = *shelves_[static_cast<size_t>(part)];
  if (shelf.capacity == 0)
    return;
  const auto dim = static_cast<size_t>(shelf.dim);
  MutexLock lock(shelf.mutex);
  for (size_t i = 0; i < keys.size(); ++i) {
    auto found = shelf.places.find(keys[i]);
    uint32_t place = 0;
    if (found == shelf.places.end()) {
      place = shelf.take(keys[i]);
      shelf.places.emplace(keys[i], place);
    } else if (place = found->second; shelf.rows[place].version > version) {
      continue;
    }
    Row &row = shelf.rows[place];
    row.key = keys[i];
    row.version = version;
    std::copy_n(rows + i * dim, dim, shelf.values.get() + place * dim);
  }
}

RowCacheCounts RowCache::counts() const {
  RowCacheCounts all;
  for (const auto &shelf : shelves_) {
    MutexLock lock(shelf->mutex);
    all += shelf->counts;
  }
  return all;
}

int64_t RowCache::rowCount() const {
  int64_t count = 0;
  for (const auto &shelf : shelves_) {
    MutexLock lock(shelf->mutex);
    count += static_cast<int64_t>(shelf->rows.size());
  }
  return count;
}

} // namespace heter::runtime
