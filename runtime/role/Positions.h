// Positions in the data, as roles tell them to each other.
#ifndef HETER_RUNTIME_ROLE_POSITIONS_H
#define HETER_RUNTIME_ROLE_POSITIONS_H

#include "runtime/base/DataPosition.h"
#include "runtime/rpc/Heter_types.h"

namespace heter::runtime {

inline rpc::DataPosition toWire(const DataPosition &from) {
  rpc::DataPosition to;
  to.data = static_cast<int64_t>(from.data);
  to.epoch = from.epoch;
  to.lines = from.lines;
  to.epochExamples = from.epochExamples;
  to.badLines = from.badLines;
  to.examples = from.examples;
  to.ended = from.ended;
  return to;
}

inline DataPosition fromWire(const rpc::DataPosition &from) {
  return {.data = static_cast<uint64_t>(from.data),
          .epoch = from.epoch,
          .lines = from.lines,
          .epochExamples = from.epochExamples,
          .badLines = from.badLines,
          .examples = from.examples,
          .ended = from.ended};
}

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_POSITIONS_H
