// Updates that write over values nobody holds: the same results to the bit with memory for one version, and never a
// change of what somebody does hold.
#include "runtime/table/StoreInstant.h"
#include "tests/runtime/table/TestModel.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>

namespace heter::runtime {
namespace {

using namespace test;

using Values = std::vector<float>;

class UpdateInPlaceTest : public ::testing::Test {
protected:
  static TestCluster makeCluster(bool inPlace, ParallelFor parallelFor = nullptr) {
    StoreOptions options;
    options.seed = 42;
    options.updateInPlace = inPlace;
    options.parallelFor = std::move(parallelFor);
    auto store = ParameterStore::create(makeModel(), resolveKernel, options);
    EXPECT_TRUE(store.ok()) << store.status().message();
    std::vector<std::unique_ptr<ParameterStore>> stores;
    stores.push_back(std::move(*store));
    return TestCluster(std::move(stores));
  }

  /// Updates one parameter.
  static void update(TestCluster &cluster, int64_t step, int parameter) {
    const size_t elements = cluster.dense(parameter).size();
    cluster.pushDense({0, step, 0, 0}, 1, parameter, Values(elements, static_cast<float>(step + 1)));
    cluster.closeStep(step, {0}, 1);
  }
  static Values copyOf(const DenseVersion &version, int parameter) {
    return {version.values(parameter).begin(), version.values(parameter).end()};
  }
  const float *place(int parameter) { return store_.denseVersion()->values(parameter).data(); }

