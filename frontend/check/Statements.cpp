// Statements that the compiler carries out: bindings, `on`, and `for`, which it copies. Run-time regions are in
// ControlFlow.cpp.
#include "frontend/check/Checker.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>
#include <utility>

namespace heter::frontend {

using ast::StepKind;

/// Counts one statement or copy; false, after one error, when a model has grown too large.
bool Checker::spend(SourceRange range) {
  if (stopped_)
    return false;
  if (++spent_ <= maxSpent && static_cast<int64_t>(model_.values.size()) <= 10 * maxSpent)
    return true;
  error(range, "this model is too large: copying functions and loops makes more than " + std::to_string(maxSpent) +
                   " statements")
      .help("`while` and `scan` repeat at run time, without copies");
  stopped_ = true;
  return false;
}

void Checker::runBlock(const ast::Block &block) {
  ++depth_;
  for (const ast::Step &step : block) {
    if (diagnostics_.isFull() || !spend(step.range) || !mayNest(step.range))
      break;
    runStep(step);
  }
  --depth_;
}

/// False, after one error, when calls, blocks and expressions together are nested too deeply to be followed.
bool Checker::mayNest(SourceRange range) {
  if (depth_ < maxDepth)
    return true;
  error(range, "calls and expressions are nested too deeply").help("bind inner parts to names");
  stopped_ = true;
  return false;
}

void Checker::runStep(const ast::Step &step) {
  path_ = std::nullopt;
  switch (step.kind) {
  case StepKind::Bind:
    return runBind(step);
  case StepKind::On:
    return runOn(step);
  case StepKind::For:
    return runFor(step);
  case StepKind::If:
    return runIf(step);
  case StepKind::Switch:
    return runSwitch(step);
  case StepKind::While:
    return runWhile(step);
  case StepKind::Scan:
    return runScan(step);
  case StepKind::Minimize:
    return runMinimize(step);
  case StepKind::Report:
    return runReport(step);
  case StepKind::Predict:
    return runPredict(step);
  }
}

/// The path of a name bound here: the copy's path, the name, and the rounds and branches around it.
std::optional<std::string> Checker::pathOf(const std::string &name) const {
  if (!frame_->prefix)
    return std::nullopt;
  std::string path = frame_->prefix->empty() ? name : *frame_->prefix + "." + name;
  for (const std::string &suffix : frame_->suffixes)
    path += "." + suffix;
  return path;
}

void Checker::assign(const ast::Name &name, Value value) {
  auto declared = frame_->unit->declarations.find(name.text);
  if (declared != frame_->unit->declarations.end() && declared->second.kind != Declaration::Kind::Input &&
      declared->second.kind != Declaration::Kind::Function) {
    error(name.range, "`" + name.text + "` is declared, and a value cannot take its name")
        .note(declared->second.range, "declared here");
    return;
  }
  auto known = frame_->scope.find(name.text);
  if (frame_->frozen.count(name.text) && known != frame_->scope.end() && !value.isPoison() &&
      !(value.isStatic() && sameStatic(value, known->second.value))) {
    bool isNumber = known->second.value.isNumber();
    error(name.range,
          "`" + name.text + "` is a compile-time " + (isNumber ? "number" : "value") + " and cannot change at run time")
        .help(isNumber ? name.text + " = scalar(" + formatNumber(known->second.value.number) + ") is a run-time one"
                       : "");
    return;
  }
  if (value.isTensor() && model_.values[value.id].name.empty())
    model_.values[value.id].name = pathOf(name.text).value_or(name.text);
  frame_->scope[name.text] = {std::move(value), name.range, Binding::State::Bound, ""};
}

void Checker::runBind(const ast::Step &step) {
  if (step.values.empty())
    return runScan(step);
  path_ = pathOf(step.names.front().text);
  Value value = evaluateAny(*step.values.front());
  path_ = std::nullopt;
  if (step.names.size() == 1 && value.kind != Value::Kind::Tuple)
    return assign(step.names.front(), std::move(value));
  std::vector<Value> values;
  if (value.kind == Value::Kind::Tuple || value.isList())
    values.assign(value.items.begin(), value.items.end());
  else
    values.push_back(std::move(value));
  bool poison = values.size() == 1 && values.front().isPoison();
  if (values.size() != step.names.size() && !poison)
    error(step.names.front().range, std::to_string(step.names.size()) + (step.names.size() == 1 ? " name" : " names") +
                                        " for " + std::to_string(values.size()) + " values");
  for (size_t i = 0; i < step.names.size(); ++i)
    assign(step.names[i], values.size() == step.names.size() ? std::move(values[i]) : Value());
}

void Checker::runOn(const ast::Step &step) {
  static const std::vector<std::string> classes = {"cpu", "heter", "gpu", "xpu", "auto"};
  const ast::Name &device = step.device;
  if (std::find(classes.begin(), classes.end(), device.text) == classes.end()) {
    std::string mend = didYouMean(device.text, classes);
    error(device.range, "no device class is called `" + device.text + "`")
        .help(mend.empty() ? "one of: cpu heter gpu xpu auto" : mend);
  }
  if (!step.arguments.empty())
    error(step.arguments.front()->range, "`on` takes options only").help("on gpu(precision: bf16) { ... }");
  Mark mark{device.text, mark_ < 0 ? "" : model_.marks[static_cast<size_t>(mark_)].precision, step.range};
  if (checkOptionNames(step.options, {"precision"}, "`on`"))
    for (const ast::Option &option : step.options) {
      mark.precision = text(option.value->range);
      if (mark.precision != "bf16" && mark.precision != "f32")
        error(option.value->range, "`precision` cannot be `" + mark.precision + "`").help("one of: f32 bf16");
    }
  model_.marks.push_back(std::move(mark));
  int outer = std::exchange(mark_, static_cast<int>(model_.marks.size() - 1));
  runBlock(step.branches.front().block);
  mark_ = outer;
}

void Checker::runFor(const ast::Step &step) {
  binder_ = "for";
  const ast::Expr &source = *step.values.front();
  Value list = evaluate(source);
  if (list.isPoison())
    return;
  if (!list.isList()) {
    Diagnostic &diagnostic =
        error(source.range, "`for` is unrolled by the compiler and wants a list, got " + show(list));
    diagnostic.help(list.isNumber() ? "1.." + formatNumber(list.number) + " counts" : "scan x in VALUE { ... }");
    return;
  }
  const ast::Name &variable = step.variables.front();
  for (size_t i = 0; i < list.items.size() && !stopped_ && !diagnostics_.isFull(); ++i) {
    frame_->scope[variable.text] = {list.items[i], variable.range, Binding::State::Bound, ""};
    frame_->suffixes.push_back(std::to_string(i));
    runBlock(step.branches.front().block);
    frame_->suffixes.pop_back();
  }
}

} // namespace heter::frontend
