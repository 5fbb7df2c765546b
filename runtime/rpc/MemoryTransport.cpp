// Links between transports of one process.
#include "runtime/rpc/MemoryTransport.h"

#include "runtime/base/Random.h"
#include "runtime/rpc/Delivery.h"

#include <atomic>
#include <cstring>

namespace heter::runtime {
namespace {

/// What one transport shares with its links, which may outlive it.
struct Endpoint {
  std::atomic<int64_t> bytesSent{0}, bytesReceived{0}, framesSent{0}, framesReceived{0};
  std::mutex mutex;
  bool ended = false;                     // guarded by mutex
  std::vector<std::weak_ptr<Link>> links; // guarded by mutex

  /// Remembers a link for `end`; false if the transport has ended.
  bool adopt(const std::shared_ptr<Link> &link) {
    std::lock_guard lock(mutex);
    if (ended)
      return false;
    std::erase_if(links, [](const auto &weak) { return weak.expired(); });
    links.push_back(link);
    return true;
  }

  void end() {
    std::vector<std::weak_ptr<Link>> open;
    {
      std::lock_guard lock(mutex);
      ended = true;
      open.swap(links);
    }
    for (auto &weak : open)
      if (auto link = weak.lock())
        link->close(Status::cancelled("closed the connection"));
  }
};

/// The frame as it would stand on the wire after its length.
IncomingFrame flatten(const OutgoingFrame &frame) {
  std::shared_ptr<char[]> bytes = std::make_unique_for_overwrite<char[]>(frame.size);
  char *out = bytes.get();
  for (const OutgoingFrame::Piece &piece : frame.pieces) {
    std::memcpy(out, frame.at(piece), piece.size);
    out += piece.size;
  }
  return IncomingFrame{std::move(bytes), frame.size};
}

} // namespace

struct MemoryNetwork::State {
  State(Scheduler &scheduler, DelayHook delay) : scheduler(scheduler), delay(std::move(delay)) {}

  struct Listener {
    std::shared_ptr<const Transport::Acceptor> acceptor;
    std::shared_ptr<Endpoint> endpoint;
  };

  Duration nextDelay() {
    uint64_t number = frames++;
    return delay ? delay(number) : Duration::zero();
  }

  Scheduler &scheduler;
  const DelayHook delay;
  std::atomic<uint64_t> frames{0};
  std::mutex mutex;
  std::map<std::string, Listener> listeners; // guarded by mutex
};

namespace {

class MemoryLink final : public Link {
public:
  MemoryLink(std::function<Duration()> nextDelay, std::string remote, std::shared_ptr<Endpoint> endpoint)
      : nextDelay_(std::move(nextDelay)), remote_(std::move(remote)), endpoint_(std::move(endpoint)) {}

  /// Once, before anything is sent.
  void join(const std::shared_ptr<MemoryLink> &other, std::shared_ptr<Delivery> delivery) {
    other_ = other;
    delivery_ = std::move(delivery);
  }

  void send(OutgoingFrame frame) override {
    auto other = other_.lock();
    if (!other)
      return;
    if (frame.size > defaultFrameLimit)
      return close(Status::invalidArgument("a frame of " + std::to_string(frame.size) + " bytes is over the limit of " +
                                           std::to_string(defaultFrameLimit)));
    int64_t bytes = static_cast<int64_t>(frame.size) + 4;
    endpoint_->bytesSent += bytes;
    ++endpoint_->framesSent;
    other->endpoint_->bytesReceived += bytes;
    ++other->endpoint_->framesReceived;
    other->delivery_->frame(flatten(frame), nextDelay_());
  }

  void close(Status why) override {
    if (auto other = other_.lock())
      other->delivery_->closed(Status::unavailable("the other end closed the connection"));
    delivery_->closed(std::move(why));
  }

  std::string remoteAddress() const override { return remote_; }

private:
  const std::function<Duration()> nextDelay_;
  const std::string remote_;
  const std::shared_ptr<Endpoint> endpoint_;
  std::weak_ptr<MemoryLink> other_;
  std::shared_ptr<Delivery> delivery_;
};

} // namespace

class MemoryTransport final : public Transport {
public:
  explicit MemoryTransport(MemoryNetwork &network) : state_(network.state_), endpoint_(std::make_shared<Endpoint>()) {}
  ~MemoryTransport() override { shutdown(); }

  StatusOr<std::string> listen(const std::string &address, Acceptor acceptor) override {
    std::lock_guard lock(state_->mutex);
    auto [it, inserted] = state_->listeners.try_emplace(address);
    if (!inserted)
      return Status::failedPrecondition("address " + address + " is in use");
    it->second = {std::make_shared<const Acceptor>(std::move(acceptor)), endpoint_};
    return address;
  }

  void dial(const std::string &address, std::shared_ptr<LinkListener> listener, Dialed done) override {
    state_->scheduler.post(
        [state = state_, endpoint = endpoint_, address, listener = std::move(listener),
         done = std::move(done)]() mutable { done(connect(state, endpoint, address, std::move(listener))); });
  }

  void shutdown() override {
    {
      std::lock_guard lock(state_->mutex);
      std::erase_if(state_->listeners, [&](const auto &entry) { return entry.second.endpoint == endpoint_; });
    }
    endpoint_->end();
  }

  WireCounts counts() const override {
    return {endpoint_->bytesSent, endpoint_->bytesReceived, endpoint_->framesSent, endpoint_->framesReceived};
  }

private:
  using State = MemoryNetwork::State;

  static StatusOr<std::shared_ptr<Link>> connect(const std::shared_ptr<State> &state,
                                                 const std::shared_ptr<Endpoint> &endpoint, const std::string &address,
                                                 std::shared_ptr<LinkListener> listener) {
    State::Listener server;
    {
      std::lock_guard lock(state->mutex);
      auto it = state->listeners.find(address);
      if (it == state->listeners.end())
        return Status::unavailable("nobody listens at " + address);
      server = it->second;
    }
    auto nextDelay = [state] { return state->nextDelay(); };
    auto dialing = std::make_shared<MemoryLink>(nextDelay, address, endpoint);
    auto accepted = std::make_shared<MemoryLink>(nextDelay, "memory", server.endpoint);
    dialing->join(accepted, std::make_shared<Delivery>(state->scheduler, std::move(listener)));
    accepted->join(dialing, std::make_shared<Delivery>(state->scheduler, (*server.acceptor)(accepted)));
    if (!endpoint->adopt(dialing) || !server.endpoint->adopt(accepted)) {
      dialing->close(Status::cancelled("closed the connection"));
      return Status::cancelled("the transport was shut down");
    }
    return std::shared_ptr<Link>(dialing);
  }

  std::shared_ptr<State> state_;
  std::shared_ptr<Endpoint> endpoint_;
};

MemoryNetwork::MemoryNetwork(Scheduler &scheduler, DelayHook delay)
    : state_(std::make_shared<State>(scheduler, std::move(delay))) {}

MemoryNetwork::~MemoryNetwork() = default;

MemoryNetwork::DelayHook MemoryNetwork::randomDelay(uint64_t seed, Duration longest) {
  return [key = philoxKey(seed, "frame delay"), longest](uint64_t number) {
    auto words = philox4x32({static_cast<uint32_t>(number), static_cast<uint32_t>(number >> 32), 0, 0}, key);
    return Duration(
        static_cast<int64_t>(static_cast<double>(uniformFloat(words[0])) * static_cast<double>(longest.count())));
  };
}

std::unique_ptr<Transport> makeMemoryTransport(MemoryNetwork &network) {
  return std::make_unique<MemoryTransport>(network);
}

} // namespace heter::runtime
