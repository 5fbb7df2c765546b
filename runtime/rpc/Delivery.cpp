// Ordering of frames and of the end of a link.
#include "runtime/rpc/Delivery.h"

namespace heter::runtime {

void Delivery::frame(IncomingFrame frame, Duration delay) {
  {
    MutexLock lock(mutex_);
    if (end_ || !listener_)
      return;
    ++outstanding_;
  }
  TimePoint arrived = scheduler_.now() + delay;
  auto task = [self = shared_from_this(), frame = std::move(frame), arrived]() mutable {
    self->hand(std::move(frame), arrived);
  };
  if (delay > Duration::zero())
    scheduler_.postAt(arrived, std::move(task));
  else
    scheduler_.post(std::move(task));
}

void Delivery::hand(IncomingFrame frame, TimePoint arrived) {
  frame.waited = scheduler_.now() - arrived;
  std::shared_ptr<LinkListener> listener;
  {
    MutexLock lock(mutex_);
    listener = listener_;
  }
  listener->frameArrived(std::move(frame));
  Status why;
  {
    MutexLock lock(mutex_);
    --outstanding_;
    listener = takeIfOver();
    if (listener)
      why = *end_;
  }
  finish(std::move(listener), std::move(why));
}

void Delivery::closed(Status why) {
  std::shared_ptr<LinkListener> listener;
  {
    MutexLock lock(mutex_);
    if (end_ || !listener_)
      return;
    end_ = why;
    listener = takeIfOver();
  }
  finish(std::move(listener), std::move(why));
}

std::shared_ptr<LinkListener> Delivery::takeIfOver() {
  return outstanding_ == 0 && end_ ? std::move(listener_) : nullptr;
}

void Delivery::finish(std::shared_ptr<LinkListener> listener, Status why) {
  if (listener)
    scheduler_.post([listener = std::move(listener), why = std::move(why)] { listener->linkClosed(why); });
}

} // namespace heter::runtime
