// Links between transports of one process.
#include "runtime/rpc/MemoryTransport.h"

#include "runtime/base/Random.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/rpc/Delivery.h"

#include <atomic>
#include <cstring>

namespace heter::runtime {
namespace {

/// What one transport shares with its links, which may outlive it.
struct Endpoint {
  explicit Endpoint(std::string name) : name(std::move(name)) {}

  const std::string name;
  std::atomic<int64_t> bytesSent{0}, bytesReceived{0}, framesSent{0}, framesReceived{0};
  Mutex mutex;
  bool ended HETER_GUARDED_BY(mutex) = false;
  std::vector<std::weak_ptr<Link>> links HETER_GUARDED_BY(mutex);

  /// Remembers a link for `end`; false if the transport has ended.
  bool adopt(const std::shared_ptr<Link> &link) {
    MutexLock lock(mutex);
    if (ended)
      return false;
    std::erase_if(links, [](const auto &weak) { return weak.expired(); });
    links.push_back(link);
    return true;
  }

  void end() {
    std::vector<std::weak_ptr<Link>> open;
    {
      MutexLock lock(mutex);
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
  State(Scheduler &scheduler, Weather weather) : scheduler(scheduler), weather(std::move(weather)) {}

  struct Listener {
    std::shared_ptr<const Transport::Acceptor> acceptor;
    std::shared_ptr<Endpoint> endpoint;
  };

  Fate fateOf(const std::string &from, const std::string &to, const IncomingFrame &frame) {
    uint64_t number = frames++;
    return weather ? weather({number, from, to, frame}) : Fate();
  }

  Scheduler &scheduler;
  const Weather weather;
  std::atomic<uint64_t> frames{0};
  Mutex mutex;
  std::map<std::string, Listener> listeners HETER_GUARDED_BY(mutex);
};

namespace {

class MemoryLink final : public Link {
public:
  using FateOf =
      std::function<MemoryNetwork::Fate(const std::string &from, const std::string &to, const IncomingFrame &frame)>;

  MemoryLink(FateOf fateOf, std::string remote, std::shared_ptr<Endpoint> endpoint)
      : fateOf_(std::move(fateOf)), remote_(std::move(remote)), endpoint_(std::move(endpoint)) {}

  /// Once, before anything is sent.
  void join(const std::shared_ptr<MemoryLink> &other, std::shared_ptr<Delivery> delivery) {
    other_ = other;
    delivery_ = std::move(delivery);
  }

  void send(FramePtr frame) override {
    auto other = other_.lock();
    if (!other)
      return;
    if (frame->size > defaultFrameLimit)
      return close(Status::invalidArgument("a frame of " + std::to_string(frame->size) +
                                           " bytes is over the limit of " + std::to_string(defaultFrameLimit)));
    int64_t bytes = static_cast<int64_t>(frame->size) + 4;
    endpoint_->bytesSent += bytes;
    ++endpoint_->framesSent;
    IncomingFrame arriving = flatten(*frame);
    MemoryNetwork::Fate fate = fateOf_(endpoint_->name, other->endpoint_->name, arriving);
    for (int copy = 0; copy < fate.copies; ++copy) {
      other->endpoint_->bytesReceived += bytes;
      ++other->endpoint_->framesReceived;
      other->delivery_->frame(arriving, fate.delay);
    }
  }

  void close(Status why) override {
    auto other = other_.lock();
    if (other && fateOf_(endpoint_->name, other->endpoint_->name, IncomingFrame()).copies > 0)
      other->delivery_->closed(Status::unavailable("the other end closed the connection"));
    delivery_->closed(std::move(why));
  }

  std::string remoteAddress() const override { return remote_; }

private:
  const FateOf fateOf_;
  const std::string remote_;
  const std::shared_ptr<Endpoint> endpoint_;
  std::weak_ptr<MemoryLink> other_;
  std::shared_ptr<Delivery> delivery_;
};

} // namespace

class MemoryTransport final : public Transport {
public:
  MemoryTransport(MemoryNetwork &network, std::string name)
      : state_(network.state_), endpoint_(std::make_shared<Endpoint>(std::move(name))) {}
  ~MemoryTransport() override { shutdown(); }

  StatusOr<std::string> listen(const std::string &address, Acceptor acceptor) override {
    MutexLock lock(state_->mutex);
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
      MutexLock lock(state_->mutex);
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
      MutexLock lock(state->mutex);
      auto it = state->listeners.find(address);
      if (it == state->listeners.end())
        return Status::unavailable("nobody listens at " + address);
      server = it->second;
    }
    auto fateOf = [state](const std::string &from, const std::string &to, const IncomingFrame &frame) {
      return state->fateOf(from, to, frame);
    };
    auto dialing = std::make_shared<MemoryLink>(fateOf, address, endpoint);
    auto accepted = std::make_shared<MemoryLink>(fateOf, "memory", server.endpoint);
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

MemoryNetwork::MemoryNetwork(Scheduler &scheduler, Weather weather)
    : state_(std::make_shared<State>(scheduler, std::move(weather))) {}

MemoryNetwork::~MemoryNetwork() = default;

MemoryNetwork::Weather MemoryNetwork::randomDelay(uint64_t seed, Duration longest) {
  return [key = philoxKey(seed, "frame delay"), longest](const Sent &sent) {
    auto words = philox4x32({static_cast<uint32_t>(sent.number), static_cast<uint32_t>(sent.number >> 32), 0, 0}, key);
    double share = uniformFloat(words[0]);
    return Fate{Duration(static_cast<int64_t>(share * static_cast<double>(longest.count())))};
  };
}

std::unique_ptr<Transport> makeMemoryTransport(MemoryNetwork &network, std::string name) {
  return std::make_unique<MemoryTransport>(network, std::move(name));
}

} // namespace heter::runtime
