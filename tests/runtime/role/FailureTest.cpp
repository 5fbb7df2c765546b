// Runs that fail: every role ends, and one message names the role and the cause.
#include "tests/runtime/role/TinyModel.h"

#include "runtime/role/Coordinator.h"
#include "runtime/role/Server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heter::runtime::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AnyOf;
using testing::HasSubstr;

class FailureTest : public testing::Test {
protected:
  TinyData data_;
  Package heter_ = tinyPackage("heter-ps");

  RunOptions clusterOptions() const {
    RunOptions options = tinyOptions(data_);
    options.servers = 2;
    options.cpuTrainers = 2;
    return options;
  }
};

TEST_F(FailureTest, ALostRoleIsNamed) {
  for (const auto &[role, index] :
       {std::pair<std::string, int>("server", 1), {"cpu-trainer", 0}, {"heter-trainer.gpu", 0}}) {
    for (uint64_t seed = 1; seed < 6; ++seed) {
      Outcome outcome = simulate(heter_, clusterOptions(), seed, milliseconds(40),
                                 [&](InProcessRun &run, SimulatedScheduler &scheduler) {
                                   scheduler.postAt(milliseconds(300 + 50 * seed), [&] { run.cut(role, index); });
                                 });
      ASSERT_FALSE(outcome.result.ok());
      EXPECT_THAT(outcome.result.status().message(), HasSubstr(role + " " + std::to_string(index)));
      EXPECT_LT(outcome.end, seconds(10));
    }
  }
}

TEST_F(FailureTest, SilenceIsNoticed) {
  // From frame 300 on nothing arrives.
  SimulatedScheduler scheduler(1);
  auto files = makePosixFileSystem();
  auto kernels = tinyKernels();
  RunHooks hooks;
  RunOptions options = clusterOptions();
  InProcessRun run(
      {heter_, kernels, *files, scheduler, options, hooks},
      [](uint64_t number) { return number < 300 ? Duration(milliseconds(5)) : Duration(seconds(1000)); },
      /*watch=*/true);
  Status status;
  TimePoint end{};
  run.start([&](StatusOr<RunResult> result) {
    status = result.status();
    end = scheduler.now();
  });
  scheduler.runUntilIdle();
  run.shutdown();
  scheduler.runUntilIdle();
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_THAT(status.message(), HasSubstr("it has been silent for 8 s"));
}

TEST_F(FailureTest, AMissingKernelIsNamedWithItsRole) {
  FunctionKernels kernels = tinyKernels();
  kernels.functions.erase("backward");
  Outcome outcome = simulate(heter_, clusterOptions(), 1, {}, nullptr, kernels);
  EXPECT_THAT(outcome.result.status().message(), HasSubstr("heter-trainer.gpu 0: "));
  EXPECT_THAT(outcome.result.status().message(), HasSubstr("backward"));
}

TEST_F(FailureTest, AWrongLineIsNamed) {
  RunOptions options = clusterOptions();
  options.dataFiles = {data_.path("missing.tsv")};
  Outcome outcome = simulate(heter_, options, 1);
  EXPECT_THAT(outcome.result.status().message(), HasSubstr("cpu-trainer"));
  EXPECT_THAT(outcome.result.status().message(), HasSubstr("missing.tsv"));
}

TEST_F(FailureTest, ADataFailureInALocalRunEndsIt) {
  RunOptions options = tinyOptions(data_);
  options.lines = {5000, 6000};
  Outcome outcome = simulate(tinyPackage("local"), options, 1);
  EXPECT_THAT(outcome.result.status().message(), HasSubstr(" before line 5000"));
}

TEST_F(FailureTest, WrongOptionsAreRefused) {
  RunOptions options = clusterOptions();
  options.heterTrainers = {{"gpo", 1}};
  EXPECT_THAT(simulate(heter_, options, 1).result.status().message(),
              HasSubstr("the package has no device class 'gpo'"));
  options = clusterOptions();
  options.servers = 0;
  EXPECT_THAT(simulate(heter_, options, 1).result.status().message(), HasSubstr("--servers must be at least 1"));
}

