// A lane from its first dialling to its end, and its one timer.
#include "runtime/rpc/Lane.h"

#include "runtime/rpc/Methods.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

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

void Lane::failLater(Status status, Call::Replied done) {
  scheduler_.post([status = std::move(status), done = std::move(done)]() mutable { done(std::move(status)); });
}

void Lane::start(Call call) {
  bool dialNow = false;
  Status failed;
  {
    MutexLock lock(mutex_);
    failed = ended_.ok() ? add(call) : ended_;
    if (failed.ok() && !dialing_) {
      dialNow = dialing_ = true;
      giveUpAt_ = scheduler_.now() + options_.patience;
      if (options_.watch)
        wakeAt(giveUpAt_);
    }
  }
  if (!failed.ok())
    return failLater(std::move(failed), std::move(call.done));
  if (dialNow)
    dial(firstRedial);
}

Status Lane::add(Call &call) {
  TimePoint now = scheduler_.now();
  if (calls_.empty()) {
    lastHeard_ = now; // Nothing was expected until now.
    nextPing_ = now + pingPeriod - calls_.jitter(pingPeriod / 2, now);
  }
  TimePoint due = now + call.deadline;
  HETER_RETURN_IF_ERROR(calls_.add(call, now));
  if (options_.watch && link_)
    due = std::min({due, nextPing_, now + firstAsk});
  wakeAt(due);
  return Status();
}

void Lane::grantCredits(size_t bytes) {
  MutexLock lock(mutex_);
  calls_.grantCredits(bytes);
}

void Lane::close(const Status &why) { end(why); }

void Lane::end(const Status &why) {
  std::vector<Call> open;
  std::shared_ptr<Link> link;
  Status status;
  {
    MutexLock lock(mutex_);
    if (ended_.ok())
      ended_ = why;
    status = ended_;
    open = calls_.takeAll();
    link = std::exchange(link_, nullptr);
    if (timer_)
      scheduler_.cancel(std::exchange(timer_, 0));
  }
  if (link)
    link->close(status);
  for (Call &call : open)
    failLater(Status(status.code(), status.message() + ", while waiting for " + call.what()), std::move(call.done));
}

void Lane::endByItself(const Status &why) {
  Status told;
  {
    MutexLock lock(mutex_);
    if (const Call *waiting = calls_.firstAwaited(); ended_.ok() && waiting)
      told = Status(why.code(), why.message() + ", while waiting for " + waiting->what());
  }
  if (!told.ok() && options_.lost)
    options_.lost(told);
  end(why);
}

void Lane::breakOff(const Status &malformed) {
  endByItself(Status::unavailable("closed the connection to " + peer() +
                                  ": it sent a malformed frame: " + malformed.message()));
}

void Lane::frameArrived(IncomingFrame frame) {
  Duration waited = frame.waited;
  StatusOr<MessageReader> message = MessageReader::open(std::move(frame));
  if (!message.ok())
    return breakOff(message.status());
  if (message->type() == MessageType::Call)
    return breakOff(Status::invalidArgument("it called " + message->method() + ", but only replies are expected"));
  std::optional<Call> call;
  {
    MutexLock lock(mutex_);
    TimePoint now = scheduler_.now();
    lastHeard_ = std::max(lastHeard_, now - waited);
    call = calls_.take(message->sequence(), now);
  }
  if (!call)
    return; // Its deadline has passed, or it was answered twice.
  if (message->type() == MessageType::Exception)
    return call->done(message->readException().withContext(name_ + " refused " + call->method));
  call->done(std::move(message));
}

void Lane::linkClosed(Status why) {
  endByItself(Status::unavailable("lost the connection to " + peer() + ": " + why.message()));
}

// ------------------------------------------------------------------------------------------------------- dialling

void Lane::dial(Duration pause) {
  transport_.dial(address_, shared_from_this(),
                  [self = shared_from_this(), pause](StatusOr<std::shared_ptr<Link>> link) {
                    self->dialed(std::move(link), pause);
                  });
}

