// A coordinator spoken to directly, with the test in the parts of its one server and one cpu-trainer.
#include "tests/runtime/role/TinyRun.h"

#include "runtime/base/Log.h"
#include "runtime/role/Coordinator.h"
#include "tests/runtime/role/Calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heter::runtime::test {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class CoordinatorTest : public testing::Test {
protected:
  explicit CoordinatorTest(const std::function<void(RunOptions &, const TinyData &)> &edit = nullptr) {
    if (edit)
      edit(options_, data_);
    service_->on<rpc::Hello>([](const CallContext &, rpc::HelloRequest request, auto respond) {
      rpc::HelloReply reply;
      reply.name = roleName("server", 0);
      reply.programHash = request.programHash;
      respond(std::move(reply));
    });
    service_->on<rpc::CloseStep>([this](const CallContext &, rpc::CloseStepRequest request, auto respond) {
      closed_.push_back({request.step, request.microBatches, request.examples});
      respond(rpc::CloseStepReply());
    });
    service_->on<rpc::MarkSave>([this](const CallContext &, rpc::MarkSaveRequest request, auto respond) {
      marked_.push_back(request.steps);
      respond(rpc::Ack());
    });
    service_->on<rpc::HurrySave>([this](const CallContext &, rpc::HurrySaveRequest request, auto respond) {
      EXPECT_EQ(request.generation, 1);
      hurried_.push_back(closed_.size());
      respond(rpc::Ack());
    });
    service_->on<rpc::Save>([this](const CallContext &, rpc::SaveRequest, auto respond) {
      saves_.push_back([respond] { respond(Status::resourceExhausted("no space left on device")); });
    });
    service_->on<rpc::Stats>([](const CallContext &, rpc::StatsRequest, auto respond) {
      rpc::StatsReply reply;
      reply.rows["emb"] = 5;
      respond(std::move(reply));
    });
    EXPECT_TRUE(theirs_->listen("server", service_->acceptor()).ok());
    EXPECT_TRUE(coordinator_->listen().ok());
    coordinator_->start([this](StatusOr<RunResult> result) { result_.emplace(std::move(result)); });
    for (const char *role : {"server", "cpu-trainer"}) {
      rpc::JoinRequest join;
      join.caller = roleName(role, 0);
      join.programHash = package_.hash;
      join.mode = package_.info.mode;
      join.address = role;
      start<rpc::Join>(join, [this](StatusOr<rpc::JoinReply> reply) {
        EXPECT_TRUE(reply.ok()) << reply.status().message();
        ++joined_;
      });
      rpc::WaitForEndRequest wait;
      wait.caller = roleName(role, 0);
      start<rpc::WaitForEnd>(wait, [this, role](StatusOr<rpc::WaitForEndReply> reply) {
        if (!reply.ok())
          return; // The test is over first.
        ends_.push_back({reply->code, reply->message});
        rpc::GoodbyeRequest goodbye;
        goodbye.caller = roleName(role, 0);
        start<rpc::Goodbye>(goodbye, [](StatusOr<rpc::Ack>) {});
      });
    }
    EXPECT_TRUE(scheduler_.runUntil([this] { return joined_ == 2; }));
  }
  ~CoordinatorTest() override {
    client_.close();
    service_->clear();
    ours_->shutdown();
    theirs_->shutdown();
    scheduler_.runUntilIdle();
  }

  template <typename M>
  void start(typename M::Request request, UniqueFunction<void(StatusOr<typename M::Reply>)> done) {
    client_.call<M>(std::move(request), seconds(60), std::move(done));
  }
  template <typename M> StatusOr<typename M::Reply> call(typename M::Request request) {
    return callAndRun<M>(client_, scheduler_, std::move(request), seconds(60));
  }
  static rpc::FinishedRequest finished(int64_t step, int32_t microBatch, double loss) {
    rpc::FinishedRequest request;
    request.frame.generation = 1;
    request.frame.step = step;
    request.frame.microBatch = microBatch;
    request.frame.training = true;
    request.stepMicroBatches = 2;
    request.examples = 4;
    rpc::ReportedMetric metric;
    metric.metric = "loss";
    metric.value = loss;
    request.metrics.push_back(metric);
    return request;
  }
  static rpc::EndOfDataRequest endOfData() {
    rpc::EndOfDataRequest request;
    request.caller = roleName("cpu-trainer", 0);
    request.training = true;
    return request;
  }

  using Closed = std::tuple<int64_t, std::vector<int32_t>, int64_t>;

  SimulatedScheduler scheduler_{1};
  TinyData data_{1};
  Package package_ = tinyPackage("ps");
  FunctionKernels kernels_ = tinyKernels();
  std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
  RunOptions options_ = tinyOptions(data_);
  RunHooks hooks_;
  MemoryNetwork network_{scheduler_};
  std::unique_ptr<Transport> ours_ = makeMemoryTransport(network_), theirs_ = makeMemoryTransport(network_);
  RoleContext context_{package_, kernels_, *files_, scheduler_, *ours_, options_, false, false};
  std::shared_ptr<Coordinator> coordinator_ = std::make_shared<Coordinator>(
      context_,
      ClusterFile{.coordinator = "coordinator", .servers = {"server"}, .cpuTrainers = {""}, .heterTrainers = {}},
      hooks_);
  std::shared_ptr<Service> service_ = std::make_shared<Service>("server 0");
  Client client_{*theirs_, scheduler_, "coordinator", "coordinator"};
  int joined_ = 0;
  std::vector<Closed> closed_;
  std::vector<int64_t> marked_;
  std::vector<size_t> hurried_;              ///< The steps that were closed when a save was told to hurry.
  std::vector<std::function<void()>> saves_; ///< Answers them.
  std::vector<std::pair<int, std::string>> ends_;
  std::optional<StatusOr<RunResult>> result_;
};

