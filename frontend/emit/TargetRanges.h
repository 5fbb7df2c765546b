// What losses ask of the inputs that they compare with, so that a line with another number is refused where it is read.
#ifndef HETER_FRONTEND_EMIT_TARGETRANGES_H
#define HETER_FRONTEND_EMIT_TARGETRANGES_H

#include "frontend/check/Model.h"

#include <map>
#include <string>

namespace heter::frontend {

/// Numbers from `least` to `most`, which is what `loss` takes.
struct TargetRange {
  double least = 0;
  double most = 0;
  std::string loss;
};

/// By name, the inputs that a loss takes as they stand for its probabilities or classes. Of several losses the
/// narrowest range counts.
std::map<std::string, TargetRange> targetRanges(const Model &model);

} // namespace heter::frontend

#endif // HETER_FRONTEND_EMIT_TARGETRANGES_H
