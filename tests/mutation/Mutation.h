// The seam through which scripts/suite-notices breaks the program on purpose, to see that a test notices.
// HETER_MUTATION(name) is false, and its argument is not evaluated, unless the build has the option HETER_MUTATIONS.
// There it is true where the environment variable HETER_MUTATION holds the name, so that one build serves all faults;
// and every name that is asked for is appended to the file HETER_MUTATION_LOG, so that the script learns which faults
// there are and which test reaches them.
//
// Names are KIND/WHERE. Include this header in a .cpp only: cmake/HeterRules.cmake switches it on for those that do.
#ifndef HETER_TESTS_MUTATION_MUTATION_H
#define HETER_TESTS_MUTATION_MUTATION_H

#ifdef HETER_MUTATIONS

#include <cstdlib>
#include <fcntl.h>
#include <mutex>
#include <set>
#include <string>
#include <unistd.h>

namespace heter::mutation {

/// Whether the fault called `name` is switched on. Thread-safe.
inline bool isOn(const std::string &name) {
  static const char *const chosen = std::getenv("HETER_MUTATION");
  static const char *const log = std::getenv("HETER_MUTATION_LOG");
  if (log) {
    static std::mutex mutex;
    static std::set<std::string> logged;
    std::lock_guard lock(mutex);
    if (logged.insert(name).second) {
      std::string line = name + "\n";
      int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
      (void)!write(file, line.data(), line.size()); // one write, so that processes do not mix their lines
      close(file);
    }
  }
  return chosen && name == chosen;
}

} // namespace heter::mutation

#define HETER_MUTATION(name) (::heter::mutation::isOn(name))

#else

#define HETER_MUTATION(name) (false)

#endif

#endif // HETER_TESTS_MUTATION_MUTATION_H
