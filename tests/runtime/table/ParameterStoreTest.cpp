// What a store promises: pure pulls, initial values that do not depend on sharding, folds that do not depend on order,
// exactly-once pushes, pinned versions, and optimizers that follow their formulas.
#include "runtime/base/Random.h"
#include "runtime/table/SparseTable.h"
#include "tests/runtime/table/TestModel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <thread>

namespace heter::runtime {
namespace {

using namespace test;

std::vector<uint64_t> someKeys(uint64_t count) {
  std::vector<uint64_t> keys(count);
  for (uint64_t i = 0; i < count; ++i)
    keys[i] = mixKey(i + 12345);
  return keys;
}

TEST(ParameterStore, pullsArePure) {
  TestCluster cluster(makeModel(), 1);
  const std::vector<uint64_t> keys = someKeys(1000);
  std::vector<float> expected(9);
  const std::vector<float> first = cluster.pull(0, keys);
  EXPECT_TRUE(bitEqual(first, cluster.pull(0, keys)));
  EXPECT_EQ(cluster.store(0).rowCount(0), 0);
  for (size_t i = 0; i < keys.size(); ++i) {
    fillUniform(expected.data(), 9, philoxKey(42, "emb"), keys[i], 0, 0.01F);
    ASSERT_EQ(std::memcmp(&first[i * 9], expected.data(), 36), 0);
  }
}

TEST(ParameterStore, batchedPullsGiveEachKeyItsRow) {
  TestCluster cluster(makeModel(), 1);
  trainSome(cluster, 0, 2, 2);
  std::vector<uint64_t> keys;
  for (uint64_t i = 0; i < 500; ++i)
    keys.push_back(mixKey(i * 31 % 130)); // repeated, with and without rows
  for (int part = 0; part < 3; ++part) {
    const auto dim = static_cast<size_t>(cluster.store(0).partDim(part));
    std::vector<float> batched(keys.size() * dim);
    EXPECT_TRUE(cluster.store(0).pullRows(part, keys, batched.data()).ok());
    EXPECT_TRUE(bitEqual(batched, cluster.pull(part, keys)));
  }
}

TEST(ParameterStore, initialValuesDoNotDependOnSharding) {
  TestCluster one(makeModel(), 1);
  const std::vector<uint64_t> keys = someKeys(300);
  std::vector<float> whole(150000);
  fillUniform(whole.data(), 150000, philoxKey(42, "w"), 0, 0, 0.1F);
  EXPECT_TRUE(bitEqual(one.dense(0), whole));
  for (int servers : {2, 3, 7}) {
    TestCluster several(makeModel(), servers);
    for (int part = 0; part < 3; ++part)
      EXPECT_TRUE(bitEqual(one.pull(part, keys), several.pull(part, keys)));
    for (int p = 0; p < 3; ++p)
      EXPECT_TRUE(bitEqual(one.dense(p), several.dense(p)));
  }
}

TEST(ParameterStore, foldsDependNeitherOnArrivalNorOnSharding) {
  TestCluster reference(makeModel(), 1);
  trainSome(reference, 0, 3, 4);
  const std::vector<float> expected = reference.everything();
  EXPECT_GT(reference.store(0).rowCount(0), 50);
  for (int servers : {1, 2, 3}) {
    for (bool backwards : {false, true}) {
      TestCluster cluster(makeModel(), servers);
      trainSome(cluster, 0, 3, 4, backwards);
      EXPECT_TRUE(bitEqual(cluster.everything(), expected)) << servers << " servers, backwards " << backwards;
      EXPECT_EQ(cluster.store(0).version(), 3);
      EXPECT_EQ(cluster.store(0).denseVersion()->version(), 3);
    }
  }
}

TEST(ParameterStore, theFoldIsTheSumInOrderDividedByTheStepsExamples) {
  TestCluster cluster(makeModel(), 1);
  const float values[3] = {1e8F, 1.5F, -1e8F};
  for (int32_t m : {2, 0, 1})
    cluster.pushDense({0, 0, m, 0}, 7, 1, std::vector<float>(5, values[m]));
  cluster.closeStep(0, {1, 2, 0}, 21);
  const float sum = (1e8F + 1.5F) + -1e8F;
  EXPECT_EQ(cluster.dense(1)[0], 0.0F - 0.1F * (sum / 21.0F));
  // The same by rows, which create the row on the push.
  for (int32_t m : {1, 2, 0})
    cluster.pushRows({0, 1, m, 0}, 7, 1, {99}, {values[m]});
  cluster.closeStep(1, {0, 1, 2}, 21);
  EXPECT_EQ(cluster.pull(1, {99})[0], 0.0F - 0.1F * (sum / 21.0F));
  EXPECT_EQ(cluster.store(0).rowCount(1), 1);
}

TEST(ParameterStore, aRowOfSeveralMicroBatchesIsUpdatedOnceByTheSum) {
  TestCluster parts(makeModel(), 1);
  TestCluster whole(makeModel(), 1);
  for (int32_t m : {0, 1, 2})
    parts.pushRows({0, 0, m, 0}, 2, 0, {7}, std::vector<float>(9, 1.0F));
  parts.closeStep(0, {0, 1, 2}, 6);
  whole.pushRows({0, 0, 0, 0}, 6, 0, {7}, std::vector<float>(9, 3.0F));
  whole.closeStep(0, {0}, 6);
  EXPECT_TRUE(bitEqual(parts.everything(), whole.everything())); // adagrad's accumulator has one square
}

TEST(ParameterStore, duplicatesAndLatePushesAreDropped) {
  TestCluster once(makeModel(), 2);
  TestCluster twice(makeModel(), 2);
  const std::vector<float> gradient(150000, 0.5F);
  const std::vector<float> row(9, 2.0F);
  for (TestCluster *cluster : {&once, &twice}) {
    cluster->pushDense({0, 0, 0, 0}, 4, 0, gradient);
    cluster->pushRows({0, 0, 0, 0}, 4, 0, {5}, row);
    cluster->pushRows({0, 0, 0, 1}, 4, 0, {6}, row); // another chunk is no duplicate
  }
  twice.pushDense({0, 0, 0, 0}, 4, 0, gradient);
  twice.pushRows({0, 0, 0, 0}, 4, 0, {5}, row);
  EXPECT_GT(twice.store(0).droppedPushes(), 0);
  for (TestCluster *cluster : {&once, &twice})
    cluster->closeStep(0, {0}, 4);
  twice.pushRows({0, 0, 0, 0}, 4, 0, {5}, row); // late
  EXPECT_FALSE(twice.store(0).hasStagedPushes());
  twice.pushDense({0, 0, 0, 0}, 4, 0, gradient); // late
  EXPECT_FALSE(twice.store(0).hasStagedPushes());
  for (TestCluster *cluster : {&once, &twice})
    cluster->closeStep(1, {}, 1);
  twice.closeStep(0, {0}, 4); // closed already
  EXPECT_EQ(twice.store(0).version(), 2);
  EXPECT_FALSE(twice.store(0).hasStagedPushes());
  EXPECT_TRUE(bitEqual(once.everything(), twice.everything()));
  EXPECT_EQ(once.store(0).rowCount(0) + once.store(1).rowCount(0), 2);
}

TEST(ParameterStore, microBatchesThatAreNotClosedAreForgotten) {
  TestCluster cluster(makeModel(), 1);
  cluster.pushDense({0, 0, 0, 0}, 1, 1, std::vector<float>(5, 1.0F));
  cluster.pushDense({0, 0, 1, 0}, 1, 1, std::vector<float>(5, 100.0F));
  cluster.closeStep(0, {0}, 1);
  EXPECT_EQ(cluster.dense(1)[0], -0.1F);
  EXPECT_FALSE(cluster.store(0).hasStagedPushes());
}

TEST(ParameterStore, asyncAppliesEachPushOnceAtOnce) {
  auto store = makeStore(makeModel());
  const std::vector<uint64_t> keys = {7};
  const std::vector<float> gradient = {6.0F};
  const std::vector<float> dense(5, 3.0F);
  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_TRUE(store->applyNow({0, 4, 1, 0}, 2, PushRows{1, keys, gradient}).ok());
    ASSERT_TRUE(store->applyNow({0, 4, 1, 0}, 2, PushDense{1, dense}).ok());
  }
  EXPECT_EQ(store->droppedPushes(), 2);
  float value = 0;
  EXPECT_TRUE(store->pullRows(1, keys, &value).ok());
  EXPECT_EQ(value, 0.0F - 0.1F * 3.0F);
  EXPECT_EQ(store->denseVersion()->values(1)[4], 0.0F - 0.1F * 1.5F);
  const uint64_t revision = store->denseVersion()->revision();
  EXPECT_TRUE(store->finishSteps(5).ok());
  EXPECT_EQ(store->version(), 5);
  ASSERT_TRUE(store->applyNow({0, 4, 2, 0}, 2, PushDense{1, dense}).ok()); // late
  EXPECT_EQ(store->denseVersion()->revision(), revision);
  ASSERT_TRUE(store->applyNow({0, 5, 1, 0}, 2, PushDense{1, dense}).ok());
  EXPECT_NE(store->denseVersion()->revision(), revision);
}

TEST(ParameterStore, pinnedVersionsStayAndMemoryIsUsedAgain) {
  TestCluster cluster(makeModel(), 1);
  ParameterStore &store = cluster.store(0);
  const auto step = [&](int64_t number) {
    cluster.pushDense({0, number, 0, 0}, 1, 0, std::vector<float>(150000, static_cast<float>(number + 1)));
    cluster.closeStep(number, {0}, 1);
  };
  auto pinned = store.denseVersion();
  const std::vector<float> before(pinned->values(0).begin(), pinned->values(0).end());
  const float *untouched = pinned->values(1).data();
  step(0);
  const float *second = store.denseVersion()->values(0).data();
  EXPECT_NE(second, pinned->values(0).data());
  EXPECT_EQ(store.denseVersion()->values(1).data(), untouched);
  step(1);
  EXPECT_NE(store.denseVersion()->values(0).data(), pinned->values(0).data());
  EXPECT_TRUE(bitEqual(before, {pinned->values(0).begin(), pinned->values(0).end()}));
  EXPECT_EQ(pinned->version(), 0);
  const float *first = pinned->values(0).data();
  pinned.reset();
  step(2);
  const float *third = store.denseVersion()->values(0).data();
  EXPECT_TRUE(third == first || third == second);
}

TEST(ParameterStore, readersAndUpdatesRunBesideEachOther) {
  auto store = makeStore(makeModel());
  const std::vector<uint64_t> keys = someKeys(2000);
  std::thread reader([&] {
    std::vector<float> out(keys.size());
    for (int i = 0; i < 50; ++i) {
      EXPECT_TRUE(store->pullRows(1, keys, out.data()).ok());
      const auto version = store->denseVersion();
      EXPECT_EQ(version->values(0).size(), 150000U);
    }
  });
  const std::vector<float> ones(keys.size(), 1.0F);
  const std::vector<float> dense(150000, 1.0F);
  for (int32_t m = 0; m < 20; ++m) {
    EXPECT_TRUE(store->applyNow({0, 0, m, 0}, 1, PushRows{1, keys, ones}).ok());
    EXPECT_TRUE(store->applyNow({0, 0, m, 0}, 1, PushDense{0, dense}).ok());
  }
  reader.join();
  float value = 0;
  EXPECT_TRUE(store->pullRows(1, {keys.data(), 1}, &value).ok());
  EXPECT_NEAR(value, -2.0F, 1e-4);
}

/// The statistics of key 7 in table fm after two micro-batches showed it and one was sent twice.
std::vector<float> countedTwice(bool async) {
  package::PackageInfo info = makeModel();
  addRule(info, "show_click", {{"show", 0.25}, {"click", 1}, {"decay", 0.5}});
  addRule(info, "period", {{"steps", 1}});
  auto store = ParameterStore::create(info, resolveKernel, {});
  EXPECT_TRUE(store.ok()) << store.status().message();
  const int part = *(*store)->findPart("fm", info.tables[1].parts[0].name);
  const std::vector<uint64_t> keys = {7};
  const std::vector<float> gradient(static_cast<size_t>(info.tables[1].parts[0].dim), 1.0F);
  const auto push = [&](int64_t step, int32_t microBatch, std::vector<float> counts) {
    const PushRows rows{part, keys, gradient, nullptr, counts};
    const PushKey key{0, step, microBatch, 0};
    EXPECT_TRUE((async ? (*store)->applyNow(key, 8, rows) : (*store)->stagePush(key, 8, rows)).ok());
  };
  push(0, 0, {3, 1});
  push(0, 1, {5, 2});
  push(0, 1, {5, 2}); // its answer got lost
  const std::vector<int32_t> both = {0, 1};
  if (async)
    EXPECT_TRUE((*store)->finishSteps(1).ok());
  else
    EXPECT_TRUE((*store)->closeStep(0, both, 16).ok());
  push(0, 1, {5, 2}); // late
  push(1, 0, {1, 0}); // a period later
  if (async)
    EXPECT_TRUE((*store)->finishSteps(2).ok());
  else
    EXPECT_TRUE((*store)->closeStep(1, std::vector<int32_t>{0}, 8).ok());
  std::vector<float> statistics;
  EXPECT_TRUE((*store)
                  ->table(1)
                  .visitRows([&](const RowImage &row) {
                    statistics.assign(row.state.begin(), row.state.begin() + 2);
                    return Status();
                  })
                  .ok());
  return statistics;
}

TEST(ParameterStore, showsAndClicksCountOnceAndDecay) {
  for (const bool async : {false, true})
    EXPECT_EQ(countedTwice(async), (std::vector<float>{8 * 0.5F + 1, 3 * 0.5F})) << async;
}

// Each optimizer's formula in double precision.
struct Trajectory {
  double value;
  double accumulator = 0;
  double m = 0;
  double u = 0;
  int steps = 0;
  void sgd(double g) { value -= 0.1 * g; }
  void adagrad(double g) {
    accumulator += g * g;
    value -= 0.05 * g / (std::sqrt(accumulator) + 1e-10);
  }
  void adam(double g) {
    ++steps;
    m = 0.9 * m + 0.1 * g;
    u = 0.999 * u + 0.001 * g * g;
    value -= 1e-3 * (m / (1 - std::pow(0.9, steps))) / (std::sqrt(u / (1 - std::pow(0.999, steps))) + 1e-8);
  }
};

TEST(ParameterStore, optimizersFollowTheirFormulas) {
  TestCluster cluster(makeModel(), 2);
  const uint64_t key = 77;
  Trajectory row[3] = {{cluster.pull(0, {key})[2]}, {cluster.pull(1, {key})[0]}, {cluster.pull(2, {key})[1]}};
  Trajectory dense[3] = {{cluster.dense(0)[149999]}, {cluster.dense(1)[3]}, {cluster.dense(2)[69]}};
  const int64_t sizes[3] = {150000, 5, 70};
  for (int64_t step = 0; step < 100; ++step) {
    const auto g = static_cast<float>(std::sin(static_cast<double>(step) * 0.7) + 0.2);
    const bool withDense = step < 20; // the large ones take a moment
    for (int i = 0; i < 3; ++i) {
      cluster.pushRows({0, step, 0, 0}, 8, i, {key},
                       std::vector<float>(static_cast<size_t>(cluster.store(0).partDim(i)), g * 8));
      if (withDense)
        cluster.pushDense({0, step, 0, 0}, 8, i, std::vector<float>(static_cast<size_t>(sizes[i]), g * 8));
    }
    cluster.closeStep(step, {0}, 8);
    row[0].adagrad(g), row[1].sgd(g), row[2].adam(g);
    if (withDense)
      dense[0].adam(g), dense[1].sgd(g), dense[2].adagrad(g);
  }
  EXPECT_NEAR(cluster.pull(0, {key})[2], row[0].value, 1e-5);
  EXPECT_NEAR(cluster.pull(1, {key})[0], row[1].value, 1e-5);
  EXPECT_NEAR(cluster.pull(2, {key})[1], row[2].value, 1e-5);
  EXPECT_NEAR(cluster.dense(0)[149999], dense[0].value, 1e-5);
  EXPECT_NEAR(cluster.dense(1)[3], dense[1].value, 1e-5);
  EXPECT_NEAR(cluster.dense(2)[69], dense[2].value, 1e-5);
}

TEST(ParameterStore, parallelUpdatesChangeNothing) {
  const package::PackageInfo info = makeModel();
  TestCluster serial(info, 1);
  StoreOptions options;
  options.seed = 42;
  options.parallelFor = [](int64_t count, const std::function<void(int64_t)> &body) {
    std::vector<std::thread> threads;
    for (int64_t i = count - 1; i >= 0; --i)
      threads.emplace_back(body, i);
    for (std::thread &thread : threads)
      thread.join();
  };
  std::vector<std::unique_ptr<ParameterStore>> stores;
  stores.push_back(std::move(*ParameterStore::create(info, resolveKernel, options)));
  TestCluster parallel(std::move(stores));
  trainSome(serial, 0, 2, 3);
  trainSome(parallel, 0, 2, 3);
  EXPECT_TRUE(bitEqual(serial.everything(), parallel.everything()));
}

TEST(Sharding, everyKeyAndBlockHasOneOwner) {
  for (int servers : {1, 2, 3, 5, 16, 4096}) {
    EXPECT_EQ(firstShardOf(0, servers), 0);
    EXPECT_EQ(firstShardOf(servers, servers), virtualShards);
    for (int shard = 0; shard < virtualShards; ++shard) {
      const int owner = ownerOfShard(shard, servers);
      ASSERT_GE(shard, firstShardOf(owner, servers));
      ASSERT_LT(shard, firstShardOf(owner + 1, servers));
    }
  }
  int64_t elements = 0;
  for (int server = 0; server < 3; ++server)
    elements += DenseLayout("w", 1000001, server, 3).localElements();
  EXPECT_EQ(elements, 1000001);
}

} // namespace
} // namespace heter::runtime
