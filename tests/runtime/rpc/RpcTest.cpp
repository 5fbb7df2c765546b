// Calls over both transports: values, errors, order of replies, deadlines, disconnects, delays.
#include "tests/runtime/rpc/RpcFixture.h"

#include <gmock/gmock.h>

#include <atomic>

namespace heter::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

enum class Kind { Memory, Asio };

class RpcTest : public testing::TestWithParam<Kind> {
protected:
  std::unique_ptr<Transport> makeTransport() {
    if (GetParam() == Kind::Asio)
      return makeAsioTransport(*scheduler_);
    return makeMemoryTransport(network_);
  }
  void SetUp() override {
    service_ = makeTestService(*scheduler_);
    auto address = serverTransport_->listen("127.0.0.1:0", service_->acceptor());
    ASSERT_TRUE(address.ok()) << address.status().message();
    client_ = std::make_unique<Client>(*clientTransport_, *scheduler_, *address, "server 0");
  }
  void TearDown() override {
    client_.reset();
    service_->clear();
    clientTransport_->shutdown();
    serverTransport_->shutdown();
  }

  std::unique_ptr<Scheduler> scheduler_ = makeThreadedScheduler(2);
  MemoryNetwork network_{*scheduler_};
  std::unique_ptr<Transport> serverTransport_ = makeTransport();
  std::unique_ptr<Transport> clientTransport_ = makeTransport();
  std::shared_ptr<Service> service_;
  std::unique_ptr<Client> client_;
};

INSTANTIATE_TEST_SUITE_P(Transports, RpcTest, testing::Values(Kind::Memory, Kind::Asio),
                         [](const auto &info) { return info.param == Kind::Asio ? "Asio" : "Memory"; });

TEST_P(RpcTest, CarriesSmallAndLargeValues) {
  for (size_t size : {0, 8, 4095, 4096, 5'000'000}) {
    std::string keys(size, 'k');
    auto reply = callAndWait<rpc::PullRows>(*client_, pullRowsRequest(keys));
    ASSERT_TRUE(reply.ok()) << reply.status().message();
    EXPECT_EQ(reply->version, 7);
    EXPECT_EQ(reply->rows, keys + keys);
  }
  EXPECT_GT(clientTransport_->counts().bytesSent, 5'000'000);
  EXPECT_GT(clientTransport_->counts().bytesReceived, 10'000'000);
  EXPECT_EQ(clientTransport_->counts().bytesSent, serverTransport_->counts().bytesReceived);
}

TEST_P(RpcTest, CarriesErrorsWithTheirCodes) {
  auto request = pullRowsRequest("");
  request.table = 3;
  auto reply = callAndWait<rpc::PullRows>(*client_, std::move(request));
  EXPECT_EQ(reply.status().code(), StatusCode::NotFound);
  EXPECT_EQ(reply.status().message(), "server 0: there is no table 3");
}

TEST_P(RpcTest, SaysThatAMethodIsUnknown) {
  rpc::StatsRequest request;
  auto reply = callAndWait<rpc::Stats>(*client_, request);
  EXPECT_EQ(reply.status().code(), StatusCode::Unimplemented);
  EXPECT_EQ(reply.status().message(), "server 0 refused stats: there is no method 'stats' here");
}

TEST_P(RpcTest, RepliesComeInAnyOrder) {
  // The last callback may still be returning when the test has what it waited for: they own what they touch.
  struct Replies {
    std::promise<void> all;
    std::mutex mutex;
    std::vector<int64_t> order;
  };
  auto replies = std::make_shared<Replies>();
  for (int64_t delay : {1200, 800, 400, 0})
    client_->call<rpc::CloseStep>(closeStepRequest(delay), seconds(20), [replies](StatusOr<rpc::CloseStepReply> reply) {
      ASSERT_TRUE(reply.ok()) << reply.status().message();
      std::lock_guard lock(replies->mutex);
      replies->order.push_back(reply->version);
      if (replies->order.size() == 4)
        replies->all.set_value();
    });
  replies->all.get_future().wait();
  std::lock_guard lock(replies->mutex);
  EXPECT_THAT(replies->order, testing::ElementsAre(0, 400, 800, 1200));
}

TEST_P(RpcTest, ADeadlineNamesThePeerAndTheWait) {
  ASSERT_TRUE(callAndWait<rpc::CloseStep>(*client_, closeStepRequest(0)).ok()) << "connected before the clock runs";
  auto reply = callAndWait<rpc::CloseStep>(*client_, closeStepRequest(-1), milliseconds(100), "step 5");
  EXPECT_EQ(reply.status().code(), StatusCode::DeadlineExceeded);
  EXPECT_EQ(reply.status().message(),
            "server 0 at " + client_->address() + " did not answer closeStep (step 5) within 0.1 s");
}

