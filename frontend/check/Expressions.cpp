// Expressions: names, numbers, lists, ranges, indices. Calls are in Calls.cpp, operators in Pairing.cpp.
#include "frontend/check/Checker.h"
#include "frontend/syntax/Parser.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>
#include <cmath>

namespace heter::frontend {

using ast::ExprKind;

Value Checker::evaluate(const ast::Expr &expr) {
  Value value = evaluateAny(expr);
  if (value.kind != Value::Kind::Tuple)
    return value;
  error(expr.range, "`" + expr.text + "` gives " + show(value) + ", and one is wanted")
      .help("a, b = " + expr.text + "(...)");
  return {};
}

/// The same, but a function may give several results.
Value Checker::evaluateAny(const ast::Expr &expr) {
  if (stopped_)
    return {};
  if (!mayNest(expr.range))
    return {};
  ++depth_;
  Value value = evaluateInner(expr);
  --depth_;
  return value;
}

Value Checker::evaluateInner(const ast::Expr &expr) {
  switch (expr.kind) {
  case ExprKind::Number:
    return evaluateNumber(expr);
  case ExprKind::Flag:
    return Value::ofFlag(expr.text == "true");
  case ExprKind::Name:
    return evaluateName(expr);
  case ExprKind::Call:
    return evaluateCall(expr);
  case ExprKind::Comprehension:
    return evaluateComprehension(expr);
  case ExprKind::Index:
    return evaluateIndex(expr);
  case ExprKind::Unary:
    return unary(expr.text, evaluate(*expr.items[0]), expr.range, expr.spot);
  case ExprKind::Text: {
    Value value;
    value.kind = Value::Kind::Text;
    value.text = expr.text;
    return value;
  }
  case ExprKind::List: {
    std::vector<Value> items;
    for (const ast::ExprPtr &item : expr.items) {
      items.push_back(evaluate(*item));
      if (items.back().isPoison())
        return {};
    }
    return makeList(std::move(items), expr.range);
  }
  case ExprKind::Binary: {
    Value a = evaluate(*expr.items[0]);
    Value b = evaluate(*expr.items[1]);
    return expr.text == ".." ? evaluateRange(a, b, expr) : binary(expr.text, std::move(a), std::move(b), expr);
  }
  }
  return {};
}

Value Checker::evaluateNumber(const ast::Expr &expr) {
  if (expr.unit.empty())
    return Value::ofNumber(expr.number);
  if (expr.unit != "?")
    error(expr.spot, "a number with a unit stands only where an option measures something")
        .help("leave out `" + expr.unit + "`");
  return {};
}

//===-- Names -----------------------------------------------------------------------------------------------------===//

Value Checker::useBinding(const std::string &name, const Binding &binding, SourceRange range) {
  if (binding.state == Binding::State::Bound)
    return binding.value;
  if (binding.state == Binding::State::Partial)
    error(range, "`" + name + "` has no value when " + binding.reason)
        .note(binding.range, "bound only here")
        .help("bind it before the " + std::string(binding.reason.find("`switch`") == 0 ? "switch" : "if") +
              ", or in every branch");
  else
    error(range, "`" + name + "` has no single type here: " + binding.reason)
        .note(binding.range, "bound here")
        .help("give it one type in every branch");
  return {};
}

Value Checker::evaluateName(const ast::Expr &expr) {
  const std::string &name = expr.text;
  if (auto bound = frame_->scope.find(name); bound != frame_->scope.end())
    return useBinding(name, bound->second, expr.range);
  Unit *unit = frame_->unit;
  std::string plain = name;
  if (size_t dot = name.find('.'); dot != std::string::npos) {
    auto import = unit->imports.find(name.substr(0, dot));
    if (import != unit->imports.end()) {
      unit = import->second;
      plain = name.substr(dot + 1);
    }
  }
  auto found = unit->declarations.find(plain);
  if (found == unit->declarations.end()) {
    std::string table = name.substr(0, name.find('.'));
    auto base = frame_->unit->declarations.find(table);
    if (base == frame_->unit->declarations.end() || base->second.kind != Declaration::Kind::Table)
      return unknownName(expr);
    found = base;
    unit = frame_->unit;
  }
  const Declaration &declaration = found->second;
  switch (declaration.kind) {
  case Declaration::Kind::Const:
    return constantValue(*declaration.unit, declaration.index);
  case Declaration::Kind::Table:
    error(expr.range, "`" + name + "` is a table, and only `lookup` reads one").help("lookup(" + name + ", IDS)");
    return {};
  case Declaration::Kind::Function:
    error(expr.range, "`" + name + "` is a function").help(name + "(...)");
    return {};
  case Declaration::Kind::Input:
    error(expr.range,
          "a function does not see input `" + name + "`: it sees its parameters, tables, constants and functions")
        .help("pass it as an argument");
    return {};
  default:
    error(expr.range, "`" + name + "` is an imported file").help(name + ".NAME");
    return {};
  }
}

Value Checker::unknownName(const ast::Expr &expr) {
  std::vector<std::string> candidates;
  for (const auto &[name, binding] : frame_->scope)
    candidates.push_back(name);
  for (const auto &[name, declaration] : frame_->unit->declarations)
    if (declaration.kind == Declaration::Kind::Const || declaration.kind == Declaration::Kind::Table)
      candidates.push_back(name);
  candidates.insert(candidates.end(), {"true", "false"});
  std::string mend = didYouMean(expr.text, candidates);
  bool known = findBuiltin(expr.text) || frame_->function == nullptr ? false : main_->declarations.count(expr.text) > 0;
  if (mend.empty() && findBuiltin(expr.text))
    mend = "`" + expr.text + "` is a built-in function: " + expr.text + "(...)";
  if (mend.empty() && known)
    mend = "a function sees its parameters, tables, constants and functions only";
  Diagnostic &diagnostic = error(expr.range, "nothing is called `" + expr.text + "`");
  if (auto inner = frame_->inner.find(expr.text); inner != frame_->inner.end()) {
    diagnostic.note(inner->second, "bound only inside this loop");
    mend = "bind it before the loop";
  }
  diagnostic.help(mend);
  return {};
}

/// A list, counted: a model may make so many elements in all, and nest lists so deeply.
Value Checker::makeList(std::vector<Value> items, SourceRange range) {
  int nesting = 0;
  for (const Value &item : items)
    nesting = std::max(nesting, item.nesting);
  listed_ += static_cast<int64_t>(items.size());
  if (nesting < 8 && listed_ <= maxListed) {
    Value list = Value::ofList(std::move(items));
    list.nesting = nesting + 1;
    return list;
  }
  if (nesting >= 8) {
    error(range, "lists are nested too deeply: more than 8 levels");
    return {};
  }
  error(range, "this model's lists are too long: more than " + std::to_string(maxListed) + " elements in all");
  stopped_ = true;
  return {};
}

//===-- Lists -----------------------------------------------------------------------------------------------------===//

Value Checker::evaluateRange(const Value &low, const Value &high, const ast::Expr &expr) {
  if (low.isPoison() || high.isPoison())
    return {};
  constexpr int64_t bound = int64_t(1) << 53;
  auto first = wantInteger(low, expr.items[0]->range, "a range", -bound, bound);
  if (!first)
    return {};
  if (high.isNumber() && (high.number - low.number >= static_cast<double>(maxList))) {
    error(expr.range,
          "a range of " + formatNumber(high.number - low.number + 1) + " numbers: at most " + std::to_string(maxList));
    return {};
  }
  auto last = wantInteger(high, expr.items[1]->range, "a range", -bound, bound);
  if (!last)
    return {};
  std::vector<Value> items;
  for (int64_t i = *first; i <= *last; ++i)
    items.push_back(Value::ofNumber(static_cast<double>(i)));
  return makeList(std::move(items), expr.range);
}

Value Checker::evaluateComprehension(const ast::Expr &expr) {
  Value list = evaluate(*expr.items[1]);
  if (list.isPoison())
    return {};
  if (!list.isList()) {
    error(expr.items[1]->range, "`for` is unrolled by the compiler and wants a list, got " + show(list))
        .help("scan x in VALUE { ... }");
    return {};
  }
  auto outer = frame_->scope.find(expr.text);
  std::optional<Binding> shadowed;
  if (outer != frame_->scope.end())
    shadowed = outer->second;
  std::optional<std::string> path = path_;
  std::vector<Value> result;
  bool ok = true;
  for (size_t i = 0; i < list.items.size() && ok && spend(expr.range); ++i) {
    frame_->scope[expr.text] = {list.items[i], expr.spot, Binding::State::Bound, ""};
    if (path)
      path_ = *path + "." + std::to_string(i);
    result.push_back(evaluate(*expr.items[0]));
    ok = !result.back().isPoison();
  }
  path_ = path;
  if (shadowed)
    frame_->scope[expr.text] = *shadowed;
  else
    frame_->scope.erase(expr.text);
  return ok && !stopped_ ? makeList(std::move(result), expr.range) : Value();
}

/// x[k] drops axis 0, x[a..b] keeps rows a to b; both count from 0, and from the end if negative.
Value Checker::evaluateIndex(const ast::Expr &expr) {
  Value base = evaluate(*expr.items[0]);
  const ast::Expr &index = *expr.items[1];
  if (base.isPoison())
    return {};
  if (!base.isList() && !base.isTensor()) {
    error(expr.items[0]->range, "only lists and values have elements, got " + show(base));
    return {};
  }
  if (base.isTensor() && (base.type.rank() == 0 || !base.type.shape[0].isFixed())) {
    error(expr.range, base.type.rank() == 0 ? show(base) + " has no axis to index"
                                            : "an index wants a fixed axis 0, got " + show(base));
    return {};
  }
  int64_t size = base.isList() ? static_cast<int64_t>(base.items.size()) : base.type.shape[0].size;
  auto place = [&](const ast::Expr &at) -> std::optional<int64_t> {
    auto number = wantInteger(evaluate(at), at.range, "an index", -maxCount, maxCount);
    if (!number)
      return std::nullopt;
    int64_t i = *number < 0 ? *number + size : *number;
    if (i >= 0 && i < size)
      return i;
    error(at.range, "there is no element " + std::to_string(*number) + " of " + std::to_string(size))
        .help("elements count from 0; -1 is the last");
    return std::nullopt;
  };
  bool isRange = index.kind == ExprKind::Binary && index.text == "..";
  auto first = place(isRange ? *index.items[0] : index);
  auto last = isRange ? place(*index.items[1]) : first;
  if (!first || !last)
    return {};
  if (*last < *first) {
    error(index.range, "this range is empty");
    return {};
  }
  if (base.isList())
    return isRange ? makeList({base.items.begin() + *first, base.items.begin() + *last + 1}, expr.range)
                   : base.items[*first];
  Type type = base.type;
  type.shape[0] = Dim::fixed(*last - *first + 1);
  Value slice = add("slice", {base}, type, expr.range, {{"axis", int64_t(0)}, {"begin", *first}, {"end", *last + 1}});
  if (isRange)
    return slice;
  type.shape.erase(type.shape.begin());
  return add("reshape", {slice}, type, expr.range);
}

} // namespace heter::frontend
