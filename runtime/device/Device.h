// One interface for everything that computes: its memory, copies to and from it, and calls that end later. Here are the
// devices that run on the host; accelerators get a folder each.
//
//   cpu              device memory is host memory; calls run inside launch
//   separate         the same, but device addresses are marked, and a host address where a device address is due (or
//                    the other way round) is an error: catches missing copies
//   timed:DURATION   the same as cpu, but each call ends DURATION after it was launched, on the scheduler's clock,
//   without
//                    using a processor meanwhile; calls overlap
#ifndef HETER_RUNTIME_DEVICE_DEVICE_H
#define HETER_RUNTIME_DEVICE_DEVICE_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace heter::runtime {

/// The memory of one value in a call.
struct Operand {
  void *pointer = nullptr; ///< A device address; inside the call, one that the call's code can use.
  int64_t bytes = 0;
};

/// Computes on operands that the device has translated. Runs once.
using DeviceCall = UniqueFunction<Status(std::span<const Operand>)>;

/// Thread-safe. Completions may be called inside the call that takes them.
class Device {
public:
  virtual ~Device() = default;

  /// As it is written after `--device CLASS=`.
  virtual const std::string &name() const = 0;

  /// Memory aligned to 64 bytes. REQUIRES: bytes > 0.
  virtual StatusOr<void *> allocate(int64_t bytes) = 0;
  virtual void release(void *memory) = 0;

  virtual void copyToDevice(void *device, const void *host, int64_t bytes, Completion done) = 0;
  virtual void copyToHost(void *host, const void *device, int64_t bytes, Completion done) = 0;
  virtual void copyOnDevice(void *to, const void *from, int64_t bytes, Completion done) = 0;

  /// Sets `bytes` bytes; ended when it returns (for checks, not for speed).
  virtual Status fill(void *device, unsigned char byte, int64_t bytes) = 0;

  /// Translates the operands in place and makes the call; `operands` lives until `done` is called.
  virtual void launch(std::span<Operand> operands, DeviceCall call, Completion done) = 0;
};

/// Makes the device that `description` names. `scheduler` outlives it.
StatusOr<std::unique_ptr<Device>> makeDevice(const std::string &description, Scheduler &scheduler);

/// Reads "20ms", "1.5s", "300us"; an error names the text and the units.
StatusOr<Duration> parseDuration(const std::string &text);

} // namespace heter::runtime

#endif // HETER_RUNTIME_DEVICE_DEVICE_H
