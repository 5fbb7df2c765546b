// One batch is asked for at a time; the stream reads ahead by itself.
#include "runtime/role/FramePump.h"

namespace heter::runtime {

void FramePump::fill() {
  if (reading_ || dataEnded_ || !status_.ok() || running_ >= inFlight_)
    return finishIfIdle();
  reading_ = true;
  stream_->next([self = shared_from_this()](StatusOr<BatchPtr> batch) {
    self->strand_->post([self, batch = std::move(batch)]() mutable { self->received(std::move(batch)); });
  });
}

void FramePump::received(StatusOr<BatchPtr> batch) {
  reading_ = false;
  if (!batch.ok()) {
    if (status_.ok())
      status_ = batch.status();
    return finishIfIdle();
  }
  if (!*batch) {
    dataEnded_ = true;
    return finishIfIdle();
  }
  if (!status_.ok())
    return finishIfIdle();
  ++running_;
  runFrame_(std::move(*batch), [self = shared_from_this()](Status status) {
    self->strand_->post([self, status = std::move(status)] { self->frameEnded(status); });
  });
  fill();
}

void FramePump::frameEnded(Status status) {
  --running_;
  if (!status.ok() && status_.ok())
    status_ = std::move(status);
  fill();
}

void FramePump::finishIfIdle() {
  bool over = dataEnded_ || !status_.ok();
  if (!over || running_ > 0 || reading_ || finished_)
    return;
  finished_ = true;
  runFrame_ = nullptr;
  Completion ended = std::move(ended_);
  ended(status_);
}

} // namespace heter::runtime
