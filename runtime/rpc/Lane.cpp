// Calls under way on one link, and its one timer.
#include "runtime/rpc/Lane.h"

#include "runtime/base/Hash.h"
#include "runtime/rpc/Methods.h"
#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace heter::runtime {
namespace {

constexpr Duration firstRedial = std::chrono::milliseconds(10);
constexpr Duration longestRedial = std::chrono::milliseconds(200);

Duration stretched(Duration pause, int32_t sequence, TimePoint now) {
  uint64_t word = mixKey(static_cast<uint64_t>(now.count()) ^ static_cast<uint64_t>(sequence) << 48);
  return pause + pause * static_cast<int64_t>(word % 256) / 512;
}

std::string seconds(Duration duration) {
  double value = std::round(std::chrono::duration<double>(duration).count() * 1000) / 1000;
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.')
    text.pop_back();
  return text + " s";
}

} // namespace

void Lane::failLater(Status status, Replied done) {
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
  int32_t sequence = lastSequence_ + 1;
  int32_t answeredBelow = pending_.empty() ? sequence : pending_.begin()->first;
  HETER_ASSIGN_OR_RETURN(OutgoingFrame frame,
                         encodeMessage(
                             call.method, MessageType::Call, sequence,
                             [&](auto *protocol) { call.write(protocol, answeredBelow); }, std::move(call.keep)));
  lastSequence_ = sequence;
  TimePoint now = scheduler_.now();
  if (pending_.empty()) {
    lastHeard_ = now; // Nothing was expected until now.
    nextPing_ = now + pingPeriod;
  }
  Pending &added = pending_[sequence];
  added.method = std::move(call.method);
  added.waitingFor = std::move(call.waitingFor);
  added.frame = std::make_shared<const OutgoingFrame>(std::move(frame));
  added.deadlineAt = now + call.deadline;
  added.deadline = call.deadline;
  added.done = std::move(call.done);
  const bool isNext = waiting_.empty() || HETER_MUTATION("credit/overtakes");
  if ((isNext && credits_.take(added.frame->size)) || HETER_MUTATION("credit/not-asked"))
    sendNow(added);
  else
    waiting_.push_back(sequence);
  wakeAt(added.deadlineAt);
  if (options_.watch && link_)
    wakeAt(std::min(nextPing_, added.admitted ? added.repeatAt : nextPing_));
  return Status();
}

void Lane::sendNow(Pending &call) {
  call.admitted = true;
  call.repeatAt = scheduler_.now() + call.repeatPause;
  if (link_)
    link_->send(call.frame); // Else when there is one.
}

Lane::Pending Lane::take(PendingCalls::iterator ended) {
  Pending call = std::move(ended->second);
  if (call.admitted && !HETER_MUTATION("credit/not-given-back"))
    credits_.giveBack(call.frame->size);
  else
    std::erase(waiting_, ended->first);
  pending_.erase(ended);
  while (!waiting_.empty() && !HETER_MUTATION("credit/not-passed-on")) {
    Pending &next = pending_.at(waiting_.front());
    if (!credits_.take(next.frame->size))
      break;
    waiting_.pop_front();
    sendNow(next);
  }
  return call;
}

void Lane::grantCredits(size_t bytes) {
  MutexLock lock(mutex_);
  if (!HETER_MUTATION("credit/not-granted"))
    credits_.grant(bytes);
}

void Lane::close(const Status &why) { end(why); }

void Lane::end(const Status &why) {
  PendingCalls pending;
  std::shared_ptr<Link> link;
  Status status;
  {
    MutexLock lock(mutex_);
    if (ended_.ok())
      ended_ = why;
    status = ended_;
    pending.swap(pending_);
    waiting_.clear();
    link = std::exchange(link_, nullptr);
    if (timer_)
      scheduler_.cancel(std::exchange(timer_, 0));
  }
  if (link)
    link->close(status);
  for (auto &[sequence, call] : pending)
    if (call.done)
      failLater(Status(status.code(), status.message() + ", while waiting for " + call.what()), std::move(call.done));
}

