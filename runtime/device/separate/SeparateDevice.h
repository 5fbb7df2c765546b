// The separate-memory device: computes on the host, but hands out marked addresses that no host code can follow, and
// refuses addresses of the wrong side and beyond their allocation. Calls and copies end in later tasks, as on a real
// one.
#ifndef HETER_RUNTIME_DEVICE_SEPARATE_SEPARATEDEVICE_H
#define HETER_RUNTIME_DEVICE_SEPARATE_SEPARATEDEVICE_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/device/Device.h"

#include <map>

namespace heter::runtime {

class SeparateDevice final : public Device {
public:
  explicit SeparateDevice(Scheduler &scheduler) : scheduler_(scheduler) {}
  ~SeparateDevice() override;

  const std::string &name() const override { return name_; }
  StatusOr<void *> allocate(int64_t bytes) override;
  void release(void *memory) override;
  void copyToDevice(void *device, const void *host, int64_t bytes, Completion done) override;
  void copyToHost(void *host, const void *device, int64_t bytes, Completion done) override;
  void copyOnDevice(void *to, const void *from, int64_t bytes, Completion done) override;
  Status fill(void *device, unsigned char byte, int64_t bytes) override;
  void launch(std::span<Operand> operands, DeviceCall call, Completion done) override;

private:
  /// The host address behind a device address, if all `bytes` are in one allocation.
  StatusOr<void *> translate(const void *device, int64_t bytes);
  Status checkHost(const void *host);
  void finishLater(Status status, Completion done);
  void copyChecked(StatusOr<void *> to, StatusOr<void *> from, int64_t bytes, Completion done);

  Scheduler &scheduler_;
  std::string name_ = "separate";
  Mutex mutex_;
  std::map<uintptr_t, int64_t> allocations_ HETER_GUARDED_BY(mutex_); ///< Host address -> bytes.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_DEVICE_SEPARATE_SEPARATEDEVICE_H
