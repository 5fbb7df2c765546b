// What a target of several parts may add to their mutation.
#ifndef HETER_TESTS_FUZZ_PARTSMUTATOR_H
#define HETER_TESTS_FUZZ_PARTSMUTATOR_H

#include <random>
#include <string>
#include <vector>

namespace heter::fuzz {

/// Changes one part in a way that its format understands; false if it does not. Defined by the target.
bool mutateStructure(std::vector<std::string> &parts, std::minstd_rand &random);

} // namespace heter::fuzz

#endif // HETER_TESTS_FUZZ_PARTSMUTATOR_H
