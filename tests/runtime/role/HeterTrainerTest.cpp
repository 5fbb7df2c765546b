// A heter-trainer spoken to directly: it runs a frame with what it is sent, answers when the frame has ended, and
// refuses what does not fit.
#include "tests/runtime/role/TinyRun.h"

#include "runtime/role/HeterTrainer.h"
#include "runtime/role/Server.h"
#include "tests/runtime/role/Calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace heter::runtime::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

/// A server and a heter-trainer; the test is the coordinator and the cpu-trainer.
class HeterCluster {
protected:
  explicit HeterCluster(LooksUp looksUp = LooksUp::CpuTrainer) : package_(tinyPackage("heter-ps", looksUp)) {
    service_->on<rpc::Join>([](const CallContext &, rpc::JoinRequest, auto respond) {
      rpc::JoinReply reply;
      reply.generation = 1;
      reply.seed = 1;
      reply.cpuTrainers = 1;
      reply.microBatches = 1;
      reply.servers = {"server"};
      respond(std::move(reply));
    });
    service_->on<rpc::WaitForEnd>([this](const CallContext &, rpc::WaitForEndRequest, auto respond) {
      end_.push_back([respond] { respond(rpc::WaitForEndReply()); });
    });
    service_->on<rpc::Goodbye>([](const CallContext &, rpc::GoodbyeRequest, auto respond) { respond(rpc::Ack()); });
    EXPECT_TRUE(transport_->listen("coordinator", service_->acceptor()).ok());
    roles_.push_back(std::make_shared<Server>(context_, 0, "server", "coordinator"));
    roles_.push_back(std::make_shared<HeterTrainer>(context_, "heter-trainer.gpu", 0, "heter", "coordinator"));
    for (auto &role : roles_)
      role->start([this](StatusOr<RoleSummary> summary) {
        EXPECT_TRUE(summary.ok()) << summary.status().message();
        ++ended_;
      });
  }
  ~HeterCluster() {
    for (auto &end : std::exchange(end_, {}))
      end();
    scheduler_.runUntilIdle();
    EXPECT_EQ(ended_, 2);
    client_.close();
    server_.close();
    service_->clear();
    transport_->shutdown();
    scheduler_.runUntilIdle();
  }

  template <typename M> StatusOr<typename M::Reply> call(typename M::Request request) {
    return call<M>(client_, std::move(request));
  }
  template <typename M> StatusOr<typename M::Reply> call(Client &client, typename M::Request request) {
    return callAndRun<M>(client, scheduler_, std::move(request), seconds(60));
  }
  void hello() {
    std::optional<Status> status;
    sayHello(client_, context_, roleName("cpu-trainer", 0), 1, [&](Status got) { status = got; });
    ASSERT_TRUE(scheduler_.runUntil([&] { return status.has_value(); }));
    ASSERT_TRUE(status->ok()) << status->message();
  }
  static rpc::FrameId frame(int64_t step, int64_t generation = 1) {
    rpc::FrameId id;
    id.generation = generation;
    id.step = step;
    id.training = false;
    return id;
  }
  static rpc::RunFrameRequest runFrame(rpc::FrameId id) {
    rpc::RunFrameRequest request;
    request.frame = id;
    request.examples = 2;
    return request;
  }
  static rpc::WireValue floats(std::vector<int64_t> shape, const std::vector<float> &values) {
    rpc::WireValue wire;
    wire.kind = package::ValueKind::TENSOR;
    wire.element = package::ElementType::F32;
    wire.shape = std::move(shape);
    wire.data.assign(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
    return wire;
  }
  /// What the cpu-trainer's test program sends: pooled rows, dense features, clicks.
  static rpc::SendRequest sent(rpc::FrameId id) {
    rpc::SendRequest request;
    request.frame = id;
    request.channel = "c2";
    request.values = {floats({2, 2}, {0, 0, 1, 2}), floats({2, 3}, {0, 0, 0, 0, 0, 0}), floats({2}, {0, 1})};
    return request;
  }

  SimulatedScheduler scheduler_{1};
  TinyData data_{1};
  Package package_;
  FunctionKernels kernels_ = tinyKernels();
  std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
  RunOptions options_ = tinyOptions(data_);
  MemoryNetwork network_{scheduler_};
  std::unique_ptr<Transport> transport_ = makeMemoryTransport(network_);
  RoleContext context_{package_, kernels_, *files_, scheduler_, *transport_, options_, false, false};
  Client client_{*transport_, scheduler_, "heter", "heter-trainer.gpu 0"};
  Client server_{*transport_, scheduler_, "server", "server 0"};
  std::shared_ptr<Service> service_ = std::make_shared<Service>("coordinator");
  std::vector<std::function<void()>> end_;
  std::vector<std::shared_ptr<Role>> roles_;
  int ended_ = 0;
};

class HeterTrainerTest : public testing::Test, protected HeterCluster {};

TEST_F(HeterTrainerTest, RunFrameIsAnsweredWhenTheFrameHasEnded) {
  hello();
  std::optional<StatusOr<rpc::Ack>> ran;
  client_.call<rpc::RunFrame>(runFrame(frame(0)), seconds(60),
                              [&](StatusOr<rpc::Ack> reply) { ran = std::move(reply); });
  bool later = false;
  scheduler_.postAt(scheduler_.now() + std::chrono::milliseconds(1), [&] { later = true; });
  scheduler_.runUntil([&] { return later; });
  EXPECT_THAT(call<rpc::RunFrame>(runFrame(frame(0))).status().message(), HasSubstr("the frame is running already"));
  EXPECT_FALSE(ran) << "it waits for its values";
  ASSERT_TRUE(call<rpc::Send>(sent(frame(0))).ok());
  rpc::ReceiveRequest receive;
  receive.frame = frame(0);
  receive.channel = "c3";
  auto reply = call<rpc::Receive>(receive);
  ASSERT_TRUE(reply.ok()) << reply.status().message();
  ASSERT_EQ(reply->values.size(), 2u);
  const auto *p = reinterpret_cast<const float *>(reply->values[0].data.data());
  EXPECT_FLOAT_EQ(p[0], 0.5f);
  EXPECT_FLOAT_EQ(p[1], 1 / (1 + std::exp(-3.0f)));
  ASSERT_TRUE(scheduler_.runUntil([&] { return ran.has_value(); }));
  EXPECT_TRUE(ran->ok()) << ran->status().message();
}

TEST_F(HeterTrainerTest, RefusesFramesThatDoNotFit) {
  hello();
  EXPECT_THAT(call<rpc::RunFrame>(runFrame(frame(0, 2))).status().message(),
              HasSubstr("a frame of generation 2 was refused: this is generation 1"));
}

/// Two steps of training with rows that the heter-trainer looks up.
class LookupCluster : HeterCluster {
public:
  LookupCluster() : HeterCluster(LooksUp::HeterTrainer) { hello(); }

