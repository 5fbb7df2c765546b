// The host's processors as a device: its memory is host memory, and a call runs inside launch.
#ifndef HETER_RUNTIME_DEVICE_CPU_CPUDEVICE_H
#define HETER_RUNTIME_DEVICE_CPU_CPUDEVICE_H

#include "runtime/device/Device.h"

namespace heter::runtime {

class CpuDevice : public Device {
public:
  explicit CpuDevice(std::string name = "cpu") : name_(std::move(name)) {}

  const std::string &name() const override { return name_; }
  StatusOr<void *> allocate(int64_t bytes) override;
  void release(void *memory) override;
  void copyToDevice(void *device, const void *host, int64_t bytes, Completion done) override;
  void copyToHost(void *host, const void *device, int64_t bytes, Completion done) override;
  void copyOnDevice(void *to, const void *from, int64_t bytes, Completion done) override;
  Status fill(void *device, unsigned char byte, int64_t bytes) override;
  void launch(std::span<Operand> operands, DeviceCall call, Completion done) override;

private:
  std::string name_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_DEVICE_CPU_CPUDEVICE_H
