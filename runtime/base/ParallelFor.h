// Loops for work that is to be done before who asks for it goes on: over the threads of a scheduler, and on one thread
// beside other work.
#ifndef HETER_RUNTIME_BASE_PARALLELFOR_H
#define HETER_RUNTIME_BASE_PARALLELFOR_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/ThreadAnnotations.h"

#include <cstdint>
#include <functional>

namespace heter::runtime {

/// Runs body(0) .. body(count - 1), in any order and possibly at once, and returns when all have run.
using ParallelFor = std::function<void(int64_t count, const std::function<void(int64_t)> &body)>;

/// Runs body(0) .. body(count - 1), in any order and possibly at once, and returns when all have run. The caller works
/// itself and lets idle threads of `scheduler` help; it never waits for a thread to become free, only, at the end, for
/// the calls that other threads are in the middle of (awake at first, since they are mostly short). So `body` must not
/// block. With one thread it is a plain loop.
void parallelFor(Scheduler &scheduler, int64_t count, const std::function<void(int64_t)> &body);
/// The same; a plain loop if there is no scheduler.
void parallelFor(Scheduler *scheduler, int64_t count, const std::function<void(int64_t)> &body);

/// Whether there is other work that unhurriedFor() rests for: he says so who knows. Thread-safe.
class Pace {
public:
  /// There is, as at first.
  void slow() HETER_EXCLUDES(mutex_);
  /// There is none: nobody rests from now on, and who rests goes on at once.
  void full() HETER_EXCLUDES(mutex_);
  bool isFull() const HETER_EXCLUDES(mutex_);
  /// Blocks for so long, or until full().
  void rest(Duration most) HETER_EXCLUDES(mutex_);

  /// When what unhurriedFor() did so far is rested for: what one call owes at its end, the next one rests for.
  TimePoint restedUntil() const HETER_EXCLUDES(mutex_);
  void setRestedUntil(TimePoint time) HETER_EXCLUDES(mutex_);

private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool full_ HETER_GUARDED_BY(mutex_) = false;
  TimePoint restedUntil_ HETER_GUARDED_BY(mutex_){};
};

/// Runs body(0) .. body(count - 1) in order on the calling thread, which may block, and unless `pace` is full rests now
/// and then, so that it takes two fifths of a processor by the clock of `scheduler`: for work beside which
/// other work, for which there are as many threads as processors, is to come on. Where the processors are contended for
/// anyhow, it does not rest. REQUIRES: calls with one pace have one clock, and come one after the other.
void unhurriedFor(Scheduler &scheduler, Pace &pace, int64_t count, const std::function<void(int64_t)> &body);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_PARALLELFOR_H
