// The calling side: a client that has called every method is answered with the input's frames. Each call ends exactly
// once, with a reply or with an error.
#include "runtime/base/Log.h"
#include "runtime/base/Scheduler.h"
#include "runtime/rpc/Client.h"
#include "runtime/rpc/MemoryTransport.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/Messages.h"
#include "tests/fuzz/PartsMutator.h"

#include <cstring>
#include <map>

namespace heter::fuzz {

using namespace runtime;

namespace {

/// The other end of a link: answers the first call with all frames.
class Answerer final : public LinkListener {
public:
  Answerer(std::shared_ptr<Link> link, std::vector<std::string> frames)
      : link_(std::move(link)), frames_(std::move(frames)) {}

  void frameArrived(IncomingFrame) override {
    for (std::string &bytes : std::exchange(frames_, {})) {
      auto frame = std::make_shared<OutgoingFrame>();
      frame->size = bytes.size();
      frame->text = std::move(bytes);
      frame->pieces = {{nullptr, 0, frame->size}};
      link_->send(std::move(frame));
    }
  }
  void linkClosed(Status) override { link_.reset(); }

private:
  std::shared_ptr<Link> link_;
  std::vector<std::string> frames_;
};

struct Outcomes {
  int called = 0, ended = 0, replied = 0;
};

/// Calls the methods called `name`, or all of them if there is none, and gives both lanes of the client the frames.
Outcomes converse(const std::string &name, const std::vector<std::string> &frames) {
  SimulatedScheduler scheduler(1);
  MemoryNetwork network(scheduler);
  auto listener = makeMemoryTransport(network), dialer = makeMemoryTransport(network);
  auto address = listener->listen(
      "peer", [&](std::shared_ptr<Link> link) { return std::make_shared<Answerer>(std::move(link), frames); });
  check(address.ok(), "cannot listen");
  Outcomes outcomes;
  {
    Client client(*dialer, scheduler, "peer", "the peer");
    forEachMethod([&]<typename M>(MethodTag<M>) {
      if (M::name != name)
        return;
      ++outcomes.called;
      client.call<M>(typename M::Request(), std::chrono::seconds(1), [&](StatusOr<typename M::Reply> reply) {
        ++outcomes.ended;
        outcomes.replied += reply.ok();
      });
    });
    scheduler.runUntilIdle();
  }
  listener->shutdown();
  dialer->shutdown();
  scheduler.runUntilIdle();
  return outcomes;
}

} // namespace

bool mutateStructure(std::vector<std::string> &, std::minstd_rand &) { return false; }

std::vector<Seed> seeds() {
  std::vector<Seed> result;
  for (const Message &message : replies())
    result.push_back({message.name, join({message.name, message.bytes})});
  result.push_back({"twice", join({"stats", replies().front().bytes, replies().back().bytes}), false});
  for (const Message &message : requests())
    result.push_back({message.name + "-call", join({message.name, message.bytes}), false});
  return result;
}

bool accepts(std::string_view input) {
  setLogSink([](LogLevel, std::string_view) {});
  std::vector<std::string> parts = split(input);
  if (parts.empty())
    return false;
  std::string name = parts.front();
  parts.erase(parts.begin());
  std::erase(parts, "");
  Outcomes outcomes = converse(name, parts);
  check(outcomes.ended == outcomes.called, "a call ended never or twice");
  return outcomes.replied > 0;
}

} // namespace heter::fuzz
