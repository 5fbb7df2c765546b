// A server role that has joined a run is given the input's frames, whatever they ask for: rows, versions, pushes,
// saves. It stays up, and a good pull after them is answered.
#include "runtime/base/Log.h"
#include "runtime/role/Server.h"
#include "runtime/rpc/MemoryTransport.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/Messages.h"
#include "tests/fuzz/PartsMutator.h"
#include "tests/runtime/role/TinyModel.h"
#include "tests/runtime/table/FaultyFileSystem.h"

namespace heter::fuzz {

using namespace runtime;
using std::chrono::seconds;

namespace {

/// Sends frames and counts what comes back.
class Sender final : public LinkListener {
public:
  void frameArrived(IncomingFrame frame) override {
    auto message = MessageReader::open(std::move(frame));
    check(message.ok(), "the server sent a malformed frame");
    ++answers;
  }
  void linkClosed(Status) override { closed = true; }

  int answers = 0;
  bool closed = false;
};

/// A server and the coordinator that it has joined.
class ServerRun {
public:
  ServerRun() {
    coordinator_->on<rpc::Join>([](const CallContext &, rpc::JoinRequest request, auto respond) {
      rpc::JoinReply reply;
      reply.generation = 1;
      reply.seed = 1;
      reply.servers = {request.address};
      respond(std::move(reply));
    });
    coordinator_->on<rpc::WaitForEnd>([this](const CallContext &, rpc::WaitForEndRequest, auto respond) {
      end_ = [respond] { respond(rpc::WaitForEndReply()); };
    });
    coordinator_->on<rpc::Goodbye>([](const CallContext &, rpc::GoodbyeRequest, auto respond) { respond(rpc::Ack()); });
    check(transport_->listen("coordinator", coordinator_->acceptor()).ok(), "cannot listen");
    server_->start([this](StatusOr<RoleSummary>) { ended_ = true; });
    Status hello = Status::internal("no answer");
    sayHello(client_, context_, roleName("cpu-trainer", 0), 1, [&](Status status) { hello = status; });
    scheduler_.runUntil([&] { return hello.code() != StatusCode::Internal; });
    check(hello.ok(), "the server is not ready: " + hello.message());
  }
  ~ServerRun() {
    if (end_)
      end_();
    scheduler_.runUntil([&] { return ended_; });
    client_.close();
    coordinator_->clear();
    transport_->shutdown();
    scheduler_.runUntilIdle();
  }

  /// How many frames were answered.
  int give(const std::vector<std::string> &frames) {
    auto sender = std::make_shared<Sender>();
    std::shared_ptr<Link> link;
    transport_->dial("server", sender, [&](StatusOr<std::shared_ptr<Link>> dialed) {
      check(dialed.ok(), "cannot dial");
      link = *dialed;
    });
    scheduler_.runUntil([&] { return link != nullptr; });
    for (const std::string &bytes : frames) {
      auto frame = std::make_shared<OutgoingFrame>();
      frame->text = bytes;
      frame->size = bytes.size();
      frame->pieces = {{nullptr, 0, frame->size}};
      link->send(std::move(frame));
      settle();
    }
    link->close(Status::cancelled("done"));
    settle();
    return sender->answers;
  }

  void pullWorks() {
    rpc::PullRowsRequest request;
    request.generation = 1;
    request.keys = std::string(8, '\1');
    bool good = false, answered = false;
    client_.call<rpc::PullRows>(request, seconds(5), [&](StatusOr<rpc::PullRowsReply> reply) {
      answered = true;
      good = reply.ok() && reply->rows.size() == 2 * sizeof(float);
    });
    scheduler_.runUntil([&] { return answered; });
    check(good, "a good pull is not answered any more");
  }

private:
  /// Lets what was sent be worked on, parked calls aside.
  void settle() {
    bool over = false;
    scheduler_.postAt(scheduler_.now() + std::chrono::milliseconds(10), [&] { over = true; });
    scheduler_.runUntil([&] { return over; });
  }

  SimulatedScheduler scheduler_{1};
  test::FaultyFileSystem files_;
  RunOptions options_;
  MemoryNetwork network_{scheduler_};
  std::unique_ptr<Transport> transport_ = makeMemoryTransport(network_);
  const RoleContext context_{package(), kernels(), files_, scheduler_, *transport_, options_, false, false};
  Client client_{*transport_, scheduler_, "server", "server 0"};
  UniqueFunction<void()> end_;
  bool ended_ = false;
  std::shared_ptr<Service> coordinator_ = std::make_shared<Service>("coordinator");
  std::shared_ptr<Server> server_ = std::make_shared<Server>(context_, 0, "server", "coordinator");

  static const Package &package() {
    static const Package made = test::tinyPackage("ps");
    return made;
  }
  static const KernelObject &kernels() {
    static const test::FunctionKernels made = test::tinyKernels();
    return made;
  }
};

} // namespace

bool mutateStructure(std::vector<std::string> &, std::minstd_rand &) { return false; }

std::vector<Seed> seeds() {
  std::vector<Seed> result;
  std::vector<std::string> all;
  for (const Message &message : requests()) {
    result.push_back({message.name, join({message.bytes})});
    all.push_back(message.bytes);
  }
  result.push_back({"all", join(all)});
  return result;
}

bool accepts(std::string_view input) {
  setLogSink([](LogLevel, std::string_view) {});
  std::vector<std::string> frames = split(input);
  std::erase(frames, "");
  if (frames.size() > 24)
    frames.resize(24);
  ServerRun run;
  int answers = run.give(frames);
  run.pullWorks();
  return answers > 0;
}

} // namespace heter::fuzz
