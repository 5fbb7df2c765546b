// Resource use through getrusage(2) and proc(5).
#include "runtime/base/Process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
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

int64_t residentBytes() {
  std::ifstream pages("/proc/self/statm");
  int64_t size = 0, resident = 0;
  pages >> size >> resident;
  return pages ? resident * sysconf(_SC_PAGESIZE) : 0;
}

int processorCount() { return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1); }

} // namespace heter::runtime
