// Hands what happens on a link to its listener as scheduler tasks, and holds the end of the link back until every
// frame before it has been handed over: a reply is never overtaken by the news that its sender hung up.
#ifndef HETER_RUNTIME_RPC_DELIVERY_H
#define HETER_RUNTIME_RPC_DELIVERY_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/rpc/Transport.h"

#include <memory>
#include <optional>

namespace heter::runtime {

/// Thread-safe.
class Delivery : public std::enable_shared_from_this<Delivery> {
public:
  Delivery(Scheduler &scheduler, std::shared_ptr<LinkListener> listener)
      : scheduler_(scheduler), listener_(std::move(listener)) {}

  /// Delivers `frame` after `delay`; drops it if the link has ended.
  void frame(IncomingFrame frame, Duration delay = Duration::zero());
  /// Delivers the end; only the first counts.
  void closed(Status why);

private:
  void hand(IncomingFrame frame, TimePoint arrived);
  /// Whether the end is due now; if so, gives the listener away.
  std::shared_ptr<LinkListener> takeIfOver() HETER_REQUIRES(mutex_);
  void finish(std::shared_ptr<LinkListener> listener, Status why);

  Scheduler &scheduler_;
  Mutex mutex_;
  std::shared_ptr<LinkListener> listener_ HETER_GUARDED_BY(mutex_); ///< Null after the end was delivered.
  int outstanding_ HETER_GUARDED_BY(mutex_) = 0;
  std::optional<Status> end_ HETER_GUARDED_BY(mutex_);
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_DELIVERY_H
