// Calls: built-ins, and functions, each call of which is a copy checked with the arguments it has.
#include "frontend/check/Checker.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>
#include <utility>

namespace heter::frontend {

using ast::ExprKind;

const Builtin *findBuiltin(std::string_view name) {
  for (const std::vector<Builtin> *table : {&shapeBuiltins(), &mathBuiltins(), &layerBuiltins(), &lossBuiltins()})
    for (const Builtin &builtin : *table)
      if (builtin.name == name)
        return &builtin;
  return nullptr;
}

std::vector<std::string> builtinNames() {
  std::vector<std::string> names;
  for (const std::vector<Builtin> *table : {&shapeBuiltins(), &mathBuiltins(), &layerBuiltins(), &lossBuiltins()})
    for (const Builtin &builtin : *table)
      names.emplace_back(builtin.name);
  return names;
}

/// The function of that name, `alias.name` included, and the file that it stands in.
std::pair<Unit *, const ast::Function *> Checker::findFunction(const std::string &name) {
  Unit *unit = frame_->unit;
  std::string plain = name;
  if (size_t dot = name.find('.'); dot != std::string::npos) {
    auto import = unit->imports.find(name.substr(0, dot));
    if (import == unit->imports.end())
      return {nullptr, nullptr};
    unit = import->second;
    plain = name.substr(dot + 1);
  }
  auto found = unit->declarations.find(plain);
  if (found == unit->declarations.end() || found->second.kind != Declaration::Kind::Function)
    return {nullptr, nullptr};
  const Declaration &declaration = found->second;
  return {declaration.unit, &declaration.unit->file.functions[declaration.index]};
}

Value Checker::evaluateCall(const ast::Expr &expr) {
  if (auto [unit, function] = findFunction(expr.text); function)
    return callFunction(*unit, *function, expr);
  if (const Builtin *builtin = findBuiltin(expr.text))
    return callBuiltin(*builtin, expr);
  if (expr.text == "auc" || expr.text == "recall") {
    error(expr.spot, "`" + expr.text + "` is a metric and stands only in `report`").help("report " + text(expr.range));
    return {};
  }
  std::vector<std::string> candidates = builtinNames();
  candidates.insert(candidates.end(), {"auc", "recall"});
  Unit *unit = frame_->unit;
  std::string prefix;
  if (size_t dot = expr.text.find('.'); dot != std::string::npos) {
    auto import = unit->imports.find(expr.text.substr(0, dot));
    if (import == unit->imports.end()) {
      error(expr.spot, "nothing is called `" + expr.text + "`").help("import \"FILE\" as " + expr.text.substr(0, dot));
      return {};
    }
    unit = import->second;
    prefix = expr.text.substr(0, dot + 1);
    candidates.clear();
  }
  for (const auto &[name, declaration] : unit->declarations)
    if (declaration.kind == Declaration::Kind::Function)
      candidates.push_back(prefix + name);
  bool isValue = frame_->scope.count(expr.text) > 0;
  error(expr.spot, isValue ? "`" + expr.text + "` is a value, no function" : "nothing is called `" + expr.text + "`")
      .help(isValue ? "" : didYouMean(expr.text, candidates));
  return {};
}

Value Checker::callBuiltin(const Builtin &builtin, const ast::Expr &expr) {
  CallSite call{expr, std::string(builtin.name), {}};
  bool ok = checkOptionNames(expr.options, builtin.options, "`" + call.name + "`");
  int given = static_cast<int>(expr.items.size());
  for (size_t i = 0; i < expr.items.size(); ++i) {
    bool isTable = i == 0 && builtin.firstIsTable;
    call.arguments.push_back(isTable ? Value() : evaluate(*expr.items[i]));
    ok &= isTable || !call.arguments.back().isPoison();
  }
  if (given < builtin.least || given > builtin.most) {
    std::string wanted = std::to_string(builtin.least);
    if (builtin.most != builtin.least)
      wanted = builtin.most > 100 ? "at least " + wanted : wanted + " to " + std::to_string(builtin.most);
    error(expr.range, "`" + call.name + "` takes " + wanted + (wanted == "1" ? " argument" : " arguments") + ", got " +
                          std::to_string(given));
    ok = false;
  }
  return ok ? builtin.check(*this, call) : Value();
}

//===-- Functions -------------------------------------------------------------------------------------------------===//

Value Checker::callFunction(Unit &unit, const ast::Function &function, const ast::Expr &expr) {
  // A function that reaches itself has been reported (findRecursion).
  if (std::find(calls_.begin(), calls_.end(), &function) != calls_.end() || !spend(expr.range))
    return {};
  Frame frame;
  frame.unit = &unit;
  frame.function = &function;
  if (path_)
    frame.prefix = *path_;
  if (!bindParameters(function, expr, frame))
    return {};
  Frame *caller = frame_;
  std::optional<std::string> path = path_;
  frame_ = &frame;
  calls_.push_back(&function);
  runBlock(function.block);
  std::vector<Value> results;
  path_ = path;
  for (const ast::ExprPtr &result : function.results)
    results.push_back(evaluate(*result));
  calls_.pop_back();
  frame_ = caller;
  path_ = path;
  if (results.size() == 1)
    return results.front();
  Value tuple;
  tuple.kind = Value::Kind::Tuple;
  tuple.items = Items(std::move(results));
  return tuple;
}

/// Evaluates the arguments in the caller's frame and binds them in `frame`.
bool Checker::bindParameters(const ast::Function &function, const ast::Expr &expr, Frame &frame) {
  std::vector<std::string> names;
  for (const ast::Parameter &parameter : function.parameters)
    names.push_back(parameter.name.text);
  std::string what = "`" + function.name.text + "`";
  bool ok = checkOptionNames(expr.options, names, what);
  if (expr.items.size() > names.size()) {
    error(expr.items[names.size()]->range,
          what + " takes " + std::to_string(names.size()) + (names.size() == 1 ? " argument" : " arguments"))
        .note(function.name.range, "declared here");
    return false;
  }
  std::vector<const ast::Expr *> given(names.size(), nullptr);
  for (size_t i = 0; i < expr.items.size(); ++i)
    given[i] = expr.items[i].get();
  for (const ast::Option &option : expr.options) {
    auto at = std::find(names.begin(), names.end(), option.name.text);
    if (at == names.end())
      continue;
    const ast::Expr *&slot = given[at - names.begin()];
    if (slot) {
      error(option.name.range, "`" + option.name.text + "` of " + what + " is given twice")
          .note(slot->range, "first here");
      ok = false;
    }
    slot = option.value.get();
  }
  for (size_t i = 0; i < names.size(); ++i) {
    const ast::Parameter &parameter = function.parameters[i];
    const ast::Expr *source = given[i] ? given[i] : parameter.fallback.get();
    if (!source) {
      error(expr.range, what + " wants `" + names[i] + "`").note(parameter.name.range, "declared here");
      return false;
    }
    // A default is written in the function's file and sees its declarations only.
    Frame *caller = frame_;
    if (!given[i])
      frame_ = &frame;
    Value value = evaluate(*source);
    frame_ = caller;
    ok &= !value.isPoison();
    if (value.isPoison())
      continue;
    if (parameter.hasType && !matchType(parameter, value, given[i] ? source->range : expr.range, function, frame))
      ok = false;
    frame.scope[names[i]] = {std::move(value), parameter.name.range, Binding::State::Bound, ""};
  }
  return ok;
}

/// Whether a value fits a parameter's type; binds the sizes that the type names.
bool Checker::matchType(const ast::Parameter &parameter, const Value &value, SourceRange range,
                        const ast::Function &function, Frame &frame) {
  const ast::Type &type = parameter.type;
  auto mismatch = [&] {
    error(range, "`" + function.name.text + "` wants " + text(type.range) + " for `" + parameter.name.text + "`, got " +
                     show(value))
        .note(parameter.name.range, "declared here");
    return false;
  };
  if (type.name.text == "scalar" && type.sizes.empty())
    return (value.isTensor() && value.type.isScalar()) || value.isNumber() || mismatch();
  auto element = elementOf(type.name);
  if (!element)
    return false;
  if (value.isNumber() && type.sizes.empty() && *element != Element::Id)
    return true;
  if (!value.isTensor() || value.type.isScalar() || value.type.element != *element ||
      value.type.shape.size() != type.sizes.size())
    return mismatch();
  for (size_t i = 0; i < type.sizes.size(); ++i)
    if (!matchSize(type.sizes[i], value.type.shape[i], frame))
      return mismatch();
  return true;
}

bool Checker::matchSize(const ast::Size &size, const Dim &dim, Frame &frame) {
  if (size.ragged) {
    if (!dim.isRagged())
      return false;
    if (size.length.empty())
      return true;
    auto [known, isNew] = frame.lengths.try_emplace(size.length, dim.length);
    return isNew || known->second == dim.length;
  }
  bool isName = size.value->kind == ExprKind::Name;
  if (isName && size.value->text == "batch")
    return dim.kind == Dim::Kind::Batch;
  if (!dim.isFixed())
    return false;
  if (isName && !frame.scope.count(size.value->text) && !frame.unit->declarations.count(size.value->text)) {
    frame.scope[size.value->text] = {Value::ofNumber(static_cast<double>(dim.size)), size.range, Binding::State::Bound,
                                     ""};
    return true;
  }
  Frame *caller = std::exchange(frame_, &frame);
  Value wanted = evaluate(*size.value);
  frame_ = caller;
  return wanted.isPoison() || (wanted.isNumber() && wanted.number == static_cast<double>(dim.size));
}

} // namespace heter::frontend
