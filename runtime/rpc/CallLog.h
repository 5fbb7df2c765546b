// What one connection has asked and was told. A caller that misses a reply sends its call again under the same sequence
// number; here the two are known for one, so that it runs once.
#ifndef HETER_RUNTIME_RPC_CALLLOG_H
#define HETER_RUNTIME_RPC_CALLLOG_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/rpc/Methods.h"
#include "runtime/rpc/Transport.h"

#include <map>
#include <memory>

namespace heter::runtime {

/// Thread-safe. Calls of sequence number 0, which stock Thrift clients give to all of theirs, are not remembered.
class CallLog {
public:
  explicit CallLog(std::shared_ptr<Link> link) : link_(std::move(link)) {}

  /// Whether a call that arrived is to be run. If not it is known: its kept reply is sent again if there is one, and
  /// nothing happens if it runs still or its caller has had the reply.
  bool begin(int32_t sequence);
  /// Sends the reply of a call that `begin` let run; keeps it if a repeated call is to get the same.
  void answer(int32_t sequence, FramePtr reply, Repeat onRepeat);
  /// Every call with a lower sequence number has had its reply.
  void forgetBelow(int32_t sequence);

  Link &link() { return *link_; }

private:
  const std::shared_ptr<Link> link_;
  Mutex mutex_;
  std::map<int32_t, FramePtr> calls_ HETER_GUARDED_BY(mutex_); ///< Null: runs still.
  int32_t forgottenBelow_ HETER_GUARDED_BY(mutex_) = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_CALLLOG_H
