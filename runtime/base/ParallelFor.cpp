// Indices are claimed one by one. A helper that starts late finds none left and touches nothing but the shared
// counters.
#include "runtime/base/ParallelFor.h"

#include <algorithm>
#include <atomic>
#include <ctime>

namespace heter::runtime {
namespace {

/// Leaves the core to its other thread for some cycles, where the processor can.
void pauseProcessor() {
#ifdef __x86_64__
  __builtin_ia32_pause();
#endif
}

struct Loop {
  Loop(int64_t count, const std::function<void(int64_t)> &body) : count(count), body(body), unfinished(count) {}

  void work() {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      body(i);
      if (unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        MutexLock lock(mutex);
        over = true;
        ended.notifyAll();
      }
    }
  }

  /// What the others are in the middle of is mostly soon done, and who sleeps takes long to wake up.
  bool endsSoon() const {
    constexpr int looks = 1000, looksUntilYield = 100; // some 50 us where a pause takes 140 cycles
    for (int i = 1; i <= looks; ++i) {
      if (unfinished.load(std::memory_order_acquire) == 0)
        return true;
      if (i % looksUntilYield == 0)
        std::this_thread::yield(); // to them, if there are more threads than processors
      else
        pauseProcessor();
    }
    return false;
  }

  void wait() {
    if (endsSoon())
      return;
    MutexLock lock(mutex);
    while (!over)
      ended.wait(mutex);
  }

  const int64_t count;
  const std::function<void(int64_t)> &body; ///< The caller's: there as long as an index is unfinished.
  std::atomic<int64_t> next = 0;
  std::atomic<int64_t> unfinished;
  Mutex mutex;
  CondVar ended;
  bool over HETER_GUARDED_BY(mutex) = false;
};

} // namespace

void parallelFor(Scheduler &scheduler, int64_t count, const std::function<void(int64_t)> &body) {
  parallelFor(&scheduler, count, body);
}

void parallelFor(Scheduler *scheduler, int64_t count, const std::function<void(int64_t)> &body) {
  const int64_t helpers = scheduler ? std::min<int64_t>(count, scheduler->concurrency()) - 1 : 0;
  if (helpers < 1) {
    for (int64_t i = 0; i < count; ++i)
      body(i);
    return;
  }
  auto loop = std::make_shared<Loop>(count, body);
  for (int64_t h = 0; h < helpers; ++h)
    scheduler->post([loop] { loop->work(); });
  loop->work();
  loop->wait();
}

void Pace::slow() {
  MutexLock lock(mutex_);
  full_ = false;
}

void Pace::full() {
  MutexLock lock(mutex_);
  full_ = true;
  changed_.notifyAll();
}

bool Pace::isFull() const {
  MutexLock lock(mutex_);
  return full_;
}

void Pace::rest(Duration most) {
  const auto until = std::chrono::steady_clock::now() + most;
  MutexLock lock(mutex_);
  while (!full_ && std::chrono::steady_clock::now() < until)
    changed_.waitUntil(mutex_, until);
}

static Duration processorTimeOfThread() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

/// What unhurriedFor takes at least for so much processor time.
static constexpr Duration leastFor(Duration used) { return used * 13 / 5; }

TimePoint Pace::restedUntil() const {
  MutexLock lock(mutex_);
  return restedUntil_;
}

void Pace::setRestedUntil(TimePoint time) {
  MutexLock lock(mutex_);
  restedUntil_ = time;
}

void unhurriedFor(Scheduler &scheduler, Pace &pace, int64_t count, const std::function<void(int64_t)> &body) {
  // Seldom and for long: whoever wakes up has to wait for a processor, and takes it from others amid their work.
  constexpr Duration longEnough = std::chrono::milliseconds(10);
  // Time since the last call pays what that one owes, and nothing ahead.
  TimePoint until = std::max(scheduler.now(), pace.restedUntil());
  for (int64_t i = 0; i < count; ++i) {
    const TimePoint began = scheduler.now();
    const Duration before = processorTimeOfThread();
    body(i);
    // Under virtual time, which does not go on meanwhile, there is nothing to rest from.
    until += leastFor(std::min(processorTimeOfThread() - before, scheduler.now() - began));
    if (pace.isFull()) // what it took meanwhile is not to be rested for later
      until = scheduler.now();
    const Duration due = until - scheduler.now();
    if (due >= longEnough)
      pace.rest(due);
  }
  pace.setRestedUntil(until);
}

} // namespace heter::runtime
