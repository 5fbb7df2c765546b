// Data bindings, compiled: a RowProgram turns a line into the values of every input. The expressions of the package
// (DataExpression) are flattened once into instructions over numbered fields, lists and registers, one a scalar, so
// that parsing a line neither allocates nor looks at a tree.
//
// Arithmetic is in f64 and rounded to f32 once, at the end. An empty field is missing: it stays missing through
// arithmetic and ends as 0, or is an error in a label; hashed, it is the empty text; in an input of varying length it
// is left out.
#ifndef HETER_RUNTIME_DATA_ROWPROGRAM_H
#define HETER_RUNTIME_DATA_ROWPROGRAM_H

#include "runtime/base/Status.h"
#include "runtime/data/DataStream.h"
#include "runtime/data/LineSplitter.h"
#include "runtime/package/Package_types.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace heter::runtime {

/// Thread-compatible: one thread appends rows at a time.
class RowProgram {
public:
  /// Errors name the binding and its place in the model file. With `labels` other than Read, inputs that are labels get
  /// no values, and with Absent the columns that are theirs alone are taken to be left out of the lines. REQUIRES:
  /// `labels` is not Auto.
  static StatusOr<RowProgram> compile(const package::DataSource &source, const std::vector<package::Input> &inputs,
                                      Labels labels = Labels::Read);

  /// Whether the first line of each file names its columns and goes to `readHeader`.
  bool hasHeader() const { return hasHeader_; }

  /// Takes the first line of a file. False if it lacks a column that is used; then `error` is set.
  bool readHeader(std::string_view line, RowError &error) { return splitter_->readHeader(line, error); }

  /// How many columns a line has, whatever is in them; 0 if the format has none.
  size_t columnCount(std::string_view line) { return splitter_->columnCount(line); }

  /// Empties `batch` and gives its tensors their kinds. REQUIRES: before the first `append` to a batch.
  void begin(Batch &batch) const;

  /// Appends one example. False if the line is malformed; then `error` is set and `batch` is as it was.
  bool append(std::string_view line, Batch &batch, RowError &error);

private:
  friend class RowCompiler;

  /// What an instruction does with its operands: F field, L list, R register, K constant.
  enum class Op : uint8_t {
    Parse,      ///< R = number in F a
    StartsWith, ///< R = whether F a begins with K b
    Max,        ///< R = max(R a, R b), and so on
    Min,
    Add,
    Sub,
    Mul,
    Div,
    Neg,
    Log,
    Log1p,
    Spread, ///< F.. = the values of L a, as many as K b says
    Split,  ///< L = what K b separates in F a
    Bucket, ///< F = the number of the bucket of K b that R a falls into
    Cross,  ///< F = the fields of K b, joined
    Within  ///< R = R a, which is in the range K b
  };
  struct Instruction {
    Op op;
    int32_t target;
    int32_t a = 0;
    int32_t b = 0;
  };
  struct Spread {
    int32_t count = 0;
    bool optional = false; ///< One value or none, which is missing.
  };
  struct Range {
    double least = 0, most = 0;
    std::string input, wanted; ///< Whose values, and by which loss, as errors call them.
  };
  struct Cross {
    std::vector<int32_t> fields;
    std::string joined; ///< Of the current line.
  };
  /// Where one element of an input comes from, or the elements if it is a list.
  enum class From : uint8_t { Register, Hash, Python2Hash, Integer };
  struct Element {
    From from;
    int32_t index;           ///< Register, field or list.
    bool isList = false;     ///< Not of registers.
    uint64_t seed = 0;       ///< Hash; for Python2Hash its state behind the salt.
    uint64_t saltLength = 0; ///< Python2Hash.
    uint64_t buckets = 0;    ///< The hashes: ids are below it; 0: all 64 bits.
  };
  struct InputPlan {
    std::string name;
    package::ValueKind::type kind;
    package::ElementType::type element;
    std::vector<Element> elements;
    bool fixedTexts = false;   ///< Every element is one text.
    bool required = false;     ///< A missing value is malformed, and no 0.
    int32_t sameLengthAs = -1; ///< Index of an earlier ragged input that shares the length's name.
    uint64_t gaps = 0;         ///< In the current line: which values were left out, as a hash of their places.
  };
  struct Register {
    double value = 0;
    bool missing = false;
  };

  bool execute(RowError &error);
  void compute(const Instruction &instruction);
  bool executeText(const Instruction &instruction, RowError &error);
  bool spread(const Instruction &instruction, RowError &error);
  void split(const Instruction &instruction);
  bool bucket(const Instruction &instruction, RowError &error);
  bool within(const Instruction &instruction, RowError &error);
  void cross(const Instruction &instruction);
  bool appendInputs(Batch &batch, RowError &error);
  bool appendFloats(const InputPlan &plan, BatchTensor &tensor, RowError &error);
  bool appendIntegers(InputPlan &plan, BatchTensor &tensor, RowError &error);
  bool appendFixed(const InputPlan &plan, BatchTensor &tensor, RowError &error) const;
  RowError wrongInteger(const Element &element, const Text &text) const;
  bool appendText(const Element &element, const Text &text, BatchTensor &tensor, RowError &error) const;
  bool checkLength(const InputPlan &plan, const Batch &batch, RowError &error) const;
  void rollBack(Batch &batch) const;

  std::unique_ptr<LineSplitter> splitter_;
  LineParts parts_;
  std::vector<std::string> fieldNames_, listNames_; ///< As errors call them.
  std::vector<Instruction> code_;
  std::vector<Register> registers_;
  std::vector<std::string> texts_;          ///< Constants of StartsWith and Split.
  std::vector<std::vector<double>> bounds_; ///< Of Bucket, ascending.
  std::vector<std::string> bucketNames_;    ///< "0", "1", ..
  std::vector<Spread> spreads_;
  std::vector<Cross> crosses_;
  std::vector<Range> ranges_;
  std::vector<InputPlan> inputs_;
  bool hasHeader_ = false;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_ROWPROGRAM_H
