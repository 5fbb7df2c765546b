// Devices by the names that users write.
#include "runtime/device/Device.h"

#include "runtime/base/Suggest.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/separate/SeparateDevice.h"
#include "runtime/device/timed/TimedDevice.h"

#include <charconv>
#include <cmath>
#include <vector>

namespace heter::runtime {

StatusOr<Duration> parseDuration(const std::string &text) {
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  double nanoseconds = unit == "us" ? 1e3 : unit == "ms" ? 1e6 : unit == "s" ? 1e9 : unit == "min" ? 60e9 : 0;
  if (error != std::errc() || nanoseconds == 0 || !(number >= 0) || number * nanoseconds > 1e18)
    return Status::invalidArgument("`" + text + "` is no time; write a number and us, ms, s or min, as in 20ms");
  return Duration(static_cast<int64_t>(std::llround(number * nanoseconds)));
}

StatusOr<std::unique_ptr<Device>> makeDevice(const std::string &description, Scheduler &scheduler) {
  std::string kind = description.substr(0, description.find(':'));
  bool plain = kind == description;
  if (description == "cpu")
    return std::unique_ptr<Device>(new CpuDevice);
  if (description == "separate")
    return std::unique_ptr<Device>(new SeparateDevice(scheduler));
  if (kind == "timed") {
    if (plain)
      return Status::invalidArgument("device `timed` needs a time for each call, as in timed:20ms");
    HETER_ASSIGN_OR_RETURN(Duration time, parseDuration(description.substr(kind.size() + 1)));
    return std::unique_ptr<Device>(new TimedDevice(description, time, scheduler));
  }
  if (kind == "cuda" || kind == "opencl")
    return Status::unimplemented("device `" + kind + "` is not supported yet; there are cpu, separate and timed:TIME");
  if (kind == "cpu" || kind == "separate")
    return Status::invalidArgument("device `" + kind + "` takes no `:`");
  std::vector<std::string> known = {"cpu", "separate", "timed", "cuda", "opencl"};
  return Status::invalidArgument("there is no device `" + description + "`; there are cpu, separate and timed:TIME" +
                                 didYouMean(kind, known));
}

} // namespace heter::runtime
