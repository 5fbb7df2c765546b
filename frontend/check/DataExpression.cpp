// Expressions of data blocks: columns, lists, arithmetic, and functions that make ids.
#include "frontend/check/DataChecker.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>

namespace heter::frontend {

using ast::ExprKind;

/// The most columns that one expression may name.
static constexpr int64_t maxColumns = 100000;
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
    if (expr.text == "-")
      return elementwise("neg", {evaluate(*expr.items[0])}, expr, expr.spot);
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

/// col[k], col[a..b], col["name"].
DataValue DataChecker::index(const ast::Expr &expr) {
  const ast::Expr &base = *expr.items[0], &at = *expr.items[1];
  if (base.kind != ExprKind::Name || base.text != "col" || helpers_.count("col")) {
    c_.error(base.range, "only `col` has elements in a data block").help("col[k]");
    return {};
  }
  if (at.kind == ExprKind::Text) {
    if (!header_ && source_.format != "slot") {
      auto known = std::find(columnNames_.begin(), columnNames_.end(), at.text);
      if (known == columnNames_.end()) {
        c_.error(at.range, "no column is called \"" + at.text + "\": the file has no header line")
            .help(source_.format + "(header: true), or columns: [...]");
        return {};
      }
    }
    DataValue value = make(DataValue::Kind::Text, "column", {}, source_.format == "slot" ? -1 : 1, expr.range);
    auto known = std::find(columnNames_.begin(), columnNames_.end(), at.text);
    value.expression.numbers = {known == columnNames_.end() ? -1.0 : static_cast<double>(known - columnNames_.begin())};
    value.expression.texts = {at.text};
    return value;
  }
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
  return columns(*first, *last, expr.range);
}

DataValue DataChecker::list(const ast::Expr &expr) {
  std::vector<DataValue> items;
  int64_t count = 0;
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
    count = count < 0 || value.count < 0 ? -1 : count + value.count;
    items.push_back(std::move(value));
  }
  if (items.empty()) {
    c_.error(expr.range, "a list of nothing gives no values");
    return {};
  }
  DataValue result = make(kind, "list", std::move(items), count, expr.range);
  result.literal = true;
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
    int64_t count = a.count < 0 || b.count < 0 ? -1 : a.count + b.count;
    DataValue result = make(kind, "list", {a, b}, count, expr.range);
    result.literal = true;
    return result;
  }
  for (const auto &[symbol, op] : operators)
    if (expr.text == symbol)
      return elementwise(std::string(op), {std::move(a), std::move(b)}, expr, expr.spot);
  c_.error(expr.spot, "`" + expr.text + "` has no place in a data block");
  return {};
}

/// Arithmetic on as many values as the arguments give; one value pairs with any number.
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
    int64_t other = arguments[i].count;
    if (other == 1)
      continue;
    if (count != 1 && other != count) {
      c_.error(spot, "this pairs " + (count < 0 ? "a list of varying length" : countText(count, "value")) + " with " +
                         (other < 0 ? "a list of varying length" : countText(other, "value")));
      return {};
    }
    count = other;
  }
  return make(DataValue::Kind::Number, op, std::move(arguments), count, expr.range);
}

//===-- Functions -------------------------------------------------------------------------------------------------===//

DataValue DataChecker::callHash(const ast::Expr &expr, std::vector<DataValue> arguments) {
  DataValue value = std::move(arguments.front());
  if (value.kind == DataValue::Kind::Id) {
    c_.error(expr.items[0]->range, "`" + expr.text + "` wants columns, got ids");
    return {};
  }
  int64_t count = value.count;
  std::vector<DataValue> one;
  one.push_back(std::move(value));
  DataValue result = make(DataValue::Kind::Id, expr.text, std::move(one), count, expr.range);
  std::string kind;
  std::string space;
  for (const ast::Option &option : expr.options) {
    const std::string &word = option.name.text;
    if (word == "buckets") {
      DataValue buckets = evaluate(*option.value);
      if (buckets.isPoison())
        return {};
      if (buckets.expression.op != "number") {
        c_.error(option.value->range, "`buckets` wants a number").help("buckets: 1000001");
        return {};
      }
      auto number = c_.wantInteger(Value::ofNumber(buckets.expression.numbers[0]), option.value->range, "`buckets`", 1,
                                   int64_t(1) << 53);
      if (!number)
        return {};
      result.expression.numbers = {static_cast<double>(*number)};
      continue;
    }
    if (option.value->kind != ExprKind::Name) {
      c_.error(option.value->range, "`" + word + "` wants a word");
      return {};
    }
    if (word == "kind" && option.value->text != "python2") {
      c_.error(option.value->range, "no kind of hash is called `" + option.value->text + "`").help("kind: python2");
      return {};
    }
    (word == "kind" ? kind : space) = option.value->text;
  }
  if (!kind.empty())
    result.expression.texts = {kind, space};
  else if (!space.empty())
    result.expression.texts = {space};
  return result;
}

