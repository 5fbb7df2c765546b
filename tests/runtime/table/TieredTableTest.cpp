// Tables larger than memory beside twins that have all rows in memory: whatever leaves, comes back, moves and fails
// meanwhile, nobody can tell them apart. SparseTableTest.cpp puts them through the same as other tables.
#include "runtime/table/SparseTable.h"
#include "runtime/table/TableSnapshot.h"
#include "tests/runtime/table/FaultyFileSystem.h"
#include "tests/runtime/table/TestModel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <random>
#include <thread>
#include <utility>

namespace heter::runtime {
namespace {

using ::testing::HasSubstr;

constexpr size_t dim = 5;

/// A table of one part that admits all keys; `rows` have room in memory.
TableSpec makeSpec(int64_t rows) {
  TableSpec spec;
  spec.name = "emb";
  PartSpec part;
  part.dim = dim;
  part.seedName = "emb";
  part.init = {InitializerSpec::Kind::Uniform, 0.5F};
  part.stateFloats = 2 * dim;
  part.optimizer = {"adagrad", test::resolveKernel("adagrad_kernel"), {"accumulator"}, {0.25F}, {}, {}};
  spec.parts.push_back(part);
  spec.layOut();
  spec.policy.tiered = rows > 0;
  spec.policy.memoryBytes = rows * spec.rowMemory(false);
  return spec;
}

using Rows = std::map<uint64_t, std::vector<float>>;

Rows rowsOf(const SparseTable &table) {
  Rows rows;
  EXPECT_TRUE(table
                  .visitRows([&](const RowImage &row) {
                    EXPECT_TRUE(rows.emplace(row.key, std::vector(row.state.begin(), row.state.end())).second);
                    return Status();
                  })
                  .ok());
  return rows;
}

class TieredTable : public ::testing::Test {
protected:
  static constexpr int64_t budget = 8192; ///< Rows in memory.

  std::vector<uint64_t> someKeys(size_t count, uint64_t of) {
    std::vector<uint64_t> keys;
    for (size_t i = 0; i < count; ++i)
      keys.push_back(mixKey(random_() % of));
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
  }
  /// The same update of both tables.
  void update(const std::vector<uint64_t> &keys) {
    std::vector<float> gradients;
    for (size_t i = 0; i < keys.size() * dim; ++i)
      gradients.push_back(static_cast<float>(random_() % 1000) * 0.01F - 5);
    const RowGradients push{keys, gradients};
    table_.update(0, {&push, 1}, 2);
    twin_.update(0, {&push, 1}, 2);
  }
  static Status pull(SparseTable &table, std::span<const uint64_t> keys, std::vector<float> &out) {
    out.resize(keys.size() * dim);
    DiskRows onDisk(table.tier());
    table.pull(0, keys, out.data(), onDisk);
    return table.finishPull(0, onDisk, out.data());
  }
  /// Pulls `count` random keys of `of` and calls `then`, over and over, for a thread beside others.
  void pullUntil(const std::atomic<bool> &stop, uint64_t seed, int count, uint64_t of,
                 const std::function<void()> &then) {
    std::mt19937_64 random(seed);
    std::vector<float> out;
    while (!stop) {
      std::vector<uint64_t> keys;
      for (int i = 0; i < count; ++i)
        keys.push_back(mixKey(random() % of));
      EXPECT_TRUE(pull(table_, keys, out).ok());
      then();
    }
  }

