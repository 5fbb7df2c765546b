// A server spoken to directly: exactly-once pushes, parked pulls, generations, and refusals of malformed calls.
#include "tests/runtime/role/TinyModel.h"

#include "runtime/role/Coordinator.h"
#include "runtime/role/Server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heter::runtime::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

/// A server whose coordinator is the test.
class ServerTest : public testing::Test {
protected:
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
      end_.push_back([respond] { respond(rpc::WaitForEndReply()); });
    });
    coordinator->on<rpc::Goodbye>([](const CallContext &, rpc::GoodbyeRequest, auto respond) { respond(rpc::Ack()); });
    coordinator_ = coordinator;
    ASSERT_TRUE(transport_->listen("coordinator", coordinator->acceptor()).ok());
    server_ = std::make_shared<Server>(context_, 0, "server", "coordinator");
    server_->start([this](StatusOr<RoleSummary> summary) { ended_ = summary.status(); });
    ASSERT_TRUE(hello().ok());
  }
  void TearDown() override {
    for (auto &end : std::exchange(end_, {}))
      end();
    scheduler_.runUntilIdle();
    EXPECT_TRUE(ended_ && ended_->ok());
    client_.close();
    coordinator_->clear();
    transport_->shutdown();
    scheduler_.runUntilIdle();
  }

  Status hello() {
    Status result = Status::internal("no answer");
    sayHello(client_, context_, roleName("cpu-trainer", 0), 1, [&](Status status) { result = status; });
    scheduler_.runUntil([&] { return result.code() != StatusCode::Internal; });
    return result;
  }
  template <typename M> StatusOr<typename M::Reply> call(typename M::Request request) {
    std::optional<StatusOr<typename M::Reply>> result;
    client_.call<M>(std::move(request), seconds(5),
                    [&](StatusOr<typename M::Reply> reply) { result.emplace(std::move(reply)); });
    scheduler_.runUntil([&] { return result.has_value(); });
    return std::move(*result);
  }

  static std::string bytes(std::vector<uint64_t> values) {
    return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(uint64_t)};
  }
  static std::string bytes(std::vector<float> values) {
    return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)};
  }
  rpc::PushRequest push(int64_t step, std::vector<float> values) {
    rpc::PushRequest request;
    request.generation = 1;
    request.step = step;
    request.examples = 4;
    request.table = 0;
    request.keys = bytes(std::vector<uint64_t>{77});
    request.values = bytes(std::move(values));
    return request;
  }
  rpc::PullRowsRequest pull(int64_t version) {
    rpc::PullRowsRequest request;
    request.generation = 1;
    request.minVersion = version;
    request.keys = bytes(std::vector<uint64_t>{77});
    return request;
  }
  rpc::CloseStepRequest closeStep(int64_t step) {
    rpc::CloseStepRequest request;
    request.generation = 1;
    request.step = step;
    request.microBatches = {0};
    request.examples = 4;
    return request;
  }

  SimulatedScheduler scheduler_{1};
  TinyData data_{1};
  Package package_ = tinyPackage("ps");
  FunctionKernels kernels_ = tinyKernels();
  std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
  RunOptions options_ = tinyOptions(data_);
  MemoryNetwork network_{scheduler_};
  std::unique_ptr<Transport> transport_ = makeMemoryTransport(network_);
  RoleContext context_{package_, kernels_, *files_, scheduler_, *transport_, options_, false, false};
  Client client_{*transport_, scheduler_, "server", "server 0"};
  std::vector<std::function<void()>> end_;
  std::shared_ptr<Service> coordinator_;
  std::shared_ptr<Server> server_;
  std::optional<Status> ended_;
};

TEST_F(ServerTest, ADuplicatedPushCountsOnce) {
  std::string before = call<rpc::PullRows>(pull(0))->rows;
  ASSERT_TRUE(call<rpc::Push>(push(0, {4, -4})).ok());
  ASSERT_TRUE(call<rpc::Push>(push(0, {4, -4})).ok());
  ASSERT_TRUE(call<rpc::CloseStep>(closeStep(0)).ok());
  ASSERT_TRUE(call<rpc::Push>(push(0, {4, -4})).ok()); // late: its step is closed
  ASSERT_TRUE(call<rpc::CloseStep>(closeStep(0)).ok());
  std::string after = call<rpc::PullRows>(pull(1))->rows;
  // The mean gradient is 1, so Adagrad moves each value by lr.
  const auto *old = reinterpret_cast<const float *>(before.data());
  const auto *now = reinterpret_cast<const float *>(after.data());
  EXPECT_FLOAT_EQ(now[0], old[0] - 0.1f);
  EXPECT_FLOAT_EQ(now[1], old[1] + 0.1f);
  EXPECT_EQ(call<rpc::Stats>(rpc::StatsRequest())->rows.at("emb"), 1);
}

TEST_F(ServerTest, APullWaitsForItsVersion) {
  bool answered = false;
  client_.call<rpc::PullRows>(pull(1), seconds(5), [&](StatusOr<rpc::PullRowsReply> reply) {
    ASSERT_TRUE(reply.ok());
    EXPECT_EQ(reply->version, 1);
    answered = true;
  });
  ASSERT_TRUE(call<rpc::Push>(push(0, {4, -4})).ok());
  EXPECT_FALSE(answered);
  ASSERT_TRUE(call<rpc::CloseStep>(closeStep(0)).ok());
  scheduler_.runUntil([&] { return answered; });
  EXPECT_TRUE(answered);
}

TEST_F(ServerTest, PullsCreateNothing) {
  ASSERT_TRUE(call<rpc::PullRows>(pull(0)).ok());
  EXPECT_EQ(call<rpc::Stats>(rpc::StatsRequest())->rows.at("emb"), 0);
}

TEST_F(ServerTest, UnchangedDenseValuesAreNotSentAgain) {
  rpc::PullDenseRequest request;
  request.generation = 1;
  request.haveRevision = -1;
  request.parameters = {0};
  auto first = call<rpc::PullDense>(request);
  ASSERT_TRUE(first.ok());
  ASSERT_EQ(first->pieces.size(), 1u);
  EXPECT_EQ(first->pieces[0].values.size(), 12u);
  request.haveRevision = first->revision;
  auto again = call<rpc::PullDense>(request);
  EXPECT_TRUE(again->unchanged);
  EXPECT_TRUE(again->pieces.empty());
}

TEST_F(ServerTest, RefusesWhatDoesNotFit) {
  auto other = push(0, {1, 1});
  other.generation = 2;
  EXPECT_THAT(call<rpc::Push>(other).status().message(), HasSubstr("a call of generation 2 was refused"));
  auto table = pull(0);
  table.table = 5;
  EXPECT_THAT(call<rpc::PullRows>(table).status().message(), HasSubstr("there is no table number 5"));
  auto part = pull(0);
  part.part = 1;
  EXPECT_THAT(call<rpc::PullRows>(part).status().message(), HasSubstr("has no part number 1"));
  auto keys = pull(0);
  keys.keys = "abc";
  EXPECT_THAT(call<rpc::PullRows>(keys).status().message(), HasSubstr("no whole numbers"));
  EXPECT_FALSE(call<rpc::Push>(push(0, {1})).ok());
  EXPECT_EQ(call<rpc::CloseStep>(closeStep(3)).status().code(), StatusCode::FailedPrecondition);
}

} // namespace
} // namespace heter::runtime::test
