// A gate that callbacks wait at until the parameters have reached a version: how pulls of a later step are parked.
#ifndef HETER_RUNTIME_ROLE_VERSIONGATE_H
#define HETER_RUNTIME_ROLE_VERSIONGATE_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/ThreadAnnotations.h"

#include <map>
#include <vector>

namespace heter::runtime {

/// Thread-safe.
class VersionGate {
public:
  explicit VersionGate(Scheduler &scheduler) : scheduler_(scheduler) {}

  /// Calls `passed` inside this call if the version is `least` or newer already, and as a task once it is.
  void wait(int64_t least, Completion passed) {
    Status closed;
    {
      MutexLock lock(mutex_);
      closed = closed_;
      if (closed.ok() && version_ < least) {
        waiting_.emplace(least, std::move(passed));
        return;
      }
    }
    passed(closed);
  }

  /// Lets through everything that waits for `version` or less.
  void open(int64_t version) {
    MutexLock lock(mutex_);
    version_ = std::max(version_, version);
    release(waiting_.upper_bound(version_), Status());
  }

  /// Fails everything that waits or comes later.
  void close(const Status &why) {
    MutexLock lock(mutex_);
    if (closed_.ok())
      closed_ = why;
    release(waiting_.end(), why);
  }

private:
  using Waiting = std::multimap<int64_t, Completion>;

  void release(Waiting::iterator end, const Status &status) HETER_REQUIRES(mutex_) {
    for (auto it = waiting_.begin(); it != end; ++it)
      scheduler_.post([passed = std::move(it->second), status]() mutable { passed(status); });
    waiting_.erase(waiting_.begin(), end);
  }

  Scheduler &scheduler_;
  Mutex mutex_;
  int64_t version_ HETER_GUARDED_BY(mutex_) = 0;
  Status closed_ HETER_GUARDED_BY(mutex_);
  Waiting waiting_ HETER_GUARDED_BY(mutex_);
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_VERSIONGATE_H
