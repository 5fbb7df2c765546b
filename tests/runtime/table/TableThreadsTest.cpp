// Tables that several threads use at once.
#include "runtime/table/TableSnapshot.h"
#include "tests/runtime/table/PolicyTesting.h"
#include "tests/runtime/table/TableRows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <thread>

namespace heter::runtime {
namespace {

using namespace test;

/// A step's pushes to one part: of many keys, of few and of none.
struct Pushes {
  size_t dim;
  std::vector<std::vector<uint64_t>> keys = {};
  std::vector<std::vector<float>> gradients = {};

  Pushes(size_t dim, std::mt19937_64 &random) : dim(dim) {
    for (const size_t count : {size_t{5000} + random() % 2000, size_t{1024}, size_t{0}, size_t{7}}) {
      std::set<uint64_t> chosen;
      while (chosen.size() < count)
        chosen.insert(mixKey(random() % 20000));
      std::vector<uint64_t> &order = keys.emplace_back(chosen.begin(), chosen.end());
      std::shuffle(order.begin(), order.end(), random);
      for (float &value : gradients.emplace_back(count * dim))
        value = static_cast<float>(random() % 1000) * 0.013F - 6;
    }
  }
  std::vector<RowGradients> all() const {
    std::vector<RowGradients> pushes;
    for (size_t push = 0; push < keys.size(); ++push)
      pushes.push_back({keys[push], gradients[push]});
    return pushes;
  }
  std::map<uint64_t, std::vector<float>> sums() const {
    std::map<uint64_t, std::vector<float>> sums;
    for (size_t push = 0; push < keys.size(); ++push)
      for (size_t i = 0; i < keys[push].size(); ++i) {
        const float *const gradient = gradients[push].data() + i * dim;
        const auto [at, isNew] = sums.try_emplace(keys[push][i], gradient, gradient + dim);
        for (size_t d = 0; d < dim && !isNew; ++d)
          at->second[d] += gradient[d];
      }
    return sums;
  }
};

TEST(SparseTable, threadsThatShareAnUpdateDoWhatAnUpdateOfEachKeyDoes) {
  const TableSpec spec = policySpec({});
  SparseTable byKey(spec, 42, 0, virtualShards), shared(spec, 42, 0, virtualShards);
  std::mt19937_64 random(5);
  for (int64_t step = 0; step < 12; ++step) {
    const Pushes weights(weightDim, random), vectors(vectorDim, random);
    for (int part = 0; part < 2; ++part)
      for (const auto &[key, sum] : (part == 0 ? weights : vectors).sums()) {
        const RowGradients push{{&key, 1}, sum};
        byKey.update(part, {&push, 1}, 3.0F, {step, 0});
      }
    const std::vector<RowGradients> toWeights = weights.all(), toVectors = vectors.all();
    const std::vector<PartGradients> parts = {{1, toVectors}, {0, toWeights}};
    const SparseTable::Update update(shared, parts, 3.0F, {step, 0});
    std::atomic<int> next = 0, absent = step % 2 == 0 ? 2 : 4;
    std::vector<std::thread> threads;
    for (int t = absent; t > 0; --t)
      threads.emplace_back([&] {
        --absent;
        while (absent > 0) // so that they do share
          std::this_thread::yield();
        for (int piece = next++; piece < SparseTable::Update::pieces; piece = next++)
          update.run(piece);
      });
    for (std::thread &thread : threads)
      thread.join();
    ASSERT_EQ(rowsOf(shared), rowsOf(byKey)) << step;
  }
}

TEST(SparseTable, pullsUpdatesEvictionAndSnapshotsRunBesideEachOther) {
  Policy policy = policies()[2];
  const TableSpec spec = policySpec(policy);
  SparseTable table(spec, 42, 0, virtualShards);
  std::vector<uint64_t> keys;
  for (uint64_t i = 0; i < 3000; ++i)
    keys.push_back(mixKey(i));
  const std::vector<float> gradients(keys.size() * vectorDim, 1.0F);
  std::atomic<bool> stop{false};
  std::thread puller([&] {
    std::vector<float> out(keys.size() * vectorDim);
    while (!stop) {
      table.pull(1, keys, out.data());
      for (size_t i = 0; i < keys.size(); ++i) // equal gradients: whole rows show equal steps
        EXPECT_TRUE(std::isfinite(out[i * vectorDim]));
    }
  });
  std::thread shrinker([&] {
    for (int64_t step = 0; !stop; ++step)
      table.shrink({step, 0}, {step + 1, 0});
  });
  for (int64_t step = 0; step < 30; ++step) {
    const RowGradients push{keys, {gradients.data(), keys.size()}};
    table.update(0, {&push, 1}, 1, {step, 0});
    const RowGradients vectors{keys, gradients};
    table.update(1, {&vectors, 1}, 1, {step, 0});
  }
  stop = true;
  puller.join();
  shrinker.join();
  EXPECT_LE(table.rowCount(), 3000);
  EXPECT_EQ(table.rowCount(), [&] {
    int64_t rows = 0;
    EXPECT_TRUE(table.visitRows([&](const RowImage &) { return ++rows, Status(); }).ok());
    return rows;
  }());
}

} // namespace
} // namespace heter::runtime
