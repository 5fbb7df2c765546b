// Hands what happens on a link to its listener as scheduler tasks, and holds the end of the link back until every
// frame before it has been handed over: a reply is never overtaken by the news that its sender hung up.
#ifndef HETER_RUNTIME_RPC_DELIVERY_H
#define HETER_RUNTIME_RPC_DELIVERY_H

#include "runtime/base/Scheduler.h"
#include "runtime/rpc/Transport.h"

#include <memory>
#include <mutex>
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
  void hand(IncomingFrame frame);
  void finish(std::unique_lock<std::mutex> lock);

  Scheduler &scheduler_;
  std::mutex mutex_;
  std::shared_ptr<LinkListener> listener_; // guarded by mutex_; null after the end was delivered
  int outstanding_ = 0;                    // guarded by mutex_
  std::optional<Status> end_;              // guarded by mutex_
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_DELIVERY_H
