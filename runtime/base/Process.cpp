// Resource use through getrusage(2).
#include "runtime/base/Process.h"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

namespace heter::runtime {

static rusage ownUsage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

double processCpuSeconds() {
  rusage usage = ownUsage();
  auto seconds = [](const timeval &t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int64_t peakResidentBytes() { return static_cast<int64_t>(ownUsage().ru_maxrss) * 1024; }

int processorCount() { return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1); }

} // namespace heter::runtime
