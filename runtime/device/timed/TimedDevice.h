// The timed device: the cpu device, but each call takes a given time on the scheduler's clock, in which no processor is
// used and other calls go on. For tests of overlap.
#ifndef HETER_RUNTIME_DEVICE_TIMED_TIMEDDEVICE_H
#define HETER_RUNTIME_DEVICE_TIMED_TIMEDDEVICE_H

#include "runtime/device/cpu/CpuDevice.h"

namespace heter::runtime {

class TimedDevice final : public CpuDevice {
public:
  TimedDevice(std::string name, Duration callTime, Scheduler &scheduler)
      : CpuDevice(std::move(name)), callTime_(callTime), scheduler_(scheduler) {}

  void launch(std::span<Operand> operands, DeviceCall call, Completion done) override;

private:
  Duration callTime_;
  Scheduler &scheduler_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_DEVICE_TIMED_TIMEDDEVICE_H
