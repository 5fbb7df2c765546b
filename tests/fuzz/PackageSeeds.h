// The valid packages that fuzzing the package reader starts from: between them they have every kind of node and every
// form of a call.
#ifndef HETER_TESTS_FUZZ_PACKAGESEEDS_H
#define HETER_TESTS_FUZZ_PACKAGESEEDS_H

#include "tests/runtime/package/SamplePackage.h"

#include <string>
#include <utility>
#include <vector>

namespace heter::fuzz {

/// Each with its name.
std::vector<std::pair<std::string, runtime::test::Sample>> validPackages();

} // namespace heter::fuzz

#endif // HETER_TESTS_FUZZ_PACKAGESEEDS_H
