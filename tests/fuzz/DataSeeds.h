// Data blocks that use every data expression, and lines that fit them, for each data format.
#ifndef HETER_TESTS_FUZZ_DATASEEDS_H
#define HETER_TESTS_FUZZ_DATASEEDS_H

#include "runtime/package/Package_types.h"
#include "tests/fuzz/Fuzz.h"

#include <string>
#include <vector>

namespace heter::fuzz {

struct DataBinding {
  runtime::package::DataSource source;
  std::vector<runtime::package::Input> inputs;
};

/// The bindings that an input of `format` is read with.
const std::vector<DataBinding> &dataBindings(const std::string &format);
std::vector<Seed> dataSeeds(const std::string &format);

} // namespace heter::fuzz

#endif // HETER_TESTS_FUZZ_DATASEEDS_H
