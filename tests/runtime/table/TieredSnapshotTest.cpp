// Snapshots of tables larger than memory are of one instant, while rows come from the disk, go there, move and are
// evicted.
#include "runtime/table/TableSnapshot.h"
#include "tests/runtime/table/TieredTesting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>
#include <utility>

namespace heter::runtime {
namespace {

using namespace test;

TEST_F(TieredTable, rowsOfAnInstantComeFromTheDiskWhileTheyChange) {
  uint16_t since = 0;
  TableRows kept;
  for (int round = 0; round < 4; ++round) {
    update(someKeys(6000, 4 * budget));
    const TableRows expected = rowsOf(twin_);
    TableSnapshot snapshot(table_);
    size_t visited = 0;
    ASSERT_TRUE(snapshot
                    .visit(since,
                           [&](const RowImage &row) {
                             kept[row.key].assign(row.state.begin(), row.state.end());
                             if (++visited % 1000 == 0)
                               update(someKeys(300, 4 * budget));
                             return Status();
                           })
                    .ok());
    ASSERT_EQ(kept, expected);
    ASSERT_TRUE(round == 0 || visited < expected.size());
    since = snapshot.epoch();
  }
}

/// The rows that a snapshot which gives those on disk apart gives; `meanwhile` is called now and then. Each comes once.
TableRows rowsApart(TableSnapshot &snapshot, uint16_t since, const std::function<void()> &meanwhile) {
  TableRows rows;
  const auto add = [&](const RowImage &row) {
    EXPECT_TRUE(rows.emplace(row.key, std::vector(row.state.begin(), row.state.end())).second) << row.key;
  };
  const auto more = [&](int range) {
    const StatusOr<bool> any = snapshot.next(range, since, add);
    EXPECT_TRUE(any.ok());
    return any.ok() && *any;
  };
  for (bool any = true; any; meanwhile()) { // of all ranges in turn
    any = false;
    for (int range = 0; range < TableSnapshot::ranges; ++range)
      any = more(range) || any;
  }
  const size_t pieces = snapshot.pieces(since);
  for (size_t piece = 0; piece < pieces; ++piece) {
    EXPECT_TRUE(snapshot.visitPiece(piece, add).ok());
    meanwhile();
  }
  return rows;
}

TEST_F(TieredTable, rowsOnDiskAreSavedInTheOrderOfTheDiskWhileTheyChange) {
  uint16_t since = 0;
  TableRows kept;
  size_t increments = 0;
  std::set<uint64_t> changed;
  const auto change = [&](const std::vector<uint64_t> &keys) {
    update(keys);
    changed.insert(keys.begin(), keys.end());
  };
  for (int round = 0; round < 5; ++round) {
    change(someKeys(round == 0 ? 30000 : 5000, 6 * budget));
    const TableRows expected = rowsOf(twin_);
    TableSnapshot snapshot(table_, TableSnapshot::OnDisk::Apart);
    const std::set<uint64_t> wanted = std::exchange(changed, {});
    const TableRows saved = rowsApart(snapshot, since, [&] {
      change(someKeys(400, 6 * budget)); // takes rows from the disk, has others leave, and moves some
      std::vector<float> out, twinOut;
      const std::vector<uint64_t> keys = someKeys(400, 6 * budget);
      ASSERT_TRUE(pull(table_, keys, out).ok());
      ASSERT_TRUE(pull(twin_, keys, twinOut).ok());
      ASSERT_EQ(out, twinOut);
    });
    for (const auto &[key, state] : saved) {
      ASSERT_TRUE(wanted.contains(key)) << "an increment has what changed, and no more";
      kept[key] = state;
    }
    ASSERT_EQ(kept, expected) << round;
    increments += round > 0 ? saved.size() : 0;
    ASSERT_TRUE(round == 0 || saved.size() < expected.size());
    since = snapshot.epoch();
  }
  EXPECT_GT(increments, 10000U);
  EXPECT_EQ(rowsOf(table_), rowsOf(twin_));
}

TEST_F(TieredTable, aSaveReadsEachBlockOfTheDiskOnce) {
  update(someKeys(60000, uint64_t{1} << 40));
  const SlotFile &file = *table_.tier()->file(false);
  const int64_t rows = table_.tierFigures().rowsOnDisk;
  const int64_t before = table_.tierFigures().blocksRead;
  TableSnapshot snapshot(table_, TableSnapshot::OnDisk::Apart);
  EXPECT_EQ(rowsApart(snapshot, 0, [] {}), rowsOf(twin_));
  const int64_t blocks = table_.tierFigures().blocksRead - before;
  EXPECT_LE(blocks, file.bytesOnDisk() / static_cast<int64_t>(file.blockBytes()));
  EXPECT_LT(blocks, rows / 20);
}

TEST_F(TieredTable, rowsThatAreEvictedFromTheDiskAreInTheInstantBefore) {
  TableSpec spec = spec_, twinSpec = twinSpec_;
  for (TableSpec *of : {&spec, &twinSpec}) {
    of->policy.periodUnit = RowPolicy::Unit::Steps;
    of->policy.period = 1;
    of->policy.unseenPeriods = 3;
  }
  SparseTable table(spec, 42, 0, virtualShards, {}, {&files_, "tier", size_t{64} << 10});
  SparseTable twin(twinSpec, 42, 0, virtualShards);
  uint16_t since = 0;
  TableRows kept;
  for (int64_t step = 0; step < 12; ++step) {
    const std::vector<uint64_t> keys = someKeys(8000, 5 * budget);
    const std::vector<float> gradients(keys.size() * tierDim, 0.5F);
    const RowGradients push{keys, gradients};
    for (SparseTable *of : {&table, &twin})
      of->update(0, {&push, 1}, 1, {step, 0});
    const TableRows expected = rowsOf(twin);
    TableSnapshot snapshot(table, TableSnapshot::OnDisk::Apart);
    int64_t evicted = 0;
    const TableRows saved = rowsApart(snapshot, since, [&, turn = 0]() mutable {
      if (turn++ == 3)
        evicted = table.shrinkAll({step + 1, 0});
    });
    for (const uint64_t key : snapshot.erased(since))
      kept.erase(key);
    for (const auto &[key, state] : saved)
      kept[key] = state;
    ASSERT_EQ(kept, expected) << step;
    EXPECT_EQ(twin.shrinkAll({step + 1, 0}), evicted);
    EXPECT_TRUE(step < 5 || evicted > 1000) << evicted;
    since = snapshot.epoch();
  }
}

// The instant comes at whatever moment of what pulls and trims do on other threads.
TEST_F(TieredTable, theInstantIsOneHoweverRowsComeAndGo) {
  update(someKeys(60000, 6 * budget));
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (uint64_t seed : {1, 2})
    threads.emplace_back([&, seed] { pullUntil(stop, seed, 200, 6 * budget, [this] { table_.trim(); }); });
  for (int round = 0; round < 8; ++round) {
    update(someKeys(500, 6 * budget));
    TableSnapshot snapshot(table_, TableSnapshot::OnDisk::Apart);
    ASSERT_EQ(rowsApart(snapshot, 0, [] {}), rowsOf(twin_)) << round;
  }
  stop = true;
  for (std::thread &thread : threads)
    thread.join();
}

TEST_F(TieredTable, pullsUpdatesAndSnapshotsRunBesideEachOther) {
  update(someKeys(60000, 6 * budget));
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (uint64_t seed : {1, 2})
    threads.emplace_back([&, seed] { pullUntil(stop, seed, 500, 8 * budget, [] {}); });
  threads.emplace_back([&] {
    std::map<uint64_t, int> seen;
    while (!stop) {
      uint64_t cursor = 0;
      do {
        const StatusOr<uint64_t> next = table_.visitSome(cursor, [&](const RowImage &row) { ++seen[row.key]; });
        EXPECT_TRUE(next.ok());
        cursor = next.ok() ? *next : 0;
      } while (cursor != 0 && !stop);
      seen.clear();
    }
  });
  for (int step = 0; step < 60; ++step)
    update(someKeys(2000, 6 * budget));
  stop = true;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_TRUE(table_.tierStatus().ok());
  EXPECT_EQ(rowsOf(table_), rowsOf(twin_));
}

} // namespace
} // namespace heter::runtime
