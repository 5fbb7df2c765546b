// Kernels to be compiled and called: of every operation that generated code computes, and of several together.
#ifndef HETER_TESTS_COMPILER_KERNELS_KERNELCASES_H
#define HETER_TESTS_COMPILER_KERNELS_KERNELCASES_H

#include <string>
#include <vector>

namespace heter::compiler {

/// What an input holds: any number, one in (0.05, 1), a 0-or-1 label, or a class number below 7.
enum class Fill { Any, Share, Label, Class };

struct Case {
  std::string name;
  std::string text; ///< the func.func
  std::vector<Fill> fills;
};

/// A func.func of one result, which `body` calls %r.
std::string kernelText(const std::string &name, const std::string &arguments, const std::string &body,
                       const std::string &result);

std::vector<Case> kernelCases();

} // namespace heter::compiler

#endif // HETER_TESTS_COMPILER_KERNELS_KERNELCASES_H
