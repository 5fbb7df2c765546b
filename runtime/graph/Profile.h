// Where the time of a run goes, by node: for `heter run --profile`. Costs two clock readings and a lock a node; nothing
// where no profile is asked for.
#ifndef HETER_RUNTIME_GRAPH_PROFILE_H
#define HETER_RUNTIME_GRAPH_PROFILE_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/ThreadAnnotations.h"

#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace heter::runtime {

/// One thing that takes time, as often as it happens. Ordered as a reader looks for it.
struct ProfiledWork {
  std::string role; ///< Whose work it is.
  std::string kind; ///< "matmul", "kernel", "pull_rows", "update"...
  std::string name; ///< As `heter inspect` prints it.
  std::string location;
  bool waits = false; ///< Whether it also waits: for versions, peers or credit.
  auto operator<=>(const ProfiledWork &) const = default;
};

/// Thread-safe.
class Profile {
public:
  /// `frame` numbers the micro-batch or step that it was for.
  void add(const ProfiledWork &work, int64_t frame, TimePoint start, TimePoint end) HETER_EXCLUDES(mutex_);

  /// A table, most time first: share of the sum, milliseconds, calls, microseconds a call, and what it was; what waits
  /// comes below and is not in the sum. Times of work that ran at once add up to more than passed.
  std::string table() const HETER_EXCLUDES(mutex_);
  /// The first work of the run as JSON for chrome://tracing and Perfetto, a row a thread.
  std::string trace() const HETER_EXCLUDES(mutex_);

private:
  static constexpr size_t mostEvents = 100000;

  struct Total {
    Duration time{};
    int64_t calls = 0;
  };
  struct Event {
    const ProfiledWork *work; ///< A key of totals_.
    int64_t frame;
    TimePoint start, end;
    int thread;
  };

  mutable Mutex mutex_;
  std::map<ProfiledWork, Total> totals_ HETER_GUARDED_BY(mutex_);
  std::map<std::thread::id, int> threads_ HETER_GUARDED_BY(mutex_);
  std::vector<Event> events_ HETER_GUARDED_BY(mutex_);
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_GRAPH_PROFILE_H
