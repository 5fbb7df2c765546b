// What a watched lane and a service make of peers that fall silent and of messages that are lost or doubled, and how
// credits hold calls back; all under virtual time.
#include "tests/runtime/rpc/RpcFixture.h"

#include <gmock/gmock.h>

#include <map>

namespace heter::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

/// What a frame says of itself.
struct Heading {
  std::string method;
  MessageType type;
};
Heading headingOf(const IncomingFrame &frame) {
  StatusOr<MessageReader> message = MessageReader::open(frame);
  EXPECT_TRUE(message.ok()) << message.status().message();
  return {message->method(), message->type()};
}

class LaneTest : public testing::Test {
protected:
  LaneTest() {
    service_->on<rpc::CloseStep>([this](const CallContext &, rpc::CloseStepRequest request, auto respond) {
      ++runs_["closeStep"];
      rpc::CloseStepReply reply;
      reply.version = request.step + 1;
      respond(std::move(reply));
    });
    service_->on<rpc::Push>([this](const CallContext &, rpc::PushRequest request, auto respond) {
      ++runs_["push"];
      pushed_.push_back(request.step);
      unanswered_.push_back(respond);
      if (!hold_)
        answerAll();
    });
    service_->on<rpc::PullRows>([this](const CallContext &, rpc::PullRowsRequest, auto respond) {
      ++runs_["pullRows"];
      parked_.push_back(respond);
    });
    EXPECT_TRUE(serverTransport_->listen("server", service_->acceptor()).ok());
  }
  ~LaneTest() override {
    weather_ = nullptr; // It may refer to what the test had on its stack.
    client_.close();
    parked_.clear();
    unanswered_.clear();
    service_->clear();
    serverTransport_->shutdown();
    clientTransport_->shutdown();
    scheduler_.runUntilIdle();
  }

  void answerAll() {
    for (auto &respond : std::exchange(unanswered_, {}))
      respond(rpc::Ack());
  }
  rpc::PushRequest push(int64_t step, size_t bytes) {
    rpc::PushRequest request;
    request.step = step;
    request.values.assign(bytes, 'v');
    return request;
  }
  void startPush(int64_t step, size_t bytes) {
    client_.call<rpc::Push>(push(step, bytes), seconds(60), [this](StatusOr<rpc::Ack> reply) {
      EXPECT_TRUE(reply.ok()) << reply.status().message();
      ++acknowledged_;
    });
  }
  StatusOr<rpc::CloseStepReply> closeStep(int64_t step, Duration deadline = seconds(60)) {
    StatusOr<rpc::CloseStepReply> result = Status::internal("no answer");
    bool done = false;
    client_.call<rpc::CloseStep>(
        closeStepRequest(step), deadline,
        [&](StatusOr<rpc::CloseStepReply> reply) {
          result = std::move(reply);
          done = true;
        },
        "step " + std::to_string(step));
    EXPECT_TRUE(scheduler_.runUntil([&] { return done; }));
    return result;
  }
  void runFor(Duration duration) {
    bool over = false;
    scheduler_.postAt(scheduler_.now() + duration, [&] { over = true; });
    scheduler_.runUntil([&] { return over; });
  }

  SimulatedScheduler scheduler_{1};
  MemoryNetwork::Weather weather_; ///< May change while the network is up.
  MemoryNetwork network_{scheduler_, [this](const MemoryNetwork::Sent &sent) {
                           return weather_ ? weather_(sent) : MemoryNetwork::Fate();
                         }};
  std::unique_ptr<Transport> serverTransport_ = makeMemoryTransport(network_, "server 0");
  std::unique_ptr<Transport> clientTransport_ = makeMemoryTransport(network_, "client");
  std::shared_ptr<Service> service_ = std::make_shared<Service>("server 0");
  Client client_{*clientTransport_, scheduler_, "server", "server 0", LaneOptions{.watch = true}};
  std::map<std::string, int> runs_;
  std::vector<int64_t> pushed_;
  std::vector<Responder<rpc::Push>> unanswered_;
  std::vector<Responder<rpc::PullRows>> parked_;
  bool hold_ = false;
  int acknowledged_ = 0;
};

