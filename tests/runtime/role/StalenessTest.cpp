// How old the parameters are that a step reads: rows and dense values count their own updates, each step updates all of
// them, and each example writes down what it saw.
#include "tests/runtime/role/TinyRun.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

namespace heter::runtime::test {
namespace {

using std::chrono::milliseconds;

constexpr int64_t batchSize = 8, microBatches = 2, keys = 4;

/// What an example read: versions, as the parameters count them.
struct Read {
  int64_t step;
  int64_t row, dense;
  const float *place; ///< Of the dense values.
};
std::vector<Read> reads; // Kernels are plain functions; a simulated cluster has one thread.

// (s [B,2], dense [B,3], w [3], y [B]) -> (p [B], loss [], dlogit [B])
void readVersions(void *const *args) {
  const float *s = memref(args, 0).data(), *dense = memref(args, 1).data(), *w = memref(args, 2).data();
  const int64_t examples = memref(args, 3).size(0);
  for (int64_t b = 0; b < examples; ++b) {
    const auto line = static_cast<int64_t>(dense[3 * b]);
    reads.push_back({line / (batchSize * microBatches), std::lround(s[2 * b] / 4), std::lround(w[0]), w});
    memref(args, 4).data()[b] = 0.5f;
    memref(args, 6).data()[b] = 1;
  }
  *memref(args, 5).data() = 0;
}

// (value, sum, gradient) -> (value, sum): the value counts.
void count(void *const *args) {
  for (int64_t i = 0; i < memref(args, 0).size(0); ++i) {
    memref(args, 3).data()[i] = memref(args, 0).data()[i] + 1;
    memref(args, 4).data()[i] = memref(args, 1).data()[i];
  }
}

FunctionKernels countingKernels() {
  FunctionKernels kernels = tinyKernels();
  kernels.functions["forward"] = readVersions;
  kernels.functions["adagrad"] = count;
  return kernels;
}

class StalenessTest : public testing::Test {
protected:
  StalenessTest() {
    std::ofstream out(data_.file());
    for (int line = 0; line < 320; ++line)
      out << "1\t" << line << "\t0\t0\tk" << line % keys << "\tx\tx\tx\n";
  }

  /// An example's four ids are one key, and every micro-batch has all keys.
  static Package package(const std::string &mode, LooksUp looksUp = LooksUp::CpuTrainer) {
    Package package = tinyPackage(mode, looksUp);
    package.info.parameters[0].init.kind = "zeros";
    package.info.tables[0].parts[0].init.kind = "zeros";
    for (package::Binding &binding : package.info.data[0].bindings)
      if (binding.input == "slots")
        binding.expression.arguments[0].numbers = {4, 4, 4, 4};
    package.hash = programHash(package.info, package.programs);
    return package;
  }

  RunOptions options(int64_t staleness) const {
    RunOptions options = tinyOptions(data_);
    options.update = staleness > 0 ? UpdateMode::HalfAsync : UpdateMode::Sync;
    options.staleness = staleness;
    options.microBatches = microBatches;
    options.servers = options.cpuTrainers = 2;
    options.heterTrainers = {{"gpu", 2}};
    options.inFlight = 8;
    return options;
  }

  struct Old {
    int rows = 0, dense = 0; ///< Examples that read less than their step's version.
    RowCacheCounts cache;
  };

  /// Runs and checks the bounds.
  static Old run(const Package &package, const RunOptions &options, uint64_t seed) {
    reads.clear();
    Simulation simulation{.seed = seed, .weather = MemoryNetwork::randomDelay(seed, milliseconds(20))};
    simulation.kernels = countingKernels();
    Outcome outcome = simulate(package, options, std::move(simulation));
    EXPECT_TRUE(outcome.result.ok()) << outcome.result.status().message();
    EXPECT_EQ(reads.size(), 320u);
    Old old;
    for (const Read &read : reads) {
      const int64_t least = std::max<int64_t>(0, read.step - options.staleness);
      EXPECT_GE(read.row, least) << "a row of step " << read.step;
      EXPECT_GE(read.dense, least) << "dense values of step " << read.step;
      EXPECT_LE(read.row, read.step);
      EXPECT_LE(read.dense, read.step);
      old.rows += read.row < read.step;
      old.dense += read.dense < read.step;
    }
    if (outcome.result.ok())
      old.cache = outcome.result->rowCache;
    return old;
  }

