// Decay and admission.
#include "runtime/table/RowPolicy.h"

#include "runtime/base/Random.h"

namespace heter::runtime {

void RowPolicy::age(float *statistics, int periods) const {
  if (periods == 0 || decay == 1.0F)
    return;
  float left = 1; // decay^periods by squaring: the same bits everywhere
  for (float power = decay; periods > 0; periods >>= 1, power *= power)
    if (periods & 1)
      left *= power;
  for (int64_t i = 0; i < this->statistics(); ++i)
    statistics[i] *= left;
}

bool RowPolicy::admits(uint64_t key, const float *statistics, int64_t step, std::array<uint32_t, 2> drawKey) const {
  switch (admission) {
  case Admission::Always:
    return true;
  case Admission::Count:
    return static_cast<double>(statistics[0]) >= admissionLimit;
  case Admission::Score:
    return static_cast<double>(score(statistics)) >= admissionLimit;
  case Admission::Probability: {
    const auto low = [](uint64_t number) { return static_cast<uint32_t>(number); };
    const auto at = static_cast<uint64_t>(step);
    const std::array<uint32_t, 4> draw = philox4x32({low(key), low(key >> 32), low(at), low(at >> 32)}, drawKey);
    return static_cast<double>(uniformFloat(draw[0])) < admissionLimit;
  }
  }
  return true;
}

} // namespace heter::runtime
