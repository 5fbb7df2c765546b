// The scheduler of a real process: compute tasks on a oneTBB arena, timers on one thread that only hands due tasks to
// the arena, file work on a few threads of its own.
#include "runtime/base/Scheduler.h"
#include "runtime/base/Subnormals.h"
#include "runtime/base/ThreadAnnotations.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <deque>
#include <map>
#include <thread>
#include <vector>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HETER_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
/// oneTBB's library is built without the sanitizer, which sees its accesses in memmove and the like and no more.
extern "C" const char *__tsan_default_suppressions() { return "called_from_lib:libtbb.so\n"; }
#endif
#endif

namespace heter::runtime {
namespace {

/// oneTBB starts at most (allowed parallelism - 1) workers in the whole process, and the allowance is the number of
/// cores unless a global_control says otherwise. This keeps one control for the sum of all live schedulers.
class WorkerAllowance {
public:
  static WorkerAllowance &instance() {
    static auto *allowance = new WorkerAllowance;
    return *allowance;
  }

  void add(int workers) {
    MutexLock lock(mutex_);
    workers_ += workers;
    if (workers_ == 0) {
      control_.reset();
      return;
    }
    // The least of all live controls counts, so the old one must go before the new one can matter.
    control_.reset();
    control_ = std::make_unique<oneapi::tbb::global_control>(oneapi::tbb::global_control::max_allowed_parallelism,
                                                             static_cast<size_t>(workers_) + 1);
  }

private:
  Mutex mutex_;
  int workers_ HETER_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<oneapi::tbb::global_control> control_ HETER_GUARDED_BY(mutex_);
};

class ThreadedScheduler final : public Scheduler {
public:
  explicit ThreadedScheduler(int threads) : threads_(threads), allowance_(threads), arena_(threads, 0) {
    arena_.initialize();
    timerThread_ = std::thread([this] { runTimers(); });
  }

  ~ThreadedScheduler() override;

  void post(Task task) override {
    begin();
    enqueue(std::move(task));
  }

  uint64_t postAt(TimePoint when, Task task) override;
  bool cancel(uint64_t timer) override;
  void postBlocking(Task task) override;

