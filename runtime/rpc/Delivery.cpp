// Ordering of frames and of the end of a link.
#include "runtime/rpc/Delivery.h"

namespace heter::runtime {

void Delivery::frame(IncomingFrame frame, Duration delay) {
  {
    std::lock_guard lock(mutex_);
    if (end_ || !listener_)
      return;
    ++outstanding_;
  }
  auto task = [self = shared_from_this(), frame = std::move(frame)]() mutable { self->hand(std::move(frame)); };
  if (delay > Duration::zero())
    scheduler_.postAt(scheduler_.now() + delay, std::move(task));
  else
    scheduler_.post(std::move(task));
}

void Delivery::hand(IncomingFrame frame) {
  std::shared_ptr<LinkListener> listener;
  {
    std::lock_guard lock(mutex_);
    listener = listener_;
  }
  listener->frameArrived(std::move(frame));
  std::unique_lock lock(mutex_);
  if (--outstanding_ == 0 && end_)
    finish(std::move(lock));
}

void Delivery::closed(Status why) {
  std::unique_lock lock(mutex_);
  if (end_ || !listener_)
    return;
  end_ = std::move(why);
  if (outstanding_ == 0)
    finish(std::move(lock));
}

void Delivery::finish(std::unique_lock<std::mutex> lock) {
  std::shared_ptr<LinkListener> listener = std::move(listener_);
  Status why = *end_;
  lock.unlock();
  scheduler_.post([listener = std::move(listener), why = std::move(why)] { listener->linkClosed(why); });
}

} // namespace heter::runtime
