// Runs that fail: every role ends, and one message names the role and the cause.
#include "tests/runtime/role/TinyRun.h"

#include "runtime/role/Coordinator.h"
#include "runtime/role/Server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

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

  const std::vector<std::pair<std::string, int>> eachKind_ = {
      {"server", 1}, {"cpu-trainer", 0}, {"heter-trainer.gpu", 0}};

  static void expectNamed(const Outcome &outcome, const std::string &role, int index) {
    ASSERT_FALSE(outcome.result.ok());
    EXPECT_THAT(outcome.result.status().message(), HasSubstr(role + " " + std::to_string(index)));
    EXPECT_THAT(outcome.result.status().message(), AnyOf(HasSubstr("while the run waited for "),
                                                         HasSubstr("while waiting for "), HasSubstr("did not join")));
  }
};

TEST_F(FailureTest, AKilledRoleIsNamed) {
  for (const auto &[role, index] : eachKind_)
    for (uint64_t seed = 1; seed < 6; ++seed) {
      TimePoint event = milliseconds(300 + 50 * seed);
      Simulation simulation{.seed = seed, .weather = MemoryNetwork::randomDelay(seed, milliseconds(40))};
      simulation.before = [&](InProcessRun &run, SimulatedScheduler &scheduler) {
        scheduler.postAt(event, [&] { run.cut(role, index); });
      };
      Outcome outcome = simulate(heter_, clusterOptions(), std::move(simulation));
      expectNamed(outcome, role, index);
      EXPECT_LT(outcome.end - event, seconds(2));
    }
}

// A role that is stopped looks the same to the others: its connections stay open, and nothing comes.
TEST_F(FailureTest, ARoleThatIsCutOffIsNamedWithinTenSeconds) {
  for (const auto &[role, index] : eachKind_)
    for (uint64_t seed = 1; seed < 6; ++seed) {
      TimePoint event = milliseconds(300 + 50 * seed);
      std::string victim = displayName(role, index);
      bool cutOff = false;
      auto delay = MemoryNetwork::randomDelay(seed, milliseconds(40));
      Simulation simulation{.seed = seed};
      simulation.weather = [&](const MemoryNetwork::Sent &sent) {
        bool swallowed = cutOff && (sent.from == victim || sent.to == victim);
        return swallowed ? MemoryNetwork::Fate{.copies = 0} : delay(sent);
      };
      simulation.before = [&](InProcessRun &, SimulatedScheduler &scheduler) {
        scheduler.postAt(event, [&] { cutOff = true; });
      };
      Outcome outcome = simulate(heter_, clusterOptions(), std::move(simulation));
      expectNamed(outcome, role, index);
      EXPECT_THAT(outcome.result.status().message(), HasSubstr("it has been silent for 6 s"));
      // All roles, the one that is cut off among them.
      EXPECT_LT(outcome.end - event, silenceLimit + seconds(1)) << victim << ", seed " << seed;
    }
}

// Two roles that do not reach each other but the coordinator: whoever waits says for whom.
TEST_F(FailureTest, ALinkThatCarriesNothingIsNoticedByWhoWaits) {
  for (uint64_t seed = 1; seed < 6; ++seed) {
    bool broken = false;
    Simulation simulation{.seed = seed};
    simulation.weather = [&](const MemoryNetwork::Sent &sent) {
      bool swallowed = broken && (sent.from == "server 1" || sent.to == "server 1") &&
                       (sent.from == "cpu-trainer 0" || sent.to == "cpu-trainer 0");
      return MemoryNetwork::Fate{.delay = milliseconds(5), .copies = swallowed ? 0 : 1};
    };
    simulation.before = [&](InProcessRun &, SimulatedScheduler &scheduler) {
      scheduler.postAt(milliseconds(200), [&] { broken = true; });
    };
    Outcome outcome = simulate(heter_, clusterOptions(), std::move(simulation));
    EXPECT_THAT(
        outcome.result.status().message(),
        testing::MatchesRegex("cpu-trainer 0: lost server 1 at server 1: it has been silent for 6 s, while waiting for "
                              "(pull|push).*"));
    EXPECT_LT(outcome.end, seconds(10));
  }
}

