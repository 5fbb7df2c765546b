// Bookkeeping of open calls.
#include "runtime/rpc/OpenCalls.h"

#include "runtime/base/Hash.h"
#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <utility>

namespace heter::runtime {
const Call *OpenCalls::firstAwaited() const {
  for (const auto &[number, open] : open_)
    if (open.call.awaited)
      return &open.call;
  return nullptr;
}

TimePoint OpenCalls::nextDeadline() const {
  TimePoint next = TimePoint::max();
  for (const auto &[number, open] : open_)
    next = std::min(next, open.deadlineAt);
  return next;
}

TimePoint OpenCalls::nextAsk() const {
  TimePoint next = TimePoint::max();
  for (const auto &[number, open] : open_)
    if (link_ && open.admitted && open.call.awaited)
      next = std::min(next, open.askAt);
  return next;
}

Duration OpenCalls::jitter(Duration most, TimePoint now) const {
  uint64_t word = mixKey(static_cast<uint64_t>(now.count()) ^ static_cast<uint64_t>(nextNumber_) << 48);
  return most * static_cast<int64_t>(word % 256) / 256;
}

Status OpenCalls::add(Call &call, TimePoint now) {
  int64_t number = nextNumber_;
  int32_t answeredBelow = sequenceOf(open_.empty() ? number : open_.begin()->first);
  HETER_ASSIGN_OR_RETURN(OutgoingFrame frame,
                         encodeMessage(
                             call.method, MessageType::Call, sequenceOf(number),
                             [&](auto *protocol) { call.write(protocol, answeredBelow); }, std::move(call.keep)));
  call.write = nullptr;
  nextNumber_ = usableNumber(number + 1);
  Open &open = open_[number];
  open.frame = std::make_shared<const OutgoingFrame>(std::move(frame));
  open.deadlineAt = now + call.deadline;
  open.call = std::move(call);
  awaited_ += open.call.awaited;
  if (!open.call.awaited)
    send(open, now);
  else
    waiting_.insert(HETER_MUTATION("credit/overtakes") ? waiting_.begin() : waiting_.end(), number);
  admitWaiting(now);
  return Status();
}

void OpenCalls::grantCredits(size_t bytes) {
  if (!HETER_MUTATION("credit/not-granted"))
    credits_.grant(bytes);
}

void OpenCalls::admitWaiting(TimePoint now) {
  while (!waiting_.empty()) {
    Open &next = open_.at(waiting_.front());
    if (!credits_.take(next.frame->size) && !HETER_MUTATION("credit/not-asked"))
      break;
    waiting_.pop_front();
    send(next, now);
  }
}

void OpenCalls::send(Open &open, TimePoint now) {
  open.admitted = true;
  open.askAt = now + open.askPause;
  if (link_)
    link_->send(open.frame);
}

void OpenCalls::connect(std::shared_ptr<Link> link, TimePoint now) {
  link_ = std::move(link);
  for (auto &[number, open] : open_)
    if (open.admitted)
      send(open, now);
}

Call OpenCalls::take(Calls::iterator ended, TimePoint now) {
  Open open = std::move(ended->second);
  if (!open.admitted)
    std::erase(waiting_, ended->first);
  else if (open.call.awaited && !HETER_MUTATION("credit/not-given-back"))
    credits_.giveBack(open.frame->size);
  open_.erase(ended);
  awaited_ -= open.call.awaited;
  if (awaited_ == 0)
    open_.clear();
  if (!HETER_MUTATION("credit/not-passed-on"))
    admitWaiting(now);
  return std::move(open.call);
}

std::optional<Call> OpenCalls::take(int32_t sequence, TimePoint now) {
  auto found = find(sequence);
  if (found == open_.end())
    return std::nullopt;
  return take(found, now);
}

std::vector<Call> OpenCalls::takeExpired(TimePoint now) {
  std::vector<Call> expired;
  for (auto open = open_.begin(); open != open_.end();) {
    if (open->second.deadlineAt > now) {
      ++open;
      continue;
    }
    expired.push_back(take(open, now));
    open = open_.begin();
  }
  return expired;
}

std::vector<Call> OpenCalls::takeAll() {
  std::vector<Call> calls;
  for (auto &[number, open] : open_)
    calls.push_back(std::move(open.call));
  open_.clear();
  waiting_.clear();
  awaited_ = 0;
  link_ = nullptr;
  return calls;
}

std::vector<int32_t> OpenCalls::takeDue(TimePoint now) {
  std::vector<int32_t> due;
  for (auto &[number, open] : open_) {
    if (!open.admitted || !open.call.awaited || open.askAt > now)
      continue;
    due.push_back(sequenceOf(number));
    open.askPause = std::min(open.askPause * 2, longestAsk);
    open.askAt = now + open.askPause + jitter(open.askPause / 2, now);
  }
  return due;
}

void OpenCalls::repeat(const std::vector<int32_t> &sequences) {
  if (!link_)
    return;
  for (int32_t sequence : sequences)
    if (auto found = find(sequence); found != open_.end() && found->second.admitted)
      link_->send(found->second.frame);
}

} // namespace heter::runtime