TEST_P(RpcTest, ADisconnectFailsOutstandingCalls) {
  auto result = std::make_shared<std::promise<Status>>();
  client_->call<rpc::CloseStep>(
      closeStepRequest(-1), seconds(60),
      [result](StatusOr<rpc::CloseStepReply> reply) { result->set_value(reply.status()); }, "step 5");
  ASSERT_TRUE(callAndWait<rpc::CloseStep>(*client_, closeStepRequest(0)).ok());
  serverTransport_->shutdown();
  Status status = result->get_future().get();
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_THAT(status.message(), HasSubstr("lost the connection to server 0 at "));
  EXPECT_THAT(status.message(), HasSubstr("while waiting for closeStep (step 5)"));
  auto later = callAndWait<rpc::CloseStep>(*client_, closeStepRequest(0));
  EXPECT_EQ(later.status().code(), StatusCode::Unavailable);
}

TEST_P(RpcTest, AServiceSeesDisconnects) {
  auto gone = std::make_shared<std::promise<uint64_t>>();
  service_->onDisconnect([gone](const CallContext &context, const Status &) { gone->set_value(context.connection); });
  ASSERT_TRUE(callAndWait<rpc::CloseStep>(*client_, closeStepRequest(0)).ok());
  client_->close();
  EXPECT_GT(gone->get_future().get(), 0u);
}

TEST_P(RpcTest, AReplyIsNotOvertakenByTheHangUp) {
  auto hungUp = std::make_shared<std::promise<void>>();
  service_->on<rpc::Ping>([this, hungUp](const CallContext &, rpc::PingRequest, auto respond) {
    respond(rpc::PingReply());
    scheduler_->postBlocking([this, hungUp] {
      serverTransport_->shutdown();
      hungUp->set_value();
    });
  });
  EXPECT_TRUE(callAndWait<rpc::Ping>(*client_, rpc::PingRequest()).ok());
  hungUp->get_future().wait();
}

TEST_P(RpcTest, AStoppedServiceAnswersWithCancelled) {
  auto result = std::make_shared<std::promise<Status>>();
  client_->call<rpc::CloseStep>(closeStepRequest(-1), seconds(60),
                                [result](StatusOr<rpc::CloseStepReply> reply) { result->set_value(reply.status()); });
  ASSERT_TRUE(callAndWait<rpc::CloseStep>(*client_, closeStepRequest(0)).ok());
  service_->clear();
  EXPECT_EQ(result->get_future().get().code(), StatusCode::Cancelled);
}

TEST(AsioTransportTest, WaitsForAPeerThatStartsLater) {
  auto scheduler = makeThreadedScheduler(2);
  std::string address;
  {
    auto probe = makeAsioTransport(*scheduler);
    address = *probe->listen("127.0.0.1:0", std::make_shared<Service>("probe")->acceptor());
  }
  auto clientTransport = makeAsioTransport(*scheduler);
  auto serverTransport = makeAsioTransport(*scheduler);
  auto service = makeTestService(*scheduler);
  Client client(*clientTransport, *scheduler, address, "server 0");
  scheduler->postAt(scheduler->now() + milliseconds(200),
                    [&] { ASSERT_TRUE(serverTransport->listen(address, service->acceptor()).ok()); });
  EXPECT_TRUE(callAndWait<rpc::CloseStep>(client, closeStepRequest(1)).ok());
  client.close();
  service->clear();
}

TEST(AsioTransportTest, RefusesWrongAddresses) {
  auto scheduler = makeThreadedScheduler(1);
  auto transport = makeAsioTransport(*scheduler);
  auto acceptor = std::make_shared<Service>("server 0")->acceptor();
  EXPECT_EQ(transport->listen("nonsense", acceptor).status().message(), "address 'nonsense' is not HOST:PORT");
  EXPECT_EQ(transport->listen("localhost:99999", acceptor).status().message(),
            "address 'localhost:99999' has no port number from 0 to 65535");
  auto used = transport->listen(":0", acceptor);
  ASSERT_TRUE(used.ok());
  EXPECT_THAT(*used, HasSubstr("127.0.0.1:"));
  EXPECT_THAT(transport->listen(*used, acceptor).status().message(), HasSubstr("cannot listen at " + *used));
}

TEST(MemoryTransportTest, DelaysReorderButLoseNothing) {
  SimulatedScheduler scheduler(3);
  MemoryNetwork network(scheduler, MemoryNetwork::randomDelay(5, milliseconds(50)));
  auto serverTransport = makeMemoryTransport(network);
  auto clientTransport = makeMemoryTransport(network);
  auto service = makeTestService(scheduler);
  ASSERT_TRUE(serverTransport->listen("server", service->acceptor()).ok());
  Client client(*clientTransport, scheduler, "server", "server 0");
  std::vector<int> order;
  for (int i = 0; i < 20; ++i)
    client.call<rpc::PullRows>(pullRowsRequest(std::to_string(i)), seconds(10),
                               [&, i](StatusOr<rpc::PullRowsReply> reply) {
                                 ASSERT_TRUE(reply.ok());
                                 EXPECT_EQ(reply->rows, std::to_string(i) + std::to_string(i));
                                 order.push_back(i);
                               });
  scheduler.runUntilIdle();
  EXPECT_EQ(order.size(), 20u);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  client.close();
  service->clear();
  serverTransport->shutdown();
  clientTransport->shutdown();
  scheduler.runUntilIdle();
}

} // namespace
} // namespace heter::runtime
