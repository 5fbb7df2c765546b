// What sysfs and procfs say of disks, queues and interrupts, and Linux's affinity of threads.
#include "runtime/base/DiskInterrupts.h"

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <vector>

#include <sys/sysmacros.h>

namespace heter::runtime {
namespace {

using Path = std::filesystem::path;

/// None if it is no folder.
std::vector<Path> entriesOf(const Path &folder) {
  std::error_code error;
  std::vector<Path> entries;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    entries.push_back(at->path());
  return entries;
}

std::string firstLine(const Path &path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<int> numberIn(const std::string &text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 ? std::optional(number) : std::nullopt;
}

/// How often an interrupt has come, to all processors: "12,0,7".
uint64_t countOf(const Path &interrupt) {
  std::istringstream counts(firstLine(interrupt / "per_cpu_count"));
  uint64_t sum = 0;
  for (std::string count; std::getline(counts, count, ',');) {
    uint64_t some = 0;
    std::from_chars(count.data(), count.data() + count.size(), some);
    sum += some;
  }
  return sum;
}

/// The folder of the disk that a device is, or is a part of.
Path diskOf(dev_t device, const SystemFolders &folders) {
  std::error_code error;
  const Path path = std::filesystem::canonical(
      Path(folders.sys) / "dev/block" / (std::to_string(major(device)) + ":" + std::to_string(minor(device))), error);
  if (error)
    return {};
  return std::filesystem::is_directory(path / "mq", error) ? path : path.parent_path();
}

/// The interrupts of what a disk is attached to.
std::vector<Path> interruptsOf(const Path &disk, const SystemFolders &folders) {
  std::error_code error;
  Path device = std::filesystem::canonical(disk / "device", error);
  if (error)
    return {};
  for (; device.has_relative_path(); device = device.parent_path())
    if (std::filesystem::is_directory(device / "msi_irqs", error)) {
      std::vector<Path> interrupts;
      for (const Path &entry : entriesOf(device / "msi_irqs"))
        interrupts.push_back(Path(folders.sys) / "kernel/irq" / entry.filename());
      return interrupts;
    }
  return {};
}

} // namespace

int interruptProcessorOf(dev_t disk, const SystemFolders &folders) {
  const Path folder = diskOf(disk, folders);
  if (folder.empty() || entriesOf(folder / "mq").size() != 1)
    return -1;
  Path busiest; // the others tell of changes of its setup
  uint64_t most = 0;
  for (const Path &interrupt : interruptsOf(folder, folders))
    if (const uint64_t count = countOf(interrupt); count > most) {
      most = count;
      busiest = interrupt;
    }
  if (busiest.empty())
    return -1;
  return numberIn(firstLine(Path(folders.proc) / "irq" / busiest.filename() / "effective_affinity_list")).value_or(-1);
}

StaysOnProcessor::StaysOnProcessor(int processor) {
  if (processor < 0 || processor >= CPU_SETSIZE || ::sched_getaffinity(0, sizeof(before_), &before_) != 0 ||
      !CPU_ISSET(processor, &before_) || CPU_COUNT(&before_) == 1)
    return;
  CPU_SET(processor, &there_);
  stays_ = ::sched_setaffinity(0, sizeof(there_), &there_) == 0;
}

StaysOnProcessor::~StaysOnProcessor() {
  cpu_set_t now{};
  if (stays_ && ::sched_getaffinity(0, sizeof(now), &now) == 0 && CPU_EQUAL(&now, &there_))
    ::sched_setaffinity(0, sizeof(before_), &before_);
}

} // namespace heter::runtime