TEST_F(FailureTest, AnotherProgramIsRefusedWithBothHashes) {
  SimulatedScheduler scheduler(1);
  auto files = makePosixFileSystem();
  auto kernels = tinyKernels();
  RunHooks hooks;
  RunOptions options = tinyOptions(data_);
  MemoryNetwork network(scheduler);
  auto ours = makeMemoryTransport(network), theirs = makeMemoryTransport(network);
  Package other = heter_;
  other.hash = "0123456789abcdef";
  RoleContext here{heter_, kernels, *files, scheduler, *ours, options, false, false};
  RoleContext there{other, kernels, *files, scheduler, *theirs, options, false, false};
  auto coordinator = std::make_shared<Coordinator>(here, loopbackCluster(heter_.info, options, "coordinator"), hooks);
  ASSERT_TRUE(coordinator->listen().ok());
  auto server = std::make_shared<Server>(there, 0, "server 0", "coordinator");
  Status coordinators, servers;
  coordinator->start([&](StatusOr<RunResult> result) { coordinators = result.status(); });
  server->start([&](StatusOr<RoleSummary> result) { servers = result.status(); });
  scheduler.runUntilIdle();
  for (const Status &status : {coordinators, servers}) {
    EXPECT_EQ(status.code(), StatusCode::FailedPrecondition);
    EXPECT_THAT(status.message(), HasSubstr("server 0 runs program 0123456789abcdef"));
    EXPECT_THAT(status.message(), HasSubstr(heter_.hash));
  }
  ours->shutdown();
  theirs->shutdown();
  scheduler.runUntilIdle();
}

TEST_F(FailureTest, AnAddressInUseIsNamed) {
  SimulatedScheduler scheduler(1);
  auto files = makePosixFileSystem();
  auto kernels = tinyKernels();
  RunHooks hooks;
  RunOptions options = tinyOptions(data_);
  MemoryNetwork network(scheduler);
  auto ours = makeMemoryTransport(network), theirs = makeMemoryTransport(network);
  RoleContext here{heter_, kernels, *files, scheduler, *ours, options, false, false};
  RoleContext there{heter_, kernels, *files, scheduler, *theirs, options, false, false};
  auto coordinator = std::make_shared<Coordinator>(here, loopbackCluster(heter_.info, options, "coordinator"), hooks);
  ASSERT_TRUE(coordinator->listen().ok());
  auto server = std::make_shared<Server>(there, 0, "coordinator", "coordinator");
  Status coordinators, servers;
  coordinator->start([&](StatusOr<RunResult> result) { coordinators = result.status(); });
  server->start([&](StatusOr<RoleSummary> result) { servers = result.status(); });
  scheduler.runUntilIdle();
  EXPECT_EQ(coordinators.message(), "server 0: address coordinator is in use");
  EXPECT_EQ(servers.message(), coordinators.message());
  ours->shutdown();
  theirs->shutdown();
  scheduler.runUntilIdle();
}

TEST_F(FailureTest, RolesThatNeverComeAreNamed) {
  SimulatedScheduler scheduler(1);
  auto files = makePosixFileSystem();
  auto kernels = tinyKernels();
  RunHooks hooks;
  RunOptions options = tinyOptions(data_);
  MemoryNetwork network(scheduler);
  auto transport = makeMemoryTransport(network);
  RoleContext context{heter_, kernels, *files, scheduler, *transport, options, false, false};
  auto coordinator =
      std::make_shared<Coordinator>(context, loopbackCluster(heter_.info, options, "coordinator"), hooks);
  ASSERT_TRUE(coordinator->listen().ok());
  Status status;
  coordinator->start([&](StatusOr<RunResult> result) { status = result.status(); });
  scheduler.runUntilIdle();
  EXPECT_EQ(status.message(), "cpu-trainer 0, heter-trainer.gpu 0, server 0 did not join within 120 s");
}

} // namespace
} // namespace heter::runtime::test
