// The index against std::unordered_map, while it grows, and with keys that were made to collide.
#include "runtime/table/RowIndex.h"
#include "runtime/base/Hash.h"
#include "tests/runtime/table/Unmix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <unordered_map>

namespace heter::runtime {
namespace {

struct Filled {
  RowArena arena;
  RowStore rows{arena, 2, 0};
  RowIndex index{arena, RangeHash(0, virtualShards)};
  uint32_t add(uint64_t key) {
    const uint32_t row = rows.add(key, false);
    rows.at(row).floats()[0] = static_cast<float>(row & 0xffff);
    rows.at(row).floats()[1] = -1;
    index.insert(index.hash()(key), row, rows);
    return row;
  }
  uint32_t find(uint64_t key) const { return index.find(index.hash()(key), key, rows); }
};

TEST(RowIndex, findsWhatAMapFinds) {
  Filled filled;
  std::unordered_map<uint64_t, uint32_t> expected;
  std::mt19937_64 random(1);
  for (int i = 0; i < 300000; ++i) {
    const uint64_t key = random() % 400000; // present and absent, small and near keys
    const uint32_t row = filled.find(key);
    const auto found = expected.find(key);
    ASSERT_EQ(row, found == expected.end() ? RowIndex::none : found->second) << key;
    if (row != RowIndex::none)
      continue;
    expected.emplace(key, filled.add(key));
  }
  for (const auto &[key, row] : expected) {
    ASSERT_EQ(filled.find(key), row);
    ASSERT_EQ(filled.rows.key(row), key);
    ASSERT_EQ(filled.rows.at(row).floats()[0], static_cast<float>(row & 0xffff));
    ASSERT_EQ(filled.rows.at(row).floats()[1], -1);
  }
}

TEST(RowIndex, growsToMillionsInAFewBytesARow) {
  Filled filled;
  constexpr uint64_t count = 2000000;
  for (uint64_t key = 0; key < count; ++key)
    filled.add(key);
  uint64_t found = 0;
  for (uint64_t key = 0; key < count; key += 7)
    found += filled.rows.key(filled.find(key)) == key;
  EXPECT_EQ(found, (count + 6) / 7);
  for (uint64_t key = count; key < count + 1000; ++key)
    EXPECT_EQ(filled.find(key), RowIndex::none);
  const auto indexBytes = static_cast<double>(filled.arena.bytes() - count * 20);
  EXPECT_LT(indexBytes / count, 13.0);
}

TEST(RowIndex, segmentsDoNotSplitTogether) {
  Filled filled;
  size_t last = 0;
  size_t mostAtOnce = 0;
  for (uint64_t key = 0; key < 400000; ++key) {
    filled.add(key);
    if (key % 4096 != 0 || key < 98304)
      continue;
    if (key > 98304)
      mostAtOnce = std::max(mostAtOnce, filled.index.segments() - last);
    last = filled.index.segments();
  }
  // With prefixes of equal density, nearly all of the segments of one depth split within a few thousand insertions.
  EXPECT_LT(mostAtOnce, 20U);
}

TEST(RowIndex, holdsKeysThatCollide) {
  // Equal in every bit that the index looks at.
  const auto colliding = [](uint64_t i) { return unmix(0x123456789abcd000 + i); };
  ASSERT_EQ(mixKey(colliding(77)), 0x123456789abcd000U + 77);
  Filled filled;
  std::map<uint64_t, uint32_t> expected;
  for (uint64_t i = 0; i < 3000; ++i)
    expected[colliding(i)] = filled.add(colliding(i));
  for (const auto &[key, row] : expected)
    ASSERT_EQ(filled.find(key), row);
  EXPECT_EQ(filled.find(colliding(3000)), RowIndex::none);
  // They are visited, given other rows, and dropped like any others.
  std::vector<uint32_t> rows;
  const uint64_t at = RowIndex::position(filled.index.hash()(colliding(0)));
  filled.index.segmentRows(at, rows);
  EXPECT_EQ(rows.size(), 3000U);
  for (const auto &[key, row] : expected)
    filled.index.replace(filled.index.hash()(key), row, row ^ 1);
  for (const auto &[key, row] : expected)
    filled.index.replace(filled.index.hash()(key), row ^ 1, row);
  rows.resize(1500);
  filled.index.keepOnly(at, rows, filled.rows);
  size_t kept = 0;
  for (const auto &[key, row] : expected)
    kept += filled.find(key) == row;
  EXPECT_EQ(kept, 1500U);
  filled.index.segmentRows(at, rows);
  EXPECT_EQ(rows.size(), 1500U);
}

/// A saved table comes in this order: while the first segments fill, the others are still one.
TEST(RowIndex, findsNothingTheSlowWayThatCameInTheOrderOfHashes) {
  constexpr uint64_t count = 600000;
  const auto key = [](uint64_t i) { return unmix(i * (~uint64_t{0} / count)); };
  Filled filled;
  size_t mostSpilled = 0;
  for (uint64_t i = 0; i < count; ++i) {
    filled.add(key(i));
    mostSpilled = std::max(mostSpilled, filled.index.spilledRows());
  }
  EXPECT_GT(mostSpilled, 0U);
  EXPECT_EQ(filled.index.spilledRows(), 0U);
  for (uint64_t i = 0; i < count; ++i)
    ASSERT_EQ(filled.find(key(i)), i);
}

TEST(RowIndex, segmentsAreInTheOrderOfMixedKeys) {
  Filled filled;
  for (uint64_t key = 0; key < 20000; ++key)
    filled.add(key);
  uint64_t last = 0;
  size_t visited = 0;
  std::vector<uint32_t> rows;
  for (uint64_t at = 0; at < RowIndex::positions; at = filled.index.segmentEnd(at)) {
    filled.index.segmentRows(at, rows);
    uint64_t most = last;
    for (uint32_t row : rows) {
      const uint64_t mixed = mixKey(filled.rows.key(row));
      ASSERT_GE(mixed, last);
      most = std::max(most, mixed);
    }
    last = most;
    visited += rows.size();
  }
  EXPECT_EQ(visited, 20000U);
}

TEST(RowIndex, reservedSegmentsAreThoseOfGrowth) {
  constexpr uint64_t count = 200000;
  std::vector<uint64_t> keys;
  for (uint64_t key = 0; key < count; ++key)
    keys.push_back(key * 2654435761U);
  Filled grown;
  for (uint64_t key : keys)
    grown.add(key);
  std::sort(keys.begin(), keys.end(), [](uint64_t a, uint64_t b) { return mixKey(a) < mixKey(b); });
  Filled reserved;
  reserved.index.reserve(count, reserved.rows);
  const size_t before = reserved.index.segments();
  for (uint64_t key : keys)
    reserved.add(key);
  EXPECT_LT(reserved.index.segments(), before + before / 20) << "hardly a segment had to be split";
  EXPECT_LT(reserved.index.segments(), grown.index.segments() * 5 / 4);
  EXPECT_EQ(reserved.index.spilledRows(), 0U);
  for (uint64_t key : keys)
    ASSERT_EQ(reserved.rows.key(reserved.find(key)), key);
}

} // namespace
} // namespace heter::runtime