namespace {

struct DataFunction {
  std::string_view name;
  size_t least, most;
  bool hasText = false; ///< Its second argument is a text.
};

} // namespace

static const DataFunction *findDataFunction(std::string_view name) {
  static const DataFunction functions[] = {
      {"hash", 1, 1},  {"id", 1, 1},     {"max", 2, 2},     {"min", 2, 2},         {"log", 1, 1},
      {"log1p", 1, 1}, {"bucket", 2, 2}, {"cross", 2, 100}, {"split", 2, 2, true}, {"starts_with", 2, 2, true}};
  for (const DataFunction &function : functions)
    if (function.name == name)
      return &function;
  return nullptr;
}

/// The arguments of a call, without a text; nothing after an error.
std::optional<std::vector<DataValue>> DataChecker::arguments(const ast::Expr &expr) {
  const DataFunction *function = findDataFunction(expr.text);
  if (!function) {
    std::vector<std::string> names = {"hash",  "id",     "max",   "min",   "log",
                                      "log1p", "bucket", "cross", "split", "starts_with"};
    std::string mend = didYouMean(expr.text, names);
    if (mend.empty()) {
      mend = "one of:";
      for (const std::string &name : names)
        mend += " " + name;
    }
    c_.error(expr.spot, "no function of a data block is called `" + expr.text + "`").help(mend);
    return std::nullopt;
  }
  std::vector<std::string> options;
  if (expr.text == "hash")
    options = {"space", "kind", "buckets"};
  if (!c_.checkOptionNames(expr.options, options, "`" + expr.text + "`"))
    return std::nullopt;
  if (expr.items.size() < function->least || expr.items.size() > function->most) {
    c_.error(expr.range, "`" + expr.text + "` takes " + countText(static_cast<int64_t>(function->least), "argument") +
                             ", got " + std::to_string(expr.items.size()));
    return std::nullopt;
  }
  std::vector<DataValue> arguments;
  for (size_t i = 0; i < expr.items.size(); ++i) {
    const ast::Expr &item = *expr.items[i];
    if (function->hasText && i == 1) {
      if (item.kind == ExprKind::Text)
        continue;
      c_.error(item.range, "`" + expr.text + "` wants a text").help(expr.text + "(column, \"|\")");
      return std::nullopt;
    }
    arguments.push_back(evaluate(item));
    if (arguments.back().isPoison())
      return std::nullopt;
  }
  return arguments;
}

DataValue DataChecker::call(const ast::Expr &expr) {
  std::optional<std::vector<DataValue>> given = arguments(expr);
  if (!given)
    return {};
  if (expr.text == "hash" || expr.text == "id")
    return callHash(expr, std::move(*given));
  bool hasText = findDataFunction(expr.text)->hasText;
  if (!hasText && expr.text != "bucket" && expr.text != "cross")
    return elementwise(expr.text, std::move(*given), expr, expr.spot);
  for (size_t i = 0; i < given->size(); ++i) {
    const DataValue &value = (*given)[i];
    bool isBounds = expr.text == "bucket" && i == 1;
    if (value.kind == DataValue::Kind::Id || (!isBounds && value.count != 1)) {
      c_.error(expr.items[i]->range, "`" + expr.text + "` wants one column");
      return {};
    }
  }
  DataValue result = make(expr.text == "starts_with" ? DataValue::Kind::Number : DataValue::Kind::Text, expr.text,
                          std::move(*given), expr.text == "split" ? -1 : 1, expr.range);
  if (hasText)
    result.expression.texts = {expr.items[1]->text};
  return result;
}

} // namespace heter::frontend
