// Outstanding calls of one link and their ends: a reply, a deadline, a broken link or a close, whichever is first.
#include "runtime/rpc/Client.h"

#include <cmath>
#include <deque>
#include <mutex>
#include <unordered_map>

namespace heter::runtime {
namespace {

constexpr Duration firstRedial = std::chrono::milliseconds(10);
constexpr Duration longestRedial = std::chrono::milliseconds(200);

std::string seconds(Duration duration) {
  double value = std::round(std::chrono::duration<double>(duration).count() * 1000) / 1000;
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.')
    text.pop_back();
  return text + " s";
}

} // namespace

/// One link class to one peer.
class Client::Lane final : public LinkListener, public std::enable_shared_from_this<Lane> {
public:
  Lane(Transport &transport, Scheduler &scheduler, std::string address, std::string name)
      : transport_(transport), scheduler_(scheduler), address_(std::move(address)), name_(std::move(name)) {}

  void start(std::string_view method, const WriteBody &body, std::shared_ptr<const void> keep, Duration deadline,
             std::string waitingFor, Replied done) {
    std::unique_lock lock(mutex_);
    if (!ended_.ok())
      return failLater(ended_, std::move(done));
    int32_t sequence = ++lastSequence_;
    auto frame = encodeMessage(method, MessageType::Call, sequence, body, std::move(keep));
    if (!frame.ok())
      return failLater(frame.status(), std::move(done));
    uint64_t timer = scheduler_.postAt(scheduler_.now() + deadline, [self = weak_from_this(), sequence, deadline] {
      if (auto lane = self.lock())
        lane->expire(sequence, deadline);
    });
    pending_.emplace(sequence, Pending{std::string(method), std::move(waitingFor), timer, std::move(done)});
    if (link_) {
      auto link = link_;
      lock.unlock();
      return link->send(std::move(*frame));
    }
    queue_.push_back(std::move(*frame));
    if (dialing_)
      return;
    dialing_ = true;
    giveUpAt_ = scheduler_.now() + dialPatience;
    lock.unlock();
    dial(firstRedial);
  }

  void close(const Status &why) {
    std::shared_ptr<Link> link;
    {
      std::lock_guard lock(mutex_);
      if (ended_.ok())
        ended_ = why;
      link = link_;
    }
    failAll();
    if (link)
      link->close(why);
  }

  void frameArrived(IncomingFrame frame) override {
    StatusOr<MessageReader> message = MessageReader::open(std::move(frame));
    if (!message.ok())
      return breakOff(message.status());
    if (message->type() == MessageType::Call)
      return breakOff(Status::invalidArgument("it called " + message->method() + ", but only replies are expected"));
    Pending call;
    {
      std::lock_guard lock(mutex_);
      auto it = pending_.find(message->sequence());
      if (it == pending_.end())
        return; // Its deadline has passed.
      call = std::move(it->second);
      pending_.erase(it);
    }
    scheduler_.cancel(call.timer);
    if (message->type() == MessageType::Exception)
      return call.done(message->readException().withContext(name_ + " refused " + call.method));
    call.done(std::move(message));
  }

  void linkClosed(Status why) override {
    {
      std::lock_guard lock(mutex_);
      link_.reset();
      if (ended_.ok())
        ended_ = Status::unavailable("lost the connection to " + peer() + ": " + why.message());
    }
    failAll();
  }

private:
  struct Pending {
    std::string method;
    std::string waitingFor;
    uint64_t timer = 0;
    Replied done;

    std::string what() const { return waitingFor.empty() ? method : method + " (" + waitingFor + ")"; }
  };

  std::string peer() const { return name_ + " at " + address_; }

  void failLater(Status status, Replied done) {
    scheduler_.post([status, done = std::move(done)]() mutable { done(status); });
  }

  void breakOff(const Status &malformed) {
    close(Status::unavailable("closed the connection to " + peer() +
                              ": it sent a malformed frame: " + malformed.message()));
  }

