// Rows set aside come back each once and whole, in the order in which they were added, also while more are added.
#include "runtime/table/SetAsideRows.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <span>
#include <vector>

using namespace heter::runtime;

namespace {

/// Of different sizes, some larger than what memory is taken in.
std::vector<float> stateOf(uint64_t key) {
  return std::vector<float>(key % 501 == 500 ? 50000 : key % 97, static_cast<float>(key) + 0.5F);
}

void addRows(SetAsideRows &rows, uint64_t begin, uint64_t end) {
  for (uint64_t key = begin; key < end; ++key)
    rows.add({key, static_cast<uint16_t>(key % 7), static_cast<uint16_t>(key % 5), key % 3 == 0}, stateOf(key));
}

/// Takes up to `most` rows, which are those from `key` on; gives how many there were.
size_t take(SetAsideRows &rows, size_t most, uint64_t key) {
  size_t taken = 0;
  const bool any = rows.takeSome(most, [&](const SetAsideRows::Entry &entry, std::span<const float> state) {
    EXPECT_EQ(entry.key, key);
    EXPECT_EQ(entry.epoch, key % 7);
    EXPECT_EQ(entry.seen, key % 5);
    EXPECT_EQ(entry.admitted, key % 3 == 0);
    const std::vector<float> expected = stateOf(key);
    EXPECT_TRUE(std::equal(state.begin(), state.end(), expected.begin(), expected.end())) << key;
    ++key;
    ++taken;
  });
  EXPECT_EQ(any, taken > 0);
  EXPECT_LE(taken, most);
  return taken;
}

TEST(SetAsideRows, ComeOnceEachInTheOrderInWhichTheyCame) {
  RowArena arena;
  SetAsideRows rows(arena);
  std::vector<std::span<char>> others;           // what else lies in that memory
  for (uint64_t round = 0; round < 3; ++round) { // in the same memory, the large rows each time at another place
    uint64_t added = 1 + round * 137, taken = added;
    EXPECT_EQ(take(rows, 10, taken), 0U);
    for (const uint64_t more : {1, 999, 4000, 30}) {
      addRows(rows, added, added + more);
      others.emplace_back(arena.allocate(64), 64);
      std::ranges::fill(others.back(), 'x');
      added += more;
      taken += take(rows, 700, taken);
    }
    while (const size_t some = take(rows, 512, taken))
      taken += some;
    EXPECT_EQ(taken, added);
    addRows(rows, added, added + round * 50); // these are forgotten
    rows.clear();
  }
  for (const std::span<char> other : others)
    EXPECT_EQ(std::ranges::count(other, 'x'), 64);
}

TEST(SetAsideRows, WriteNothingBehindTheirMemory) {
  constexpr size_t piece = size_t{64} << 10, row = 24; // of two floats: 16 bytes of a piece are left
  static_assert(piece % row == 16);
  RowArena arena;
  SetAsideRows rows(arena);
  rows.add({1, 0, 0, true}, std::vector<float>(2));
  const std::span<char> behind(arena.allocate(64), 64);
  std::ranges::fill(behind, 'x');
  for (size_t i = 1; i < piece / row + 1; ++i)
    rows.add({1 + i, 0, 0, true}, std::vector<float>(2));
  EXPECT_EQ(std::ranges::count(behind, 'x'), 64);
}

} // namespace
