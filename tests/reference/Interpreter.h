// A reference for what the nn dialect means: an interpreter of its IR in double precision, written for clarity. It uses
// MLIR only to walk the operations and shares no code with the compiler's lowerings or the runtime, so agreement with
// it is evidence.
#ifndef HETER_TESTS_REFERENCE_INTERPRETER_H
#define HETER_TESTS_REFERENCE_INTERPRETER_H

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace mlir {
class Operation;
} // namespace mlir

namespace heter::reference {

/// A row-major tensor. f32 elements are `numbers`, i64 and i1 ones `integers`; the other vector is empty.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> numbers;
  std::vector<int64_t> integers;

  /// The product of the sizes.
  int64_t count() const;
};

/// A tensor of `numbers`, or of zeros if there are none.
Tensor makeTensor(std::vector<int64_t> shape, std::vector<double> numbers = {});
Tensor makeIntegers(std::vector<int64_t> shape, std::vector<int64_t> integers);

/// Elements of all examples behind each other; example i has the entries [offsets[i], offsets[i + 1]) of dimension 0.
struct Ragged {
  std::vector<int64_t> offsets;
  Tensor elements;
};

/// Row by key; a key that is not there reads as zeros.
using Rows = std::map<int64_t, std::vector<double>>;

using Value = std::variant<Tensor, Ragged, Rows>;

/// (table, part), the part "" where a table has one.
using PartName = std::pair<std::string, std::string>;

/// What a program reads. The number of examples is the size of dimension 0 of every batched input.
struct Environment {
  int64_t examples = 1;
  int64_t firstExample = 0; ///< running number of the first example, for dropout
  uint64_t seed = 0;        ///< the run's, for dropout
  std::map<std::string, Value> inputs;
  std::map<std::string, Tensor> parameters;
  std::map<PartName, Rows> tables;
};

/// What a program did.
struct Outcome {
  std::map<std::string, std::vector<Value>> reports; ///< operands of nn.report by name
  std::map<std::string, Value> predictions;
  std::map<std::string, Tensor> updates; ///< gradient sums over the examples by parameter
  std::map<PartName, Rows> rowUpdates;   ///< the same by table part
  double minimized = 0;                  ///< the operand of nn.minimize
};

/// The results of one pure nn operation. Throws std::runtime_error for an operation that it does not know.
std::vector<Value> evaluate(mlir::Operation *op, const std::vector<Value> &operands, const Environment &environment);

/// Runs the one block of `program` (an nn.program). Throws std::runtime_error as evaluate does, and for an input or
/// parameter that the environment lacks.
Outcome run(mlir::Operation *program, const Environment &environment);

} // namespace heter::reference

#endif // HETER_TESTS_REFERENCE_INTERPRETER_H