  void dial(Duration pause) {
    transport_.dial(address_, shared_from_this(),
                    [self = shared_from_this(), pause](StatusOr<std::shared_ptr<Link>> link) {
                      self->dialed(std::move(link), pause);
                    });
  }

  void dialed(StatusOr<std::shared_ptr<Link>> link, Duration pause) {
    std::unique_lock lock(mutex_);
    if (!ended_.ok()) {
      Status why = ended_;
      lock.unlock();
      if (link.ok())
        (*link)->close(why);
      return;
    }
    if (link.ok()) {
      link_ = *link;
      // Under the lock, so that the queue leaves before later calls.
      for (; !queue_.empty(); queue_.pop_front())
        link_->send(std::move(queue_.front()));
      return;
    }
    if (link.status().isRetryable() && scheduler_.now() < giveUpAt_) {
      lock.unlock();
      scheduler_.postAt(scheduler_.now() + pause, [self = weak_from_this(), pause] {
        if (auto lane = self.lock())
          lane->dial(std::min(pause * 2, longestRedial));
      });
      return;
    }
    ended_ = Status(link.status().code(), "cannot reach " + peer() + ": " + link.status().message());
    lock.unlock();
    failAll();
  }

  void expire(int32_t sequence, Duration deadline) {
    Pending call;
    bool connected = false;
    {
      std::lock_guard lock(mutex_);
      auto it = pending_.find(sequence);
      if (it == pending_.end())
        return;
      call = std::move(it->second);
      pending_.erase(it);
      connected = link_ != nullptr;
    }
    std::string how = connected ? " did not answer " : " could not be reached for ";
    call.done(Status::deadlineExceeded(peer() + how + call.what() + " within " + seconds(deadline)));
  }

  void failAll() {
    std::unordered_map<int32_t, Pending> pending;
    Status why;
    {
      std::lock_guard lock(mutex_);
      pending.swap(pending_);
      queue_.clear();
      why = ended_;
    }
    for (auto &[sequence, call] : pending) {
      scheduler_.cancel(call.timer);
      failLater(Status(why.code(), why.message() + ", while waiting for " + call.what()), std::move(call.done));
    }
  }

  Transport &transport_;
  Scheduler &scheduler_;
  const std::string address_;
  const std::string name_;
  std::mutex mutex_;
  bool dialing_ = false; // guarded by mutex_, like everything below
  TimePoint giveUpAt_{};
  Status ended_; ///< Not ok: no call can be made any more.
  std::shared_ptr<Link> link_;
  std::deque<OutgoingFrame> queue_; ///< Until the link is up.
  int32_t lastSequence_ = 0;
  std::unordered_map<int32_t, Pending> pending_;
};

Client::Client(Transport &transport, Scheduler &scheduler, std::string address, std::string name)
    : address_(std::move(address)), name_(std::move(name)), scheduler_(scheduler) {
  for (auto &lane : lanes_)
    lane = std::make_shared<Lane>(transport, scheduler, address_, name_);
}

Client::~Client() { close(); }

void Client::close() {
  for (auto &lane : lanes_)
    lane->close(Status::cancelled("closed the connection to " + name_));
}

Status Client::remoteStatus(int32_t code, std::string message) {
  bool known = code > static_cast<int32_t>(StatusCode::Ok) && code <= static_cast<int32_t>(StatusCode::Internal);
  return Status(known ? static_cast<StatusCode>(code) : StatusCode::Internal, std::move(message));
}

void Client::start(LinkClass linkClass, std::string_view method, const WriteBody &body,
                   std::shared_ptr<const void> keep, Duration deadline, std::string waitingFor, Replied done) {
  lanes_[static_cast<size_t>(linkClass)]->start(method, body, std::move(keep), deadline, std::move(waitingFor),
                                                std::move(done));
}

} // namespace heter::runtime
