// Expressions of data blocks: columns and keys, lists, arithmetic.
#include "frontend/check/DataChecker.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>

namespace heter::frontend {

using ast::ExprKind;

/// The most that all expressions of a block hold together.
static constexpr int64_t maxWeight = 5000000;

DataValue DataChecker::make(DataValue::Kind kind, std::string op, std::vector<DataValue> arguments, int64_t count,
                            SourceRange range) {
  DataValue value;
  value.kind = kind;
  value.count = count;
  value.expression.op = std::move(op);
  value.expression.range = range;
  for (DataValue &argument : arguments) {
    value.weight += argument.weight;
    value.expression.arguments.push_back(std::move(argument.expression));
  }
  return value;
}

DataValue DataChecker::number(double number, SourceRange range) {
  DataValue value = make(DataValue::Kind::Number, "number", {}, 1, range);
  value.expression.numbers = {number};
  return value;
}

DataValue DataChecker::columns(int64_t first, int64_t last, SourceRange range) {
  DataValue value = make(DataValue::Kind::Text, "column", {}, last - first + 1, range);
  for (int64_t i = first; i <= last; ++i) {
    value.expression.numbers.push_back(static_cast<double>(i));
    value.expression.texts.push_back("col[" + std::to_string(i) + "]");
  }
  value.weight += last - first;
  return value;
}

/// Counts what expressions hold: helpers are copied into each use, and that must end somewhere.
DataValue DataChecker::evaluate(const ast::Expr &expr) {
  if (total_ > maxWeight)
    return {};
  DataValue value = evaluateInner(expr);
  total_ += value.weight;
  if (total_ > maxWeight) {
    c_.error(expr.range, "this data block is too large: its expressions name too many columns");
    return {};
  }
  return value;
}

DataValue DataChecker::evaluateInner(const ast::Expr &expr) {
  switch (expr.kind) {
  case ExprKind::Number:
    if (expr.unit.empty())
      return number(expr.number, expr.range);
    if (expr.unit != "?")
      c_.error(expr.spot, "a data block has no units");
    return {};
  case ExprKind::Name:
    return name(expr);
  case ExprKind::Index:
    return index(expr);
  case ExprKind::List:
    return list(expr);
  case ExprKind::Binary:
    return binary(expr);
  case ExprKind::Call:
    return call(expr);
  case ExprKind::Unary:
    if (expr.text == "-") {
      DataValue value = evaluate(*expr.items[0]);
      if (value.isPoison() || value.expression.op != "number")
        return elementwise("neg", {std::move(value)}, expr, expr.spot);
      return number(-value.expression.numbers[0], expr.range);
    }
    break;
  default:
    break;
  }
  c_.error(expr.range, "this has no place in a data block").help("columns: col[k], col[a..b], col[\"name\"]");
  return {};
}

DataValue DataChecker::name(const ast::Expr &expr) {
  if (auto helper = helpers_.find(expr.text); helper != helpers_.end())
    return helper->second;
  auto column = std::find(columnNames_.begin(), columnNames_.end(), expr.text);
  if (column != columnNames_.end()) {
    DataValue value = make(DataValue::Kind::Text, "column", {}, 1, expr.range);
    value.expression.numbers = {static_cast<double>(column - columnNames_.begin())};
    value.expression.texts = {expr.text};
    return value;
  }
  auto declared = c_.main_->declarations.find(expr.text);
  if (declared != c_.main_->declarations.end() && declared->second.kind == Declaration::Kind::Const) {
    Value constant = c_.constantValue(*declared->second.unit, declared->second.index);
    if (constant.isNumber())
      return number(constant.number, expr.range);
    if (!constant.isPoison())
      c_.error(expr.range, "a data block wants numbers, got " + c_.show(constant));
    return {};
  }
  if (bound_.count(expr.text)) { // an input bound above: its value is not kept, or it was wrong
    c_.error(expr.range, "`" + expr.text + "` is an input, and only helpers are read in a data block")
        .help("bind a helper first, and both of it");
    return {};
  }
  std::vector<std::string> candidates = columnNames_;
  for (const auto &[helper, value] : helpers_)
    candidates.push_back(helper);
  candidates.push_back("col");
  std::string mend = didYouMean(expr.text, candidates);
  if (expr.text == "col")
    mend = "col[0]";
  else if (mend.empty() && columnNames_.empty())
    mend = "col[k], or columns: [...] gives columns names";
  c_.error(expr.range, "nothing is called `" + expr.text + "`").help(mend);
  return {};
}

/// All values of a key: number `number`, or called `text`.
DataValue DataChecker::key(int64_t number, const std::string &text, SourceRange range) {
  DataValue value = make(DataValue::Kind::Text, "key", {}, -1, range);
  value.expression.numbers = {static_cast<double>(number)};
  value.expression.texts = {text};
  return value;
}

/// col["name"]: a column, a slot line's key, a part of a libsvm line.
DataValue DataChecker::namedColumn(const ast::Expr &expr, const std::string &name) {
  const ast::Expr &at = *expr.items[1];
  if (source_.format == "slot") {
    if (!name.empty() && name.find_first_of(" \t\r\n:") == std::string::npos)
      return key(-1, name, expr.range);
    c_.error(at.range, "a key of a slot line has no spaces and no colons, and is not empty");
    return {};
  }
  if (isKeyed(source_.format)) {
    if (name == "index" || name == "value")
      return key(-1, name, expr.range);
    if (name != "label" && name != "qid") {
      std::string mend = didYouMean(name, {"label", "index", "value", "qid"});
      c_.error(at.range, "a " + source_.format + " line has no part called \"" + name + "\"")
          .help(mend.empty() ? "label, index, value or qid; col[k] is the value of index k" : mend);
      return {};
    }
  }
  auto known = std::find(columnNames_.begin(), columnNames_.end(), name);
  if (!isKeyed(source_.format) && !header_ && known == columnNames_.end()) {
    c_.error(at.range, "no column is called \"" + name + "\": the file has no header line")
        .help(source_.format + "(header: true), or columns: [...]");
    return {};
  }
  DataValue value = make(DataValue::Kind::Text, "column", {}, 1, expr.range);
  value.expression.numbers = {known == columnNames_.end() ? -1.0 : static_cast<double>(known - columnNames_.begin())};
  value.expression.texts = {name};
  return value;
}

/// col[k], col[a..b], col["name"].
DataValue DataChecker::index(const ast::Expr &expr) {
  const ast::Expr &base = *expr.items[0], &at = *expr.items[1];
  if (base.kind != ExprKind::Name || base.text != "col" || helpers_.count("col")) {
    c_.error(base.range, "only `col` has elements in a data block").help("col[k]");
    return {};
  }
  if (at.kind == ExprKind::Text)
    return namedColumn(expr, at.text);
  bool isRange = at.kind == ExprKind::Binary && at.text == "..";
  const ast::Expr &low = isRange ? *at.items[0] : at, &high = isRange ? *at.items[1] : at;
  auto bound = [&](const ast::Expr &source) -> std::optional<int64_t> {
    DataValue value = evaluate(source);
    if (value.isPoison())
      return std::nullopt;
    if (value.expression.op != "number") {
      c_.error(source.range, "a column is a number or a name");
      return std::nullopt;
    }
    return c_.wantInteger(Value::ofNumber(value.expression.numbers[0]), source.range, "a column", 0, int64_t(1) << 53);
  };
  auto first = bound(low), last = isRange ? bound(high) : first;
  if (!first || !last)
    return {};
  if (*last < *first || *last - *first >= maxColumns) {
    c_.error(at.range, *last < *first ? "this range of columns is empty"
                                      : "a range of " + std::to_string(*last - *first + 1) + " columns: at most " +
                                            std::to_string(maxColumns));
    return {};
  }
  if (!columnNames_.empty() && *last >= static_cast<int64_t>(columnNames_.size())) {
    c_.error(at.range, "there is no column " + std::to_string(*last) + ": `columns` names " +
                           std::to_string(columnNames_.size()));
    return {};
  }
  if (source_.format == "slot" && !isRange)
    return key(*first, "col[" + std::to_string(*first) + "]", expr.range);
  return columns(*first, *last, expr.range);
}

DataValue DataChecker::list(const ast::Expr &expr) {
  std::vector<DataValue> items;
  int64_t count = 0;
  bool joined = false;
  DataValue::Kind kind = DataValue::Kind::Poison;
  for (const ast::ExprPtr &item : expr.items) {
    DataValue value = evaluate(*item);
    if (value.isPoison())
      return {};
    if (kind != DataValue::Kind::Poison && (kind == DataValue::Kind::Id) != (value.kind == DataValue::Kind::Id)) {
      c_.error(item->range, "a list cannot mix ids with other values");
      return {};
    }
    kind = kind == DataValue::Kind::Poison || kind == value.kind ? value.kind : DataValue::Kind::Number;
    joined |= value.joined;
    count = count < 0 || value.count < 0 ? -1 : count + value.count;
    items.push_back(std::move(value));
  }
  if (items.empty()) {
    c_.error(expr.range, "a list of nothing gives no values");
    return {};
  }
  if (joined && kind == DataValue::Kind::Number) {
    c_.error(expr.range, "this list mixes numbers with a `cross`, which is a text");
    return {};
  }
  DataValue result = make(kind, "list", std::move(items), count, expr.range);
  result.literal = true;
  result.joined = joined;
  return result;
}

DataValue DataChecker::binary(const ast::Expr &expr) {
  static const std::pair<std::string_view, std::string_view> operators[] = {
      {"+", "add"}, {"-", "sub"}, {"*", "mul"}, {"/", "div"}};
  DataValue a = evaluate(*expr.items[0]), b = evaluate(*expr.items[1]);
  if (a.isPoison() || b.isPoison())
    return {};
  if (expr.text == "+" && a.literal && b.literal) {
    if ((a.kind == DataValue::Kind::Id) != (b.kind == DataValue::Kind::Id)) {
      c_.error(expr.spot, "a list cannot mix ids with other values");
      return {};
    }
    DataValue::Kind kind = a.kind == b.kind ? a.kind : DataValue::Kind::Number;
    bool joined = a.joined || b.joined;
    if (joined && kind == DataValue::Kind::Number) {
      c_.error(expr.spot, "a list cannot mix numbers with a `cross`, which is a text");
      return {};
    }
    int64_t count = a.count < 0 || b.count < 0 ? -1 : a.count + b.count;
    DataValue result = make(kind, "list", {std::move(a), std::move(b)}, count, expr.range);
    result.literal = true;
    result.joined = joined;
    return result;
  }
  for (const auto &[symbol, op] : operators)
    if (expr.text == symbol)
      return elementwise(std::string(op), {std::move(a), std::move(b)}, expr, expr.spot);
  c_.error(expr.spot, "`" + expr.text + "` has no place in a data block");
  return {};
}

/// Arithmetic on as many values as the arguments give; one value pairs with any number, and keys with what they meet.
DataValue DataChecker::elementwise(const std::string &op, std::vector<DataValue> arguments, const ast::Expr &expr,
                                   SourceRange spot) {
  int64_t count = 1;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].isPoison())
      return {};
    if (arguments[i].kind == DataValue::Kind::Id) {
      c_.error(expr.items[i]->range, "ids are keys, no numbers");
      return {};
    }
    if (arguments[i].joined) {
      c_.error(expr.items[i]->range, "a `cross` is a text, no number");
      return {};
    }
    count = std::max(count, arguments[i].count);
  }
  for (size_t i = 0; i < arguments.size(); ++i)
    if (count > 1 && arguments[i].count < 0 && !fix(arguments[i], count, expr.items[i]->range))
      return {};
  bool varies = false;
  for (const DataValue &argument : arguments) {
    varies |= argument.count < 0;
    if (argument.count == 1 || argument.count < 0 || argument.count == count)
      continue;
    c_.error(spot, "this pairs " + countText(arguments[0].count, "value") + " with " +
                       countText(arguments[1].count, "value"));
    return {};
  }
  return make(DataValue::Kind::Number, op, std::move(arguments), varies ? -1 : count, expr.range);
}

} // namespace heter::frontend