  void train(rpc::FrameId id) {
    id.training = true;
    rpc::SendRequest send;
    send.frame = id;
    send.channel = "c0";
    const std::vector<uint64_t> ids = {7, 8, 7, 9, 9, 9, 9, 10};
    rpc::WireValue slots;
    slots.kind = package::ValueKind::TENSOR;
    slots.element = package::ElementType::I64;
    slots.shape = {2, 4};
    slots.data.assign(reinterpret_cast<const char *>(ids.data()), ids.size() * sizeof(uint64_t));
    send.values = {slots, floats({2, 3}, {0, 1, 0, 0, 0, 1}), floats({2}, {0, 1})};
    ASSERT_TRUE(call<rpc::Send>(send).ok());
    rpc::RunFrameRequest run = runFrame(id);
    run.version = id.step;
    auto ran = call<rpc::RunFrame>(run);
    ASSERT_TRUE(ran.ok()) << ran.status().message();
  }
  void close(int64_t step) {
    rpc::CloseStepRequest request;
    request.generation = 1;
    request.step = step;
    request.microBatches = {0};
    request.examples = 2;
    auto closed = call<rpc::CloseStep>(server_, request);
    ASSERT_TRUE(closed.ok()) << closed.status().message();
  }
  std::vector<float> rows() {
    rpc::PullRowsRequest request;
    request.generation = 1;
    const std::vector<uint64_t> keys = {7, 8, 9, 10};
    request.keys.assign(reinterpret_cast<const char *>(keys.data()), keys.size() * sizeof(uint64_t));
    auto reply = call<rpc::PullRows>(server_, request);
    EXPECT_TRUE(reply.ok()) << reply.status().message();
    const auto *floats = reinterpret_cast<const float *>(reply->rows.data());
    return {floats, floats + reply->rows.size() / sizeof(float)};
  }
  using HeterCluster::frame;
};

TEST(HeterTrainerLookups, AMicroBatchThatRunsAgainCountsOnce) {
  LookupCluster once, again;
  const std::vector<float> first = once.rows();
  for (int64_t step : {0, 1}) {
    rpc::FrameId frame = LookupCluster::frame(step);
    once.train(frame);
    again.train(frame);
    if (step == 0) {
      frame.attempt = 1;
      again.train(frame);
    }
    once.close(step);
    again.close(step);
  }
  EXPECT_EQ(again.rows(), once.rows());
  EXPECT_NE(once.rows(), first);
}

} // namespace
} // namespace heter::runtime::test
