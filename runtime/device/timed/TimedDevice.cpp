// Computes at once, answers later.
#include "runtime/device/timed/TimedDevice.h"

namespace heter::runtime {

void TimedDevice::launch(std::span<Operand> operands, DeviceCall call, Completion done) {
  TimePoint end = scheduler_.now() + callTime_;
  Status status = call(operands);
  scheduler_.postAt(end, [status = std::move(status), done = std::move(done)]() mutable { done(std::move(status)); });
}

} // namespace heter::runtime
