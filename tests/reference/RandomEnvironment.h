// Random values for everything that a program reads, for tests against the interpreter.
#ifndef HETER_TESTS_REFERENCE_RANDOMENVIRONMENT_H
#define HETER_TESTS_REFERENCE_RANDOMENVIRONMENT_H

#include "tests/reference/Interpreter.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace heter::reference {

/// Values for the inputs, parameters and tables of an nn module: numbers uniform in ±`scale`, labels 0 or 1, ids of 0
/// to 6 with a row each in every table (so keys repeat within a batch), lists of 0 to 4 ids, the first one empty.
/// Dropout counts examples from 1000. A pure function of its arguments.
Environment randomEnvironment(mlir::ModuleOp module, int64_t examples, uint64_t seed, double scale);

} // namespace heter::reference

#endif // HETER_TESTS_REFERENCE_RANDOMENVIRONMENT_H
