// What this process has used so far, for run summaries, and what the machine has.
#ifndef HETER_RUNTIME_BASE_PROCESS_H
#define HETER_RUNTIME_BASE_PROCESS_H

#include <cstdint>

namespace heter::runtime {

/// User and system time of all threads, in seconds.
double processCpuSeconds();

/// The most memory that was resident at once, in bytes.
int64_t peakResidentBytes();

/// What is resident now, in bytes; 0 where the system does not tell.
int64_t residentBytes();

/// At least 1.
int processorCount();

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_PROCESS_H