TEST_F(LaneTest, ASilentPeerIsNamedWithWhatWasWaitedFor) {
  ASSERT_TRUE(closeStep(1).ok());
  weather_ = [](const MemoryNetwork::Sent &) { return MemoryNetwork::Fate{.copies = 0}; };
  TimePoint start = scheduler_.now();
  auto reply = closeStep(2);
  EXPECT_EQ(reply.status().code(), StatusCode::Unavailable);
  EXPECT_EQ(reply.status().message(),
            "lost server 0 at server: it has been silent for 6 s, while waiting for closeStep (step 2)");
  EXPECT_EQ(scheduler_.now() - start, silenceLimit);
  EXPECT_THAT(closeStep(3).status().message(), HasSubstr("silent for 6 s")) << "it stays lost";
}

TEST_F(LaneTest, APeerThatAnswersPingsMayTakeItsTime) {
  bool answered = false;
  client_.call<rpc::PullRows>(pullRowsRequest("k"), seconds(60), [&](StatusOr<rpc::PullRowsReply> reply) {
    EXPECT_TRUE(reply.ok()) << reply.status().message();
    answered = true;
  });
  runFor(seconds(30));
  EXPECT_FALSE(answered);
  EXPECT_EQ(runs_["pullRows"], 1);
  parked_.at(0)(rpc::PullRowsReply());
  EXPECT_TRUE(scheduler_.runUntil([&] { return answered; }));
}

TEST_F(LaneTest, APeerThatStandsStillForThreeSecondsIsNotLost) {
  ASSERT_TRUE(closeStep(1).ok());
  TimePoint resumes = scheduler_.now() + seconds(3);
  weather_ = [&](const MemoryNetwork::Sent &) {
    return MemoryNetwork::Fate{.delay = std::max(resumes - scheduler_.now(), Duration::zero())};
  };
  auto reply = closeStep(2);
  ASSERT_TRUE(reply.ok()) << reply.status().message();
  EXPECT_EQ(scheduler_.now(), resumes);
  runFor(seconds(3));
  EXPECT_EQ(runs_["closeStep"], 2);
}

TEST_F(LaneTest, ALostRequestIsSentAgain) {
  int lost = 0;
  weather_ = [&](const MemoryNetwork::Sent &sent) {
    bool lose =
        sent.to == "server 0" && sent.frame.size > 0 && headingOf(sent.frame).method == "closeStep" && lost++ < 2;
    return MemoryNetwork::Fate{.copies = lose ? 0 : 1};
  };
  auto reply = closeStep(4);
  ASSERT_TRUE(reply.ok()) << reply.status().message();
  EXPECT_EQ(reply->version, 5);
  EXPECT_GE(scheduler_.now(), milliseconds(1500)) << "after pauses of 0.5 s and 1 s, each up to half as long again";
  EXPECT_LE(scheduler_.now(), milliseconds(2250));
  EXPECT_EQ(runs_["closeStep"], 1);
}

TEST_F(LaneTest, ALostReplyIsSentAgainAndTheCallRunsOnce) {
  int lost = 0;
  weather_ = [&](const MemoryNetwork::Sent &sent) {
    bool lose =
        sent.from == "server 0" && sent.frame.size > 0 && headingOf(sent.frame).method == "closeStep" && lost++ < 3;
    return MemoryNetwork::Fate{.copies = lose ? 0 : 1};
  };
  auto reply = closeStep(4);
  ASSERT_TRUE(reply.ok()) << reply.status().message();
  EXPECT_EQ(reply->version, 5);
  EXPECT_EQ(runs_["closeStep"], 1);
}

/// A slow line to (or from) the server that keeps the order of what is on it. Counts the calls and replies of a method.
struct SlowLine {
  SimulatedScheduler &scheduler;
  std::string method;
  bool toServer;
  double bytesPerSecond = 1e6;
  TimePoint freeAt{};
  int calls = 0, replies = 0;

