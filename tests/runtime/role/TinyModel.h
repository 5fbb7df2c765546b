// A click model small enough to be written by hand as a package: pooled embeddings plus a linear layer, in the three
// modes, with C++ functions in place of compiled kernels. TinyRun.h runs it.
#ifndef HETER_TESTS_RUNTIME_ROLE_TINYMODEL_H
#define HETER_TESTS_RUNTIME_ROLE_TINYMODEL_H

#include "runtime/package/Package.h"
#include "tests/runtime/support/TestKernels.h"

#include <string>

namespace heter::runtime::test {

/// Which trainers look rows up in mode heter-ps.
enum class LooksUp { CpuTrainer, HeterTrainer };

/// `mode` is local, ps or heter-ps; heter-ps has the class "gpu".
Package tinyPackage(const std::string &mode, LooksUp looksUp = LooksUp::CpuTrainer);
FunctionKernels tinyKernels();

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_ROLE_TINYMODEL_H
