// Options and the small calls they take, such as initializers.
#include "frontend/check/Checker.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>
#include <cmath>

namespace heter::frontend {

using ast::ExprKind;

bool Checker::checkOptionNames(const std::vector<ast::Option> &options, const std::vector<std::string> &known,
                               const std::string &what) {
  bool ok = true;
  std::map<std::string, SourceRange> seen;
  for (const ast::Option &option : options) {
    if (std::find(known.begin(), known.end(), option.name.text) == known.end()) {
      std::string mend = didYouMean(option.name.text, known);
      if (mend.empty() && !known.empty() && known.size() <= 8) {
        mend = "its options:";
        for (const std::string &name : known)
          mend += " " + name;
      }
      error(option.name.range, what + " has no option `" + option.name.text + "`").help(mend);
      ok = false;
    } else if (auto [at, isNew] = seen.try_emplace(option.name.text, option.name.range); !isNew) {
      error(option.name.range, "option `" + option.name.text + "` is given twice").note(at->second, "first here");
      ok = false;
    }
  }
  return ok;
}

/// A number with one of `units` (or none at all, if `units` is empty), in base units: bytes, seconds, steps.
std::optional<double> Checker::measured(const ast::Expr &expr, const std::string &what,
                                        const std::vector<std::string> &units) {
  static const std::pair<std::string_view, double> scales[] = {
      {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0},
      {"ms", 0.001},   {"s", 1},           {"min", 60},           {"hours", 3600},
      {"days", 86400}, {"steps", 1},       {"examples", 1}};
  if (expr.kind == ExprKind::Number && !expr.unit.empty()) {
    if (expr.unit == "?")
      return std::nullopt;
    if (std::find(units.begin(), units.end(), expr.unit) != units.end())
      for (const auto &[unit, scale] : scales)
        if (expr.unit == unit)
          return expr.number * scale;
    Diagnostic &diagnostic = error(expr.spot, what + " is not measured in `" + expr.unit + "`");
    if (!units.empty())
      diagnostic.help(formatNumber(expr.number) + " " + units.front());
    else
      diagnostic.help("a number without a unit");
    return std::nullopt;
  }
  Value value = evaluate(expr);
  if (value.isPoison())
    return std::nullopt;
  if (!value.isNumber()) {
    error(expr.range, what + " wants a number, got " + show(value));
    return std::nullopt;
  }
  if (!units.empty()) {
    error(expr.range, what + " wants a unit").help(text(expr.range) + " " + units.front());
    return std::nullopt;
  }
  return value.number;
}

bool Checker::readArgument(const ast::Expr &expr, const SpecArgument &argument, const CallSpec &spec,
                           ReadCall &result) {
  std::string what = "`" + argument.name + "` of `" + spec.name + "`";
  if (argument.kind == SpecArgument::Kind::Label)
    return readLabel(expr, what, result.texts[argument.name]);
  if (argument.kind == SpecArgument::Kind::Rate && expr.kind == ExprKind::Call && !findFunction(expr.text).second) {
    auto schedule = readSchedule(expr);
    if (schedule)
      result.calls[argument.name] = *schedule;
    return schedule.has_value();
  }
  std::vector<std::string> units;
  if (argument.kind == SpecArgument::Kind::Steps)
    units = {"steps"};
  if (argument.kind == SpecArgument::Kind::Time)
    units = {"days", "hours", "min", "s", "steps"};
  std::optional<double> number = measured(expr, what, units);
  if (!number)
    return false;
  result.numbers[argument.name] = *number;
  if (argument.kind == SpecArgument::Kind::Time && expr.unit == "steps")
    result.texts["steps"] = "";
  std::string wanted = argument.bounds ? optimizers::boundsError(*argument.bounds, *number) : "";
  if (wanted.empty())
    return true;
  error(expr.range, what + " is " + formatNumber(*number)).help(wanted);
  return false;
}

/// The name of the label that `expr` is.
bool Checker::readLabel(const ast::Expr &expr, const std::string &what, std::string &name) {
  Value value = evaluate(expr);
  if (value.isPoison())
    return false;
  for (const Input &input : model_.inputs)
    if (input.label && value.isTensor() && value.id == input.value) {
      name = input.name;
      return true;
    }
  error(expr.range, what + " wants a label, got " + show(value));
  return false;
}

static std::string withArticle(const std::string &what) {
  return (std::string_view("aeiou").find(what[0]) == std::string_view::npos ? "a " : "an ") + what;
}

std::optional<ReadCall> Checker::readCall(const ast::Expr &expr, const std::string &what,
                                          const std::vector<CallSpec> &specs) {
  std::vector<std::string> names;
  for (const CallSpec &spec : specs)
    names.push_back(spec.name);
  if (expr.kind != ExprKind::Call && expr.kind != ExprKind::Name) {
    std::string all;
    for (const std::string &name : names)
      all += (all.empty() ? "" : ", ") + name;
    error(expr.range, "expected " + withArticle(what) + ", got " + text(expr.range)).help("one of: " + all);
    return std::nullopt;
  }
  auto spec = std::find_if(specs.begin(), specs.end(), [&](const CallSpec &s) { return s.name == expr.text; });
  if (spec == specs.end()) {
    std::string mend = didYouMean(expr.text, names);
    if (mend.empty()) {
      mend = "one of:";
      for (const std::string &name : names)
        mend += " " + name;
    }
    error(expr.spot, "no " + what + " is called `" + expr.text + "`").help(mend);
    return std::nullopt;
  }
  ReadCall result;
  result.name = spec->name;
  std::vector<std::string> known;
  for (const SpecArgument &argument : spec->arguments)
    known.push_back(argument.name);
  bool ok = checkOptionNames(expr.options, known, "`" + spec->name + "`");
  size_t positional = 0;
  for (const SpecArgument &argument : spec->arguments) {
    const ast::Expr *given = nullptr;
    for (const ast::Option &option : expr.options)
      if (option.name.text == argument.name)
        given = option.value.get();
    if (argument.positional && !given && positional < expr.items.size())
      given = expr.items[positional++].get();
    if (given)
      ok &= readArgument(*given, argument, *spec, result);
    else if (argument.required && ok) {
      using Kind = SpecArgument::Kind;
      const bool label = argument.kind == Kind::Label, time = argument.kind == Kind::Time;
      std::string example = positional < expr.items.size() ? text(expr.items[positional]->range)
                            : !argument.positional         ? "..."
                            : label                        ? "LABEL"
                            : time                         ? "30 days"
                                                           : "0.01";
      std::string wanted = !argument.positional ? "`" + argument.name + "`"
                           : label              ? "a label"
                           : time               ? "a time"
                                                : "a number";
      error(expr.range, "`" + spec->name + "` wants " + wanted)
          .help(spec->name + "(" + (argument.positional ? "" : argument.name + ": ") + example + ")");
      ok = false;
    }
  }
  if (ok && positional < expr.items.size()) {
    const ast::Expr &extra = *expr.items[positional];
    std::string mend;
    for (const SpecArgument &argument : spec->arguments)
      if (!argument.positional && mend.empty())
        mend = argument.name + ": " + text(extra.range);
    error(extra.range, "`" + spec->name + "` takes " + std::to_string(positional) +
                           (positional == 1 ? " argument" : " arguments") + " without a name")
        .help(mend);
    ok = false;
  }
  return ok ? std::optional(result) : std::nullopt;
}

std::optional<Initializer> Checker::readInitializer(const ast::Expr &expr) {
  using Kind = SpecArgument::Kind;
  static const std::vector<CallSpec> specs = {{"zeros", {}},
                                              {"ones", {}},
                                              {"constant", {{"value", Kind::Number, true, true}}},
                                              {"uniform", {{"bound", Kind::Number, true, true}}},
                                              {"normal", {{"deviation", Kind::Number, true, true}}}};
  auto call = readCall(expr, "initializer", specs);
  if (!call)
    return std::nullopt;
  Initializer result;
  result.kind = call->name;
  if (!call->numbers.empty())
    result.scale = call->numbers.begin()->second;
  if (result.scale < 0 && result.kind != "constant") {
    error(expr.range, "`" + result.kind + "` wants a number of 0 or more");
    return std::nullopt;
  }
  if (!std::isfinite(static_cast<float>(result.scale))) {
    error(expr.range, "`" + result.kind + "` wants a number that f32 can hold");
    return std::nullopt;
  }
  return result;
}

std::optional<Initializer> Checker::initializerOption(CallSite &call, std::string_view name, Initializer fallback) {
  const ast::Option *option = call.option(name);
  return option ? readInitializer(*option->value) : std::optional(fallback);
}

void Checker::unsupported(SourceRange range, std::string what, std::string need) {
  for (const Unsupported &known : model_.unsupported)
    if (known.range == range)
      return;
  model_.unsupported.push_back({range, std::move(what), std::move(need)});
}

//===-- Options of built-ins --------------------------------------------------------------------------------------===//

const ast::Option *CallSite::option(std::string_view name) const {
  for (const ast::Option &option : expr.options)
    if (option.name.text == name)
      return &option;
  return nullptr;
}

std::optional<double> Checker::numberOption(CallSite &call, std::string_view name, double fallback) {
  const ast::Option *option = call.option(name);
  return option ? measured(*option->value, "`" + option->name.text + "`", {}) : std::optional(fallback);
}

std::optional<bool> Checker::flagOption(CallSite &call, std::string_view name, bool fallback) {
  const ast::Option *option = call.option(name);
  if (!option)
    return fallback;
  Value value = evaluate(*option->value);
  if (value.kind == Value::Kind::Flag)
    return value.number != 0;
  if (!value.isPoison())
    error(option->value->range, "`" + std::string(name) + "` wants true or false, got " + show(value));
  return std::nullopt;
}

std::optional<std::string> Checker::wordOption(CallSite &call, std::string_view name,
                                               const std::vector<std::string> &words) {
  const ast::Option *option = call.option(name);
  if (!option)
    return "";
  const ast::Expr &value = *option->value;
  if (value.kind != ExprKind::Name) {
    error(value.range, "`" + std::string(name) + "` wants a word, got " + text(value.range));
    return std::nullopt;
  }
  if (words.empty() || std::find(words.begin(), words.end(), value.text) != words.end())
    return value.text;
  std::string mend = didYouMean(value.text, words);
  if (mend.empty()) {
    mend = "one of:";
    for (const std::string &word : words)
      mend += " " + word;
  }
  error(value.range, "`" + std::string(name) + "` cannot be `" + value.text + "`").help(mend);
  return std::nullopt;
}

std::optional<int> Checker::axisOption(CallSite &call, const Type &type, int fallback) {
  const ast::Option *option = call.option("axis");
  if (option)
    return axis(evaluate(*option->value), option->value->range, type);
  return fallback < 0 ? type.rank() + fallback : fallback;
}

std::optional<int> Checker::axis(const Value &value, SourceRange range, const Type &type) {
  if (value.isPoison())
    return std::nullopt;
  if (!value.isNumber() || value.number != static_cast<double>(static_cast<int>(std::clamp(value.number, -1e6, 1e6)))) {
    error(range, "an axis is a whole number, got " + show(value));
    return std::nullopt;
  }
  int index = static_cast<int>(value.number);
  if (index >= -type.rank() && index < type.rank())
    return index < 0 ? index + type.rank() : index;
  std::string axes = type.rank() == 0   ? "it is one value"
                     : type.rank() == 1 ? "its only axis is 0"
                                        : "its axes are 0.." + std::to_string(type.rank() - 1);
  error(range, show(type) + " has no axis " + std::to_string(index) + ": " + axes)
      .help("the batch is not an axis: axis 0 is the first within an example");
  return std::nullopt;
}

} // namespace heter::frontend
