// A server spoken to directly: exactly-once pushes, parked pulls, generations, and refusals of malformed calls.
#include "tests/runtime/role/TinyRun.h"

#include "runtime/role/Coordinator.h"
#include "runtime/role/Server.h"
#include "runtime/table/Checkpoint.h"
#include "runtime/table/CheckpointManifest.h"
#include "tests/runtime/role/Calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace heter::runtime::test {
namespace {

using std::chrono::milliseconds;
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
      reply.asynchronous = asynchronous_;
      respond(std::move(reply));
    });
    coordinator->on<rpc::WaitForEnd>([this](const CallContext &, rpc::WaitForEndRequest, auto respond) {
      end_.push_back([respond] { respond(rpc::WaitForEndReply()); });
    });
    coordinator->on<rpc::Goodbye>([](const CallContext &, rpc::GoodbyeRequest, auto respond) { respond(rpc::Ack()); });
    coordinator_ = coordinator;
    ASSERT_TRUE(transport_->listen("coordinator", coordinator->acceptor()).ok());
    startServer("server");
  }
  void startServer(const std::string &address) {
    server_ = std::make_shared<Server>(context_, 0, address, "coordinator");
    server_->start([this](StatusOr<RoleSummary> summary) { ended_ = summary.status(); });
    client_ = std::make_unique<Client>(*transport_, scheduler_, address, "server 0");
    ASSERT_TRUE(hello().ok());
  }
  void endServer() {
    for (auto &end : std::exchange(end_, {}))
      end();
    scheduler_.runUntilIdle();
    ASSERT_TRUE(ended_ && ended_->ok());
    client_->close();
    ended_.reset();
  }
  /// Another server, with nothing in it.
  void restart() {
    endServer();
    startServer("another server");
  }
  void TearDown() override {
    endServer();
    coordinator_->clear();
    transport_->shutdown();
    scheduler_.runUntilIdle();
  }

  Status hello() {
    Status result = Status::internal("no answer");
    sayHello(*client_, context_, roleName("cpu-trainer", 0), 1, [&](Status status) { result = status; });
    scheduler_.runUntil([&] { return result.code() != StatusCode::Internal; });
    return result;
  }
  template <typename M> StatusOr<typename M::Reply> call(typename M::Request request) {
    return callAndRun<M>(*client_, scheduler_, std::move(request), seconds(5));
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
  std::unique_ptr<Client> client_;
  bool asynchronous_ = false;
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
  client_->call<rpc::PullRows>(pull(1), seconds(5), [&](StatusOr<rpc::PullRowsReply> reply) {
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

TEST_F(ServerTest, AParkedPullIsDroppedAfterItsDeadline) {
  Status status;
  TimePoint start = scheduler_.now();
  client_->call<rpc::PullRows>(pull(1), seconds(5),
                               [&](StatusOr<rpc::PullRowsReply> reply) { status = reply.status(); });
  scheduler_.runUntil([&] { return !status.ok(); });
  EXPECT_EQ(status.code(), StatusCode::DeadlineExceeded);
  EXPECT_EQ(scheduler_.now() - start, seconds(5));
  ASSERT_TRUE(call<rpc::Push>(push(0, {4, -4})).ok());
  int64_t sent = transport_->counts().bytesSent;
  ASSERT_TRUE(call<rpc::CloseStep>(closeStep(0)).ok());
  scheduler_.postAt(scheduler_.now() + milliseconds(1), [] {});
  scheduler_.runUntil([&] { return scheduler_.now() - start > seconds(5); });
  // The calls and replies of one closeStep and a short refusal, but no rows.
  EXPECT_LT(transport_->counts().bytesSent - sent, 600);
}

TEST_F(ServerTest, FinishStepsLetsPullsThroughAndForgetsPushes) {
  asynchronous_ = true;
  restart();
  std::string before = call<rpc::PullRows>(pull(0))->rows;
  ASSERT_TRUE(call<rpc::Push>(push(0, {4, -4})).ok()); // Applied at once.
  std::string after = call<rpc::PullRows>(pull(0))->rows;
  EXPECT_NE(before, after);
  bool answered = false;
  client_->call<rpc::PullRows>(pull(3), seconds(5), [&](StatusOr<rpc::PullRowsReply> reply) {
    EXPECT_TRUE(reply.ok());
    answered = true;
  });
  rpc::FinishStepsRequest finish;
  finish.generation = 1;
  finish.steps = 3;
  ASSERT_TRUE(call<rpc::FinishSteps>(finish).ok());
  EXPECT_TRUE(scheduler_.runUntil([&] { return answered; }));
  ASSERT_TRUE(call<rpc::Push>(push(0, {4, -4})).ok()) << "it is late, and known";
  EXPECT_EQ(call<rpc::PullRows>(pull(3))->rows, after);
  finish.generation = 2;
  EXPECT_THAT(call<rpc::FinishSteps>(finish).status().message(), HasSubstr("a call of generation 2 was refused"));
}

TEST_F(ServerTest, SavesAndLoadsItsShare) {
  ASSERT_TRUE(call<rpc::Push>(push(0, {4, -4})).ok());
  rpc::SaveRequest save;
  save.generation = 1;
  save.folder = data_.path("model");
  save.saveNumber = 1;
  EXPECT_EQ(call<rpc::Save>(save)->rowsPerTable, std::vector<int64_t>{0}) << "the push is of a step that is open";
  ASSERT_TRUE(call<rpc::CloseStep>(closeStep(0)).ok());
  std::string rows = call<rpc::PullRows>(pull(1))->rows;
  auto saved = call<rpc::Save>(save);
  ASSERT_TRUE(saved.ok()) << saved.status().message();
  EXPECT_EQ(saved->version, 1);
  EXPECT_EQ(saved->shardCount, 1);
  EXPECT_EQ(saved->rowsPerTable, std::vector<int64_t>{1});
  ASSERT_TRUE(commitManifest(*files_, save.folder, package_.info, 1,
                             {{0,
                               1,
                               static_cast<uint64_t>(saved->seed),
                               saved->version,
                               {saved->rows.name, saved->rows.bytes, static_cast<uint64_t>(saved->rows.checksum)},
                               {saved->dense.name, saved->dense.bytes, static_cast<uint64_t>(saved->dense.checksum)},
                               saved->rowsPerTable}})
                  .ok());
  restart();
  EXPECT_EQ(call<rpc::Stats>(rpc::StatsRequest())->rows.at("emb"), 0);
  rpc::LoadRequest load;
  load.generation = 1;
  load.folder = save.folder;
  auto loaded = call<rpc::Load>(load);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->version, 1);
  EXPECT_EQ(loaded->seed, saved->seed);
  EXPECT_EQ(call<rpc::PullRows>(pull(1))->rows, rows);
  load.folder = data_.path("nothing");
  EXPECT_EQ(call<rpc::Load>(load).status().code(), StatusCode::NotFound);
}

TEST_F(ServerTest, ASaveIsOfTheStepThatWasMarked) {
  ASSERT_TRUE(call<rpc::Push>(push(0, {4, -4})).ok());
  ASSERT_TRUE(call<rpc::CloseStep>(closeStep(0)).ok());
  std::string rows = call<rpc::PullRows>(pull(1))->rows;
  rpc::MarkSaveRequest mark;
  mark.generation = 1;
  mark.steps = 2;
  EXPECT_THAT(call<rpc::MarkSave>(mark).status().message(),
              HasSubstr("a save of step 2 was asked for, and the parameters are of step 1"));
  mark.steps = 1;
  ASSERT_TRUE(call<rpc::MarkSave>(mark).ok());
  ASSERT_TRUE(call<rpc::Push>(push(1, {4, -4})).ok());
  ASSERT_TRUE(call<rpc::CloseStep>(closeStep(1)).ok());
  EXPECT_NE(call<rpc::PullRows>(pull(2))->rows, rows);
  rpc::SaveRequest save;
  save.generation = 1;
  save.folder = data_.path("model");
  save.saveNumber = 1;
  auto saved = call<rpc::Save>(save);
  ASSERT_TRUE(saved.ok()) << saved.status().message();
  EXPECT_EQ(saved->version, 1);
  save.saveNumber = 2;
  EXPECT_EQ(call<rpc::Save>(save)->version, 2) << "nothing was marked since";
  mark.generation = 2;
  EXPECT_THAT(call<rpc::MarkSave>(mark).status().message(), HasSubstr("a call of generation 2 was refused"));
  rpc::HurrySaveRequest hurry;
  hurry.generation = 2;
  EXPECT_THAT(call<rpc::HurrySave>(hurry).status().message(), HasSubstr("a call of generation 2 was refused"));
  hurry.generation = 1;
  EXPECT_TRUE(call<rpc::HurrySave>(hurry).ok()) << "whether or not there is a save";
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

TEST_F(ServerTest, TablesAreReadInPagesWhileTheServerWorks) {
  constexpr uint64_t count = 30000;
  std::vector<uint64_t> keys(count);
  for (uint64_t i = 0; i < count; ++i)
    keys[i] = i * 7919;
  rpc::PushRequest many = push(0, std::vector<float>(2 * count, 1.0F));
  many.keys = bytes(keys);
  ASSERT_TRUE(call<rpc::Push>(many).ok());
  ASSERT_TRUE(call<rpc::CloseStep>(closeStep(0)).ok());
  auto first = call<rpc::ReadTable>(rpc::ReadTableRequest());
  ASSERT_TRUE(first.ok()) << first.status().message();
  auto manifest = checkpoint::parseManifest("sent", first->manifest, /*files=*/false);
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_EQ(manifest->steps, 1);
  ASSERT_EQ(manifest->schema.tables.size(), 1U);
  EXPECT_EQ(manifest->schema.tables[0].name, "emb");
  EXPECT_FALSE(checkpoint::parseManifest("sent", first->manifest).ok()) << "it is no saved model's";
  const auto rowBytes = static_cast<size_t>(16 + 4 * manifest->schema.tables[0].rowFloats);
  rpc::ReadTableRequest request;
  request.table = "emb";
  std::set<uint64_t> found;
  int pages = 0;
  do {
    auto page = call<rpc::ReadTable>(request);
    ASSERT_TRUE(page.ok()) << page.status().message();
    ASSERT_LT(page->rows.size(), size_t{2} << 20);
    ASSERT_EQ(page->rows.size() % rowBytes, 0U);
    for (size_t at = 0; at < page->rows.size(); at += rowBytes) {
      uint64_t key = 0;
      std::memcpy(&key, page->rows.data() + at, sizeof(key));
      EXPECT_TRUE(found.insert(key).second) << key;
    }
    request.cursor = page->cursor;
    ++pages;
  } while (request.cursor != 0);
  EXPECT_EQ(found, std::set<uint64_t>(keys.begin(), keys.end()));
  EXPECT_GT(pages, 0);
  request.keys = bytes(std::vector<uint64_t>{7919, 1});
  EXPECT_EQ(call<rpc::ReadTable>(request)->rows.size(), rowBytes) << "key 1 has no row, and gets none";
  request.keys = bytes(std::vector<uint64_t>(5000));
  EXPECT_THAT(call<rpc::ReadTable>(request).status().message(), HasSubstr("at most 4096 keys"));
  request.keys = "abc";
  EXPECT_THAT(call<rpc::ReadTable>(request).status().message(), HasSubstr("whole numbers"));
  request.keys.clear();
  for (int64_t cursor : {int64_t{-1}, int64_t{1} << 40}) {
    request.cursor = cursor;
    EXPECT_THAT(call<rpc::ReadTable>(request).status().message(), HasSubstr("has no row at cursor"));
  }
  request.table = "emp";
  EXPECT_THAT(call<rpc::ReadTable>(request).status().message(), HasSubstr("no table is called `emp`"));
  EXPECT_EQ(call<rpc::Stats>(rpc::StatsRequest())->rows.at("emb"), static_cast<int64_t>(count));
}

} // namespace
} // namespace heter::runtime::test
