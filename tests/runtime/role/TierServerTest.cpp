// A server whose table is larger than its memory, with a disk that takes its time: others are answered meanwhile, and
// what fails there fails the calls that wanted it.
#include "tests/runtime/role/TinyRun.h"

#include "runtime/role/Server.h"
#include "tests/runtime/base/HookedFiles.h"
#include "tests/runtime/base/SchedulerAround.h"
#include "tests/runtime/role/Calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heter::runtime::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

/// What may block takes its time.
class SlowFiles final : public SchedulerAround {
public:
  using SchedulerAround::SchedulerAround;
  Duration delay{0};
  int begun = 0;

  void postBlocking(Task task) override {
    ++begun;
    postAt(now() + delay, std::move(task));
  }
};

/// What memory has room for, in bytes and in rows: of the row 12 bytes of header, 2 values, as many sums of their
/// squares, and 9 of the index.
constexpr int64_t budget = 400000, budgetRows = budget / (12 + 4 * 4 + 9);

/// The tiny model, with that room.
Package tieredPackage() {
  Package package = tinyPackage("ps");
  package::Table &table = package.info.tables[0];
  const auto rule = [&](const std::string &kind, const std::string &name, double number) {
    package::Rule rule;
    rule.kind = kind;
    if (!name.empty())
      rule.numbers[name] = number;
    table.policy.push_back(rule);
  };
  rule("period", "steps", 10);
  rule("memory", "bytes", budget);
  rule("ssd", "", 0);
  return package;
}

class TierServerTest : public testing::Test {
protected:
  static constexpr uint64_t rows = 60000;

  void SetUp() override {
    auto coordinator = std::make_shared<Service>("coordinator");
    coordinator->on<rpc::Join>([this](const CallContext &, rpc::JoinRequest request, auto respond) {
      rpc::JoinReply reply;
      reply.generation = 1;
      reply.seed = 1;
      reply.servers = {request.address};
      respond(std::move(reply));
    });
    coordinator->on<rpc::WaitForEnd>([this](const CallContext &, rpc::WaitForEndRequest, auto respond) {
      end_ = [respond] { respond(rpc::WaitForEndReply()); };
    });
    coordinator->on<rpc::Goodbye>([](const CallContext &, rpc::GoodbyeRequest, auto respond) { respond(rpc::Ack()); });
    coordinator->on<rpc::Failed>([](const CallContext &, rpc::FailedRequest, auto respond) { respond(rpc::Ack()); });
    coordinator_ = coordinator;
    ASSERT_TRUE(transport_->listen("coordinator", coordinator->acceptor()).ok());
    options_.tierFolder = testing::TempDir() + "/tier-server";
    server_ = std::make_shared<Server>(context_, 0, "server", "coordinator");
    server_->start([this](StatusOr<RoleSummary> summary) { ended_ = summary.status(); });
    client_ = std::make_unique<Client>(*transport_, files_, "server", "server 0");
    Status hello = Status::internal("no answer");
    sayHello(*client_, context_, roleName("cpu-trainer", 0), 1, [&](Status status) { hello = status; });
    scheduler_.runUntil([&] { return hello.code() != StatusCode::Internal; });
    ASSERT_TRUE(hello.ok()) << hello.message();
    fill();
  }
  void TearDown() override {
    if (end_)
      end_();
    scheduler_.runUntilIdle();
    ASSERT_TRUE(ended_);
    client_->close();
    coordinator_->clear();
    transport_->shutdown();
    scheduler_.runUntilIdle();
  }

