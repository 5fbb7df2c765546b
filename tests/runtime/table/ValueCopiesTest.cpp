// Copies that updates make, and of first and loaded values if asked for: every part of the newest values once, none of
// older or averaged ones, and not a bit of difference to the values.
#include "tests/runtime/table/TestModel.h"

#include <cstring>
#include <gtest/gtest.h>
#include <mutex>

namespace heter::runtime {
namespace {

using namespace test;

/// Copies values as they are and counts how often each was copied.
class PlainCopies final : public ValueCopies {
public:
  struct Copy {
    std::vector<float> values;
    std::vector<int> times;
  };
  explicit PlainCopies(const package::PackageInfo &info) {
    for (const package::Parameter &parameter : info.parameters)
      shapes_.push_back(parameter.shape);
  }

  std::shared_ptr<void> take(int parameter) override {
    const std::vector<int64_t> &shape = shapes_[static_cast<size_t>(parameter)];
    if (shape.size() != 2)
      return nullptr;
    const auto elements = static_cast<size_t>(shape[0] * shape[1]);
    return std::make_shared<Copy>(Copy{std::vector<float>(elements), std::vector<int>(elements)});
  }
  void make(int parameter, void *copies, const float *values, const Part &part) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::vector<int64_t> &shape = shapes_[static_cast<size_t>(parameter)];
    EXPECT_TRUE(part.row % unit == 0 && part.column % unit == 0);
    EXPECT_TRUE(part.rows % unit == 0 || part.row + part.rows == shape[0]);
    EXPECT_TRUE(part.columns % unit == 0 || part.column + part.columns == shape[1]);
    for (int64_t i = part.row; i < part.row + part.rows; ++i)
      for (int64_t j = part.column; j < part.column + part.columns; ++j) {
        const auto at = static_cast<size_t>(i * shape[1] + j);
        static_cast<Copy *>(copies)->values[at] = values[at];
        ++static_cast<Copy *>(copies)->times[at];
      }
  }

private:
  std::vector<std::vector<int64_t>> shapes_;
  std::mutex mutex_;
};

/// Matrices wider and narrower than a task, with rests and with blocks that end amid a row.
package::PackageInfo makeMatrices() {
  package::PackageInfo info = makeModel();
  info.parameters = {makeParameter("wide", {70, 3000}, "uniform", 0.1, adam()),
                     makeParameter("narrow", {5000, 33}, "uniform", 0.1, adam()),
                     makeParameter("column", {40, 1}, "uniform", 0.1, sgd()),
                     makeParameter("vector", {70}, "uniform", 0.1, adagrad())};
  return info;
}

class ValueCopiesTest : public ::testing::Test {
protected:
  static TestCluster makeCluster(ValueCopies *copies, int servers = 1, bool inPlace = false) {
    std::vector<std::unique_ptr<ParameterStore>> stores;
    for (int server = 0; server < servers; ++server) {
      StoreOptions options;
      options.seed = 42;
      options.shardIndex = server;
      options.shardCount = servers;
      options.copies = copies;
      options.updateInPlace = inPlace;
      auto store = ParameterStore::create(makeMatrices(), resolveKernel, options);
      EXPECT_TRUE(store.ok()) << store.status().message();
      stores.push_back(std::move(*store));
    }
    return TestCluster(std::move(stores));
  }
  static const PlainCopies::Copy *copyOf(const DenseVersion &version, int parameter) {
    return static_cast<const PlainCopies::Copy *>(version.copies(parameter));
  }

