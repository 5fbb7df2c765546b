// Host memory and inline calls.
#include "runtime/device/cpu/CpuDevice.h"

#include <cstdlib>
#include <cstring>

namespace heter::runtime {

StatusOr<void *> CpuDevice::allocate(int64_t bytes) {
  void *memory = std::aligned_alloc(64, static_cast<size_t>((bytes + 63) / 64 * 64));
  if (!memory)
    return Status::resourceExhausted("no memory for " + std::to_string(bytes) + " bytes on device `" + name_ + "`");
  return memory;
}

void CpuDevice::release(void *memory) { std::free(memory); }

static void copy(void *to, const void *from, int64_t bytes, Completion done) {
  if (bytes > 0)
    std::memcpy(to, from, static_cast<size_t>(bytes));
  done({});
}

void CpuDevice::copyToDevice(void *device, const void *host, int64_t bytes, Completion done) {
  copy(device, host, bytes, std::move(done));
}
void CpuDevice::copyToHost(void *host, const void *device, int64_t bytes, Completion done) {
  copy(host, device, bytes, std::move(done));
}
void CpuDevice::copyOnDevice(void *to, const void *from, int64_t bytes, Completion done) {
  copy(to, from, bytes, std::move(done));
}

Status CpuDevice::fill(void *device, unsigned char byte, int64_t bytes) {
  std::memset(device, byte, static_cast<size_t>(bytes));
  return {};
}

void CpuDevice::launch(std::span<Operand> operands, DeviceCall call, Completion done) { done(call(operands)); }

} // namespace heter::runtime
