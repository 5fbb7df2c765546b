// The operators: what they are called, what they take, and those of what the compiler knows.
#include "frontend/check/Checker.h"

#include <cmath>

namespace heter::frontend {

static const std::pair<std::string_view, std::string_view> operatorNames[] = {
    {"+", "add"}, {"-", "sub"}, {"*", "mul"}, {"/", "div"}, {"and", "and"}, {"or", "or"},
    {"==", "eq"}, {"!=", "ne"}, {"<", "lt"},  {"<=", "le"}, {">", "gt"},    {">=", "ge"}};

static std::string operatorName(const std::string &op) {
  for (const auto &[symbol, name] : operatorNames)
    if (op == symbol)
      return std::string(name);
  return op;
}

static bool isComparison(const std::string &op) {
  return op == "==" || op == "!=" || op == "<" || op == "<=" || op == ">" || op == ">=";
}

Value Checker::unary(const std::string &op, const Value &value, SourceRange range, SourceRange spot) {
  if (value.isPoison())
    return {};
  if (op == "not") {
    if (value.kind == Value::Kind::Flag)
      return Value::ofFlag(value.number == 0);
    if (value.isTensor() && value.type.element == Element::Bool)
      return add("not", {value}, value.type, range);
    error(spot, "`not` wants a condition, got " + show(value));
    return {};
  }
  if (value.isNumber())
    return Value::ofNumber(-value.number);
  if (value.isTensor() && value.type.isNumeric())
    return add("neg", {value}, value.type, range);
  error(spot, "`-` wants numbers, got " + show(value));
  return {};
}

/// Operators on what the compiler knows.
static std::optional<Value> foldStatic(const std::string &op, const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber()) {
    double x = a.number, y = b.number;
    if (op == "+")
      return Value::ofNumber(x + y);
    if (op == "-")
      return Value::ofNumber(x - y);
    if (op == "*")
      return Value::ofNumber(x * y);
    if (op == "/")
      return Value::ofNumber(x / y);
    if (op == "<")
      return Value::ofFlag(x < y);
    if (op == "<=")
      return Value::ofFlag(x <= y);
    if (op == ">")
      return Value::ofFlag(x > y);
    if (op == ">=")
      return Value::ofFlag(x >= y);
  }
  if (a.kind == Value::Kind::Flag && b.kind == Value::Kind::Flag) {
    if (op == "and")
      return Value::ofFlag(a.number != 0 && b.number != 0);
    if (op == "or")
      return Value::ofFlag(a.number != 0 || b.number != 0);
  }
  if (op == "==" && a.kind == b.kind)
    return Value::ofFlag(sameStatic(a, b));
  if (op == "!=" && a.kind == b.kind)
    return Value::ofFlag(!sameStatic(a, b));
  if (op == "+" && a.isList() && b.isList()) {
    std::vector<Value> joined(a.items.begin(), a.items.end());
    joined.insert(joined.end(), b.items.begin(), b.items.end());
    return Value::ofList(std::move(joined));
  }
  return std::nullopt;
}

/// Whether a value may stand beside `op`. A flag beside `and` or `or` becomes a run-time condition.
bool Checker::checkOperand(const std::string &op, Value &value, SourceRange range) {
  bool logical = op == "and" || op == "or";
  if (value.kind == Value::Kind::Flag && logical)
    value = constant(value.number, Element::Bool, {}, Spread::Same, range);
  bool id = value.isTensor() && value.type.element == Element::Id;
  bool condition = value.isTensor() && value.type.element == Element::Bool;
  bool numeric = value.isNumber() || (value.isTensor() && !condition && (!id || op == "==" || op == "!="));
  if (logical ? condition : numeric)
    return true;
  Diagnostic &diagnostic =
      error(range, "`" + op + "` wants " + (logical ? "conditions" : "numbers") + ", got " + show(value));
  if (id)
    diagnostic.help("lookup(TABLE, " + text(range) + ")");
  else if (condition)
    diagnostic.help("f32(...) makes 0 and 1 of a condition");
  return false;
}

Value Checker::binary(const std::string &op, Value a, Value b, const ast::Expr &expr) {
  SourceRange rangeA = expr.items[0]->range, rangeB = expr.items[1]->range, spot = expr.spot;
  if (a.isPoison() || b.isPoison())
    return {};
  if (a.isStatic() && b.isStatic()) {
    std::optional<Value> folded = foldStatic(op, a, b);
    if (!folded) {
      error(spot, "`" + op + "` cannot pair " + show(a) + " with " + show(b));
      return {};
    }
    if (folded->isNumber() && !std::isfinite(folded->number)) {
      error(spot, op == "/" && b.number == 0 ? "a division by 0" : "this number is too large");
      return {};
    }
    if (folded->isList() && static_cast<int64_t>(folded->items.size()) > maxList) {
      error(spot,
            "a list of " + std::to_string(folded->items.size()) + " elements: at most " + std::to_string(maxList));
      return {};
    }
    if (folded->isList())
      return makeList({folded->items.begin(), folded->items.end()}, expr.range);
    return *folded;
  }
  if (!checkOperand(op, a, rangeA) || !checkOperand(op, b, rangeB))
    return {};
  if (a.isTensor() && b.isTensor() && a.type.element != b.type.element) {
    error(spot, "`" + op + "` cannot pair " + show(a) + " with " + show(b))
        .help(a.type.isNumeric() && b.type.isNumeric() ? "f32(x) makes numbers of i64" : "");
    return {};
  }
  if ((a.isTensor() && a.type.element == Element::Id && b.isNumber()) ||
      (b.isTensor() && b.type.element == Element::Id && a.isNumber())) {
    error(spot, "`" + op + "` cannot pair " + show(a) + " with " + show(b)).help("ids are keys, no numbers");
    return {};
  }
  if (!pairOperands(a, b, spot, op, rangeA, rangeB))
    return {};
  Type type = a.type;
  if (op == "/" && type.element == Element::I64) {
    error(spot, "`/` wants f32, got " + show(a)).help("f32(x) / y");
    return {};
  }
  if (isComparison(op))
    type.element = Element::Bool;
  return add(operatorName(op), {a, b}, type, expr.range);
}

} // namespace heter::frontend
