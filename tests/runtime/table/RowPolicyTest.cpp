// Which rows a table admits and evicts, whatever the sharding.
#include "runtime/base/Random.h"
#include "tests/runtime/table/PolicyTesting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

namespace heter::runtime {
namespace {

using namespace test;

TEST(SparseTable, probabilityAdmitsItsShareOfPushesWhateverTheSharding) {
  Policy policy;
  policy.admission = Policy::Admission::Probability;
  policy.admissionLimit = 0.3;
  TableSpec spec = policySpec(policy);
  spec.parts[0].wantsAdmission = true; // nothing is kept of keys that are not admitted
  spec.layOut();
  SparseTable whole(spec, 42, 0, virtualShards);
  SparseTable left(spec, 42, 0, 1000);
  SparseTable right(spec, 42, 1000, virtualShards);
  std::vector<uint64_t> keys;
  for (uint64_t i = 0; i < 5000; ++i)
    keys.push_back(mixKey(i));
  const std::vector<float> gradients(keys.size(), 1.0F);
  int64_t last = 0;
  for (int64_t step = 0; step < 3; ++step) {
    for (size_t i = 0; i < keys.size(); ++i) {
      const RowGradients one{{&keys[i], 1}, {&gradients[i], 1}};
      whole.update(0, {&one, 1}, 1, {step, 0});
      (left.owns(keys[i]) ? left : right).update(0, {&one, 1}, 1, {step, 0});
    }
    EXPECT_EQ(left.rowCount() + right.rowCount(), whole.rowCount());
    EXPECT_EQ(whole.shortRowCount(), 0);
    const double share = static_cast<double>(whole.rowCount() - last) / static_cast<double>(5000 - last);
    EXPECT_NEAR(share, 0.3, 0.04) << "step " << step;
    last = whole.rowCount();
  }
}

TEST(SparseTable, aMemoryBudgetKeepsTheRowsThatScoreMost) {
  Policy policy = policies()[3];
  policy.evictsByScore = false;
  policy.memoryBytes = 600000;
  const TableSpec spec = policySpec(policy);
  SparseTable table(spec, 42, 0, virtualShards);
  std::vector<uint64_t> keys;
  std::vector<float> shows;
  for (uint64_t i = 0; i < 100000; ++i) {
    keys.push_back(mixKey(i));
    shows.insert(shows.end(), {i % 10 == 0 ? 100.0F : 1.0F, 0.0F});
  }
  const std::vector<float> gradients(keys.size(), 1.0F);
  const RowGradients push{keys, gradients, shows};
  table.update(0, {&push, 1}, 1);
  const int64_t evicted = table.shrinkAll({});
  EXPECT_EQ(table.rowCount() + evicted, 100000);
  EXPECT_LT(table.rowCount() * (12 + 4 * spec.shortFloats), policy.memoryBytes);
  EXPECT_GT(table.rowCount() * (9 + 12 + 4 * spec.rowFloats), policy.memoryBytes / 3);
  int64_t often = 0;
  ASSERT_TRUE(table
                  .visitRows([&](const RowImage &row) {
                    often += row.state[0] == 100.0F;
                    return Status();
                  })
                  .ok());
  EXPECT_GT(often, table.rowCount() * 6 / 10); // a tenth of all keys
  EXPECT_EQ(table.shrinkAll({}), 0);
}

// Shards that have no room give rows up at the end of the step in which they grew, each by itself: however the table is
// spread, the same rows stay, and they are those that score most in their shard.
TEST(SparseTable, noShardHasMoreThanItsPartOfTheMemory) {
  Policy policy = policies()[3];
  policy.evictsByScore = false;
  policy.memoryBytes = 1000000;
  policy.period = 1 << 20; // no turn comes
  const TableSpec spec = policySpec(policy);
  const int64_t room = policy.memoryBytes / virtualShards;
  std::map<uint64_t, std::vector<float>> expected;
  for (const int cut : {virtualShards, 1300}) {
    SparseTable left(spec, 42, 0, cut), right(spec, 42, cut, virtualShards);
    int64_t evicted = 0;
    for (int64_t step = 0; step < 6; ++step) {
      for (SparseTable *table : {&left, &right}) {
        std::vector<uint64_t> keys;
        std::vector<float> shows;
        std::mt19937_64 draw(static_cast<uint64_t>(step));
        for (uint64_t i = 0; i < 8000; ++i) {
          const uint64_t key = mixKey(static_cast<uint64_t>(step) * 8000 + i);
          const auto shown = static_cast<float>(draw() % 100);
          if (!table->owns(key))
            continue;
          keys.push_back(key);
          shows.insert(shows.end(), {shown, 0.0F});
        }
        if (keys.empty())
          continue;
        const std::vector<float> gradients(keys.size(), 1.0F);
        const RowGradients push{keys, gradients, shows};
        table->update(0, {&push, 1}, 1, {step, 0});
        evicted += table->shrink({step, 0}, {step + 1, 0});
      }
      std::map<int, int64_t> bytes;
      for (const SparseTable *table : {&left, &right})
        ASSERT_TRUE(table
                        ->visitRows([&](const RowImage &row) {
                          bytes[shardOf(row.key)] += spec.rowMemory(!row.admitted);
                          return Status();
                        })
                        .ok());
      for (const auto &[shard, taken] : bytes)
        EXPECT_LE(taken, room) << "shard " << shard << " after step " << step;
    }
    EXPECT_GT(evicted, 10000);
    std::map<uint64_t, std::vector<float>> rows;
    for (const SparseTable *table : {&left, &right})
      ASSERT_TRUE(table
                      ->visitRows([&](const RowImage &row) {
                        rows[row.key].assign(row.state.begin(), row.state.end());
                        return Status();
                      })
                      .ok());
    if (expected.empty())
      expected = rows;
    EXPECT_EQ(rows, expected);
  }
}

TEST(SparseTable, everyRowHasItsTurnOnceAPeriodWhateverTheSharding) {
  Policy policy = policies()[1];
  policy.unseenPeriods = 1;
  for (const int64_t period : {int64_t{10}, int64_t{4096}, int64_t{10000}}) {
    policy.period = period;
    const TableSpec spec = policySpec(policy);
    SparseTable whole(spec, 42, 0, virtualShards);
    SparseTable part(spec, 42, 77, 2077);
    std::vector<uint64_t> all;
    std::vector<uint64_t> some;
    for (uint64_t i = 0; i < 4000; ++i) {
      all.push_back(mixKey(i));
      if (part.owns(all.back()))
        some.push_back(all.back());
    }
    const std::vector<float> gradients(all.size(), 1.0F);
    const RowGradients pushAll{all, gradients};
    const RowGradients pushSome{some, {gradients.data(), some.size()}};
    whole.update(0, {&pushAll, 1}, 1);
    part.update(0, {&pushSome, 1}, 1);
    const int64_t first = 2 * period - 1; // unseen for two periods after this step
    for (int64_t step = 0; step < first; ++step)
      ASSERT_EQ(whole.shrink({step, 0}, {step + 1, 0}), 0) << step;
    EXPECT_EQ(part.shrink({0, 0}, {first, 0}), 0); // a longer time makes no second turn
    for (int64_t step = first; step < first + period; ++step) {
      whole.shrink({step, 0}, {step + 1, 0});
      part.shrink({step, 0}, {step + 1, 0});
      if (step % (period / 5) != 0)
        continue;
      int64_t among = 0;
      ASSERT_TRUE(whole
                      .visitRows([&](const RowImage &row) {
                        among += part.owns(row.key);
                        return Status();
                      })
                      .ok());
      ASSERT_EQ(among, part.rowCount());
    }
    EXPECT_EQ(whole.rowCount(), 0);
    EXPECT_EQ(part.rowCount(), 0);
  }
}

} // namespace
} // namespace heter::runtime
