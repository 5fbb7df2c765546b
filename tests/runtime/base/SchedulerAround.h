// A simulated scheduler with something changed about it by a test.
#ifndef HETER_TESTS_RUNTIME_BASE_SCHEDULERAROUND_H
#define HETER_TESTS_RUNTIME_BASE_SCHEDULERAROUND_H

#include "runtime/base/Scheduler.h"

#include <utility>

namespace heter::runtime::test {

/// Does all as `scheduler`, which outlives it, but for what derived classes override.
class SchedulerAround : public Scheduler {
public:
  explicit SchedulerAround(SimulatedScheduler &scheduler) : scheduler_(scheduler) {}

  void post(Task task) override { scheduler_.post(std::move(task)); }
  uint64_t postAt(TimePoint when, Task task) override { return scheduler_.postAt(when, std::move(task)); }
  bool cancel(uint64_t timer) override { return scheduler_.cancel(timer); }
  void postBlocking(Task task) override { scheduler_.postBlocking(std::move(task)); }
  TimePoint now() const override { return scheduler_.now(); }
  int64_t systemSeconds() const override { return scheduler_.systemSeconds(); }
  int concurrency() const override { return scheduler_.concurrency(); }
  bool hasSpareProcessors() const override { return scheduler_.hasSpareProcessors(); }

private:
  SimulatedScheduler &scheduler_;
};

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_BASE_SCHEDULERAROUND_H
