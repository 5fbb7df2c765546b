// What a model is for: minimize, report, predict.
#include "frontend/check/Checker.h"
#include "frontend/syntax/Suggest.h"

namespace heter::frontend {

using ast::ExprKind;

/// "f32[1] for each example", "the number 3".
static std::string forEach(const Checker &checker, const Value &value) {
  bool example = value.isTensor() && !value.type.isScalar();
  return checker.show(value) + (example ? " for each example" : "");
}

void Checker::readMinimizeOption(const ast::Option &option) {
  using Kind = SpecArgument::Kind;
  static const std::vector<CallSpec> clips = {{"global_norm", {{"most", Kind::Number, true, true}}},
                                              {"value", {{"most", Kind::Number, true, true}}}};
  if (option.name.text == "average")
    return readAverage(*option.value);
  auto rule = readCall(*option.value, "clipping rule", clips);
  if (!rule)
    return;
  double most = rule->numbers.begin()->second;
  if (most <= 0)
    error(option.value->range, "`clip` is " + formatNumber(most)).help("more than 0");
  else
    (rule->name == "value" ? model_.clipValue : model_.clip) = most;
}

void Checker::runMinimize(const ast::Step &step) {
  binder_ = "minimize";
  const ast::Expr &source = *step.values.front();
  Value loss = evaluate(source);
  auto optimizer = readOptimizer(*step.with);
  if (checkOptionNames(step.options, {"clip", "average"}, "`minimize`"))
    for (const ast::Option &option : step.options)
      readMinimizeOption(option);
  if (model_.minimizeRange.isValid()) {
    error(step.range, "a model minimizes one loss")
        .note(model_.minimizeRange, "first here")
        .help("minimize a + b with ...");
    return;
  }
  model_.minimizeRange = step.range;
  if (optimizer) {
    model_.optimizer = *optimizer;
    if (optimizers::findOptimizer(optimizer->call.name)->wholeRows)
      error(step.with->range, "`" + optimizer->call.name + "` keeps numbers of whole rows, which only tables have")
          .help("table ... { optimizer: " + text(step.with->range) + " }, and another one here");
  }
  if (loss.isPoison())
    return;
  if (!loss.isTensor() || !loss.type.isScalar() || loss.type.element != Element::F32) {
    error(source.range, "`minimize` wants a scalar, got " + forEach(*this, loss)).help("minimize mean(...) with ...");
    return;
  }
  model_.loss = loss.id;
}

/// Reports a value that needs a label where labels are absent.
bool Checker::checkNoLabel(const Value &value, SourceRange range) {
  if (value.label < 0)
    return true;
  const Input &label = model_.inputs[value.label];
  error(range, "the prediction depends on label `" + label.name + "`")
      .note(label.range, "declared here")
      .help("labels are absent when predicting; a feature is declared f32");
  return false;
}

/// auc(prediction, label, by: id) and recall(scores, class, at: n).
bool Checker::checkMetric(const ast::Step &step, const ast::Expr &call, Report &report) {
  std::string what = "`" + call.text + "`";
  report.metric = call.text;
  bool isAuc = call.text == "auc";
  bool ok = checkOptionNames(call.options, {isAuc ? "by" : "at"}, what);
  if (call.items.size() != 2) {
    error(call.range, what + " takes 2 arguments, got " + std::to_string(call.items.size()))
        .help(isAuc ? "auc(PREDICTION, LABEL)" : "recall(SCORES, CLASS, at: 10)");
    return false;
  }
  for (size_t i = 0; i < 2; ++i) {
    const ast::Expr &source = *call.items[i];
    Value value = evaluate(source);
    if (value.isPoison()) {
      ok = false;
      continue;
    }
    bool one = value.isTensor() && !value.type.isScalar() &&
               (value.type.rank() == 0 || (value.type.rank() == 1 && value.type.shape[0].isOne()));
    bool fits = isAuc ? one && value.type.element == Element::F32 && value.type.spread == Spread::Example
                      : value.isTensor() && value.type.isNumeric() && value.type.rank() == (i == 0 ? 1 : 0);
    if (!fits) {
      error(source.range, what + " wants " +
                              (isAuc    ? "one f32 of each example"
                               : i == 0 ? "scores"
                                        : "one class") +
                              ", got " + show(value));
      ok = false;
    } else if (i == 0 && !checkNoLabel(value, source.range)) {
      ok = false;
    }
    report.operands.push_back(value.id);
  }
  for (const ast::Option &option : call.options) {
    Value value = evaluate(*option.value);
    if (option.name.text == "by" && !value.isPoison()) {
      report.grouped = true;
      report.operands.push_back(value.id);
      if (!value.isTensor() || (value.type.element != Element::Id && value.type.element != Element::I64) ||
          value.type.rank() != 0) {
        error(option.value->range, "`by` wants one id of each example, got " + show(value));
        ok = false;
      }
      unsupported(option.name.range, "`auc` with `by:`", "models judged user by user, as DIN");
    } else if (option.name.text == "at") {
      ok &= wantInteger(value, option.value->range, "`at`", 1, 1000000).has_value();
    }
  }
  if (!isAuc)
    unsupported(call.spot, "the metric `recall`", "two-tower models");
  return ok;
}

void Checker::runReport(const ast::Step &step) {
  binder_ = "report";
  const ast::Expr &source = *step.values.front();
  Report report;
  report.range = source.range;
  report.mark = mark_;
  bool metric = source.kind == ExprKind::Call && (source.text == "auc" || source.text == "recall") &&
                !findFunction(source.text).second;
  if (metric) {
    if (!checkMetric(step, source, report))
      return;
  } else {
    Value value = evaluate(source);
    if (value.isPoison())
      return;
    if (!value.isTensor() || !value.type.isScalar()) {
      error(source.range, "`report` wants a metric or a scalar, got " + forEach(*this, value))
          .help("report auc(PREDICTION, LABEL), or report mean(...) as NAME");
      return;
    }
    report.metric = "value";
    report.operands.push_back(value.id);
    unsupported(source.range, "a report of a scalar", "models that report more than their loss and AUC");
    if (step.as.text.empty()) {
      error(source.range, "a reported scalar needs a name").help("report " + text(source.range) + " as NAME");
      return;
    }
  }
  report.name = step.as.text.empty() ? report.metric : step.as.text;
  for (const Report &other : model_.reports)
    if (other.name == report.name || report.name == "loss") {
      error(step.as.text.empty() ? source.range : step.as.range, "two reports are called `" + report.name + "`")
          .note(other.range, "first here")
          .help("report " + text(source.range) + " as NAME");
      return;
    }
  model_.reports.push_back(std::move(report));
}

void Checker::runPredict(const ast::Step &step) {
  binder_ = "predict";
  for (const ast::ExprPtr &source : step.values) {
    Value value = evaluate(*source);
    if (value.isPoison() || !checkNoLabel(value, source->range))
      continue;
    if (!value.isTensor() || value.type.isScalar() || value.type.spread != Spread::Example) {
      error(source->range, "`predict` wants a value of each example, got " + show(value));
      continue;
    }
    std::string name = source->kind == ExprKind::Name ? source->text : model_.values[value.id].name;
    if (name.empty())
      name = "prediction";
    std::string unique = name;
    auto taken = [&] {
      for (const Prediction &other : model_.predictions)
        if (other.name == unique)
          return true;
      return false;
    };
    for (int i = 1; taken(); ++i)
      unique = name + "_" + std::to_string(i);
    model_.predictions.push_back({unique, value.id, source->range});
  }
}

void Checker::checkGoals() {
  if (!model_.minimizeRange.isValid() && !stopped_ && !diagnostics_.isFull())
    error(model_.range, "nothing is minimized, so `" + model_.name + "` cannot train")
        .help("minimize loss with adam(lr: 1e-3)");
  for (Table &table : model_.tables) {
    for (TablePart &part : table.parts)
      if (part.optimizer.call.name.empty())
        part.optimizer = model_.optimizer;
    checkMemory(table);
  }
}

} // namespace heter::frontend
