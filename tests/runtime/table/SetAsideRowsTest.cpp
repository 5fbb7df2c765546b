// Rows set aside come back each once, whole, at the first visit that reaches their positions, however many lie
// together.
#include "runtime/table/SetAsideRows.h"

#include <array>
#include <gtest/gtest.h>
#include <random>
#include <set>

using namespace heter::runtime;

namespace {

constexpr uint64_t positions = uint64_t{1} << 32;

struct Added {
  uint64_t position;
  uint64_t key;
};

std::array<float, 3> stateOf(uint64_t key) {
  return {static_cast<float>(key), static_cast<float>(key) + 0.5F, static_cast<float>(key) * 2};
}

/// Adds `count` rows between two positions, with keys from `key` on.
void addRows(SetAsideRows &rows, std::vector<Added> &added, uint64_t begin, uint64_t end, uint64_t key, int count) {
  std::mt19937_64 random(key);
  for (int i = 0; i < count; ++i, ++key) {
    const uint64_t position = begin + random() % (end - begin);
    rows.add({position, key, static_cast<uint16_t>(key % 7), static_cast<uint16_t>(key % 5), key % 3 == 0},
             stateOf(key));
    added.push_back({position, key});
  }
}

/// The keys that a visit gives, all of which are as they were added.
std::set<uint64_t> visit(SetAsideRows &rows, uint64_t end) {
  std::set<uint64_t> keys;
  rows.visitBelow(end, [&](const SetAsideRows::Entry &entry, std::span<const float> state) {
    EXPECT_TRUE(keys.insert(entry.key).second) << entry.key << " came twice";
    EXPECT_LT(entry.position, end);
    EXPECT_EQ(entry.epoch, entry.key % 7);
    EXPECT_EQ(entry.seen, entry.key % 5);
    EXPECT_EQ(entry.admitted, entry.key % 3 == 0);
    const std::array<float, 3> expected = stateOf(entry.key);
    EXPECT_TRUE(std::equal(state.begin(), state.end(), expected.begin(), expected.end())) << entry.key;
  });
  rows.dropBelow(end);
  return keys;
}

std::set<uint64_t> keysOf(const std::vector<Added> &added, uint64_t begin, uint64_t end) {
  std::set<uint64_t> keys;
  for (const Added &row : added)
    if (row.position >= begin && row.position < end)
      keys.insert(row.key);
  return keys;
}

TEST(SetAsideRows, ComeOnceEachInTheOrderOfVisits) {
  RowArena arena;
  SetAsideRows rows(arena);
  std::vector<Added> added;
  addRows(rows, added, 0, positions, 1, 5000);                               // a few of them in each place
  addRows(rows, added, positions / 2, positions / 2 + 3000000, 10000, 2000); // hundreds close together
  uint64_t begin = 0, key = 20000;
  for (const uint64_t end :
       {positions / 8, positions / 8, positions / 2 + 1000000, positions / 2 + 1000001, positions}) {
    EXPECT_EQ(visit(rows, end), keysOf(added, begin, end)) << end;
    begin = end;
    addRows(rows, added, begin + (positions - begin) / 2, positions, key += 1000, end < positions ? 300 : 0);
  }
  rows.clear();
  EXPECT_TRUE(visit(rows, positions).empty());
}

} // namespace