  TestCluster cluster_ = makeCluster(/*inPlace=*/true);
  ParameterStore &store_ = cluster_.store(0);
};

TEST_F(UpdateInPlaceTest, changesNoBitAndTakesMemoryForOneVersion) {
  TestCluster other = makeCluster(/*inPlace=*/false);
  const int64_t bytes = store_.denseMemoryBytes();
  const float *places[] = {place(0), place(1), place(2)};
  for (int64_t step = 0; step < 4; ++step) {
    trainSome(cluster_, step, 1, 2);
    trainSome(other, step, 1, 2);
    EXPECT_TRUE(bitEqual(cluster_.everything(), other.everything()));
    for (int parameter = 0; parameter < 3; ++parameter)
      EXPECT_EQ(place(parameter), places[parameter]);
    EXPECT_EQ(store_.denseVersion()->version(), step + 1);
  }
  EXPECT_EQ(store_.denseMemoryBytes(), bytes);
  EXPECT_GT(other.store(0).denseMemoryBytes(), bytes);
}

TEST_F(UpdateInPlaceTest, whatIsHeldStays) {
  std::shared_ptr<const DenseVersion> held = store_.denseVersion();
  const Values before = copyOf(*held, 0);
  update(cluster_, 0, 0);
  const float *second = place(0);
  EXPECT_NE(second, held->values(0).data());
  update(cluster_, 1, 0);
  EXPECT_EQ(place(0), second) << "of the newer version nobody holds anything";
  EXPECT_TRUE(bitEqual(copyOf(*held, 0), before));
  EXPECT_NE(cluster_.dense(0), before);
}

// A version shares the values that no update changed with those before it.
TEST_F(UpdateInPlaceTest, whatAnOlderVersionHoldsStays) {
  std::shared_ptr<const DenseVersion> held = store_.denseVersion();
  const Values before = copyOf(*held, 1);
  update(cluster_, 0, 0);
  EXPECT_EQ(place(1), held->values(1).data());
  update(cluster_, 1, 1);
  EXPECT_NE(place(1), held->values(1).data());
  EXPECT_TRUE(bitEqual(copyOf(*held, 1), before));
  held.reset();
  const float *places[] = {place(0), place(1)};
  update(cluster_, 2, 0);
  update(cluster_, 3, 1);
  EXPECT_EQ(place(0), places[0]);
  EXPECT_EQ(place(1), places[1]);
}

TEST_F(UpdateInPlaceTest, blocksThatNobodyPushesStay) {
  const DenseBlock pushed = store_.layout(0).blocks()[1];
  std::shared_ptr<const DenseVersion> held;
  for (int64_t step = 0; step < 2; ++step) {
    const Values before = cluster_.dense(0), gradient(static_cast<size_t>(pushed.count), 1.0F);
    ASSERT_GT(std::ssize(before), pushed.localFirst + pushed.count);
    ASSERT_TRUE(store_.stagePush({0, step, 0, 0}, 1, PushDense{0, gradient, 1}).ok());
    cluster_.closeStep(step, {0}, 1);
    const Values after = cluster_.dense(0);
    for (int64_t i = 0; i < std::ssize(before); ++i) {
      const bool isPushed = i >= pushed.localFirst && i < pushed.localFirst + pushed.count;
      const auto at = static_cast<size_t>(i);
      ASSERT_EQ(after[at] != before[at], isPushed) << i << (held ? " held" : "");
    }
    held = store_.denseVersion(); // which the second update does not write over
  }
}

TEST_F(UpdateInPlaceTest, whatASaveReadsStays) {
  trainSome(cluster_, 0, 1, 2);
  TestCluster reference = makeCluster(/*inPlace=*/false);
  trainSome(reference, 0, 1, 2);
  std::vector<float> expected, state;
  reference.store(0).readDenseState(0, 1, expected);
  std::unique_ptr<StoreInstant> instant = store_.snapshot();
  const float *first = place(0);
  trainSome(cluster_, 1, 2, 2);
  EXPECT_NE(place(0), first);
  instant->readDenseState(0, 1, state);
  EXPECT_TRUE(bitEqual(state, expected));
  instant.reset();
  const float *last = place(0);
  trainSome(cluster_, 3, 1, 2);
  EXPECT_EQ(place(0), last);
  trainSome(reference, 1, 3, 2);
  EXPECT_TRUE(bitEqual(cluster_.everything(), reference.everything()));
}

TEST_F(UpdateInPlaceTest, whoAsksMeanwhileWaitsForTheNextVersion) {
  std::future<std::shared_ptr<const DenseVersion>> asked;
  const ParameterStore *store = nullptr;
  TestCluster cluster = makeCluster(/*inPlace=*/true, [&](int64_t count, const std::function<void(int64_t)> &body) {
    for (int64_t i = 0; i < count; ++i) {
      body(i);
      if (!asked.valid() && store) {
        asked = std::async(std::launch::async, [&] { return store->denseVersion(); });
        EXPECT_EQ(asked.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
      }
    }
  });
  update(cluster, 0, 0);
  const Values before = cluster.dense(0);
  store = &cluster.store(0);
  update(cluster, 1, 0);
  ASSERT_TRUE(asked.valid());
  const std::shared_ptr<const DenseVersion> version = asked.get();
  EXPECT_EQ(version->version(), 2);
  EXPECT_TRUE(bitEqual(copyOf(*version, 0), cluster.dense(0)));
  EXPECT_NE(copyOf(*version, 0), before);
}

TEST_F(UpdateInPlaceTest, aResetUsesTheMemoryThatNobodyHolds) {
  const int64_t bytes = store_.denseMemoryBytes();
  trainSome(cluster_, 0, 1, 2);
  store_.reset(42, 0);
  EXPECT_EQ(store_.denseMemoryBytes(), bytes);
  std::shared_ptr<const DenseVersion> held = store_.denseVersion();
  const Values before = copyOf(*held, 0);
  store_.reset(43, 0);
  EXPECT_TRUE(bitEqual(copyOf(*held, 0), before));
  EXPECT_NE(cluster_.dense(0), before);
  const float *first = place(0);
  update(cluster_, 0, 0);
  EXPECT_EQ(place(0), first) << "what is held is of before the reset";
}

} // namespace
} // namespace heter::runtime
