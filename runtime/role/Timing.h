// How long roles wait for each other. A peer that ends is noticed at once, by its closed connections; one that stops or
// is cut off within silenceLimit (runtime/rpc/Lane.h), by everyone who waits for an answer of it. So a wait for another
// role's work may be long.
#ifndef HETER_RUNTIME_ROLE_TIMING_H
#define HETER_RUNTIME_ROLE_TIMING_H

#include "runtime/base/Scheduler.h"

namespace heter::runtime {

inline constexpr Duration controlDeadline = std::chrono::seconds(10); ///< Calls that are answered at once.
inline constexpr Duration workDeadline = std::chrono::minutes(10);    ///< Pulls, frames, closing a step.
inline constexpr Duration checkpointDeadline = std::chrono::hours(1); ///< Saving and loading.
inline constexpr Duration runDeadline = std::chrono::hours(24 * 365); ///< Waits for the run's own progress.
inline constexpr Duration watchPeriod =
    std::chrono::milliseconds(250); ///< How often the coordinator looks for silence.
inline constexpr Duration blameWindow = std::chrono::milliseconds(500); ///< See Coordinator: waits for the root cause.
/// What a role takes to leave once the run has ended; longer than a lost message takes to be repeated.
inline constexpr Duration goodbyeLimit = std::chrono::seconds(4);
/// What the coordinator takes at most to end the run for a role that is interrupted; then the role leaves without it.
inline constexpr Duration interruptLimit = std::chrono::milliseconds(1500);
inline constexpr Duration progressPeriod = std::chrono::milliseconds(250);

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_TIMING_H
