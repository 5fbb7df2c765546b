// Updates within a step, part by part as the gradient comes: the same bits as at the step's end, for every optimizer
// and in whatever parts; what somebody else holds stays; and nothing of them shows before the step is closed.
#include "runtime/table/StoreInstant.h"
#include "tests/runtime/table/TestModel.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace heter::runtime {
namespace {

using namespace test;
using ::testing::HasSubstr;

using Values = std::vector<float>;
using Part = ValueCopies::Part;

/// Wide and narrow matrices with blocks that end amid a row, for every optimizer, and a vector.
package::PackageInfo makeMatrices() {
  package::PackageInfo info = makeModel();
  info.parameters = {makeParameter("adam", {70, 3000}, "uniform", 0.1, adam()),
                     makeParameter("adagrad", {5000, 33}, "uniform", 0.1, adagrad()),
                     makeParameter("sgd", {300, 300}, "uniform", 0.1, sgd()),
                     makeParameter("vector", {70}, "uniform", 0.1, adam())};
  return info;
}

std::vector<Part> cut(int64_t rows, int64_t columns, int64_t high, int64_t wide) {
  std::vector<Part> parts;
  for (int64_t row = 0; row < rows; row += high)
    for (int64_t column = 0; column < columns; column += wide)
      parts.push_back({row, std::min(high, rows - row), column, std::min(wide, columns - column)});
  return parts;
}

class EarlyUpdateTest : public ::testing::Test {
protected:
  static TestCluster makeCluster(bool inPlace) {
    StoreOptions options;
    options.seed = 42;
    options.updateInPlace = inPlace;
    auto store = ParameterStore::create(makeMatrices(), resolveKernel, options);
    EXPECT_TRUE(store.ok()) << store.status().message();
    std::vector<std::unique_ptr<ParameterStore>> stores;
    stores.push_back(std::move(*store));
    return TestCluster(std::move(stores));
  }
  static const std::vector<int64_t> &shapeOf(int parameter) {
    static const package::PackageInfo info = makeMatrices();
    return info.parameters[static_cast<size_t>(parameter)].shape;
  }
  static Values gradientOf(int64_t step, int parameter) {
    std::mt19937 random(static_cast<unsigned>(100 * step + parameter));
    std::uniform_real_distribution<float> uniform(-1, 1);
    Values values(static_cast<size_t>(shapeOf(parameter)[0] * (parameter == 3 ? 1 : shapeOf(parameter)[1])));
    std::generate(values.begin(), values.end(), [&] { return uniform(random); });
    return values;
  }
  static void runPart(EarlyUpdate &update, const Part &part, int parameter, const Values &gradient) {
    Values block;
    const int64_t width = shapeOf(parameter)[1];
    for (int64_t i = 0; i < part.rows; ++i) {
      const auto from = gradient.begin() + (part.row + i) * width + part.column;
      block.insert(block.end(), from, from + part.columns);
    }
    update.run(part, block.data());
  }
  std::unique_ptr<EarlyUpdate> begin(int64_t step, int parameter) {
    auto update = store_.beginUpdate({0, step, 0, 0}, examples, parameter);
    EXPECT_TRUE(update.ok()) << update.status().message();
    return update.ok() ? std::move(*update) : nullptr;
  }
  void updateEarly(int64_t step, int parameter, std::vector<Part> parts) {
    std::unique_ptr<EarlyUpdate> update = begin(step, parameter);
    const Values gradient = gradientOf(step, parameter);
    std::shuffle(parts.begin(), parts.end(), std::mt19937(static_cast<unsigned>(step)));
    const auto half = static_cast<std::ptrdiff_t>(parts.size() / 2);
    std::thread other([&] {
      std::for_each(parts.begin(), parts.begin() + half,
                    [&](const Part &part) { runPart(*update, part, parameter, gradient); });
    });
    std::for_each(parts.begin() + half, parts.end(),
                  [&](const Part &part) { runPart(*update, part, parameter, gradient); });
    other.join();
    const Status finished = update->finish();
    EXPECT_TRUE(finished.ok()) << finished.message();
  }
  static void updateAtTheEnd(TestCluster &cluster, int64_t step, int parameter) {
    cluster.pushDense({0, step, 0, 0}, examples, parameter, gradientOf(step, parameter));
  }
  static constexpr int64_t examples = 3;