  std::mt19937_64 random_{7};
  test::FaultyFileSystem files_;
  const TableSpec spec_ = makeSpec(budget);
  const TableSpec twinSpec_ = makeSpec(0);
  SparseTable table_{spec_, 42, 0, virtualShards, {}, {&files_, "tier", size_t{64} << 10}};
  SparseTable twin_{twinSpec_, 42, 0, virtualShards};
};

TEST_F(TieredTable, isItsTwinInATenthOfTheMemory) {
  int64_t written = 0;
  for (int step = 0; step < 60; ++step) {
    update(someKeys(4000, 10 * budget));
    const std::vector<uint64_t> keys = someKeys(3000, 11 * budget);
    std::vector<float> out, expected;
    ASSERT_TRUE(pull(table_, keys, out).ok());
    ASSERT_TRUE(pull(twin_, keys, expected).ok());
    ASSERT_EQ(out, expected);
    const TierFigures figures = table_.tierFigures();
    ASSERT_LE(figures.rowsInMemory, budget);
    ASSERT_EQ(figures.rowsInMemory + figures.rowsOnDisk, twin_.rowCount());
    written = figures.bytesWritten;
  }
  const TierFigures figures = table_.tierFigures();
  EXPECT_GT(figures.rowsOnDisk, 6 * budget);
  EXPECT_GT(figures.keysOnDisk, 50000);
  EXPECT_LT(figures.keysOnDisk, figures.keysPulled);
  EXPECT_GT(figures.blocksRead, 10000);
  // Rows that came back left garbage, which was made room of: the file has not grown with what was written.
  EXPECT_LT(table_.tier()->file(false)->bytesOnDisk() * 3 / 2, written);
  EXPECT_EQ(rowsOf(table_), rowsOf(twin_));
}

TEST_F(TieredTable, keepsWhatIsPulledOftenWhateverComesOnceBetween) {
  const std::vector<uint64_t> often = someKeys(budget / 2, 1 << 30);
  std::vector<float> out;
  update(often);
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(pull(table_, often, out).ok());
  for (int i = 0; i < 20; ++i) {
    update(someKeys(budget / 2, uint64_t{1} << 40)); // seen once
    const bool again = i % 3 == 0;
    ASSERT_TRUE(!again || pull(table_, often, out).ok());
  }
  DiskRows onDisk(table_.tier());
  table_.pull(0, often, out.data(), onDisk);
  EXPECT_LT(onDisk.rows().size(), often.size() / 50);
}

TEST_F(TieredTable, rowsOfAnInstantComeFromTheDiskWhileTheyChange) {
  uint16_t since = 0;
  Rows kept;
  for (int round = 0; round < 4; ++round) {
    update(someKeys(6000, 4 * budget));
    const Rows expected = rowsOf(twin_);
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
Rows rowsApart(TableSnapshot &snapshot, uint16_t since, const std::function<void()> &meanwhile) {
  Rows rows;
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
  Rows kept;
  size_t increments = 0;
  for (int round = 0; round < 5; ++round) {
    update(someKeys(round == 0 ? 30000 : 5000, 6 * budget));
    const Rows expected = rowsOf(twin_);
    TableSnapshot snapshot(table_, TableSnapshot::OnDisk::Apart);
    const Rows saved = rowsApart(snapshot, since, [&] {
      update(someKeys(400, 6 * budget)); // takes rows from the disk, has others leave, and moves some
      std::vector<float> out, twinOut;
      const std::vector<uint64_t> keys = someKeys(400, 6 * budget);
      ASSERT_TRUE(pull(table_, keys, out).ok());
      ASSERT_TRUE(pull(twin_, keys, twinOut).ok());
      ASSERT_EQ(out, twinOut);
    });
    for (const auto &[key, state] : saved)
      kept[key] = state;
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
  Rows kept;
  for (int64_t step = 0; step < 12; ++step) {
    const std::vector<uint64_t> keys = someKeys(8000, 5 * budget);
    const std::vector<float> gradients(keys.size() * dim, 0.5F);
    const RowGradients push{keys, gradients};
    for (SparseTable *of : {&table, &twin})
      of->update(0, {&push, 1}, 1, {step, 0});
    const Rows expected = rowsOf(twin);
    TableSnapshot snapshot(table, TableSnapshot::OnDisk::Apart);
    int64_t evicted = 0;
    const Rows saved = rowsApart(snapshot, since, [&, turn = 0]() mutable {
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

TEST_F(TieredTable, aLoadGoesStraightToTheDisk) {
  update(someKeys(40000, uint64_t{1} << 40));
  test::FaultyFileSystem files;
  SparseTable other(spec_, 42, 0, virtualShards, {}, {&files, "other", size_t{64} << 10});
  std::vector<std::vector<float>> states;
  std::vector<RowImage> rows;
  EXPECT_TRUE(table_
                  .visitRows([&](const RowImage &row) {
                    states.emplace_back(row.state.begin(), row.state.end());
                    rows.push_back(row);
                    rows.back().state = states.back(); // whose floats do not move
                    return Status();
                  })
                  .ok());
  for (size_t first = 0; first < rows.size(); first += 1000) {
    other.putRows(std::span(rows).subspan(first, std::min<size_t>(1000, rows.size() - first)));
    EXPECT_LE(other.tierFigures().rowsInMemory, budget);
  }
  EXPECT_TRUE(other.tierStatus().ok());
  EXPECT_LT(other.memoryBytes(), twin_.memoryBytes() * 3 / 4);
  EXPECT_EQ(rowsOf(other), rowsOf(twin_));
  other.putRows(std::span(rows).first(100)); // in place of rows on disk
  EXPECT_EQ(rowsOf(other), rowsOf(twin_));
}

TEST_F(TieredTable, aFullDiskLeavesRowsInMemory) {
  files_.blockFaults().diskBytes = 1 << 20;
  for (int step = 0; step < 30 && table_.tierStatus().ok(); ++step)
    update(someKeys(4000, uint64_t{1} << 40));
  EXPECT_EQ(table_.tierStatus().code(), StatusCode::ResourceExhausted);
  EXPECT_THAT(table_.tierStatus().message(), HasSubstr("emb.rows"));
  EXPECT_THAT(table_.tierStatus().message(), HasSubstr("No space left"));
  EXPECT_EQ(rowsOf(table_), rowsOf(twin_));
}

TEST_F(TieredTable, aDamagedBlockFailsWhoWantsItsRows) {
  const std::vector<uint64_t> keys = someKeys(30000, uint64_t{1} << 40);
  update(keys);
  files_.blockFaults().spoils = [](uint64_t offset, std::span<char> bytes) {
    bytes[bytes.size() / 2] ^= offset < 4096;
  };
  std::vector<float> out;
  const Status status = pull(table_, keys, out);
  EXPECT_EQ(status.code(), StatusCode::DataLoss);
  EXPECT_THAT(status.message(), HasSubstr("of `tier/emb.rows` is not what was written"));
  EXPECT_EQ(table_.tierStatus().message(), status.message());
  const RowGradients push{keys, out};
  const PartGradients part{0, {&push, 1}};
  EXPECT_EQ(SparseTable::Update(table_, {&part, 1}, 1, {}).prepare().code(), StatusCode::DataLoss);
  EXPECT_EQ(table_.visitRows([](const RowImage &) { return Status(); }).code(), StatusCode::DataLoss);
  TableSnapshot snapshot(table_, TableSnapshot::OnDisk::Apart);
  for (int range = 0; range < TableSnapshot::ranges; ++range)
    while (*snapshot.next(range, 0, [](const RowImage &) {})) {
    }
  Status saved;
  const size_t pieces = snapshot.pieces(0);
  for (size_t piece = 0; piece < pieces && saved.ok(); ++piece)
    saved = snapshot.visitPiece(piece, [](const RowImage &) {});
  EXPECT_EQ(saved.code(), StatusCode::DataLoss);
  EXPECT_THAT(saved.message(), HasSubstr("of `tier/emb.rows` is not what was written: it is damaged"));
}

/// Tasks that run when a test says so.
class Postponed {
public:
  BackgroundRunner runner() {
    return [this](std::function<void()> task) { tasks_.push_back(std::move(task)); };
  }
  void run() {
    for (const std::function<void()> &task : std::exchange(tasks_, {}))
      task();
  }

private:
  std::vector<std::function<void()>> tasks_;
};

TEST_F(TieredTable, whatLeavesForAMissLeavesBehindIt) {
  Postponed later;
  std::vector<float> out, expected;
  {
    SparseTable table(spec_, 42, 0, virtualShards, later.runner(), {&files_, "tier", size_t{64} << 10});
    const std::vector<uint64_t> keys = someKeys(40000, uint64_t{1} << 40);
    const std::vector<float> gradients(keys.size() * dim, 1.5F);
    const RowGradients push{keys, gradients};
    table.update(0, {&push, 1}, 1);
    twin_.update(0, {&push, 1}, 1);
    later.run();
    const auto pullSome = [&](size_t first, size_t count) {
      const std::span<const uint64_t> some = std::span(keys).subspan(first, count);
      ASSERT_TRUE(pull(table, some, out).ok());
      ASSERT_TRUE(pull(twin_, some, expected).ok());
      ASSERT_EQ(out, expected);
    };
    // Misses write nothing and stay within the excess that is allowed, even if no task ever runs; then they trim.
    const int64_t written = table.tierFigures().bytesWritten;
    pullSome(0, 500);
    EXPECT_EQ(table.tierFigures().bytesWritten, written);
    int64_t most = 0;
    for (size_t first = 0; first + 250 <= keys.size(); first += 250) {
      pullSome(first, 250);
      most = std::max(most, table.tierFigures().rowsInMemory);
    }
    EXPECT_GT(most, budget);
    EXPECT_LE(most, budget + budget / 16 + 250);
    // The task takes them below their budget.
    pullSome(0, 250);
    later.run();
    EXPECT_LE(table.tierFigures().rowsInMemory, budget);
    EXPECT_EQ(rowsOf(table), rowsOf(twin_));
    // A full disk is told by whatever comes next, and no row is lost.
    files_.blockFaults().diskBytes = 1;
    for (size_t first = 0; first + 250 <= keys.size() && table.tierStatus().ok(); first += 250) {
      pullSome(first, 250);
      later.run();
    }
    EXPECT_EQ(table.tierStatus().code(), StatusCode::ResourceExhausted);
    EXPECT_EQ(rowsOf(table), rowsOf(twin_));
    files_.blockFaults().diskBytes = int64_t{1} << 40;
    table.reset(42);
    EXPECT_TRUE(table.tierStatus().ok());
    table.update(0, {&push, 1}, 1);
    pullSome(0, 2000);
  }
  later.run(); // the table is gone
}

TEST_F(TieredTable, saysWhenItCannotHaveATier) {
  const SparseTable nowhere(spec_, 42, 0, virtualShards);
  EXPECT_THAT(nowhere.tierStatus().message(), HasSubstr("table `emb` says `beyond: ssd`"));
  test::FaultyFileSystem files;
  files.failAt(0, /*andAllAfter=*/true);
  const SparseTable refused(spec_, 42, 0, virtualShards, {}, {&files, "tier"});
  EXPECT_FALSE(refused.tierStatus().ok());
}

} // namespace
} // namespace heter::runtime