  TimePoint now() const override { return std::chrono::steady_clock::now().time_since_epoch(); }
  int64_t systemSeconds() const override {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  int concurrency() const override { return threads_; }
  bool hasSpareProcessors() const override {
    return std::thread::hardware_concurrency() > static_cast<unsigned>(threads_); // of those that the process may use
  }

private:
  static constexpr int blockingThreads = 4;

  struct Allowance {
    explicit Allowance(int workers) : workers(workers) { WorkerAllowance::instance().add(workers); }
    ~Allowance() { WorkerAllowance::instance().add(-workers); }
    int workers;
  };

  /// One task counted by begin().
  struct Job {
    ThreadedScheduler *scheduler;
    mutable Task task;
    void operator()() const {
      // The task's captures may post again when they are destroyed, so they go before the count does.
      {
        const FlushesSubnormals flushes;
        Task(std::move(task))();
      }
      scheduler->end();
    }
  };

#ifdef HETER_THREAD_SANITIZER
  /// The sanitizer does not see the library's own synchronization: said here.
  void enqueue(Task task) {
    auto *job = new Job{this, std::move(task)};
    __tsan_release(job);
    arena_.enqueue([job] {
      __tsan_acquire(job);
      const std::unique_ptr<Job> owned(job);
      (*owned)();
    });
  }
#else
  void enqueue(Task task) { arena_.enqueue(Job{this, std::move(task)}); }
#endif

  void begin() { outstanding_.fetch_add(1, std::memory_order_relaxed); }
  void end() {
    if (outstanding_.fetch_sub(1, std::memory_order_acq_rel) != 1)
      return;
    MutexLock lock(mutex_);
    idle_ = true;
    becameIdle_.notifyAll();
  }
  void runTimers();
  void runBlocking();

  const int threads_;
  Allowance allowance_;
  oneapi::tbb::task_arena arena_;

  /// Posted tasks, compute and blocking, that have not ended, and one until the destructor takes it.
  std::atomic<int64_t> outstanding_ = 1;
  Mutex mutex_;
  CondVar becameIdle_;
  bool idle_ HETER_GUARDED_BY(mutex_) = false; ///< Set once, by whoever ends the last of them.

  Mutex timerMutex_;
  CondVar timerChanged_;
  bool stopTimers_ HETER_GUARDED_BY(timerMutex_) = false;
  uint64_t nextTimer_ HETER_GUARDED_BY(timerMutex_) = 1;
  std::map<std::pair<TimePoint, uint64_t>, Task> timers_ HETER_GUARDED_BY(timerMutex_);
  std::map<uint64_t, TimePoint> timerTimes_ HETER_GUARDED_BY(timerMutex_);
  std::thread timerThread_;

  Mutex blockingMutex_;
  CondVar blockingChanged_;
  bool stopBlocking_ HETER_GUARDED_BY(blockingMutex_) = false;
  int idleBlocking_ HETER_GUARDED_BY(blockingMutex_) = 0;
  std::deque<Task> blocking_ HETER_GUARDED_BY(blockingMutex_);
  std::vector<std::thread> blockingThreads_ HETER_GUARDED_BY(blockingMutex_);
};

ThreadedScheduler::~ThreadedScheduler() {
  std::map<std::pair<TimePoint, uint64_t>, Task> dropped;
  {
    MutexLock lock(timerMutex_);
    stopTimers_ = true;
    dropped.swap(timers_);
    timerTimes_.clear();
    timerChanged_.notifyAll();
  }
  timerThread_.join();
  dropped.clear();
  end();
  {
    MutexLock lock(mutex_);
    while (!idle_)
      becameIdle_.wait(mutex_);
  }
  std::vector<std::thread> workers;
  {
    MutexLock lock(blockingMutex_);
    stopBlocking_ = true;
    workers.swap(blockingThreads_);
    blockingChanged_.notifyAll();
  }
  for (std::thread &worker : workers)
    worker.join();
  // Timers that the last tasks set are dropped with the members.
}

uint64_t ThreadedScheduler::postAt(TimePoint when, Task task) {
  MutexLock lock(timerMutex_);
  uint64_t id = nextTimer_++;
  bool first = timers_.empty() || when < timers_.begin()->first.first;
  timers_.emplace(std::pair(when, id), std::move(task));
  timerTimes_.emplace(id, when);
  if (first)
    timerChanged_.notifyAll();
  return id;
}

bool ThreadedScheduler::cancel(uint64_t timer) {
  Task dropped; // destroyed after the lock is released
  MutexLock lock(timerMutex_);
  auto found = timerTimes_.find(timer);
  if (found == timerTimes_.end())
    return false;
  auto entry = timers_.find({found->second, timer});
  dropped = std::move(entry->second);
  timers_.erase(entry);
  timerTimes_.erase(found);
  return true;
}

void ThreadedScheduler::runTimers() {
  MutexLock lock(timerMutex_);
  while (!stopTimers_) {
    if (timers_.empty()) {
      timerChanged_.wait(timerMutex_);
      continue;
    }
    auto first = timers_.begin();
    if (first->first.first > now()) {
      std::chrono::steady_clock::time_point wake(first->first.first);
      timerChanged_.waitUntil(timerMutex_, wake);
      continue;
    }
    timerTimes_.erase(first->first.second);
    Task task = std::move(first->second);
    timers_.erase(first);
    post(std::move(task));
  }
}

void ThreadedScheduler::postBlocking(Task task) {
  begin();
  MutexLock lock(blockingMutex_);
  blocking_.push_back(std::move(task));
  if (static_cast<size_t>(idleBlocking_) < blocking_.size() && blockingThreads_.size() < blockingThreads)
    blockingThreads_.emplace_back([this] { runBlocking(); });
  blockingChanged_.notifyOne();
}

void ThreadedScheduler::runBlocking() {
  while (true) {
    Task task;
    {
      MutexLock lock(blockingMutex_);
      ++idleBlocking_;
      while (blocking_.empty() && !stopBlocking_)
        blockingChanged_.wait(blockingMutex_);
      --idleBlocking_;
      if (blocking_.empty())
        return;
      task = std::move(blocking_.front());
      blocking_.pop_front();
    }
    {
      const FlushesSubnormals flushes;
      Task(std::move(task))();
    }
    end();
  }
}

} // namespace

std::unique_ptr<Scheduler> makeThreadedScheduler(int threads) {
  assert(threads >= 1 && "a scheduler needs a worker");
  return std::make_unique<ThreadedScheduler>(threads);
}

} // namespace heter::runtime