  MemoryNetwork::Fate operator()(const MemoryNetwork::Sent &sent) {
    if (sent.frame.size == 0)
      return {};
    Heading heading = headingOf(sent.frame);
    if (heading.method == method)
      ++(heading.type == MessageType::Call ? calls : replies);
    if ((sent.to == "server 0") != toServer)
      return {};
    auto taken = static_cast<int64_t>(1e9 * static_cast<double>(sent.frame.size) / bytesPerSecond);
    freeAt = std::max(freeAt, scheduler.now()) + std::chrono::nanoseconds(taken);
    return {.delay = freeAt - scheduler.now()};
  }
};

TEST_F(LaneTest, ALargeCallOnItsWayToASlowPeerIsNotSentAgain) {
  SlowLine line{.scheduler = scheduler_, .method = "push", .toServer = true};
  weather_ = [&](const MemoryNetwork::Sent &sent) { return line(sent); };
  startPush(0, 5'000'000);
  EXPECT_TRUE(scheduler_.runUntil([&] { return acknowledged_ == 1; }));
  EXPECT_GT(scheduler_.now(), seconds(5));
  EXPECT_EQ(line.calls, 1);
}

TEST_F(LaneTest, ALargeReplyOnItsWayFromASlowPeerIsNotAskedForAgain) {
  SlowLine line{.scheduler = scheduler_, .method = "pullRows", .toServer = false};
  weather_ = [&](const MemoryNetwork::Sent &sent) { return line(sent); };
  bool answered = false;
  client_.call<rpc::PullRows>(pullRowsRequest("k"), seconds(60),
                              [&](const StatusOr<rpc::PullRowsReply> &reply) { answered = reply.ok(); });
  scheduler_.runUntil([&] { return !parked_.empty(); });
  rpc::PullRowsReply reply;
  reply.rows.assign(5'000'000, 'r');
  parked_[0](reply);
  EXPECT_TRUE(scheduler_.runUntil([&] { return answered; }));
  EXPECT_GT(scheduler_.now(), seconds(5));
  runFor(seconds(2));
  EXPECT_EQ(line.calls, 1);
  EXPECT_EQ(line.replies, 1);
}

TEST_F(LaneTest, PingsThatAreLostDoNotEndTheLane) {
  int pings = 0;
  weather_ = [&](const MemoryNetwork::Sent &sent) {
    bool lose = sent.from == "server 0" && sent.frame.size > 0 && headingOf(sent.frame).method == "ping" && ++pings < 5;
    return MemoryNetwork::Fate{.copies = lose ? 0 : 1};
  };
  bool answered = false;
  client_.call<rpc::PullRows>(pullRowsRequest("k"), seconds(60),
                              [&](const StatusOr<rpc::PullRowsReply> &reply) { answered = reply.ok(); });
  runFor(seconds(7));
  ASSERT_GE(pings, 5);
  ASSERT_EQ(parked_.size(), 1U);
  parked_[0](rpc::PullRowsReply());
  EXPECT_TRUE(scheduler_.runUntil([&] { return answered; }));
}

/// Calls beginning shortly before their numbers wrap around on the wire.
class WrapTest : public LaneTest, public testing::WithParamInterface<int64_t> {};

INSTANTIATE_TEST_SUITE_P(Numbers, WrapTest, testing::Values((int64_t{1} << 31) - 6, (int64_t{1} << 32) - 6));

TEST_P(WrapTest, CallsRunOnceAndRepliesAreForgotten) {
  Client client(*clientTransport_, scheduler_, "server", "server 0",
                LaneOptions{.watch = true, .firstCall = GetParam()});
  int count = 0;
  weather_ = [&](const MemoryNetwork::Sent &sent) {
    bool closeStep = sent.frame.size > 0 && headingOf(sent.frame).method == "closeStep";
    ++count;
    return MemoryNetwork::Fate{.delay = milliseconds(count % 5), .copies = !closeStep ? 1 : count % 3 == 0 ? 0 : 2};
  };
  int answered = 0;
  for (int64_t step = 0; step < 12; ++step)
    client.call<rpc::CloseStep>(closeStepRequest(step), seconds(60), [&, step](StatusOr<rpc::CloseStepReply> reply) {
      ASSERT_TRUE(reply.ok()) << reply.status().message();
      EXPECT_EQ(reply->version, step + 1);
      ++answered;
    });
  EXPECT_TRUE(scheduler_.runUntil([&] { return answered == 12; }));
  EXPECT_EQ(runs_["closeStep"], 12);
  client.close();
}

