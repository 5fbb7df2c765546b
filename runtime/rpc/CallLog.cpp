// Calls by number, with the replies that may be asked for again.
#include "runtime/rpc/CallLog.h"

#include "tests/mutation/Mutation.h"

#include <algorithm>

namespace heter::runtime {

int64_t CallLog::numberOf(int32_t sequence) {
  if (!latest_)
    latest_ = sequence; // Wherever the caller begins to count.
  int64_t number = callNumber(sequence, *latest_);
  latest_ = std::max(*latest_, number);
  return number;
}

bool CallLog::begin(int32_t sequence) {
  if (sequence == unnumbered)
    return true;
  FramePtr reply;
  {
    MutexLock lock(mutex_);
    int64_t number = numberOf(sequence);
    if (number < forgottenBelow_ && !HETER_MUTATION("deduplication/forgotten-call"))
      return false;
    auto [known, isNew] = calls_.try_emplace(number);
    if (isNew || HETER_MUTATION("deduplication/call"))
      return true;
    reply = known->second;
  }
  if (reply)
    link_->send(std::move(reply));
  return false;
}

void CallLog::answer(int32_t sequence, FramePtr reply, Repeat onRepeat) {
  if (sequence != unnumbered) {
    MutexLock lock(mutex_);
    if (auto call = calls_.find(numberOf(sequence)); call != calls_.end()) {
      if (onRepeat == Repeat::RunAgain)
        calls_.erase(call);
      else
        call->second = reply;
    }
  }
  link_->send(std::move(reply));
}

void CallLog::forgetBelow(int32_t sequence) {
  if (sequence == unnumbered)
    return;
  MutexLock lock(mutex_);
  forgottenBelow_ = std::max(forgottenBelow_, numberOf(sequence));
  calls_.erase(calls_.begin(), calls_.lower_bound(forgottenBelow_));
}

std::vector<int32_t> CallLog::notRunning(const std::vector<int32_t> &sequences) {
  std::vector<int32_t> result;
  MutexLock lock(mutex_);
  for (int32_t sequence : sequences) {
    auto call = calls_.find(numberOf(sequence));
    if (call == calls_.end() || call->second)
      result.push_back(sequence);
  }
  return result;
}

} // namespace heter::runtime
