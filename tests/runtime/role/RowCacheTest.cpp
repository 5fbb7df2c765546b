// The cache of rows: what it gives, what it keeps within its bytes, and what it counts.
#include "runtime/role/RowCache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace heter::runtime {
namespace {

using testing::ElementsAre;

constexpr int64_t dim = 2;

/// Rows whose floats follow from key and version.
std::vector<float> rowsOf(std::span<const uint64_t> keys, int64_t version) {
  std::vector<float> rows;
  for (uint64_t key : keys)
    rows.insert(rows.end(), {static_cast<float>(key), static_cast<float>(version)});
  return rows;
}

void keep(RowCache &cache, int part, int64_t version, const std::vector<uint64_t> &keys) {
  cache.keep(part, version, keys, rowsOf(keys, version).data());
}

/// The positions that are not found; the found rows go to `out`.
std::vector<uint32_t> find(RowCache &cache, int part, int64_t leastVersion, const std::vector<uint64_t> &keys,
                           std::vector<float> &out) {
  out.assign(keys.size() * dim, -1);
  return cache.find(part, leastVersion, keys, out.data());
}

RowCache cacheOfRows(int64_t rows) {
  const int64_t dims[] = {dim};
  return {rows * RowCache::bytesPerRow(dim), dims};
}

TEST(RowCacheTest, GivesWhatIsNewEnough) {
  RowCache cache = cacheOfRows(10);
  std::vector<float> out;
  EXPECT_THAT(find(cache, 0, 0, {5, 6}, out), ElementsAre(0, 1));
  keep(cache, 0, 3, {5, 6});
  keep(cache, 0, 4, {7});
  EXPECT_THAT(find(cache, 0, 3, {7, 8, 5}, out), ElementsAre(1));
  EXPECT_THAT(out, ElementsAre(7, 4, -1, -1, 5, 3)) << "what is not found is left alone";
  EXPECT_THAT(find(cache, 0, 4, {5, 7, 6}, out), ElementsAre(0, 2));
  EXPECT_THAT(out, ElementsAre(-1, -1, 7, 4, -1, -1));
  const RowCacheCounts counts = cache.counts();
  EXPECT_EQ(counts.hits, 3);
  EXPECT_EQ(counts.misses, 3);
  EXPECT_EQ(counts.stale, 2);
}

TEST(RowCacheTest, ANewerRowStays) {
  RowCache cache = cacheOfRows(10);
  std::vector<float> out;
  keep(cache, 0, 5, {1});
  keep(cache, 0, 4, {1}); // A reply that was long on its way.
  EXPECT_THAT(find(cache, 0, 5, {1}, out), ElementsAre());
  EXPECT_THAT(out, ElementsAre(1, 5));
  keep(cache, 0, 6, {1});
  EXPECT_THAT(find(cache, 0, 6, {1}, out), ElementsAre());
  EXPECT_EQ(cache.rowCount(), 1);
}

TEST(RowCacheTest, RowsThatAreAskedForStay) {
  RowCache cache = cacheOfRows(4);
  std::vector<float> out;
  keep(cache, 0, 1, {1, 2, 3, 4});
  for (uint64_t key = 10; key < 100; ++key) { // A row that is asked for survives each turn of the hand.
    EXPECT_THAT(find(cache, 0, 1, {2}, out), ElementsAre()) << key;
    keep(cache, 0, 1, {key});
    EXPECT_THAT(find(cache, 0, 1, {key}, out), ElementsAre());
    EXPECT_THAT(out, ElementsAre(static_cast<float>(key), 1));
    EXPECT_EQ(cache.rowCount(), 4);
  }
  EXPECT_THAT(find(cache, 0, 1, {1, 3, 4}, out), ElementsAre(0, 1, 2));
}

TEST(RowCacheTest, OneCallWithMoreRowsThanFit) {
  RowCache cache = cacheOfRows(4);
  std::vector<float> out;
  keep(cache, 0, 1, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(cache.rowCount(), 4);
  EXPECT_THAT(find(cache, 0, 1, {5, 6, 7, 8, 9}, out), ElementsAre(0));
  EXPECT_THAT(out, ElementsAre(-1, -1, 6, 1, 7, 1, 8, 1, 9, 1));
}

TEST(RowCacheTest, PartsShareTheBytes) {
  const int64_t dims[] = {2, 0, 8};
  RowCache cache(2 * 100 * RowCache::bytesPerRow(8), dims);
  std::vector<float> row(8, 1);
  for (uint64_t key = 0; key < 1000; ++key)
    cache.keep(2, 0, {&key, 1}, row.data());
  EXPECT_EQ(cache.rowCount(), 100);
  for (uint64_t key = 0; key < 1000; ++key)
    cache.keep(0, 0, {&key, 1}, row.data());
  EXPECT_EQ(cache.rowCount(), 100 + 100 * RowCache::bytesPerRow(8) / RowCache::bytesPerRow(2));
  uint64_t key = 999;
  EXPECT_THAT(cache.find(2, 0, {&key, 1}, row.data()), ElementsAre());
}

TEST(RowCacheTest, TooSmallForARowKeepsNone) {
  const int64_t dims[] = {dim};
  RowCache cache(RowCache::bytesPerRow(dim) - 1, dims);
  std::vector<float> out;
  keep(cache, 0, 1, {1});
  EXPECT_THAT(find(cache, 0, 1, {1}, out), ElementsAre(0));
  EXPECT_EQ(cache.rowCount(), 0);
}

TEST(RowCacheTest, ThreadsFindWholeRows) {
  RowCache cache = cacheOfRows(64);
  const auto work = [&](uint64_t thread) {
    for (uint64_t round = 0; round < 2000; ++round) {
      const uint64_t key = (round * 7 + thread) % 128;
      const auto version = static_cast<int64_t>(round);
      std::vector<float> row = rowsOf(std::vector{key}, version);
      cache.keep(0, version, {&key, 1}, row.data());
      float out[dim] = {-1, -1};
      if (cache.find(0, version, {&key, 1}, out).empty()) {
        EXPECT_EQ(out[0], static_cast<float>(key));
        EXPECT_GE(out[1], static_cast<float>(version));
      }
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_EQ(cache.rowCount(), 64);
}

} // namespace
} // namespace heter::runtime
