// Loops for work that is to be done before who asks for it goes on: over the threads of a scheduler, and on one thread
// beside other work.
#ifndef HETER_RUNTIME_BASE_PARALLELFOR_H
#define HETER_RUNTIME_BASE_PARALLELFOR_H

#include "runtime/base/Scheduler.h"

#include <cstdint>
#include <functional>

namespace heter::runtime {

/// Runs body(0) .. body(count - 1), in any order and possibly at once, and returns when all have run. The caller works
/// itself and lets idle threads of `scheduler` help; it never waits for a thread to become free, only, at the end, for
/// the calls that other threads are in the middle of. So `body` must not block. With one thread it is a plain loop.
void parallelFor(Scheduler &scheduler, int64_t count, const std::function<void(int64_t)> &body);

/// Runs body(0) .. body(count - 1) in order on the calling thread, which may block, and rests now and then, so that it
/// takes no more than a third of a processor by the clock of `scheduler`: for work beside which other work, for which
/// there are as many threads as processors, is to come on. Where the processors are contended for anyhow, it does not
/// rest.
void unhurriedFor(Scheduler &scheduler, int64_t count, const std::function<void(int64_t)> &body);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_PARALLELFOR_H
