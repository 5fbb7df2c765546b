// Which processor a disk interrupts, and waiting there. A disk with one queue, as virtual machines have them,
// interrupts the same processor for all its reads, each time for as long as dozens of them take to be finished: what
// else runs there is held up. The threads that wait for the reads are held up least, and woken soonest.
#ifndef HETER_RUNTIME_BASE_DISKINTERRUPTS_H
#define HETER_RUNTIME_BASE_DISKINTERRUPTS_H

#include <string>

#include <sched.h>
#include <sys/types.h>

namespace heter::runtime {

/// Where the system tells of itself.
struct SystemFolders {
  std::string sys = "/sys";
  std::string proc = "/proc";
};

/// The processor that all interrupts of a disk, or a part of one, come to at present; -1 if they come to several, or
/// the system does not tell. Reads a few small files.
int interruptProcessorOf(dev_t disk, const SystemFolders &folders = {});

/// While it lives, the thread that made it runs on one processor, if it may run there; nothing else for -1. Then it may
/// run where it might before, unless somebody said otherwise meanwhile.
class StaysOnProcessor {
public:
  explicit StaysOnProcessor(int processor);
  ~StaysOnProcessor();
  StaysOnProcessor(const StaysOnProcessor &) = delete;
  StaysOnProcessor &operator=(const StaysOnProcessor &) = delete;

private:
  bool stays_ = false;
  cpu_set_t before_{};
  cpu_set_t there_{};
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_DISKINTERRUPTS_H
