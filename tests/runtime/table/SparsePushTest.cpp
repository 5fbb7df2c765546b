// Pushes of batches so large that some keys' rows are not where they are looked for first, and that the index grows
// many times over while the rows of one range are looked for.
#include "runtime/table/RowFinder.h"
#include "runtime/table/SparseTable.h"
#include "tests/runtime/table/TestModel.h"
#include "tests/runtime/table/Unmix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace heter::runtime {
namespace {

constexpr size_t dim = 9;

/// Values, 0 at first, and sums of squares; counted, and admitted at their second push.
TableSpec makeSpec() {
  TableSpec spec;
  spec.name = "emb";
  PartSpec part;
  part.dim = dim;
  part.seedName = "emb";
  part.init = {InitializerSpec::Kind::Constant, 0};
  part.stateFloats = 2 * dim;
  part.wantsAdmission = true;
  part.optimizer = {"adagrad", test::resolveKernel("adagrad_kernel"), {"accumulator"}, {0.25F}, {}, {}};
  spec.parts.push_back(part);
  spec.policy.admission = RowPolicy::Admission::Count;
  spec.policy.admissionLimit = 2;
  spec.policy.scored = true;
  spec.layOut();
  return spec;
}

/// The gradient of key number i in its n-th push: no two have the same.
float gradientOf(size_t i, size_t d, int n) {
  return static_cast<float>(static_cast<int>((i * dim + d) % 99991) - 50000) * 1e-4F * static_cast<float>(n);
}

void push(SparseTable &table, const std::vector<uint64_t> &keys, std::span<const size_t> numbers, int n) {
  std::vector<uint64_t> pushed;
  std::vector<float> gradients;
  for (size_t i : numbers) {
    pushed.push_back(keys[i]);
    for (size_t d = 0; d < dim; ++d)
      gradients.push_back(gradientOf(i, d, n));
  }
  const RowGradients gradient{pushed, gradients};
  table.update(0, {&gradient, 1}, 1.0F);
}

TEST(SparsePush, eachOfManyKeysIsCountedAdmittedAndUpdatedOnce) {
  constexpr size_t count = 150000; // in pushes of a third: of each range some thousand rows at once
  const TableSpec spec = makeSpec();
  SparseTable table(spec, 42, 0, virtualShards);
  std::mt19937_64 random(1);
  std::vector<uint64_t> keys(count);
  for (size_t i = 0; i < count; ++i)
    keys[i] = i % 3 == 0 ? i : random(); // some as small as the numbers of rows
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i)
    order[i] = i;
  for (int n = 1; n <= 3; ++n) {
    std::shuffle(order.begin(), order.end(), random);
    const std::span<const size_t> all(order);
    push(table, keys, all.first(count / 3), n); // rows that are there and rows to come, in one batch from now on
    push(table, keys, all.subspan(count / 3), n);
  }
  ASSERT_EQ(table.rowCount(), static_cast<int64_t>(count));
  ASSERT_EQ(table.shortRowCount(), 0);
  for (size_t i = 0; i < count; ++i) {
    std::array<float, 2 + 2 * dim> expected{3, 0}; // shown three times, never clicked
    for (size_t d = 0; d < dim; ++d) {
      float value = 0;
      float sum = 0.25F;
      for (int n = 2; n <= 3; ++n) {
        const float g = gradientOf(i, d, n);
        sum = sum + g * g;
        value = value - 0.05F * g / (std::sqrt(sum) + 1e-10F);
      }
      expected[2 + d] = value;
      expected[2 + dim + d] = sum;
    }
    bool seen = false;
    ASSERT_TRUE(
        table
            .visitKey(keys[i],
                      [&](const RowImage &row) {
                        seen = true;
                        ASSERT_TRUE(std::equal(row.state.begin(), row.state.end(), expected.begin(), expected.end()))
                            << i;
                      })
            .ok());
    ASSERT_TRUE(seen) << i;
  }
}

/// An index with its rows, of the first of a table's ranges.
struct Range {
  RowArena arena;
  RangeHash hash{0, virtualShards / SparseTable::Update::pieces};
  RowStore rows{arena, 4, 2};
  RowIndex index{arena, hash};

  BatchKey keyOf(uint64_t key, uint32_t i) const { return {key, hash(key), i, 0}; }
  uint32_t add(const BatchKey &key) {
    const uint32_t row = rows.add(key.key, false);
    index.insert(key.hash, row, rows);
    return row;
  }
};

