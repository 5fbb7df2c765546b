// A strand: tasks that run one after another, in the order they were posted, on the scheduler. The state machines of
// the roles live on strands, so that they need no locks.
#ifndef HETER_RUNTIME_ROLE_STRAND_H
#define HETER_RUNTIME_ROLE_STRAND_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/ThreadAnnotations.h"

#include <deque>
#include <memory>

namespace heter::runtime {

/// Thread-safe.
class Strand : public std::enable_shared_from_this<Strand> {
public:
  explicit Strand(Scheduler &scheduler) : scheduler_(scheduler) {}

  void post(Task task) {
    {
      MutexLock lock(mutex_);
      tasks_.push_back(std::move(task));
      if (running_)
        return;
      running_ = true;
    }
    scheduler_.post([self = shared_from_this()] { self->drain(); });
  }

private:
  void drain() {
    while (true) {
      Task task;
      {
        MutexLock lock(mutex_);
        if (tasks_.empty()) {
          running_ = false;
          return;
        }
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  Scheduler &scheduler_;
  Mutex mutex_;
  std::deque<Task> tasks_ HETER_GUARDED_BY(mutex_);
  bool running_ HETER_GUARDED_BY(mutex_) = false;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_STRAND_H