  PlainCopies copies_{makeMatrices()};
};

TEST_F(ValueCopiesTest, areMadeOfEachVersionOnceAndChangeNoBit) {
  TestCluster with = makeCluster(&copies_), without = makeCluster(nullptr);
  for (int parameter = 0; parameter < 4; ++parameter)
    EXPECT_EQ(with.store(0).denseVersion()->copies(parameter), nullptr) << "before any update";
  for (int64_t step = 0; step < 3; ++step) {
    trainSome(with, step, 1, 2);
    trainSome(without, step, 1, 2);
    const auto version = with.store(0).denseVersion();
    for (int parameter = 0; parameter < 3; ++parameter) {
      const PlainCopies::Copy *copy = copyOf(*version, parameter);
      ASSERT_TRUE(copy);
      const std::span<const float> values = version->values(parameter);
      EXPECT_EQ(std::memcmp(copy->values.data(), values.data(), values.size_bytes()), 0);
      EXPECT_EQ(copy->times, std::vector<int>(values.size(), 1));
    }
    EXPECT_EQ(version->copies(3), nullptr);
  }
  EXPECT_TRUE(bitEqual(with.everything(), without.everything()));
}

// An update in place makes them anew where they are, unless somebody holds them.
TEST_F(ValueCopiesTest, areMadeInPlaceUnlessTheyAreHeld) {
  TestCluster cluster = makeCluster(&copies_, 1, /*inPlace=*/true), without = makeCluster(nullptr);
  const PlainCopies::Copy *first = nullptr;
  std::shared_ptr<const DenseVersion> held;
  std::vector<float> heldCopy;
  for (int64_t step = 0; step < 4; ++step) {
    trainSome(cluster, step, 1, 2);
    trainSome(without, step, 1, 2);
    const auto version = cluster.store(0).denseVersion();
    const PlainCopies::Copy *copy = copyOf(*version, 0);
    ASSERT_TRUE(copy);
    EXPECT_EQ(std::memcmp(copy->values.data(), version->values(0).data(), version->values(0).size_bytes()), 0);
    if (step == 0)
      first = copy;
    if (step == 1) {
      EXPECT_EQ(copy, first);
      EXPECT_EQ(copy->times, std::vector<int>(copy->times.size(), 2));
      held = version;
      heldCopy = copy->values;
    }
    EXPECT_EQ(copy == first, step <= 1);
  }
  EXPECT_EQ(copyOf(*held, 0)->values, heldCopy);
  EXPECT_TRUE(bitEqual(cluster.everything(), without.everything()));
}

TEST_F(ValueCopiesTest, ofFirstAndLoadedValuesAreMadeWhenAskedFor) {
  TestCluster cluster = makeCluster(&copies_, 1, /*inPlace=*/true), without = makeCluster(nullptr);
  ParameterStore &store = cluster.store(0);
  const auto expectCopies = [&](int times) {
    const auto version = store.denseVersion();
    for (int parameter = 0; parameter < 3; ++parameter) {
      const PlainCopies::Copy *copy = copyOf(*version, parameter);
      ASSERT_TRUE(copy);
      const std::span<const float> values = version->values(parameter);
      EXPECT_EQ(std::memcmp(copy->values.data(), values.data(), values.size_bytes()), 0);
      EXPECT_EQ(copy->times, std::vector<int>(values.size(), times));
    }
    EXPECT_EQ(version->copies(3), nullptr);
  };
  store.copyDenseValues();
  expectCopies(1);
  const void *first = store.denseVersion()->copies(0);
  store.copyDenseValues();
  expectCopies(1);
  EXPECT_EQ(store.denseVersion()->copies(0), first) << "those that are there stay";
  trainSome(cluster, 0, 1, 1);
  trainSome(without, 0, 1, 1);
  expectCopies(2);
  EXPECT_EQ(store.denseVersion()->copies(0), first) << "an update finds them and writes over them";
  EXPECT_TRUE(bitEqual(cluster.everything(), without.everything()));

  std::vector<float> state;
  store.readDenseState(0, 0, state);
  store.writeDenseState(0, 0, state);
  EXPECT_EQ(store.denseVersion()->copies(0), nullptr);
  EXPECT_EQ(store.denseVersion()->version(), 1);
  store.copyDenseValues();
  EXPECT_NE(store.denseVersion()->copies(0), nullptr);
  EXPECT_EQ(store.denseVersion()->version(), 1);
}

TEST_F(ValueCopiesTest, ofLoadedValuesAreNone) {
  TestCluster cluster = makeCluster(&copies_);
  trainSome(cluster, 0, 1, 1);
  std::vector<float> state;
  cluster.store(0).readDenseState(0, 0, state);
  cluster.store(0).writeDenseState(0, 0, state);
  EXPECT_EQ(cluster.store(0).denseVersion()->copies(0), nullptr);
  EXPECT_NE(cluster.store(0).denseVersion()->copies(1), nullptr);
  cluster.store(0).reset(42, 0);
  EXPECT_EQ(cluster.store(0).denseVersion()->copies(1), nullptr);
}

TEST_F(ValueCopiesTest, ofAPartOfAParameterAreNone) {
  TestCluster cluster = makeCluster(&copies_, 2);
  const auto expectNone = [&] {
    for (int server = 0; server < 2; ++server)
      EXPECT_EQ(cluster.store(server).denseVersion()->copies(0), nullptr);
  };
  for (int server = 0; server < 2; ++server)
    cluster.store(server).copyDenseValues();
  expectNone();
  trainSome(cluster, 0, 1, 1);
  expectNone();
}

TEST_F(ValueCopiesTest, ofAParameterThatKeepsItsValuesStay) {
  TestCluster cluster = makeCluster(&copies_);
  trainSome(cluster, 0, 1, 1);
  const void *before = cluster.store(0).denseVersion()->copies(0);
  const std::vector<float> gradients(40, 1);
  cluster.pushDense({0, 1, 0, 0}, 1, 2, gradients);
  cluster.closeStep(1, {0}, 1);
  EXPECT_EQ(cluster.store(0).denseVersion()->copies(0), before);
  EXPECT_EQ(copyOf(*cluster.store(0).denseVersion(), 2)->values[0], cluster.dense(2)[0]);
}

} // namespace
} // namespace heter::runtime
