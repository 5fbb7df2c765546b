// A mutex that many readers or one writer hold, for data that is mostly read. It carries the same attributes as Mutex.
#ifndef HETER_RUNTIME_BASE_SHAREDMUTEX_H
#define HETER_RUNTIME_BASE_SHAREDMUTEX_H

#include "runtime/base/ThreadAnnotations.h"

#include <atomic>
#include <pthread.h>
#include <sched.h>

/// On a function: its caller holds `...`, if only with other readers.
#define HETER_REQUIRES_SHARED(...) HETER_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))

namespace heter::runtime {

/// Readers that come while a writer waits wait behind it, so that writers have their turn; not so while a writer lets
/// others have its processor, among whom may be the reader that it waits for. A thread does not lock one twice, not
/// even to read.
class HETER_THREAD_ATTRIBUTE(capability("mutex")) SharedMutex {
public:
  SharedMutex() {
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
#if defined(__GLIBC__)
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
    pthread_rwlock_init(&lock_, &attributes);
    pthread_rwlockattr_destroy(&attributes);
  }
  ~SharedMutex() { pthread_rwlock_destroy(&lock_); }
  SharedMutex(const SharedMutex &) = delete;
  SharedMutex &operator=(const SharedMutex &) = delete;

  void lock() HETER_THREAD_ATTRIBUTE(acquire_capability()) {
    if (pthread_rwlock_trywrlock(&lock_) == 0)
      return;
    for (int times = 0; times < 4; ++times) {
      coming_.fetch_add(1, std::memory_order_relaxed);
      const bool came = comesSoon([this] { return pthread_rwlock_trywrlock(&lock_) == 0; });
      coming_.fetch_sub(1, std::memory_order_relaxed);
      if (came)
        return;
      sched_yield();
    }
    pthread_rwlock_wrlock(&lock_); // now readers do wait until it was woken and is through
  }
  void unlock() HETER_THREAD_ATTRIBUTE(release_capability()) { pthread_rwlock_unlock(&lock_); }
  void lockShared() HETER_THREAD_ATTRIBUTE(acquire_shared_capability()) {
    if (!comesSoon(
            [this] { return coming_.load(std::memory_order_relaxed) == 0 && pthread_rwlock_tryrdlock(&lock_) == 0; }))
      pthread_rwlock_rdlock(&lock_);
  }
  void unlockShared() HETER_THREAD_ATTRIBUTE(release_shared_capability()) { pthread_rwlock_unlock(&lock_); }

private:
  /// Tries for about as long as it takes to sleep and be woken: most hold it for less.
  template <typename Try> static bool comesSoon(Try tryOnce) {
    for (int tries = 0; tries < 1000; ++tries) {
      if (tryOnce())
        return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
    return false;
  }

  /// Writers that try, for which readers make way: one that sleeps would keep readers out until it is awake.
  std::atomic<int> coming_{0};
  pthread_rwlock_t lock_;
};

/// Holds a shared mutex alone for a scope.
class HETER_THREAD_ATTRIBUTE(scoped_lockable) WriterLock {
public:
  explicit WriterLock(SharedMutex &mutex) HETER_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~WriterLock() HETER_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  WriterLock(const WriterLock &) = delete;
  WriterLock &operator=(const WriterLock &) = delete;

private:
  SharedMutex &mutex_;
};

/// Holds a shared mutex with other readers for a scope.
class HETER_THREAD_ATTRIBUTE(scoped_lockable) ReaderLock {
public:
  explicit ReaderLock(SharedMutex &mutex) HETER_THREAD_ATTRIBUTE(acquire_shared_capability(mutex)) : mutex_(mutex) {
    mutex_.lockShared();
  }
  ~ReaderLock() HETER_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlockShared(); }
  ReaderLock(const ReaderLock &) = delete;
  ReaderLock &operator=(const ReaderLock &) = delete;

private:
  SharedMutex &mutex_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_SHAREDMUTEX_H
