// Functions of data blocks: the hashes, and what makes texts and numbers of columns.
#include "frontend/check/DataChecker.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>
#include <functional>

namespace heter::frontend {

using ast::ExprKind;

namespace {

struct DataFunction {
  std::string_view name;
  size_t least, most;
  bool hasText = false; ///< Its second argument is a text.
};

bool holdsSplit(const DataExpression &expression) {
  return expression.op == "split" || std::any_of(expression.arguments.begin(), expression.arguments.end(), holdsSplit);
}

/// The first part of an expression that `kind: python2` has no column number for.
const DataExpression *withoutColumnNumber(const DataExpression &expression) {
  bool isPart = expression.op == "column" || expression.op == "key";
  if (expression.op == "bucket" || expression.op == "cross" || (isPart && expression.numbers[0] < 0))
    return &expression;
  for (const DataExpression &argument : expression.arguments)
    if (const DataExpression *found = withoutColumnNumber(argument))
      return found;
  return nullptr;
}

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

//===-- Arguments -------------------------------------------------------------------------------------------------===//

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
  return readArguments(expr, function->hasText);
}

std::optional<std::vector<DataValue>> DataChecker::readArguments(const ast::Expr &expr, bool hasText) {
  std::vector<DataValue> arguments;
  for (size_t i = 0; i < expr.items.size(); ++i) {
    const ast::Expr &item = *expr.items[i];
    if (hasText && i == 1) {
      if (item.kind == ExprKind::Text && !item.text.empty())
        continue;
      c_.error(item.range,
               "`" + expr.text + "` wants a text" + (item.kind == ExprKind::Text ? " that is not empty" : ""))
          .help(expr.text + "(column, \"|\")");
      return std::nullopt;
    }
    arguments.push_back(evaluate(item));
    if (arguments.back().isPoison())
      return std::nullopt;
  }
  return arguments;
}

/// Whether an argument is text: columns, `bucket`, `cross`.
bool DataChecker::wantText(const DataValue &value, const ast::Expr &call, size_t i) {
  if (value.kind == DataValue::Kind::Text)
    return true;
  bool isId = value.kind == DataValue::Kind::Id;
  c_.error(call.items[i]->range, "`" + call.text + "` wants columns, got " + (isId ? "ids" : "numbers"))
      .help(isId ? "" : "bucket(x, [10, 20]) makes a text of a number");
  return false;
}

/// Makes an argument a single value: of a key the only one. False after an error.
bool DataChecker::wantOne(DataValue &value, const ast::Expr &call, size_t i) {
  if (value.kind != DataValue::Kind::Id && value.count < 0 && !holdsSplit(value.expression))
    return fix(value, 1, call.items[i]->range);
  if (value.kind != DataValue::Kind::Id && value.count == 1)
    return true;
  c_.error(call.items[i]->range, "`" + call.text + "` wants one column");
  return false;
}

/// The bounds of a `bucket`: numbers that increase.
bool DataChecker::readBounds(const DataValue &bounds, SourceRange range, std::vector<double> &numbers) {
  std::vector<const DataExpression *> items = {&bounds.expression};
  if (bounds.expression.op == "list") {
    items.clear();
    for (const DataExpression &item : bounds.expression.arguments)
      items.push_back(&item);
  }
  for (const DataExpression *item : items) {
    if (item->op != "number") {
      c_.error(item->range, "`bucket` wants numbers as its bounds").help("bucket(x, [10, 20])");
      return false;
    }
    numbers.push_back(item->numbers[0]);
  }
  auto wrong = std::adjacent_find(numbers.begin(), numbers.end(), std::not_fn(std::less<>()));
  if (wrong == numbers.end())
    return true;
  c_.error(range,
           "the bounds of a `bucket` increase, but " + formatNumber(wrong[1]) + " follows " + formatNumber(wrong[0]));
  return false;
}

//===-- Calls -----------------------------------------------------------------------------------------------------===//

bool DataChecker::readHashOptions(const ast::Expr &expr, std::string &kind, std::string &space,
                                  std::vector<double> &numbers) {
  for (const ast::Option &option : expr.options) {
    const std::string &word = option.name.text;
    if (word == "buckets") {
      DataValue buckets = evaluate(*option.value);
      if (buckets.isPoison())
        return false;
      if (buckets.expression.op != "number") {
        c_.error(option.value->range, "`buckets` wants a number").help("buckets: 1000001");
        return false;
      }
      auto number = c_.wantInteger(Value::ofNumber(buckets.expression.numbers[0]), option.value->range, "`buckets`", 1,
                                   int64_t(1) << 53);
      if (!number)
        return false;
      numbers = {static_cast<double>(*number)};
      continue;
    }
    if (option.value->kind != ExprKind::Name) {
      c_.error(option.value->range, "`" + word + "` wants a word");
      return false;
    }
    if (word == "kind" && option.value->text != "python2") {
      c_.error(option.value->range, "no kind of hash is called `" + option.value->text + "`").help("kind: python2");
      return false;
    }
    (word == "kind" ? kind : space) = option.value->text;
  }
  return true;
}

/// hash(x) and id(x).
DataValue DataChecker::callHash(const ast::Expr &expr, std::vector<DataValue> arguments) {
  DataValue value = std::move(arguments.front());
  if (!wantText(value, expr, 0))
    return {};
  if (expr.text == "id" && value.joined) {
    c_.error(expr.items[0]->range, "a `cross` is a text, no number").help("hash(...) makes ids of it");
    return {};
  }
  std::string kind, space;
  std::vector<double> buckets;
  if (!readHashOptions(expr, kind, space, buckets))
    return {};
  if (const DataExpression *bare = withoutColumnNumber(value.expression); bare && !kind.empty() && space.empty()) {
    c_.error(bare->range, "`kind: python2` salts with the column's number, and this has none").help("space: WORD");
    return {};
  }
  int64_t count = value.count;
  std::vector<DataValue> one;
  one.push_back(std::move(value));
  DataValue result = make(DataValue::Kind::Id, expr.text, std::move(one), count, expr.range);
  result.expression.numbers = std::move(buckets);
  if (!kind.empty())
    result.expression.texts = {kind, space};
  else if (!space.empty())
    result.expression.texts = {space};
  return result;
}

DataValue DataChecker::call(const ast::Expr &expr) {
  std::optional<std::vector<DataValue>> given = arguments(expr);
  if (!given)
    return {};
  const std::string &name = expr.text;
  if (name == "hash" || name == "id")
    return callHash(expr, std::move(*given));
  bool isBucket = name == "bucket";
  if (!isBucket && name != "cross" && name != "split" && name != "starts_with")
    return elementwise(name, std::move(*given), expr, expr.spot);
  std::vector<double> bounds;
  if (isBucket && !readBounds((*given)[1], expr.items[1]->range, bounds))
    return {};
  if (isBucket)
    given->pop_back();
  for (size_t i = 0; i < given->size(); ++i)
    if (!wantOne((*given)[i], expr, i) || (!isBucket && !wantText((*given)[i], expr, i)))
      return {};
  if (isBucket && (*given)[0].joined) {
    c_.error(expr.items[0]->range, "a `cross` is a text, no number");
    return {};
  }
  DataValue::Kind kind = name == "starts_with" ? DataValue::Kind::Number : DataValue::Kind::Text;
  DataValue result = make(kind, name, std::move(*given), name == "split" ? -1 : 1, expr.range);
  result.joined = name == "cross";
  result.weight += static_cast<int64_t>(bounds.size());
  result.expression.numbers = std::move(bounds);
  if (name == "split" || name == "starts_with")
    result.expression.texts = {expr.items[1]->text};
  return result;
}

} // namespace heter::frontend