  TinyData data_{1};
};

TEST_F(StalenessTest, NothingIsOlderThanTheRunAllows) {
  for (const Package &package : {package("ps"), package("heter-ps"), package("heter-ps", LooksUp::HeterTrainer)})
    for (int64_t staleness : {0, 1, 3})
      for (uint64_t seed = 1; seed <= 6; ++seed) {
        SCOPED_TRACE(testing::Message() << package.programs.size() << " programs, staleness " << staleness << ", seed "
                                        << seed);
        Old old = run(package, options(staleness), seed);
        EXPECT_EQ(old.rows > 0, staleness > 0) << "steps wait only if they must";
        EXPECT_EQ(old.dense > 0, staleness > 0);
      }
}

TEST_F(StalenessTest, RowsThatAreKeptAreAsNewAsTheRunAllows) {
  const Package looksUp = package("heter-ps", LooksUp::HeterTrainer);
  for (int64_t staleness : {0, 1, 3}) {
    RowCacheCounts all;
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      SCOPED_TRACE(testing::Message() << "staleness " << staleness << ", seed " << seed);
      RunOptions kept = options(staleness);
      kept.inFlight = static_cast<int32_t>(seed % 4 + 1);
      kept.heterTrainers = {{"gpu", static_cast<int>(seed % 3 + 1)}};
      const RowCacheCounts counts = run(looksUp, kept, seed).cache;
      EXPECT_EQ(counts.hits + counts.misses + counts.stale, keys * 320 / batchSize);
      EXPECT_GE(counts.misses, keys);
      all += counts;
      kept.rowCacheBytes = 0;
      EXPECT_EQ(run(looksUp, kept, seed).cache.hits, 0);
    }
    if (staleness > 0) {
      EXPECT_GT(all.hits, 100);
    }
    EXPECT_GT(all.stale, 100);
  }
}

TEST_F(StalenessTest, AsynchronousRunsKeepNoRows) {
  RunOptions async = tinyOptions(data_);
  async.update = UpdateMode::Async;
  Outcome outcome = simulate(package("heter-ps", LooksUp::HeterTrainer), async, 1);
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.status().message();
  EXPECT_EQ(outcome.result->rowCache.hits + outcome.result->rowCache.misses, 0);
}

// In a test the parameters change no more: each row comes once.
TEST_F(StalenessTest, ATestFetchesARowOnce) {
  TinyData clicks(400);
  const Package looksUp = tinyPackage("heter-ps", LooksUp::HeterTrainer);
  RunOptions options = tinyOptions(clicks);
  options.inFlight = 1;
  options.servers = 2;
  Outcome trained = simulate(looksUp, options, 1);
  options.testFiles = {clicks.file()};
  Outcome tested = simulate(looksUp, options, 1);
  ASSERT_TRUE(trained.result.ok() && tested.result.ok());
  const RowCacheCounts before = trained.result->rowCache, after = tested.result->rowCache;
  EXPECT_EQ(after.misses + after.stale - before.misses - before.stale, tested.result->tables.at("emb"));
  EXPECT_GT(after.hits - before.hits, 400);
}

TEST_F(StalenessTest, OfALocalRun) {
  const Package local = package("local");
  for (int64_t staleness : {0, 2}) {
    Old old = run(local, options(staleness), 1);
    EXPECT_EQ(old.rows > 0, staleness > 0);
    EXPECT_EQ(old.dense > 0, staleness > 0);
  }
}

// Where steps wait for each other, a step's frames have let go of the dense values before they change.
TEST_F(StalenessTest, ALocalRunHoldsOneVersionIfStepsWait) {
  const Package local = package("local");
  for (int64_t staleness : {0, 2}) {
    run(local, options(staleness), 1);
    std::set<const float *> places;
    for (const Read &read : reads)
      places.insert(read.place);
    EXPECT_EQ(places.size() == 1, staleness == 0) << places.size() << " places";
  }
}

} // namespace
} // namespace heter::runtime::test
