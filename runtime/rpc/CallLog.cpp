// Calls by sequence number, with the replies that may be asked for again.
#include "runtime/rpc/CallLog.h"

#include "tests/mutation/Mutation.h"

#include <algorithm>

namespace heter::runtime {

bool CallLog::begin(int32_t sequence) {
  if (sequence == 0)
    return true;
  FramePtr reply;
  {
    MutexLock lock(mutex_);
    if (sequence < forgottenBelow_ && !HETER_MUTATION("deduplication/forgotten-call"))
      return false;
    auto [known, isNew] = calls_.try_emplace(sequence);
    if (isNew || HETER_MUTATION("deduplication/call"))
      return true;
    reply = known->second;
  }
  if (reply)
    link_->send(std::move(reply));
  return false;
}

void CallLog::answer(int32_t sequence, FramePtr reply, Repeat onRepeat) {
  if (sequence != 0) {
    MutexLock lock(mutex_);
    if (auto call = calls_.find(sequence); call != calls_.end()) {
      if (onRepeat == Repeat::RunAgain)
        calls_.erase(call);
      else
        call->second = reply;
    }
  }
  link_->send(std::move(reply));
}

void CallLog::forgetBelow(int32_t sequence) {
  MutexLock lock(mutex_);
  forgottenBelow_ = std::max(forgottenBelow_, sequence);
  calls_.erase(calls_.begin(), calls_.lower_bound(forgottenBelow_));
}

} // namespace heter::runtime