void Lane::dialed(StatusOr<std::shared_ptr<Link>> link, Duration pause) {
  Status ended;
  bool again = false;
  {
    MutexLock lock(mutex_);
    ended = ended_;
    if (ended.ok() && link.ok()) {
      link_ = *link;
      lastHeard_ = scheduler_.now();
      nextPing_ = lastHeard_ + pingPeriod - calls_.jitter(pingPeriod / 2, lastHeard_);
      calls_.connect(link_, lastHeard_);
      wakeAt(nextDue());
      return;
    }
    again = ended.ok() && link.status().isRetryable() && scheduler_.now() < giveUpAt_;
  }
  if (link.ok())
    return (*link)->close(ended);
  if (!ended.ok())
    return;
  if (!again)
    return endByItself(Status(link.status().code(), "cannot reach " + peer() + ": " + link.status().message()));
  scheduler_.postAt(scheduler_.now() + pause, [self = weak_from_this(), pause] {
    if (auto lane = self.lock())
      lane->dial(std::min(pause * 2, longestRedial));
  });
}

// ------------------------------------------------------------------------------------------------------- the timer

void Lane::wakeAt(TimePoint when) {
  if (timer_ && timerAt_ <= when)
    return;
  if (timer_)
    scheduler_.cancel(timer_);
  timerAt_ = when;
  timer_ = scheduler_.postAt(when, [self = weak_from_this()] {
    if (auto lane = self.lock())
      lane->wake();
  });
}

TimePoint Lane::nextDue() const {
  TimePoint due = calls_.nextDeadline();
  if (!options_.watch)
    return due;
  if (!link_)
    return std::min(due, giveUpAt_);
  return std::min({due, lastHeard() + options_.silence, nextPing_, calls_.nextAsk()});
}

void Lane::wake() {
  std::vector<Call> expired;
  Status lost;
  bool connected = false;
  {
    MutexLock lock(mutex_);
    timer_ = 0;
    if (!ended_.ok() || calls_.empty())
      return;
    TimePoint now = scheduler_.now();
    connected = link_ != nullptr;
    // If this process itself stood still, the peer's words may lie unread.
    if (now - timerAt_ > pingPeriod)
      lastHeard_ = lastHeard() + (now - timerAt_);
    expired = calls_.takeExpired(now);
    if (options_.watch)
      lost = checkPeer(now);
    if (lost.ok() && options_.watch && link_)
      pingIfDue(now);
    if (lost.ok() && !calls_.empty())
      wakeAt(nextDue());
  }
  for (Call &call : expired)
    call.done(Status::deadlineExceeded(peer() + (connected ? " did not answer " : " could not be reached for ") +
                                       call.what() + " within " + seconds(call.deadline)));
  if (!lost.ok())
    endByItself(lost);
}

TimePoint Lane::lastHeard() const { return link_ ? std::max(lastHeard_, link_->lastActive()) : lastHeard_; }

Status Lane::checkPeer(TimePoint now) const {
  if (!link_ && now >= giveUpAt_)
    return Status::unavailable("cannot reach " + peer() + ": no answer within " + seconds(options_.patience));
  if (link_ && now - lastHeard() >= options_.silence)
    return Status::unavailable("lost " + peer() + ": it has been silent for " + seconds(options_.silence));
  return Status();
}

void Lane::pingIfDue(TimePoint now) {
  if (nextPing_ > now && calls_.nextAsk() > now)
    return;
  nextPing_ = now + pingPeriod - calls_.jitter(pingPeriod / 2, now);
  if (!calls_.firstAwaited())
    return; // Only pings wait. Else a ping without an answer is no reason to send none: it may be lost.
  Call ping;
  ping.method = rpc::Ping::name;
  ping.write = [due = calls_.takeDue(now)](auto *protocol, int32_t answeredBelow) {
    rpc::Peer_ping_args args;
    args.request.deadlineMicros = 0;
    args.request.answeredBelow = answeredBelow;
    args.request.waitingFor = due;
    args.write(protocol);
  };
  ping.deadline = 2 * options_.silence;
  ping.awaited = false;
  ping.done = [weak = weak_from_this()](StatusOr<MessageReader> reply) {
    if (auto lane = weak.lock())
      lane->pinged(std::move(reply));
  };
  Status added = calls_.add(ping, now);
  assert(added.ok() && "a ping can always be encoded");
  (void)added;
}

void Lane::pinged(StatusOr<MessageReader> reply) {
  if (!reply.ok())
    return; // Lost; the next one asks again.
  rpc::Peer_ping_result result;
  if (Status status = reply->read([&](auto *protocol) { result.read(protocol); }); !status.ok())
    return breakOff(status);
  MutexLock lock(mutex_);
  calls_.repeat(result.success.notRunning);
}

} // namespace heter::runtime