  /// Many more rows than there is room for.
  void fill() {
    rpc::PushRequest push;
    push.generation = 1;
    push.step = 0;
    push.examples = 4;
    push.table = 0;
    std::vector<float> values;
    std::vector<uint64_t> keys;
    for (uint64_t key = 0; key < rows; ++key) {
      keys.push_back(key);
      values.insert(values.end(), {1.0F + static_cast<float>(key), -1});
    }
    push.keys.assign(reinterpret_cast<const char *>(keys.data()), keys.size() * sizeof(uint64_t));
    push.values.assign(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
    ASSERT_TRUE(call<rpc::Push>(std::move(push)).ok());
    rpc::CloseStepRequest close;
    close.generation = 1;
    close.step = 0;
    close.microBatches = {0};
    close.examples = 4;
    ASSERT_TRUE(call<rpc::CloseStep>(std::move(close)).ok());
    const StatusOr<rpc::StatsReply> stats = call<rpc::Stats>({});
    ASSERT_TRUE(stats.ok());
    ASSERT_EQ(stats->tiers.size(), 1U);
    const rpc::TierFigures &tier = stats->tiers.begin()->second;
    EXPECT_EQ(tier.rowsInMemory + tier.rowsOnDisk, static_cast<int64_t>(rows));
    EXPECT_GT(tier.rowsOnDisk, static_cast<int64_t>(rows) / 2);
  }

  static rpc::PullRowsRequest pullOf(uint64_t first, uint64_t count) {
    rpc::PullRowsRequest request;
    request.generation = 1;
    request.minVersion = 1;
    for (uint64_t key = first; key < first + count; ++key)
      request.keys.append(reinterpret_cast<const char *>(&key), sizeof(key));
    return request;
  }
  template <typename M> StatusOr<typename M::Reply> call(typename M::Request request) {
    return callAndRun<M>(*client_, scheduler_, std::move(request), seconds(100));
  }

  SimulatedScheduler scheduler_{1};
  SlowFiles files_{scheduler_};
  TinyData data_{1};
  Package package_ = tieredPackage();
  FunctionKernels kernels_ = tinyKernels();
  HookedFiles disk_;
  RunOptions options_ = tinyOptions(data_);
  MemoryNetwork network_{scheduler_};
  std::unique_ptr<Transport> transport_ = makeMemoryTransport(network_);
  RoleContext context_{package_, kernels_, disk_, files_, *transport_, options_, false, false};
  std::unique_ptr<Client> client_;
  std::function<void()> end_;
  std::shared_ptr<Service> coordinator_;
  std::shared_ptr<Server> server_;
  std::optional<Status> ended_;
};

TEST_F(TierServerTest, OthersAreAnsweredWhileRowsAreRead) {
  const std::string few = call<rpc::PullRows>(pullOf(0, 100))->rows; // in memory from now on
  files_.delay = seconds(3);
  const TimePoint start = scheduler_.now();
  std::optional<StatusOr<rpc::PullRowsReply>> many;
  TimePoint answered{};
  client_->call<rpc::PullRows>(pullOf(1000, 2000), seconds(100), [&](StatusOr<rpc::PullRowsReply> reply) {
    many.emplace(std::move(reply));
    answered = scheduler_.now();
  });
  scheduler_.runUntil([&, begun = files_.begun] { return files_.begun > begun; });
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(call<rpc::PullRows>(pullOf(0, 100))->rows, few);
    EXPECT_TRUE(call<rpc::Stats>({}).ok());
  }
  EXPECT_LT(scheduler_.now() - start, seconds(3)) << "the stats waited for no file";
  EXPECT_FALSE(many);
  scheduler_.runUntil([&] { return many.has_value(); });
  ASSERT_TRUE(many->ok());
  EXPECT_GE(answered - start, seconds(3));
  // Each row is its own, and is in memory now.
  const auto *floats = reinterpret_cast<const float *>((*many)->rows.data());
  ASSERT_EQ((*many)->rows.size(), 2000 * 2 * sizeof(float));
  for (size_t i = 1; i < 2000; ++i)
    EXPECT_NE(floats[2 * i], floats[2 * i - 2]);
  const TimePoint again = scheduler_.now();
  EXPECT_EQ(call<rpc::PullRows>(pullOf(2900, 100))->rows, (*many)->rows.substr(1900 * 2 * sizeof(float)));
  EXPECT_LT(scheduler_.now() - again, seconds(3));
}

TEST_F(TierServerTest, TheLastFiguresKeepToTheBudget) {
  files_.delay = seconds(3); // what leaves for the rows that come back leaves later
  ASSERT_TRUE(call<rpc::PullRows>(pullOf(1000, 550)).ok());
  const StatusOr<rpc::StatsReply> meanwhile = call<rpc::Stats>({});
  ASSERT_TRUE(meanwhile.ok());
  EXPECT_GT(meanwhile->tiers.begin()->second.rowsInMemory, budgetRows);

  rpc::StatsRequest last;
  last.__set_trimFirst(true);
  const StatusOr<rpc::StatsReply> stats = call<rpc::Stats>(last);
  ASSERT_TRUE(stats.ok());
  EXPECT_LE(stats->tiers.begin()->second.rowsInMemory, budgetRows);
}

TEST_F(TierServerTest, RowsThatCannotBeReadFailTheirPull) {
  const std::string few = call<rpc::PullRows>(pullOf(0, 100))->rows;
  disk_.hook = [](const std::string &operation, const std::string &path) {
    return operation == "read blocks" ? Status::dataLoss(path + ": the disk is gone") : Status();
  };
  const StatusOr<rpc::PullRowsReply> reply = call<rpc::PullRows>(pullOf(1000, 2000));
  EXPECT_EQ(reply.status().code(), StatusCode::DataLoss);
  EXPECT_THAT(reply.status().message(), HasSubstr("the disk is gone"));
  EXPECT_EQ(call<rpc::PullRows>(pullOf(0, 100))->rows, few);
}

} // namespace
} // namespace heter::runtime::test