  TestCluster cluster_ = makeCluster(/*inPlace=*/true), reference_ = makeCluster(/*inPlace=*/false);
  ParameterStore &store_ = cluster_.store(0);
};

TEST_F(EarlyUpdateTest, haveTheBitsOfThoseAtTheEnd) {
  for (int64_t step = 0; step < 4; ++step) {
    // The two forms mix, and parts of every step are others.
    updateEarly(step, 0, cut(70, 3000, 32 * (step + 1), step % 2 ? 1024 : 512));
    updateEarly(step, 1, cut(5000, 33, 128, 64));
    if (step % 2)
      updateEarly(step, 2, cut(300, 300, 64, 96));
    else
      updateAtTheEnd(cluster_, step, 2);
    updateAtTheEnd(cluster_, step, 3);
    for (int parameter = 0; parameter < 4; ++parameter)
      updateAtTheEnd(reference_, step, parameter);
    cluster_.closeStep(step, {0}, examples);
    reference_.closeStep(step, {0}, examples);
    ASSERT_TRUE(bitEqual(cluster_.everything(), reference_.everything())) << step;
    EXPECT_EQ(store_.denseVersion()->version(), step + 1);
  }
}

TEST_F(EarlyUpdateTest, writeOverValuesThatOnlyTheStepReads) {
  const int64_t bytes = store_.denseMemoryBytes();
  const std::shared_ptr<const DenseVersion> read = store_.denseVersionOfStep();
  const float *place = read->values(0).data();
  const uint64_t revision = read->revision();
  updateEarly(0, 0, cut(70, 3000, 32, 1024));
  cluster_.closeStep(0, {0}, examples);
  EXPECT_EQ(store_.denseVersion()->values(0).data(), place);
  EXPECT_EQ(store_.denseMemoryBytes(), bytes);
  EXPECT_NE(store_.denseVersion()->revision(), revision) << "other values are another revision";
}

TEST_F(EarlyUpdateTest, leaveWhatASaveReads) {
  std::unique_ptr<StoreInstant> instant = store_.snapshot();
  Values before, after;
  instant->readDenseState(0, 0, before);
  updateEarly(0, 0, cut(70, 3000, 32, 1024));
  instant->readDenseState(0, 0, after);
  EXPECT_TRUE(bitEqual(before, after));
  cluster_.closeStep(0, {0}, examples);
  instant->readDenseState(0, 0, after);
  EXPECT_TRUE(bitEqual(before, after));
  instant.reset();
  updateAtTheEnd(reference_, 0, 0);
  reference_.closeStep(0, {0}, examples);
  EXPECT_TRUE(bitEqual(cluster_.everything(), reference_.everything()));
}

TEST_F(EarlyUpdateTest, leaveWhatSomebodyHolds) {
  const std::shared_ptr<const DenseVersion> held = store_.denseVersion();
  const Values before(held->values(0).begin(), held->values(0).end());
  updateEarly(0, 0, cut(70, 3000, 32, 1024));
  cluster_.closeStep(0, {0}, examples);
  EXPECT_TRUE(bitEqual(before, Values(held->values(0).begin(), held->values(0).end())));
  EXPECT_NE(store_.denseVersion()->values(0).data(), held->values(0).data());
}

TEST_F(EarlyUpdateTest, refuseWhatDoesNotBelongToTheStep) {
  const auto message = [&](const PushKey &key, int64_t count, int parameter) {
    return std::string(store_.beginUpdate(key, count, parameter).status().message());
  };
  EXPECT_THAT(message({0, 1, 0, 0}, examples, 0), HasSubstr("does not belong to step 0"));
  EXPECT_THAT(message({1, 0, 0, 0}, examples, 0), HasSubstr("generation"));
  EXPECT_THAT(message({0, 0, 0, 0}, 0, 0), HasSubstr("at least one example"));
  updateEarly(0, 0, cut(70, 3000, 32, 1024));
  EXPECT_THAT(message({0, 0, 0, 0}, examples, 0), HasSubstr("`adam` is updated twice"));
  EXPECT_THAT(message({0, 0, 0, 0}, examples + 1, 1), HasSubstr("with 4 examples"));
  const std::vector<int32_t> microBatches = {0};
  EXPECT_THAT(std::string(store_.closeStep(0, microBatches, examples + 1).message()),
              HasSubstr("parameters are updated with 3"));
  EXPECT_TRUE(store_.closeStep(0, microBatches, examples).ok());
  updateEarly(1, 0, cut(70, 3000, 32, 1024));
}

TEST_F(EarlyUpdateTest, wantEveryPartOnce) {
  const Values gradient = gradientOf(0, 0);
  std::unique_ptr<EarlyUpdate> update = begin(0, 0);
  std::vector<Part> parts = cut(70, 3000, 32, 1024);
  for (size_t i = 0; i + 1 < parts.size(); ++i)
    runPart(*update, parts[i], 0, gradient);
  EXPECT_THAT(std::string(update->finish().message()), HasSubstr("`adam` are missing or come twice"));
}

// A failed run's half step goes with it: a store that begins anew knows nothing of it.
TEST_F(EarlyUpdateTest, areForgottenByAReset) {
  updateEarly(0, 0, cut(70, 3000, 32, 1024));
  std::unique_ptr<EarlyUpdate> unfinished = begin(0, 1);
  unfinished.reset();
  store_.reset(42, 0);
  EXPECT_TRUE(bitEqual(cluster_.everything(), reference_.everything()));
  updateEarly(0, 0, cut(70, 3000, 32, 1024));
  cluster_.closeStep(0, {0}, examples);
}

} // namespace
} // namespace heter::runtime
