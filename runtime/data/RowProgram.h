// Data bindings, compiled: a RowProgram turns the fields of one line into the values of every input. The expressions
// of the package (DataExpression) are flattened once into instructions over numbered registers, one a scalar, so that
// parsing a line neither allocates nor looks at a tree.
//
// Arithmetic is in f64 and rounded to f32 once, at the end. An empty field is missing: it stays missing through
// arithmetic and ends as 0; hashed, it is the empty text; in a list of varying length it is left out.
#ifndef HETER_RUNTIME_DATA_ROWPROGRAM_H
#define HETER_RUNTIME_DATA_ROWPROGRAM_H

#include "runtime/base/Status.h"
#include "runtime/data/DataStream.h"
#include "runtime/package/Package_types.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heter::runtime {

/// Why a line could not be parsed: the field at fault, or -1 if the line as a whole is, and what is wrong with it.
struct RowError {
  int32_t column = -1;
  std::string message;
};

/// Thread-compatible: one thread appends rows at a time.
class RowProgram {
public:
  /// Errors name the binding and its place in the model file.
  static StatusOr<RowProgram> compile(const package::DataSource &source, const std::vector<package::Input> &inputs);

  /// A line must have at least so many fields.
  int32_t columnCount() const { return columnCount_; }

  /// Empties `batch` and gives its tensors their kinds. REQUIRES: before the first `append` to a batch.
  void begin(Batch &batch) const;

  /// Appends one example. False if the line is malformed; then `error` is set and `batch` must be thrown away.
  /// REQUIRES: fields.size() >= columnCount().
  bool append(std::span<const std::string_view> fields, Batch &batch, RowError &error);

private:
  friend class RowCompiler;

  enum class Op : uint8_t { Parse, Constant, Max, Min, Add, Sub, Mul, Div, Neg, Log, Log1p };
  struct Instruction {
    Op op;
    int32_t target;
    int32_t a = 0; ///< Register; for Parse the column.
    int32_t b = 0;
    double constant = 0;
  };
  /// Where one element of an input comes from.
  enum class From : uint8_t { Register, Hash, Python2Hash, Integer };
  struct Element {
    From from;
    int32_t index;           ///< Register or column.
    uint64_t seed = 0;       ///< Hash; for Python2Hash its state behind the salt.
    uint64_t saltLength = 0; ///< Python2Hash.
    uint64_t buckets = 0;    ///< The hashes: ids are below it; 0: all 64 bits.
  };
  struct InputPlan {
    std::string name;
    package::ValueKind::type kind;
    package::ElementType::type element;
    std::vector<Element> elements;
    int32_t sameLengthAs = -1; ///< Index of an earlier ragged input that shares the length's name.
  };
  struct Register {
    double value = 0;
    bool missing = false;
  };

  bool execute(std::span<const std::string_view> fields, RowError &error);
  bool appendFloats(const InputPlan &plan, BatchTensor &tensor, RowError &error) const;
  bool appendIntegers(const InputPlan &plan, std::span<const std::string_view> fields, BatchTensor &tensor,
                      RowError &error) const;

  std::vector<Instruction> code_;
  std::vector<Register> registers_;
  std::vector<InputPlan> inputs_;
  int32_t columnCount_ = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_ROWPROGRAM_H
