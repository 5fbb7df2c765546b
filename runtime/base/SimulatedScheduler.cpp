// The deterministic scheduler: ready tasks in a bag, drawn by a seeded generator; timers in a map by (time, id).
#include "runtime/base/Hash.h"
#include "runtime/base/Scheduler.h"
#include "runtime/base/Subnormals.h"

#include <map>
#include <vector>

namespace heter::runtime {

struct SimulatedScheduler::Impl {
  struct Ready {
    uint64_t id;
    Task task;
  };

  explicit Impl(uint64_t seed) : random(seed) {}

  uint64_t nextRandom() { return mixKey(random += 0x9e3779b97f4a7c15ULL); }

  /// Runs one task, moving time if none is ready; false if nothing is left.
  bool step() {
    if (ready.empty() && !fireNextTimers())
      return false;
    size_t chosen = nextRandom() % ready.size();
    std::swap(ready[chosen], ready.back());
    Ready next = std::move(ready.back());
    ready.pop_back();
    trace = mixKey(trace ^ (next.id + static_cast<uint64_t>(time.count()) * 0x100000001b3ULL));
    const FlushesSubnormals flushes;
    next.task();
    return true;
  }

  bool fireNextTimers() {
    if (timers.empty())
      return false;
    time = std::max(time, timers.begin()->first.first);
    while (!timers.empty() && timers.begin()->first.first <= time) {
      auto first = timers.begin();
      times.erase(first->first.second);
      ready.push_back({first->first.second, std::move(first->second)});
      timers.erase(first);
    }
    return true;
  }

  uint64_t random;
  uint64_t nextId = 1;
  uint64_t trace = 0;
  TimePoint time{0};
  std::vector<Ready> ready;
  std::map<std::pair<TimePoint, uint64_t>, Task> timers;
  std::map<uint64_t, TimePoint> times;
};

SimulatedScheduler::SimulatedScheduler(uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}

SimulatedScheduler::~SimulatedScheduler() {
  // Dropping a task may destroy what posts again; drop that too.
  while (!impl_->ready.empty() || !impl_->timers.empty()) {
    auto ready = std::exchange(impl_->ready, {});
    auto timers = std::exchange(impl_->timers, {});
    impl_->times.clear();
  }
}

void SimulatedScheduler::post(Task task) { impl_->ready.push_back({impl_->nextId++, std::move(task)}); }

uint64_t SimulatedScheduler::postAt(TimePoint when, Task task) {
  uint64_t id = impl_->nextId++;
  impl_->timers.emplace(std::pair(when, id), std::move(task));
  impl_->times.emplace(id, when);
  return id;
}

bool SimulatedScheduler::cancel(uint64_t timer) {
  auto found = impl_->times.find(timer);
  if (found == impl_->times.end())
    return false;
  auto entry = impl_->timers.find({found->second, timer});
  Task dropped = std::move(entry->second);
  impl_->timers.erase(entry);
  impl_->times.erase(found);
  return true;
}

void SimulatedScheduler::postBlocking(Task task) { post(std::move(task)); }

TimePoint SimulatedScheduler::now() const { return impl_->time; }

uint64_t SimulatedScheduler::runUntilIdle() {
  uint64_t count = 0;
  while (impl_->step())
    ++count;
  return count;
}

bool SimulatedScheduler::runUntil(UniqueFunction<bool()> done) {
  while (!done())
    if (!impl_->step())
      return done();
  return true;
}

uint64_t SimulatedScheduler::traceHash() const { return impl_->trace; }

} // namespace heter::runtime
