// How long roles wait for each other. A lost peer is named within ten seconds: by its closed connection at once, by its
// silence after `silenceLimit`. Waits that depend on other roles' work may be long and rely on that.
#ifndef HETER_RUNTIME_ROLE_TIMING_H
#define HETER_RUNTIME_ROLE_TIMING_H

#include "runtime/base/Scheduler.h"

namespace heter::runtime {

inline constexpr Duration controlDeadline = std::chrono::seconds(10); ///< Calls that are answered at once.
inline constexpr Duration workDeadline = std::chrono::minutes(10);    ///< Pulls, frames, closing a step.
inline constexpr Duration checkpointDeadline = std::chrono::hours(1); ///< Saving and loading.
inline constexpr Duration runDeadline = std::chrono::hours(24 * 365); ///< Waits for the run's own progress.
inline constexpr Duration pingPeriod = std::chrono::seconds(1);
inline constexpr Duration silenceLimit = std::chrono::seconds(8);
inline constexpr Duration joinLimit = std::chrono::seconds(120);        ///< For all roles to join.
inline constexpr Duration blameWindow = std::chrono::milliseconds(500); ///< See Coordinator: waits for the root cause.
inline constexpr Duration goodbyeLimit = std::chrono::seconds(5);
inline constexpr Duration progressPeriod = std::chrono::milliseconds(250);

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_TIMING_H
