// The scheduler and clock seam. All runtime code runs as tasks that a Scheduler orders; no code outside base/ and rpc/
// starts a thread, sleeps or reads a clock. `makeThreadedScheduler` runs tasks on a oneTBB arena; `SimulatedScheduler`
// runs a whole cluster on the calling thread under virtual time, in an order drawn from a seed.
#ifndef HETER_RUNTIME_BASE_SCHEDULER_H
#define HETER_RUNTIME_BASE_SCHEDULER_H

#include "runtime/base/Status.h"
#include "runtime/base/UniqueFunction.h"

#include <chrono>
#include <cstdint>
#include <memory>

namespace heter::runtime {

using Task = UniqueFunction<void()>;
/// Called exactly once with the outcome of an asynchronous operation, on any thread.
using Completion = UniqueFunction<void(Status)>;
using Duration = std::chrono::nanoseconds;
/// Time since an arbitrary origin; monotonic.
using TimePoint = std::chrono::nanoseconds;

/// Runs tasks. Thread-safe. Tasks must not block: what waits does so through a Completion.
class Scheduler {
public:
  virtual ~Scheduler() = default;

  /// Runs `task` soon, possibly on another thread, never inside this call.
  virtual void post(Task task) = 0;

  /// Runs `task` at `when` or later. Returns an id for `cancel`.
  virtual uint64_t postAt(TimePoint when, Task task) = 0;

  /// Forgets a timer; true if its task had not started and will not run.
  virtual bool cancel(uint64_t timer) = 0;

  /// Runs a task that may block on a file, off the compute threads.
  virtual void postBlocking(Task task) = 0;

  virtual TimePoint now() const = 0;

  /// Seconds since the epoch of the system's clock, which may be set back: for times that outlive a process.
  virtual int64_t systemSeconds() const = 0;

  /// How many tasks may run at once.
  virtual int concurrency() const = 0;

  /// Whether there are processors beyond those for as many tasks, so that blocking tasks take nothing from the others.
  virtual bool hasSpareProcessors() const = 0;
};

/// A scheduler over `threads` oneTBB workers, one timer thread and a small pool for blocking file work.
/// Destruction waits for running tasks and drops timers. REQUIRES: threads >= 1.
std::unique_ptr<Scheduler> makeThreadedScheduler(int threads);

/// One thread, virtual time. `run*` executes posted tasks in an order drawn from `seed` and, when none is ready, moves
/// time to the next timer. Blocking tasks run as ordinary ones. Not thread-safe: everything runs inside `run*`.
class SimulatedScheduler final : public Scheduler {
public:
  explicit SimulatedScheduler(uint64_t seed);
  ~SimulatedScheduler() override;

  void post(Task task) override;
  uint64_t postAt(TimePoint when, Task task) override;
  bool cancel(uint64_t timer) override;
  void postBlocking(Task task) override;
  TimePoint now() const override;
  /// Of its virtual time.
  int64_t systemSeconds() const override { return std::chrono::duration_cast<std::chrono::seconds>(now()).count(); }
  int concurrency() const override { return 1; }
  bool hasSpareProcessors() const override { return false; }

  /// Runs until no task and no timer is left; returns how many tasks ran.
  uint64_t runUntilIdle();
  /// Runs until `done()` is true or nothing is left; returns whether `done()` is true.
  bool runUntil(UniqueFunction<bool()> done);
  /// A hash of the order in which tasks ran: equal seeds and inputs give equal traces.
  uint64_t traceHash() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_SCHEDULER_H