TEST_F(FailureTest, ARoleThatIsNeverThereIsNamedWithinTenSeconds) {
  for (const auto &[role, index] : eachKind_) {
    Simulation simulation;
    simulation.before = [&](InProcessRun &run, SimulatedScheduler &) { run.leaveOut(role, index); };
    Outcome outcome = simulate(heter_, clusterOptions(), std::move(simulation));
    expectNamed(outcome, role, index);
    EXPECT_EQ(
        outcome.result.status().message(),
        displayName(role, index) +
            " did not join within 7 s of the last role that did; were they started? --patience gives them longer");
    EXPECT_LE(outcome.end, seconds(7) + milliseconds(1));
  }
}

TEST_F(FailureTest, AMissingKernelIsNamedWithItsRole) {
  Simulation simulation;
  simulation.kernels.functions.erase("backward");
  Outcome outcome = simulate(heter_, clusterOptions(), std::move(simulation));
  EXPECT_THAT(outcome.result.status().message(), HasSubstr("heter-trainer.gpu 0: "));
  EXPECT_THAT(outcome.result.status().message(), HasSubstr("backward"));
}

// Whoever waits for the rest of the frame, or for its step, must not wait for a deadline.
TEST_F(FailureTest, AFrameThatFailsEndsTheRunAtOnce) {
  auto attributeOf = [](Package &package, const std::string &role, package::NodeKind::type kind,
                        const std::string &name) -> std::string & {
    for (package::RoleProgram &program : package.programs)
      if (program.role == role)
        for (package::Node &node : program.train.nodes)
          if (node.kind == kind)
            return node.attributes.at(name).text;
    throw std::logic_error("no such node");
  };
  using Kind = package::NodeKind;
  struct Case {
    std::string role;
    package::NodeKind::type kind;
    std::string attribute, cause;
  };
  for (const Case &injected : {Case{"cpu-trainer", Kind::INPUT, "input", "input 'nonsense'"},
                               Case{"cpu-trainer", Kind::REPORT, "metric", "metric 'nonsense'"},
                               Case{"cpu-trainer", Kind::PUSH_ROWS, "table", "table part 'nonsense."},
                               Case{"cpu-trainer", Kind::SEND, "channel", "channel 'nonsense'"},
                               Case{"heter-trainer.gpu", Kind::PULL_DENSE, "parameter", "parameter 'nonsense'"},
                               Case{"heter-trainer.gpu", Kind::PUSH_DENSE, "parameter", "parameter 'nonsense'"}}) {
    SCOPED_TRACE(injected.role + ", " + injected.cause);
    Package package = heter_;
    attributeOf(package, injected.role, injected.kind, injected.attribute) = "nonsense";
    RunOptions options = clusterOptions();
    options.microBatches = 4;
    Outcome outcome = simulate(package, options, 1, milliseconds(20));
    EXPECT_THAT(outcome.result.status().message(), HasSubstr(injected.role));
    EXPECT_THAT(outcome.result.status().message(), HasSubstr(injected.cause));
    EXPECT_LT(outcome.end, seconds(2));
  }
}

