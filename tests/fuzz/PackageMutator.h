// Changes to a package's structures that keep them decodable: one field at a time, towards values that break rules.
#ifndef HETER_TESTS_FUZZ_PACKAGEMUTATOR_H
#define HETER_TESTS_FUZZ_PACKAGEMUTATOR_H

#include "runtime/package/Package_types.h"

#include <random>

namespace heter::fuzz {

void mutateGraph(runtime::package::Graph &graph, std::minstd_rand &random);
void mutatePackageInfo(runtime::package::PackageInfo &info, std::minstd_rand &random);

} // namespace heter::fuzz

#endif // HETER_TESTS_FUZZ_PACKAGEMUTATOR_H
