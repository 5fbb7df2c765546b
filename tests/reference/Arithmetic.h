// The arithmetic of single nn operations in double precision; see Interpreter.h.
#ifndef HETER_TESTS_REFERENCE_ARITHMETIC_H
#define HETER_TESTS_REFERENCE_ARITHMETIC_H

#include "tests/reference/Interpreter.h"

namespace heter::reference {

/// The rows of `ids` in `rows` by the nn.lookup `op`.
Tensor lookup(mlir::Operation *op, const Value &ids, const Rows &rows);

/// The result of an operation that reads nothing but its operands (and, for dropout, the run's seed).
Value calculate(mlir::Operation *op, const std::vector<Value> &operands, const Environment &environment);

} // namespace heter::reference

#endif // HETER_TESTS_REFERENCE_ARITHMETIC_H