TEST(RowFinder, givesEachKeyOnceThoughSegmentsSplitMeanwhile) {
  for (const size_t count : {0, 1, 15, 16, 17, 79, 80, 81, 30000}) {
    Range range;
    std::mt19937_64 random(count);
    std::vector<BatchKey> keys;
    while (keys.size() < count)
      if (const uint64_t key = random(); shardOf(key) < virtualShards / SparseTable::Update::pieces)
        keys.push_back(range.keyOf(key, static_cast<uint32_t>(keys.size())));
    std::vector<uint32_t> rows(count, RowIndex::none);
    for (size_t i = 0; i < count; i += 3)
      rows[i] = range.add(keys[i]);
    std::vector<int> given(count);
    RowFinder finder(range.index, range.rows, keys, 28);
    finder.forEach([&](uint32_t i, uint32_t row, Row at) {
      ++given[i];
      EXPECT_EQ(row, rows[i]) << i;
      if (row == RowIndex::none)
        rows[i] = range.add(keys[i]);
      else
        EXPECT_EQ(at.at(0), range.rows.at(row).at(0));
    });
    EXPECT_TRUE(std::all_of(given.begin(), given.end(), [](int times) { return times == 1; })) << count;
    for (size_t i = 0; i < count; ++i)
      ASSERT_EQ(range.index.find(keys[i].hash, keys[i].key, range.rows), rows[i]);
  }
}

TEST(RowFinder, findsKeysThatArePutOffWhileTheirSegmentSplits) {
  // A range of one segment that is nearly full, so that many keys lie in further buckets and wait for those; then keys
  // that split it, in between.
  for (unsigned seed = 0; seed < 200; ++seed) {
    Range range;
    std::mt19937_64 random(seed);
    std::vector<BatchKey> keys;
    while (keys.size() < 1000)
      if (const uint64_t key = random(); shardOf(key) < virtualShards / SparseTable::Update::pieces)
        keys.push_back(range.keyOf(key, 0));
    std::vector<uint32_t> rows(keys.size(), RowIndex::none);
    const size_t segments = range.index.segments();
    for (size_t i = 0; i < keys.size() && range.index.segments() == segments; ++i)
      rows[i] = i < 600 ? range.add(keys[i]) : RowIndex::none;
    std::vector<uint32_t> order(keys.size());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    std::vector<BatchKey> batch;
    for (const uint32_t i : order)
      batch.push_back(range.keyOf(keys[i].key, i));
    RowFinder(range.index, range.rows, batch, 28).forEach([&](uint32_t at, uint32_t row, Row) {
      const uint32_t i = order[at];
      ASSERT_EQ(row, rows[i]) << seed;
      if (row == RowIndex::none)
        rows[i] = range.add(keys[i]);
    });
    ASSERT_GT(range.index.segments(), segments);
  }
}

TEST(RowFinder, findsKeysWithoutRoomInTheirSegment) {
  constexpr size_t count = 3000;
  Range range;
  std::vector<BatchKey> keys;
  for (uint32_t i = 0; i < count; ++i)
    keys.push_back(range.keyOf(unmix(0x0023456789abc000 + i), i));
  std::vector<uint32_t> rows(count, RowIndex::none);
  for (size_t i = 0; i < count; i += 2)
    rows[i] = range.add(keys[i]);
  ASSERT_GT(range.index.spilledRows(), 0U);
  std::vector<int> given(count);
  RowFinder finder(range.index, range.rows, keys, 28);
  finder.forEach([&](uint32_t i, uint32_t row, Row) {
    ++given[i];
    EXPECT_EQ(row, rows[i]) << i;
  });
  EXPECT_TRUE(std::all_of(given.begin(), given.end(), [](int times) { return times == 1; }));
}

/// Slabs of rows double many times.
TEST(RowStore, rowsLieApart) {
  constexpr size_t floats = 4100; // one row a piece
  constexpr uint32_t count = 1500;
  RowArena arena;
  RowStore rows(arena, floats, 0);
  for (uint32_t i = 0; i < count; ++i)
    ASSERT_EQ(rows.add(i, false), i);
  std::vector<const char *> places;
  for (uint32_t i = 0; i < count; ++i) {
    ASSERT_EQ(rows.key(i), i);
    places.push_back(rows.at(i).at(0));
  }
  std::sort(places.begin(), places.end());
  for (size_t i = 1; i < places.size(); ++i)
    ASSERT_GE(places[i] - places[i - 1], static_cast<ptrdiff_t>(Row::headerBytes + 4 * floats));
}

TEST(RowStore, aRowThatIsFreeKeepsItsKey) {
  RowArena arena;
  RowStore rows(arena, 1, 0);
  const uint32_t first = rows.add(0x100000001, false);
  const uint32_t second = rows.add(0x100000002, false);
  rows.remove(first);
  rows.remove(second); // and the number of the next free one lies elsewhere
  EXPECT_EQ(rows.key(first), 0x100000001U);
  EXPECT_EQ(rows.key(second), 0x100000002U);
  EXPECT_EQ(rows.add(3, false), second);
  EXPECT_EQ(rows.add(4, false), first);
}

} // namespace
} // namespace heter::runtime