TEST_F(CoordinatorTest, FinishedClosesAStepOnceAllItsMicroBatchesAreThere) {
  ASSERT_TRUE(call<rpc::Finished>(finished(0, 1, 0.25)).ok());
  ASSERT_TRUE(call<rpc::Finished>(finished(0, 1, 0.25)).ok()) << "known, and not counted again";
  EXPECT_THAT(closed_, IsEmpty());
  ASSERT_TRUE(call<rpc::Finished>(finished(0, 0, 0.75)).ok());
  scheduler_.runUntil([this] { return !closed_.empty(); });
  EXPECT_THAT(closed_, ElementsAre(Closed{0, {0, 1}, 8}));
}

TEST_F(CoordinatorTest, EndOfDataIsAnsweredWhenEveryStepIsClosed) {
  std::optional<StatusOr<rpc::EndOfDataReply>> reply;
  ASSERT_TRUE(call<rpc::Finished>(finished(0, 0, 0.5)).ok());
  ASSERT_TRUE(call<rpc::Finished>(finished(0, 1, 0.25)).ok());
  start<rpc::EndOfData>(endOfData(), [&](StatusOr<rpc::EndOfDataReply> got) {
    EXPECT_EQ(closed_.size(), 1u);
    reply.emplace(std::move(got));
  });
  ASSERT_TRUE(scheduler_.runUntil([&] { return reply && result_; }));
  ASSERT_TRUE(reply->ok());
  EXPECT_FALSE((*reply)->test);
  EXPECT_EQ((*reply)->version, 1);
  EXPECT_THAT(ends_, ElementsAre(testing::Pair(0, ""), testing::Pair(0, "")));
  ASSERT_TRUE(result_->ok());
  EXPECT_EQ((*result_)->steps, 1);
  EXPECT_EQ((*result_)->losses.at(0).loss, 0.375);
  EXPECT_EQ((*result_)->tables.at("emb"), 5);
}

TEST_F(CoordinatorTest, EndOfDataWithAStepInPiecesIsAnError) {
  ASSERT_TRUE(call<rpc::Finished>(finished(0, 0, 0.5)).ok());
  start<rpc::EndOfData>(endOfData(), [](StatusOr<rpc::EndOfDataReply>) {});
  ASSERT_TRUE(scheduler_.runUntil([&] { return result_.has_value(); }));
  EXPECT_EQ(result_->status().message(), "the data ended with 1 of 2 micro-batches of step 0");
}

TEST_F(CoordinatorTest, FailedEndsTheRunForAllWithItsWords) {
  rpc::FailedRequest request;
  request.caller = roleName("cpu-trainer", 0);
  request.code = static_cast<int32_t>(StatusCode::InvalidArgument);
  request.message = "line 7 is no line";
  ASSERT_TRUE(call<rpc::Failed>(request).ok());
  ASSERT_TRUE(scheduler_.runUntil([&] { return result_.has_value(); }));
  EXPECT_EQ(result_->status().code(), StatusCode::InvalidArgument);
  EXPECT_EQ(result_->status().message(), "cpu-trainer 0: line 7 is no line");
  EXPECT_THAT(ends_, testing::Each(testing::Pair(request.code, "cpu-trainer 0: line 7 is no line")));
  EXPECT_EQ(ends_.size(), 2u);
}

