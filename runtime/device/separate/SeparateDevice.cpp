// Marked addresses: bit 62 set makes an address that is not canonical, so even an unchecked use stops at once.
#include "runtime/device/separate/SeparateDevice.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace heter::runtime {

static constexpr uintptr_t mark = uintptr_t{1} << 62;

static uintptr_t bits(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer); }
static void *pointer(uintptr_t address) { return reinterpret_cast<void *>(address); }

static std::string hex(const void *address) {
  char buffer[32];
  snprintf(buffer, sizeof buffer, "%p", address);
  return buffer;
}

SeparateDevice::~SeparateDevice() {
  MutexLock lock(mutex_);
  for (const auto &[address, bytes] : allocations_)
    std::free(pointer(address));
}

StatusOr<void *> SeparateDevice::allocate(int64_t bytes) {
  void *memory = std::aligned_alloc(64, static_cast<size_t>((bytes + 63) / 64 * 64));
  if (!memory)
    return Status::resourceExhausted("no memory for " + std::to_string(bytes) + " bytes on device `separate`");
  MutexLock lock(mutex_);
  allocations_[bits(memory)] = bytes;
  return pointer(bits(memory) | mark);
}

void SeparateDevice::release(void *memory) {
  uintptr_t address = bits(memory) & ~mark;
  MutexLock lock(mutex_);
  if (allocations_.erase(address))
    std::free(pointer(address));
}

StatusOr<void *> SeparateDevice::translate(const void *device, int64_t bytes) {
  if (!(bits(device) & mark))
    return Status::internal("host address " + hex(device) + " where a device address is due; a copy node is missing");
  uintptr_t address = bits(device) & ~mark;
  MutexLock lock(mutex_);
  auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin())
    return Status::internal("device address " + hex(device) + " is in no allocation");
  auto found = std::prev(after);
  if (address - found->first + static_cast<uintptr_t>(bytes) > static_cast<uintptr_t>(found->second))
    return Status::internal("device address " + hex(device) + " with " + std::to_string(bytes) +
                            " bytes leaves its allocation");
  return pointer(address);
}

Status SeparateDevice::checkHost(const void *host) {
  if (bits(host) & mark)
    return Status::internal("device address " + hex(host) + " where a host address is due; a copy node is missing");
  return {};
}

void SeparateDevice::finishLater(Status status, Completion done) {
  scheduler_.post([status = std::move(status), done = std::move(done)]() mutable { done(std::move(status)); });
}

void SeparateDevice::copyChecked(StatusOr<void *> to, StatusOr<void *> from, int64_t bytes, Completion done) {
  Status status = !to.ok() ? to.status() : from.status();
  if (status.ok() && bytes > 0)
    std::memcpy(*to, *from, static_cast<size_t>(bytes));
  finishLater(std::move(status), std::move(done));
}

void SeparateDevice::copyToDevice(void *device, const void *host, int64_t bytes, Completion done) {
  Status side = checkHost(host);
  copyChecked(translate(device, bytes), side.ok() ? StatusOr<void *>(const_cast<void *>(host)) : side, bytes,
              std::move(done));
}

void SeparateDevice::copyToHost(void *host, const void *device, int64_t bytes, Completion done) {
  Status side = checkHost(host);
  copyChecked(side.ok() ? StatusOr<void *>(host) : side, translate(device, bytes), bytes, std::move(done));
}

void SeparateDevice::copyOnDevice(void *to, const void *from, int64_t bytes, Completion done) {
  copyChecked(translate(to, bytes), translate(from, bytes), bytes, std::move(done));
}

Status SeparateDevice::fill(void *device, unsigned char byte, int64_t bytes) {
  HETER_ASSIGN_OR_RETURN(void *host, translate(device, bytes));
  std::memset(host, byte, static_cast<size_t>(bytes));
  return {};
}

void SeparateDevice::launch(std::span<Operand> operands, DeviceCall call, Completion done) {
  for (Operand &operand : operands) {
    StatusOr<void *> host = translate(operand.pointer, operand.bytes);
    if (!host.ok())
      return finishLater(host.status(), std::move(done));
    operand.pointer = *host;
  }
  scheduler_.post([operands, call = std::move(call), done = std::move(done)]() mutable { done(call(operands)); });
}

} // namespace heter::runtime