// A peer that has heard of the end sooner fails what this role asks it for; that is not why the run ended.
TEST_F(FailureTest, TheCoordinatorsWordCountsMoreThanWhatFollowedFromTheFailure) {
  SimulatedScheduler scheduler(1);
  const Package package = tinyPackage("ps");
  const FunctionKernels kernels = tinyKernels();
  const std::unique_ptr<FileSystem> files = makePosixFileSystem();
  const RunOptions options = tinyOptions(data_);
  MemoryNetwork network(scheduler);
  const std::unique_ptr<Transport> transport = makeMemoryTransport(network);
  const RoleContext context{package, kernels, *files, scheduler, *transport, options, false, false};
  auto coordinator = std::make_shared<Service>("coordinator");
  std::function<void()> tellTheEnd;
  bool failed = false;
  coordinator->on<rpc::Join>([](const CallContext &, rpc::JoinRequest, auto respond) { respond(rpc::JoinReply()); });
  coordinator->on<rpc::WaitForEnd>([&](const CallContext &, rpc::WaitForEndRequest, auto respond) {
    tellTheEnd = [respond] {
      rpc::WaitForEndReply reply;
      reply.code = static_cast<int32_t>(StatusCode::Unavailable);
      reply.message = "lost cpu-trainer 0";
      respond(std::move(reply));
    };
  });
  coordinator->on<rpc::Failed>([&](const CallContext &, rpc::FailedRequest, auto respond) {
    failed = true;
    respond(rpc::Ack());
  });
  ASSERT_TRUE(transport->listen("coordinator", coordinator->acceptor()).ok());
  std::optional<Status> ended;
  auto membership = std::make_shared<Membership>(context, std::make_shared<Strand>(scheduler),
                                                 roleName("heter-trainer.gpu", 0), "coordinator");
  membership->join("heter", [](const rpc::JoinReply &) {}, [&](Status status) { ended = std::move(status); });
  ASSERT_TRUE(scheduler.runUntil([&] { return tellTheEnd != nullptr; }));
  membership->failer()(Status::cancelled("server 0: the run has ended"));
  ASSERT_TRUE(scheduler.runUntil([&] { return failed; }));
  tellTheEnd();
  ASSERT_TRUE(scheduler.runUntil([&] { return ended.has_value(); }));
  EXPECT_EQ(ended->message(), "lost cpu-trainer 0");
  membership->coordinator().close();
  coordinator->clear();
  transport->shutdown();
  scheduler.runUntilIdle();
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

/// A coordinator and, if a test starts it, one server, each with a transport of its own.
class StartTest : public FailureTest {
protected:
  StartTest() { EXPECT_TRUE(coordinator_->listen().ok()); }
  ~StartTest() override {
    ours_->shutdown();
    theirs_->shutdown();
    scheduler_.runUntilIdle();
  }

  void startServer(const Package &package, const std::string &address) {
    server_ = std::make_shared<Server>(context(package, *theirs_), 0, address, "coordinator");
    server_->start([&](StatusOr<RoleSummary> result) { servers_ = result.status(); });
  }
  void run() {
    coordinator_->start([&](StatusOr<RunResult> result) { coordinators_ = result.status(); });
    scheduler_.runUntilIdle();
  }
  RoleContext context(const Package &package, Transport &transport) {
    return {package, kernels_, *files_, scheduler_, transport, options_, false, false};
  }

  SimulatedScheduler scheduler_{1};
  std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
  FunctionKernels kernels_ = tinyKernels();
  RunHooks hooks_;
  RunOptions options_ = tinyOptions(data_);
  MemoryNetwork network_{scheduler_};
  std::unique_ptr<Transport> ours_ = makeMemoryTransport(network_), theirs_ = makeMemoryTransport(network_);
  std::shared_ptr<Coordinator> coordinator_ = std::make_shared<Coordinator>(
      context(heter_, *ours_), loopbackCluster(heter_.info, options_, "coordinator"), hooks_);
  std::shared_ptr<Server> server_;
  Status coordinators_, servers_; ///< How each ended.
};

TEST_F(StartTest, AnotherProgramIsRefusedWithBothHashes) {
  Package other = heter_;
  other.hash = "0123456789abcdef";
  startServer(other, "server 0");
  run();
  for (const Status &status : {coordinators_, servers_}) {
    EXPECT_EQ(status.code(), StatusCode::FailedPrecondition);
    EXPECT_THAT(status.message(), HasSubstr("server 0 runs program 0123456789abcdef"));
    EXPECT_THAT(status.message(), HasSubstr(heter_.hash));
  }
}

TEST_F(StartTest, AnAddressInUseIsNamed) {
  startServer(heter_, "coordinator");
  run();
  EXPECT_EQ(coordinators_.message(), "server 0: address coordinator is in use");
  EXPECT_EQ(servers_.message(), coordinators_.message());
}

TEST_F(StartTest, RolesThatNeverComeAreNamed) {
  options_.patienceSeconds = 3;
  run();
  EXPECT_EQ(coordinators_.message(),
            "cpu-trainer 0, heter-trainer.gpu 0, server 0 did not join within 3 s of the last role that did; were they "
            "started? --patience gives them longer");
  EXPECT_EQ(scheduler_.now(), seconds(3));
}

} // namespace
} // namespace heter::runtime::test
