// A mutex, its lock and its condition variable with the attributes that let clang's -Wthread-safety check which members
// are touched under which lock; with other compilers the attributes vanish.
#ifndef HETER_RUNTIME_BASE_THREADANNOTATIONS_H
#define HETER_RUNTIME_BASE_THREADANNOTATIONS_H

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define HETER_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define HETER_THREAD_ATTRIBUTE(x)
#endif

/// On a member: touched only while `mutex` is held.
#define HETER_GUARDED_BY(mutex) HETER_THREAD_ATTRIBUTE(guarded_by(mutex))
/// On a pointer member: what it points to is touched only while `mutex` is held.
#define HETER_PT_GUARDED_BY(mutex) HETER_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
/// On a function: its caller holds `...`.
#define HETER_REQUIRES(...) HETER_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
/// On a function: its caller must not hold `...`.
#define HETER_EXCLUDES(...) HETER_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace heter::runtime {

class HETER_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
public:
  void lock() HETER_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() HETER_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

private:
  friend class CondVar;
  std::mutex mutex_;
};

/// Holds a mutex for a scope.
class HETER_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
public:
  explicit MutexLock(Mutex &mutex) HETER_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() HETER_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock &) = delete;
  MutexLock &operator=(const MutexLock &) = delete;

private:
  Mutex &mutex_;
};

/// A condition variable over a Mutex that the caller holds. Waits may wake without cause: wait in a loop.
class CondVar {
public:
  void wait(Mutex &mutex) HETER_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  template <typename ClockTime> void waitUntil(Mutex &mutex, ClockTime when) HETER_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait_until(lock, when);
    lock.release();
  }
  void notifyOne() { condition_.notify_one(); }
  void notifyAll() { condition_.notify_all(); }

private:
  std::condition_variable condition_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_THREADANNOTATIONS_H
