// Whole runs of the tiny model in the three modes: results depend on the model, the data and the options that change
// what is computed, and on nothing else.
#include "tests/runtime/role/TinyRun.h"

#include "runtime/role/Coordinator.h"
#include "runtime/role/CpuTrainer.h"
#include "runtime/role/HeterTrainer.h"
#include "runtime/role/Server.h"
#include "runtime/rpc/AsioTransport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace heter::runtime::test {
namespace {

using std::chrono::milliseconds;

class ClusterTest : public testing::Test {
protected:
  TinyData data_;
  Package local_ = tinyPackage("local"), ps_ = tinyPackage("ps"), heter_ = tinyPackage("heter-ps"),
          lookingUp_ = tinyPackage("heter-ps", LooksUp::HeterTrainer);

  RunOptions clusterOptions() const {
    RunOptions options = tinyOptions(data_);
    options.servers = 2;
    options.cpuTrainers = 2;
    return options;
  }
};

TEST_F(ClusterTest, PackagesAreWellFormed) {
  for (const Package *package : {&local_, &ps_, &heter_, &lookingUp_}) {
    Status status = verifyPackage(package->info, package->programs);
    EXPECT_TRUE(status.ok()) << package->info.mode << ": " << status.message();
  }
}

TEST_F(ClusterTest, LocalLearns) {
  RunOptions options = tinyOptions(data_);
  options.epochs = 4;
  options.testFiles = {data_.file()};
  Outcome outcome = simulate(local_, options, 1);
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.status().message();
  const RunResult &result = *outcome.result;
  EXPECT_EQ(result.examples, 800);
  EXPECT_EQ(result.steps, 100);
  EXPECT_EQ(result.losses.size(), 100u);
  EXPECT_LT(result.losses.back().loss, result.losses.front().loss);
  ASSERT_TRUE(result.test && result.test->aucs.at("auc") && result.train.aucs.at("auc"));
  EXPECT_EQ(result.test->examples, 200);
  EXPECT_GT(*result.test->aucs.at("auc"), 0.7);
  EXPECT_GT(result.tables.at("emb"), 10);
}

TEST_F(ClusterTest, ASimulatedClusterRepeatsItself) {
  RunOptions options = clusterOptions();
  options.testFiles = {data_.file()};
  Outcome first = simulate(heter_, options, 5, milliseconds(30));
  Outcome again = simulate(heter_, options, 5, milliseconds(30));
  ASSERT_TRUE(first.result.ok()) << first.result.status().message();
  EXPECT_EQ(first.trace, again.trace);
  EXPECT_EQ(losses(first.result), losses(again.result));
  EXPECT_GT(first.result->bytesSent, 0);
  EXPECT_EQ(first.result->roles.size(), 5u);
}

TEST_F(ClusterTest, TimingChangesNothing) {
  RunOptions options = clusterOptions();
  options.testFiles = {data_.file()};
  Outcome reference = simulate(heter_, options, 1);
  ASSERT_TRUE(reference.result.ok()) << reference.result.status().message();
  EXPECT_EQ(losses(reference.result).size(), 13u); // 25 micro-batches of 8 in steps of 2
  for (uint64_t seed = 2; seed < 10; ++seed) {
    options.inFlight = static_cast<int32_t>(seed % 8 + 1);
    Outcome other = simulate(heter_, options, seed, milliseconds(20 * seed));
    ASSERT_TRUE(other.result.ok()) << other.result.status().message();
    EXPECT_NE(other.trace, reference.trace);
    EXPECT_EQ(losses(other.result), losses(reference.result)) << "seed " << seed;
    EXPECT_EQ(other.result->test->aucs, reference.result->test->aucs);
    EXPECT_EQ(other.result->train.aucs, reference.result->train.aucs);
  }
}

TEST_F(ClusterTest, AllModesAndTopologiesAgree) {
  RunOptions options = tinyOptions(data_);
  options.microBatches = 4;
  options.saveFolder = data_.path("local");
  options.testFiles = {data_.file()};
  Outcome reference = simulate(local_, options, 1);
  ASSERT_TRUE(reference.result.ok()) << reference.result.status().message();
  std::string expected = dump(options.saveFolder);
  ASSERT_FALSE(expected.starts_with("error")) << expected;
  int number = 0;
  for (const Package *package : {&ps_, &heter_, &lookingUp_})
    for (int servers : {1, 3})
      for (int trainers : {1, 2, 4}) {
        options.servers = servers;
        options.cpuTrainers = trainers;
        options.heterTrainers = {{"gpu", servers}};
        options.saveFolder = data_.path("cluster" + std::to_string(++number));
        Outcome other = simulate(*package, options, 3, milliseconds(10));
        ASSERT_TRUE(other.result.ok()) << other.result.status().message();
        EXPECT_EQ(losses(other.result), losses(reference.result));
        EXPECT_EQ(other.result->test->loss, reference.result->test->loss);
        EXPECT_EQ(other.result->tables, reference.result->tables);
        EXPECT_EQ(dump(options.saveFolder), expected);
      }
}

TEST_F(ClusterTest, ThreadsAndFramesInFlightChangeNothing) {
  RunOptions options = clusterOptions();
  options.microBatches = 8;
  options.poisonFreed = true;
  options.devices["gpu"] = "separate";
  std::vector<double> expected;
  for (int threads : {1, 2})
    for (int inFlight : {1, 8}) {
      options.inFlight = inFlight;
      StatusOr<RunResult> result = runThreaded(heter_, options, threads, milliseconds(threads == 2 ? 3 : 0));
      ASSERT_TRUE(result.ok()) << result.status().message();
      if (expected.empty())
        expected = losses(result);
      EXPECT_EQ(losses(result), expected);
      EXPECT_EQ(result->examples, 200);
    }
  EXPECT_EQ(expected.size(), 4u);
}

TEST_F(ClusterTest, AsyncRunsToItsEnd) {
  RunOptions options = clusterOptions();
  options.update = UpdateMode::Async;
  options.inFlight = 8;
  options.epochs = 4;
  options.testFiles = {data_.file()};
  for (const Package *package : {&local_, &ps_, &heter_, &lookingUp_}) {
    Outcome outcome = simulate(*package, options, 9, milliseconds(20));
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.status().message();
    EXPECT_EQ(outcome.result->examples, 800);
    EXPECT_GT(*outcome.result->test->aucs.at("auc"), 0.7);
  }
}

TEST_F(ClusterTest, ASavedRunGoesOn) {
  for (const Package *package : {&local_, &heter_}) {
    RunOptions options = clusterOptions();
    options.microBatches = 2;
    options.epochs = 2;
    options.saveFolder = data_.path(package->info.mode + "-whole");
    Outcome whole = simulate(*package, options, 1);
    ASSERT_TRUE(whole.result.ok()) << whole.result.status().message();
    options.epochs = 1;
    options.saveFolder = data_.path(package->info.mode + "-half");
    Outcome half = simulate(*package, options, 2);
    ASSERT_TRUE(half.result.ok()) << half.result.status().message();
    options.loadFolder = options.saveFolder;
    options.saveFolder = data_.path(package->info.mode + "-rest");
    options.servers = 3;
    Outcome rest = simulate(*package, options, 3);
    ASSERT_TRUE(rest.result.ok()) << rest.result.status().message();
    std::vector<double> both = losses(half.result);
    for (double loss : losses(rest.result))
      both.push_back(loss);
    EXPECT_EQ(both, losses(whole.result));
    EXPECT_EQ(rest.result->losses.front().step, 13);
    EXPECT_EQ(dump(options.saveFolder), dump(data_.path(package->info.mode + "-whole")));
  }
}

TEST_F(ClusterTest, RunsOverTcp) {
  RunOptions options = clusterOptions();
  options.testFiles = {data_.file()};
  auto kernels = tinyKernels();
  auto files = makePosixFileSystem();
  RunHooks hooks;
  std::promise<StatusOr<RunResult>> promise;
  std::vector<std::promise<Status>> left(5);
  std::vector<std::shared_ptr<Role>> roles;
  std::shared_ptr<Coordinator> coordinator;
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(2);
  std::vector<std::unique_ptr<Transport>> transports;
  auto context = [&]() -> RoleContext {
    transports.push_back(makeAsioTransport(*scheduler));
    return {heter_, kernels, *files, *scheduler, *transports.back(), options, /*watch=*/true, false};
  };
  ClusterFile cluster = loopbackCluster(heter_.info, options, "127.0.0.1:0");
  coordinator = std::make_shared<Coordinator>(context(), cluster, hooks);
  auto address = coordinator->listen();
  ASSERT_TRUE(address.ok()) << address.status().message();
  coordinator->start([&](StatusOr<RunResult> result) { promise.set_value(std::move(result)); });
  for (int i = 0; i < 2; ++i) {
    roles.push_back(std::make_shared<Server>(context(), i, "127.0.0.1:0", *address));
    roles.push_back(std::make_shared<CpuTrainer>(context(), i, *address));
  }
  roles.push_back(std::make_shared<HeterTrainer>(context(), "heter-trainer.gpu", 0, "127.0.0.1:0", *address));
  for (size_t i = 0; i < roles.size(); ++i)
    roles[i]->start([&left, i](StatusOr<RoleSummary> summary) { left[i].set_value(summary.status()); });
  StatusOr<RunResult> result = promise.get_future().get();
  for (auto &role : left)
    EXPECT_TRUE(role.get_future().get().ok());
  transports.clear();
  scheduler.reset();
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(losses(result), losses(simulate(heter_, options, 1).result));
}

} // namespace
} // namespace heter::runtime::test
