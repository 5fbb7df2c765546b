// The system's clock, or virtual time.
#include "runtime/base/SystemClock.h"

#include <chrono>

namespace heter::runtime {

int64_t systemSeconds(const Scheduler &scheduler) {
  const auto *simulated = dynamic_cast<const SimulatedScheduler *>(&scheduler);
  const auto time = simulated ? simulated->now() : std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

} // namespace heter::runtime
