// What one connection has asked and was told. A caller that misses a reply asks whether its call runs and may send it
// again under the same sequence number; here the two are known for one, so that it runs once.
#ifndef HETER_RUNTIME_RPC_CALLLOG_H
#define HETER_RUNTIME_RPC_CALLLOG_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/rpc/CallNumbers.h"
#include "runtime/rpc/Methods.h"
#include "runtime/rpc/Transport.h"

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace heter::runtime {

/// Thread-safe. Calls without a number are not remembered.
class CallLog {
public:
  explicit CallLog(std::shared_ptr<Link> link) : link_(std::move(link)) {}

  /// Whether a call that arrived is to be run. If not it is known: its kept reply is sent again if there is one, and
  /// nothing happens if it runs still or its caller has had the reply.
  bool begin(int32_t sequence);
  /// Sends the reply of a call that `begin` let run; keeps it if a repeated call is to get the same.
  void answer(int32_t sequence, FramePtr reply, Repeat onRepeat);
  /// Every call with a lower number has had its reply.
  void forgetBelow(int32_t sequence);
  /// Those of the calls that do not run: they never came, or their replies were sent before this was asked.
  std::vector<int32_t> notRunning(const std::vector<int32_t> &sequences);

  Link &link() { return *link_; }

private:
  int64_t numberOf(int32_t sequence) HETER_REQUIRES(mutex_);

  const std::shared_ptr<Link> link_;
  Mutex mutex_;
  std::optional<int64_t> latest_ HETER_GUARDED_BY(mutex_);     ///< The highest number that was heard of.
  std::map<int64_t, FramePtr> calls_ HETER_GUARDED_BY(mutex_); ///< Null: runs still.
  int64_t forgottenBelow_ HETER_GUARDED_BY(mutex_) = std::numeric_limits<int64_t>::min();
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_CALLLOG_H
