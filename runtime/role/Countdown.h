// One completion for several: calls back when all parts have ended, with the first failure.
#ifndef HETER_RUNTIME_ROLE_COUNTDOWN_H
#define HETER_RUNTIME_ROLE_COUNTDOWN_H

#include "runtime/base/Scheduler.h"

#include <memory>
#include <mutex>

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
      std::lock_guard lock(mutex_);
      if (status_.ok())
        status_ = std::move(status);
      if (--parts_ > 0)
        return;
    }
    Completion done = std::move(done_);
    done(std::move(status_));
  }

private:
  Countdown(int parts, Completion done) : parts_(parts), done_(std::move(done)) {}

  std::mutex mutex_;
  int parts_;     // guarded by mutex_
  Status status_; // guarded by mutex_ until the last part has ended
  Completion done_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_COUNTDOWN_H
