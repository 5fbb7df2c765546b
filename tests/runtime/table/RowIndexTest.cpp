// The index against std::unordered_map, while it grows, and with keys that were made to collide.
#include "runtime/table/RowIndex.h"
#include "runtime/base/Hash.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

namespace heter::runtime {
namespace {

uint64_t hashOf(uint64_t key) { return mixKey(key) << 12; }

struct Filled {
  RowSlabs rows{2};
  RowIndex index;
  void add(uint64_t key, uint64_t (*hash)(uint64_t)) {
    const uint32_t row = rows.add(key);
    rows.state(row)[0] = static_cast<float>(row & 0xffff);
    rows.state(row)[1] = -1;
    index.insert(hash(key), row, rows, hash);
  }
};

TEST(RowIndex, findsWhatAMapFinds) {
  Filled filled;
  std::unordered_map<uint64_t, uint32_t> expected;
  std::mt19937_64 random(1);
  for (int i = 0; i < 300000; ++i) {
    const uint64_t key = random() % 400000; // present and absent, small and near keys
    const uint32_t row = filled.index.find(hashOf(key), key, filled.rows);
    const auto found = expected.find(key);
    ASSERT_EQ(row, found == expected.end() ? RowIndex::none : found->second) << key;
    if (row != RowIndex::none)
      continue;
    expected.emplace(key, filled.rows.size());
    filled.add(key, hashOf);
  }
  for (const auto &[key, row] : expected) {
    ASSERT_EQ(filled.index.find(hashOf(key), key, filled.rows), row);
    ASSERT_EQ(filled.rows.key(row), key);
    ASSERT_EQ(filled.rows.state(row)[0], static_cast<float>(row & 0xffff));
    ASSERT_EQ(filled.rows.state(row)[1], -1);
  }
}

TEST(RowIndex, growsToMillionsInAFewBytesARow) {
  Filled filled;
  constexpr uint64_t count = 2000000;
  for (uint64_t key = 0; key < count; ++key)
    filled.add(key, hashOf);
  uint64_t found = 0;
  for (uint64_t key = 0; key < count; key += 7)
    found += filled.rows.key(filled.index.find(hashOf(key), key, filled.rows)) == key;
  EXPECT_EQ(found, (count + 6) / 7);
  for (uint64_t key = count; key < count + 1000; ++key)
    EXPECT_EQ(filled.index.find(hashOf(key), key, filled.rows), RowIndex::none);
  EXPECT_LT(static_cast<double>(filled.index.bytes()) / count, 13.0);
}

TEST(RowIndex, segmentsDoNotSplitTogether) {
  Filled filled;
  size_t last = 0;
  size_t mostAtOnce = 0;
  for (uint64_t key = 0; key < 400000; ++key) {
    filled.add(key, hashOf);
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
  const auto collide = [](uint64_t) { return uint64_t{0x123456789abcd000}; };
  Filled filled;
  for (uint64_t key = 0; key < 3000; ++key)
    filled.add(key, collide);
  for (uint64_t key = 0; key < 3000; ++key)
    ASSERT_EQ(filled.index.find(collide(key), key, filled.rows), key);
  EXPECT_EQ(filled.index.find(collide(0), 3000, filled.rows), RowIndex::none);
}

} // namespace
} // namespace heter::runtime
