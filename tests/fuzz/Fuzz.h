// What a fuzz target is: a function that is given bytes and may not crash, hang, leak or break a property that it
// states, and the valid inputs that fuzzing starts from. Each target is one source file with `seeds` and `accepts`; it
// is built twice. FuzzMain.cpp makes it a libFuzzer program (scripts/fuzz), ReplayMain.cpp a test that runs the seeds
// and every file of corpus/TARGET, the findings of the past among them.
#ifndef HETER_TESTS_FUZZ_FUZZ_H
#define HETER_TESTS_FUZZ_FUZZ_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heter::fuzz {

struct Seed {
  std::string name; ///< As a file's name.
  std::string bytes;
  bool valid = true; ///< Whether `accepts` must say yes.
};

/// Made by the code at hand, so that they follow every change of a format. Defined by each target.
std::vector<Seed> seeds();

/// Gives one input to the code under test; whether it was taken as valid. Defined by each target.
bool accepts(std::string_view input);

/// Ends the process with a message: a property does not hold.
[[noreturn]] void broken(const std::string &what);
inline void check(bool holds, const std::string &what) {
  if (!holds)
    broken(what);
}

/// Inputs of several parts (files, frames): each part behind its length, 4 bytes little-endian. A last part that is cut
/// short is what is left.
std::string join(const std::vector<std::string> &parts);
std::vector<std::string> split(std::string_view input);

/// The text of a file of the source tree. Ends the process if it cannot be read.
std::string readSource(const std::string &path);
/// The files with this suffix in a folder of the source tree, sorted, as paths within the tree.
std::vector<std::string> listSources(const std::string &folder, const std::string &suffix);

} // namespace heter::fuzz

#endif // HETER_TESTS_FUZZ_FUZZ_H
