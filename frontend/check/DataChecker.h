// The checker of data blocks, a small language apart from the model's: a value is what one line gives. Data.cpp has
// the blocks and their bindings, DataExpression.cpp the expressions, DataFunctions.cpp the calls, DataLists.cpp lists
// of varying length.
#ifndef HETER_FRONTEND_CHECK_DATACHECKER_H
#define HETER_FRONTEND_CHECK_DATACHECKER_H

#include "frontend/check/Checker.h"

namespace heter::frontend {

/// A list of texts, numbers or ids.
struct DataValue {
  enum class Kind { Poison, Text, Number, Id };
  Kind kind = Kind::Poison;
  int64_t count = 1;    ///< How many a line gives; -1 if lines differ.
  bool literal = false; ///< Written as [a, b]: `+` then joins lists.
  bool joined = false;  ///< Holds a `cross`: text that is no number.
  int64_t weight = 1;   ///< How much the expression holds: nodes and numbers.
  DataExpression expression;

  bool isPoison() const { return kind == Kind::Poison; }
};

/// "12 values".
std::string countText(int64_t count, const std::string &what);

/// The most columns that one expression may name.
inline constexpr int64_t maxColumns = 100000;

/// How many values an expression gives a line; -1 if lines differ.
int64_t countOf(const DataExpression &expression);

/// Whether a line has a list of values for each key rather than columns.
bool isKeyed(const std::string &format);

/// What reads a model that has no data block: slot lines keyed by the inputs' names.
DataSource defaultData(const Model &model);

class DataChecker {
public:
  DataChecker(Checker &checker, const ast::Data &data) : c_(checker), data_(data) {}
  void run();

private:
  void readOptions();
  void readColumns(const ast::Expr &value);
  void readSeparator(const ast::Expr &value);
  void bind(const ast::DataBind &bind);
  void bindInput(const Input &input, const ast::DataBind &bind, DataValue value);
  DataValue evaluate(const ast::Expr &expr);
  DataValue evaluateInner(const ast::Expr &expr);
  DataValue name(const ast::Expr &expr);
  DataValue index(const ast::Expr &expr);
  DataValue namedColumn(const ast::Expr &expr, const std::string &name);
  DataValue key(int64_t number, const std::string &text, SourceRange range);
  DataValue list(const ast::Expr &expr);
  DataValue binary(const ast::Expr &expr);
  DataValue call(const ast::Expr &expr);
  std::optional<std::vector<DataValue>> arguments(const ast::Expr &expr);
  std::optional<std::vector<DataValue>> readArguments(const ast::Expr &expr, bool hasText);
  DataValue callHash(const ast::Expr &expr, std::vector<DataValue> arguments);
  bool readHashOptions(const ast::Expr &expr, std::string &kind, std::string &space, std::vector<double> &buckets);
  bool wantText(const DataValue &value, const ast::Expr &call, size_t i);
  bool readBounds(const DataValue &bounds, SourceRange range, std::vector<double> &numbers);
  bool wantOne(DataValue &value, const ast::Expr &call, size_t i);
  bool fix(DataValue &value, int64_t count, SourceRange range);
  bool fix(DataExpression &expression, int64_t count, SourceRange range);
  DataValue columns(int64_t first, int64_t last, SourceRange range);
  DataValue elementwise(const std::string &op, std::vector<DataValue> arguments, const ast::Expr &expr,
                        SourceRange spot);
  static DataValue number(double value, SourceRange range);
  static DataValue make(DataValue::Kind kind, std::string op, std::vector<DataValue> arguments, int64_t count,
                        SourceRange range);

  Checker &c_;
  const ast::Data &data_;
  DataSource source_;
  std::vector<std::string> columnNames_;
  bool header_ = false;
  std::map<std::string, DataValue> helpers_;
  std::map<std::string, SourceRange> bound_;
  int64_t total_ = 0;
};

} // namespace heter::frontend

#endif // HETER_FRONTEND_CHECK_DATACHECKER_H