TEST_F(LaneTest, ADoubledCallRunsOnceUnlessThatDoesNoHarm) {
  weather_ = [&](const MemoryNetwork::Sent &sent) {
    return MemoryNetwork::Fate{.copies = sent.to == "server 0" ? 2 : 1};
  };
  for (int64_t step = 0; step < 10; ++step) {
    ASSERT_EQ(closeStep(step)->version, step + 1);
    startPush(step, 8);
  }
  runFor(seconds(1));
  EXPECT_EQ(runs_["closeStep"], 10);
  EXPECT_EQ(acknowledged_, 10);
  EXPECT_GT(runs_["push"], 10) << "the store knows pushes by their names";
}

TEST_F(LaneTest, CreditsHoldPushesBackInOrder) {
  hold_ = true;
  client_.grantCredits(10'000);
  for (int64_t step = 0; step < 8; ++step)
    startPush(step, 4000); // Two at a time fit.
  runFor(milliseconds(100));
  EXPECT_EQ(runs_["push"], 2);
  hold_ = false;
  answerAll();
  EXPECT_TRUE(scheduler_.runUntil([&] { return acknowledged_ == 8; })) << "each gave its credits back";
  EXPECT_EQ(runs_["push"], 8);
  EXPECT_THAT(std::vector<int64_t>(pushed_.begin() + 4, pushed_.end()), testing::Each(testing::Ge(2)));
}

TEST_F(LaneTest, APushThatWouldFitDoesNotOvertakeOneThatWaits) {
  hold_ = true;
  client_.grantCredits(10'000);
  startPush(0, 6000);
  startPush(1, 6000);
  startPush(2, 10);
  runFor(milliseconds(100));
  EXPECT_THAT(pushed_, ElementsAre(0));
  hold_ = false;
  answerAll();
  EXPECT_TRUE(scheduler_.runUntil([&] { return acknowledged_ == 3; }));
}

TEST_F(LaneTest, APeerIsAskedAboutALostPushThatOthersWaitBehind) {
  client_.grantCredits(1000);
  int lost = 0;
  weather_ = [&](const MemoryNetwork::Sent &sent) {
    bool lose = sent.to == "server 0" && sent.frame.size > 0 && headingOf(sent.frame).method == "push" && lost++ < 1;
    return MemoryNetwork::Fate{.copies = lose ? 0 : 1};
  };
  startPush(0, 900);
  startPush(1, 900);
  EXPECT_TRUE(scheduler_.runUntil([&] { return acknowledged_ == 2; }));
  EXPECT_THAT(pushed_, ElementsAre(0, 1));
  EXPECT_LT(scheduler_.now(), seconds(1));
}

TEST_F(LaneTest, ALaneThatWaitsForNothingIsNotLost) {
  weather_ = [&](const MemoryNetwork::Sent &sent) {
    bool lose = sent.from == "server 0" && sent.frame.size > 0 && headingOf(sent.frame).method == "ping";
    return MemoryNetwork::Fate{.copies = lose ? 0 : 1};
  };
  bool answered = false;
  client_.call<rpc::PullRows>(pullRowsRequest("k"), seconds(60),
                              [&](const StatusOr<rpc::PullRowsReply> &reply) { answered = reply.ok(); });
  runFor(seconds(2)); // Pings go out, and their replies are lost.
  parked_.at(0)(rpc::PullRowsReply());
  runFor(seconds(20));
  ASSERT_TRUE(answered);
  answered = false;
  client_.call<rpc::PullRows>(pullRowsRequest("k"), seconds(60),
                              [&](const StatusOr<rpc::PullRowsReply> &reply) { answered = reply.ok(); });
  scheduler_.runUntil([&] { return parked_.size() == 2; });
  parked_[1](rpc::PullRowsReply());
  EXPECT_TRUE(scheduler_.runUntil([&] { return answered; }));
}

TEST_F(LaneTest, APushThatIsLargerThanTheGrantGoesAlone) {
  hold_ = true;
  client_.grantCredits(1000);
  startPush(0, 5000);
  startPush(1, 10);
  runFor(milliseconds(100));
  EXPECT_THAT(pushed_, ElementsAre(0));
  hold_ = false;
  answerAll();
  EXPECT_TRUE(scheduler_.runUntil([&] { return acknowledged_ == 2; }));
}

TEST_F(LaneTest, ParkedPullsAndControlNeedNoCredits) {
  client_.grantCredits(100);
  for (int i = 0; i < 20; ++i)
    client_.call<rpc::PullRows>(pullRowsRequest(std::string(1000, 'k')), seconds(60),
                                [](StatusOr<rpc::PullRowsReply>) {});
  startPush(0, 50);
  EXPECT_TRUE(closeStep(0).ok());
  EXPECT_TRUE(scheduler_.runUntil([&] { return acknowledged_ == 1; }));
  EXPECT_EQ(runs_["pullRows"], 20);
  parked_.clear();
}

TEST_F(LaneTest, APeerThatCannotBeReachedIsNamed) {
  Client nobody(*clientTransport_, scheduler_, "nowhere", "server 1", LaneOptions{.watch = true});
  Status status;
  nobody.call<rpc::CloseStep>(
      closeStepRequest(1), seconds(60), [&](StatusOr<rpc::CloseStepReply> reply) { status = reply.status(); },
      "step 1");
  scheduler_.runUntil([&] { return !status.ok(); });
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_THAT(status.message(), HasSubstr("cannot reach server 1 at nowhere: "));
  EXPECT_THAT(status.message(), HasSubstr(", while waiting for closeStep (step 1)"));
  EXPECT_LE(scheduler_.now(), dialPatience + milliseconds(200));
}

TEST(DeadlineTest, ACallThatComesToItsTurnTooLateIsNotRun) {
  auto scheduler = makeThreadedScheduler(1);
  MemoryNetwork network(*scheduler);
  auto transport = makeMemoryTransport(network);
  auto service = std::make_shared<Service>("server 0");
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::promise<void> blocked;
  std::atomic<int> runs = 0;
  service->on<rpc::Ping>([&](const CallContext &, rpc::PingRequest, auto respond) {
    blocked.set_value();
    released.wait(); // The only worker.
    respond(rpc::PingReply());
  });
  service->on<rpc::CloseStep>([&](const CallContext &call, rpc::CloseStepRequest, auto respond) {
    ++runs;
    EXPECT_GT(call.timeLeft, Duration::zero());
    respond(rpc::CloseStepReply());
  });
  ASSERT_TRUE(transport->listen("server", service->acceptor()).ok());
  Client client(*transport, *scheduler, "server", "server 0");
  ASSERT_TRUE(callAndWait<rpc::CloseStep>(client, closeStepRequest(0)).ok());
  auto ping = std::make_shared<std::promise<void>>();
  client.call<rpc::Ping>(rpc::PingRequest(), seconds(60), [ping](StatusOr<rpc::PingReply>) { ping->set_value(); });
  blocked.get_future().wait();
  auto late = std::make_shared<std::promise<Status>>();
  client.call<rpc::CloseStep>(closeStepRequest(1), milliseconds(20),
                              [late](StatusOr<rpc::CloseStepReply> reply) { late->set_value(reply.status()); });
  TimePoint until = scheduler->now() + milliseconds(60);
  while (scheduler->now() < until) {
  }
  release.set_value();
  EXPECT_EQ(late->get_future().get().code(), StatusCode::DeadlineExceeded);
  ping->get_future().wait();
  EXPECT_TRUE(callAndWait<rpc::CloseStep>(client, closeStepRequest(2)).ok());
  EXPECT_EQ(runs, 2) << "the first and the last";
  client.close();
  service->clear();
  transport->shutdown();
}

} // namespace
} // namespace heter::runtime
