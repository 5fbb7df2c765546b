// Pulls of batches so large that some keys' rows are not where they are looked for first.
#include "runtime/table/SparseTable.h"
#include "tests/runtime/table/TestModel.h"
#include "tests/runtime/table/Unmix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace heter::runtime {
namespace {

/// A value of two floats, 0 at first, and their sums of squares.
TableSpec makeSpec() {
  TableSpec spec;
  spec.name = "emb";
  PartSpec part;
  part.dim = 2;
  part.seedName = "emb";
  part.init = {InitializerSpec::Kind::Constant, 0};
  part.stateFloats = 4;
  part.optimizer = {"adagrad", test::resolveKernel("adagrad_kernel"), {"accumulator"}, {0.25F}, {}, {}};
  spec.parts.push_back(part);
  spec.layOut();
  return spec;
}

/// Gives the i-th key the value {i, -i}, so that a row that is taken for another is seen.
void putNumbered(SparseTable &table, std::span<const uint64_t> keys) {
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto number = static_cast<float>(i);
    const std::array<float, 4> state = {number, -number, 0, 0};
    table.putRow({keys[i], true, state});
  }
}

TEST(SparsePull, eachOfManyKeysGetsItsRowOrItsInitialValue) {
  constexpr size_t rows = 150000; // some in full buckets, some behind others of their tag
  const TableSpec spec = makeSpec();
  SparseTable table(spec, 42, 0, virtualShards);
  std::mt19937_64 random(1);
  std::vector<uint64_t> keys(rows + rows / 3); // the last third has no rows
  for (uint64_t &key : keys)
    key = random();
  putNumbered(table, std::span(keys).first(rows));
  std::vector<size_t> order(keys.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i % 10 == 0 ? random() % keys.size() : i; // some twice
  std::shuffle(order.begin(), order.end(), random);
  std::vector<uint64_t> pulled;
  for (size_t i : order)
    pulled.push_back(keys[i]);
  std::vector<float> out(2 * pulled.size(), -7);
  table.pull(0, pulled, out.data());
  for (size_t i = 0; i < order.size(); ++i) {
    const auto number = order[i] < rows ? static_cast<float>(order[i]) : 0.0F;
    ASSERT_EQ(out[2 * i], number) << i;
    ASSERT_EQ(out[2 * i + 1], -number) << i;
  }
}

TEST(SparsePull, keysOfOneBucketAreAllFound) {
  const TableSpec spec = makeSpec();
  SparseTable table(spec, 42, 0, virtualShards);
  const RangeHash hash(0, virtualShards / SparseTable::Update::pieces);
  std::mt19937_64 random(2);
  std::vector<uint64_t> keys; // of the first range: of one bucket of any segment, the half of one tag
  while (keys.size() < 40) {
    const uint64_t key = random();
    const uint64_t at = hash(key);
    if (shardOf(key) < virtualShards / SparseTable::Update::pieces && (at >> 12) % 64 == 5 &&
        (keys.size() % 2 == 0 || (at >> 18) % 256 == 77))
      keys.push_back(key);
  }
  putNumbered(table, keys);
  std::vector<float> out(2 * keys.size());
  table.pull(0, keys, out.data());
  for (size_t i = 0; i < keys.size(); ++i)
    ASSERT_EQ(out[2 * i], static_cast<float>(i));
  for (size_t i = 0; i < keys.size(); ++i) { // and each by itself
    table.pull(0, {&keys[i], 1}, out.data());
    ASSERT_EQ(out[0], static_cast<float>(i));
  }
}

/// Of one segment for ever: their buckets overflow one into the other, and most have no room in any.
TEST(SparsePull, keysWithoutRoomInTheirSegmentAreFound) {
  const TableSpec spec = makeSpec();
  SparseTable table(spec, 42, 0, virtualShards);
  std::vector<uint64_t> keys;
  for (uint64_t i = 0; i < 3000; ++i)
    keys.push_back(unmix(0x0023456789abc000 + i));
  putNumbered(table, std::span(keys).first(2000));
  std::vector<float> out(2 * keys.size());
  table.pull(0, keys, out.data());
  for (size_t i = 0; i < keys.size(); ++i)
    ASSERT_EQ(out[2 * i], i < 2000 ? static_cast<float>(i) : 0.0F) << i;
}

TEST(RowArena, whatIsExpectedLiesTogetherAndIsMadeReadySomeWayAhead) {
  constexpr size_t piece = size_t{1} << 20, pieces = 100;
  const auto readied = [](RowArena &arena) {
    int pages = 0;
    while (arena.readyNext())
      ++pages;
    return pages;
  };
  RowArena arena;
  EXPECT_FALSE(arena.readyNext());
  arena.reserve(piece); // which is not worth a region
  EXPECT_FALSE(arena.readyNext());
  arena.reserve(pieces * piece);
  int pages = readied(arena);
  EXPECT_GT(pages, 8);
  EXPECT_LT(pages, 20);
  const char *last = nullptr;
  for (size_t i = 0; i < pieces; ++i) {
    char *const at = arena.allocate(piece);
    EXPECT_TRUE(last == nullptr || at == last + piece);
    EXPECT_TRUE(std::all_of(at, at + piece, [](char c) { return c == 0; }));
    std::fill_n(at, piece, 'x');
    last = at;
    pages += readied(arena);
  }
  EXPECT_EQ(pages, static_cast<int>(pieces / 2)); // of 2 MB
  arena.allocate(size_t{64} << 20);               // beyond what was expected
  EXPECT_FALSE(arena.readyNext());
}

TEST(RowArena, closePiecesLieTogetherHoweverManyOthersThereAre) {
  constexpr size_t piece = 4096;
  RowArena arena;
  arena.allocate(size_t{64} << 20);
  std::vector<uintptr_t> close;
  for (int i = 0; i < 256; ++i) {
    close.push_back(reinterpret_cast<uintptr_t>(arena.allocateClose(piece)));
    EXPECT_EQ(close.back() % 64, 0U);
    arena.allocate(30000);
  }
  const size_t adjacent = static_cast<size_t>(
      std::count_if(close.begin() + 1, close.end(), [&](const uintptr_t &at) { return at == *(&at - 1) + piece; }));
  EXPECT_GE(adjacent, 240U);
  std::sort(close.begin(), close.end());
  EXPECT_EQ(std::adjacent_find(close.begin(), close.end(), [](uintptr_t a, uintptr_t b) { return b - a < piece; }),
            close.end());
  const auto large = reinterpret_cast<uintptr_t>(arena.allocateClose(size_t{1} << 20)); // larger than a block
  EXPECT_NE(large, 0U);
}

} // namespace
} // namespace heter::runtime
