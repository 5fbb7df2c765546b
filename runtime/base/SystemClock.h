// The system's clock, for times that outlive a process, such as when a row was pushed to last.
#ifndef HETER_RUNTIME_BASE_SYSTEMCLOCK_H
#define HETER_RUNTIME_BASE_SYSTEMCLOCK_H

#include "runtime/base/Scheduler.h"

#include <cstdint>

namespace heter::runtime {

/// Seconds since the epoch of the system's clock, which may be set back. Under a SimulatedScheduler: of its virtual
/// time. Thread-safe.
int64_t systemSeconds(const Scheduler &scheduler);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_SYSTEMCLOCK_H
