// Tables larger than memory beside twins that have all rows in memory: whatever leaves, comes back, moves and fails
// meanwhile, nobody can tell them apart. SparseTableTest.cpp puts them through the same as other tables.
#include "runtime/table/TableSnapshot.h"
#include "tests/runtime/table/TieredTesting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

namespace heter::runtime {
namespace {

using namespace test;
using ::testing::HasSubstr;

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
  // TableRows that came back left garbage, which was made room of: the file has not grown with what was written.
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
    const std::vector<float> gradients(keys.size() * tierDim, 1.5F);
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
