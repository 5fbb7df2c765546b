// One completion for several: calls back when all parts have ended, with the first failure.
#ifndef HETER_RUNTIME_ROLE_COUNTDOWN_H
#define HETER_RUNTIME_ROLE_COUNTDOWN_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/ThreadAnnotations.h"

#include <memory>

namespace heter::runtime {

/// Thread-safe; shared by its parts.
class Countdown {
public:
  /// `done` runs inside the last `end`. REQUIRES: parts >= 1.
  static std::shared_ptr<Countdown> create(int parts, Completion done) {
    return std::shared_ptr<Countdown>(new Countdown(parts, std::move(done)));
  }

  /// One part has ended.
  void end(Status status) {
    {
      MutexLock lock(mutex_);
      if (status_.ok())
        status_ = std::move(status);
      if (--parts_ > 0)
        return;
      status = std::move(status_);
    }
    Completion done = std::move(done_); // No other part is left.
    done(std::move(status));
  }

private:
  Countdown(int parts, Completion done) : parts_(parts), done_(std::move(done)) {}

  Mutex mutex_;
  int parts_ HETER_GUARDED_BY(mutex_);
  Status status_ HETER_GUARDED_BY(mutex_);
  Completion done_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_COUNTDOWN_H