TEST_F(CoordinatorTest, ASymptomWaitsForItsCause) {
  rpc::FailedRequest symptom;
  symptom.caller = roleName("cpu-trainer", 0);
  symptom.code = static_cast<int32_t>(StatusCode::Unavailable);
  symptom.message = "lost the connection to server 0";
  ASSERT_TRUE(call<rpc::Failed>(symptom).ok());
  rpc::FailedRequest cause;
  cause.caller = roleName("server", 0);
  cause.code = static_cast<int32_t>(StatusCode::Internal);
  cause.message = "out of everything";
  ASSERT_TRUE(call<rpc::Failed>(cause).ok());
  ASSERT_TRUE(scheduler_.runUntil([&] { return result_.has_value(); }));
  EXPECT_EQ(result_->status().message(), "server 0: out of everything");
}

class CoordinatorSaveTest : public CoordinatorTest {
protected:
  CoordinatorSaveTest()
      : CoordinatorTest([](RunOptions &options, const TinyData &data) {
          options.saveFolder = data.path("model");
          options.saveEvery = 2;
        }) {}
  void finish(int64_t step) {
    for (int32_t microBatch : {0, 1})
      ASSERT_TRUE(call<rpc::Finished>(finished(step, microBatch, 0.5)).ok());
  }
};

TEST_F(CoordinatorSaveTest, StepsAreClosedWhileASaveIsWrittenUpToTheNextOne) {
  setLogSink([](LogLevel, std::string_view) {});
  finish(0);
  finish(1);
  ASSERT_TRUE(scheduler_.runUntil([this] { return !saves_.empty(); }));
  EXPECT_THAT(marked_, ElementsAre(2));
  finish(2);
  ASSERT_TRUE(scheduler_.runUntil([this] { return closed_.size() == 3; })) << "while the save is written";
  EXPECT_THAT(hurried_, IsEmpty());
  for (int64_t step = 3; step < 6; ++step)
    finish(step);
  EXPECT_FALSE(scheduler_.runUntil([this, until = scheduler_.now() + seconds(5)] {
    return closed_.size() > 4 || scheduler_.now() > until;
  }) && closed_.size() > 4)
      << "the save after step 4 waits for the one before, and step 4 for it";
  EXPECT_EQ(closed_.size(), 4U);
  EXPECT_THAT(hurried_, ElementsAre(4)) << "now all wait for the save";
  EXPECT_THAT(marked_, ElementsAre(2));
  saves_[0]();
  ASSERT_TRUE(scheduler_.runUntil([this] { return result_.has_value(); }));
  setLogSink({});
  EXPECT_THAT(result_->status().message(), testing::HasSubstr("no space left on device")) << "which ends the run";
}

TEST_F(CoordinatorSaveTest, ASaveHurriesWhenTheDataHasEnded) {
  finish(0);
  finish(1);
  ASSERT_TRUE(scheduler_.runUntil([this] { return !saves_.empty(); }));
  finish(2);
  start<rpc::EndOfData>(endOfData(), [](StatusOr<rpc::EndOfDataReply>) {});
  ASSERT_TRUE(scheduler_.runUntil([this] { return !hurried_.empty(); }));
  EXPECT_THAT(hurried_, ElementsAre(3)) << "not before the last step is closed";
}

TEST_F(CoordinatorSaveTest, ASaveHurriesWhenTheRunIsInterrupted) {
  finish(0);
  finish(1);
  ASSERT_TRUE(scheduler_.runUntil([this] { return !saves_.empty(); }));
  EXPECT_THAT(hurried_, IsEmpty());
  coordinator_->interrupt();
  ASSERT_TRUE(scheduler_.runUntil([this] { return !hurried_.empty(); }));
}

TEST_F(CoordinatorSaveTest, ASaveHurriesWhenTheRunIsInterruptedBeforeItIsMarked) {
  service_->on<rpc::MarkSave>([this](const CallContext &, rpc::MarkSaveRequest request, auto respond) {
    marked_.push_back(request.steps);
    coordinator_->interrupt();
    scheduler_.postAt(scheduler_.now() + seconds(1), [this, respond] {
      hurried_.clear(); // What came before is for nothing: the mark makes the save slow.
      respond(rpc::Ack());
    });
  });
  finish(0);
  finish(1);
  ASSERT_TRUE(scheduler_.runUntil([this] { return !saves_.empty(); }));
  ASSERT_TRUE(scheduler_.runUntil([this] { return !hurried_.empty(); }));
}

} // namespace
} // namespace heter::runtime::test