void Lane::endByItself(const Status &why) {
  Status told;
  {
    MutexLock lock(mutex_);
    auto waiting = std::find_if(pending_.begin(), pending_.end(),
                                [](const auto &entry) { return static_cast<bool>(entry.second.done); });
    if (ended_.ok() && waiting != pending_.end())
      told = Status(why.code(), why.message() + ", while waiting for " + waiting->second.what());
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
  Pending call;
  {
    MutexLock lock(mutex_);
    lastHeard_ = std::max(lastHeard_, scheduler_.now() - waited);
    auto it = pending_.find(message->sequence());
    if (it == pending_.end())
      return; // Its deadline has passed, or the call was repeated.
    call = take(it);
  }
  if (!call.done)
    return;
  if (message->type() == MessageType::Exception)
    return call.done(message->readException().withContext(name_ + " refused " + call.method));
  call.done(std::move(message));
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
      nextPing_ = lastHeard_ + pingPeriod;
      for (auto &[sequence, call] : pending_)
        if (call.admitted)
          sendNow(call);
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
  TimePoint due = TimePoint::max();
  for (const auto &[sequence, call] : pending_) {
    due = std::min(due, call.deadlineAt);
    if (options_.watch && link_ && call.admitted)
      due = std::min(due, call.repeatAt);
  }
  if (options_.watch)
    due = std::min(due, link_ ? std::min(lastHeard_ + silenceLimit, nextPing_) : giveUpAt_);
  return due;
}

void Lane::wake() {
  std::vector<Pending> expired;
  Status lost;
  bool connected = false;
  {
    MutexLock lock(mutex_);
    timer_ = 0;
    if (!ended_.ok() || pending_.empty())
      return;
    TimePoint now = scheduler_.now();
    connected = link_ != nullptr;
    // If this process itself stood still, the peer's words may lie unread.
    if (now - timerAt_ > pingPeriod)
      lastHeard_ += now - timerAt_;
    expired = takeExpired(now);
    if (options_.watch)
      lost = checkPeer(now);
    if (lost.ok() && options_.watch && link_)
      repeatAndPing(now);
    if (lost.ok() && !pending_.empty())
      wakeAt(nextDue());
  }
  for (Pending &call : expired)
    if (call.done)
      call.done(Status::deadlineExceeded(peer() + (connected ? " did not answer " : " could not be reached for ") +
                                         call.what() + " within " + seconds(call.deadline)));
  if (!lost.ok())
    endByItself(lost);
}

std::vector<Lane::Pending> Lane::takeExpired(TimePoint now) {
  std::vector<Pending> expired;
  for (auto it = pending_.begin(); it != pending_.end();) {
    auto call = it++;
    if (call->second.deadlineAt <= now)
      expired.push_back(take(call));
  }
  return expired;
}

Status Lane::checkPeer(TimePoint now) const {
  if (!link_ && now >= giveUpAt_)
    return Status::unavailable("cannot reach " + peer() + ": no answer within " + seconds(options_.patience));
  if (link_ && now - lastHeard_ >= silenceLimit)
    return Status::unavailable("lost " + peer() + ": it has been silent for " + seconds(silenceLimit));
  return Status();
}

void Lane::repeatAndPing(TimePoint now) {
  bool pinging = false, waiting = false;
  for (auto &[sequence, call] : pending_) {
    (call.done ? waiting : pinging) = true;
    if (!call.admitted || call.repeatAt > now)
      continue;
    link_->send(call.frame);
    call.repeatPause = std::min(call.repeatPause * 2, longestRepeat);
    call.repeatAt = now + stretched(call.repeatPause, sequence, now);
  }
  if (nextPing_ > now)
    return;
  nextPing_ = now + pingPeriod;
  if (pinging || !waiting)
    return;
  Call ping;
  ping.method = rpc::Ping::name;
  ping.write = [](auto *protocol, int32_t answeredBelow) {
    rpc::Peer_ping_args args;
    args.request.deadlineMicros = 0;
    args.request.answeredBelow = answeredBelow;
    args.write(protocol);
  };
  ping.deadline = 2 * silenceLimit;
  Status added = add(ping);
  assert(added.ok() && "a ping can always be encoded");
  (void)added;
}

} // namespace heter::runtime
