// Flattens the expressions of a data binding into a RowProgram. Private to runtime/data: RowCompiler.cpp has columns,
// numbers and inputs, RowCompilerTexts.cpp what makes texts and ids.
#ifndef HETER_RUNTIME_DATA_ROWCOMPILER_H
#define HETER_RUNTIME_DATA_ROWCOMPILER_H

#include "runtime/data/RowProgram.h"

#include <map>
#include <string>
#include <vector>

namespace heter::runtime {

class RowCompiler {
public:
  /// `leftOut`: the columns that the model counts and lines do not have, in order.
  RowCompiler(RowProgram &program, const package::DataSource &source, std::vector<int64_t> leftOut)
      : program_(program), keyed_(isKeyed(source.format)), format_(source.format), leftOut_(std::move(leftOut)) {}

  Status compileInput(const package::Input &input, const package::DataExpression &expression);

  /// Makes the columns that `expression` calls by name ones that lines must have.
  Status requireNames(const package::DataExpression &expression);

  /// What the program reads from each line.
  const std::vector<WantedPart> &wanted() const { return wanted_; }

private:
  using DataExpression = package::DataExpression;

  /// What an expression gives for a line: texts (parts of the line as they stand, or made of them), ids, or numbers in
  /// registers.
  enum class Kind { Text, Ids, Numbers };
  struct Item {
    int32_t index = -1;            ///< Text: field or list; Numbers: register.
    bool isList = false;           ///< Text: as many as the line has.
    bool joined = false;           ///< Text: of a cross, which is no number.
    int64_t column = -1;           ///< Text: the number of its column, if it has one.
    std::string salt;              ///< Text and numbers: what `hash` salts with unless told otherwise.
    RowProgram::Element element{}; ///< Ids.
  };
  struct Operand {
    Kind kind = Kind::Numbers;
    std::vector<Item> items;
  };
  /// What the options of a `hash` say.
  struct HashOptions {
    bool python2 = false;
    std::string space;
    uint64_t buckets = 0;
  };

  StatusOr<Operand> compile(const DataExpression &expression);
  StatusOr<Operand> compileColumns(const DataExpression &expression);
  StatusOr<Operand> compileKey(const DataExpression &expression);
  StatusOr<Operand> compileNumbers(const DataExpression &expression);
  StatusOr<Operand> compileList(const DataExpression &expression);
  StatusOr<Operand> compileArithmetic(const DataExpression &expression, RowProgram::Op op, size_t arity);
  StatusOr<Operand> compileHash(const DataExpression &expression);
  StatusOr<Operand> compileId(const DataExpression &expression);
  StatusOr<Operand> compileSpread(const DataExpression &expression);
  StatusOr<Operand> compileSplit(const DataExpression &expression);
  StatusOr<Operand> compileStartsWith(const DataExpression &expression);
  StatusOr<Operand> compileBucket(const DataExpression &expression);
  StatusOr<Operand> compileCross(const DataExpression &expression);
  StatusOr<Operand> compileWithin(const DataExpression &expression);

  StatusOr<PartName> partName(const DataExpression &expression, size_t i) const;
  StatusOr<HashOptions> hashOptions(const DataExpression &expression) const;
  StatusOr<RowProgram::Element> hashElement(const Item &item, const HashOptions &options,
                                            const DataExpression &expression) const;
  StatusOr<Item> oneText(const DataExpression &parent, size_t argument);
  StatusOr<int32_t> textConstant(const DataExpression &expression);
  Status toNumbers(Operand &operand, const DataExpression &expression);
  Status store(const package::Input &input, const Operand &operand, const DataExpression &expression,
               RowProgram::InputPlan &plan);

  int32_t emit(RowProgram::Op op, int32_t a, int32_t b = 0);
  int32_t addField(std::string name);
  int32_t addList(std::string name);
  int32_t columnField(const PartName &name);
  int32_t keyList(const PartName &name);
  int32_t emitSpread(int32_t list, int32_t count, bool optional);

  RowProgram &program_;
  bool keyed_;
  std::string format_;
  std::vector<int64_t> leftOut_;
  std::vector<WantedPart> wanted_;
  std::map<std::pair<int64_t, std::string>, int32_t> parts_; ///< Part to its field or list.
  std::map<int32_t, int32_t> single_;                        ///< List to the field that is its one value.
  std::map<int32_t, int32_t> parsed_;                        ///< Field to the register that holds it as a number.
};

/// Errors of a binding, at their place in the model file.
Status invalidAt(const package::DataExpression &expression, std::string message);
Status unsupportedAt(const package::DataExpression &expression, std::string message);

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_ROWCOMPILER_H
