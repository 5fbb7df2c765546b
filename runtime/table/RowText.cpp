// Names and numbers of a row.
#include "runtime/table/RowText.h"

namespace heter::runtime {

void appendRow(std::string &text, const TableSpec &spec, const RowImage &row) {
  text.append(spec.name);
  appendNumber(text, row.key);
  const auto append = [&](const std::string &name, const float *values, int64_t count) {
    text.append(" ").append(name);
    for (int64_t i = 0; i < count; ++i)
      appendNumber(text, values[i]);
  };
  if (const int64_t statistics = spec.policy.statistics(); statistics > 0)
    append("statistics", row.state.data(), statistics);
  for (const PartSpec &part : spec.parts) {
    if (part.wantsAdmission && !row.admitted)
      continue;
    const std::string prefix = part.name.empty() ? "" : part.name + ".";
    const float *state = row.state.data() + part.offset;
    append(prefix + "value", state, part.dim);
    state += part.dim;
    for (const std::string &slot : part.optimizer.slots) {
      append(prefix + slot, state, part.dim);
      state += part.dim;
    }
    for (const std::string &scalar : part.optimizer.scalars)
      append(prefix + scalar, state++, 1);
  }
}

} // namespace heter::runtime
