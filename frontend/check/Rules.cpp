// Options that take rules: optimizers with schedules and averages, whose names and options are those of optimizers/,
// and what a table does with its rows.
#include "frontend/check/Checker.h"

namespace heter::frontend {

using ast::ExprKind;
using Kind = SpecArgument::Kind;

static SpecArgument argumentOf(const optimizers::Option &option) {
  using From = optimizers::Option::Kind;
  SpecArgument argument;
  argument.name = option.name;
  argument.kind = option.kind == From::Rate ? Kind::Rate : option.kind == From::Steps ? Kind::Steps : Kind::Number;
  argument.required = !option.otherwise && !option.optional;
  argument.positional = option.positional;
  argument.bounds = &option;
  return argument;
}

/// How the language calls the rules of a table of optimizers/.
template <typename Rule> static std::vector<CallSpec> specsOf(const std::vector<Rule> &rules) {
  std::vector<CallSpec> specs;
  for (const Rule &rule : rules) {
    specs.push_back({rule.name, {}});
    for (const optimizers::Option &option : rule.options)
      specs.back().arguments.push_back(argumentOf(option));
  }
  return specs;
}

std::optional<ReadCall> Checker::readSchedule(const ast::Expr &expr) {
  static const std::vector<CallSpec> specs = specsOf(optimizers::schedules());
  return readCall(expr, "schedule", specs);
}

std::optional<Optimizer> Checker::readOptimizer(const ast::Expr &expr) {
  static const std::vector<CallSpec> specs = specsOf(optimizers::optimizers());
  auto call = readCall(expr, "optimizer", specs);
  if (!call)
    return std::nullopt;
  if (call->numbers.count("least") && call->numbers.count("most") && call->numbers["least"] > call->numbers["most"]) {
    error(expr.range, "`least` of `" + call->name + "` is above `most`");
    return std::nullopt;
  }
  return Optimizer{optimizers::complete(*call), expr.range};
}

void Checker::readAverage(const ast::Expr &expr) {
  static const std::vector<CallSpec> specs = specsOf(optimizers::averages());
  if (auto call = readCall(expr, "average", specs))
    model_.average = *call;
}

std::optional<StoreRule> Checker::readAdmission(const ast::Option &option) {
  static const optimizers::Option times = {"times", optimizers::Option::Kind::Steps, {}, false, true, 1};
  static const optimizers::Option chance = {"chance", optimizers::Option::Kind::Number, {}, false, true, 0, 1};
  static const std::vector<CallSpec> admits = {{"count", {{"times", Kind::Number, true, true, &times}}},
                                               {"probability", {{"chance", Kind::Number, true, true, &chance}}}};
  return readCall(*option.value, "admission rule", admits);
}

/// A key is admitted to all parts that want it at once.
void Checker::checkOneAdmission(const ast::Table &table, const Table &checked) {
  const TablePart *first = nullptr;
  for (const TablePart &part : checked.parts) {
    if (!part.admit)
      continue;
    if (first && !(static_cast<const optimizers::Call &>(*first->admit) == *part.admit))
      error(part.range, "the parts of `" + table.name.text + "` admit keys by one rule")
          .note(first->range, "another one here");
    first = &part;
  }
}

/// Scores, eviction and tiers: checked, and kept for the day they are lowered.
void Checker::readStoreOption(const ast::Option &option, Table &table) {
  static const std::vector<CallSpec> scores = {{"show_click",
                                                {{"clicks", Kind::Label, true, true},
                                                 {"show", Kind::Number, false, false},
                                                 {"click", Kind::Number, false, false},
                                                 {"decay", Kind::Number, false, false}}}};
  static const std::vector<CallSpec> evicts = {{"unseen", {{"time", Kind::Time, true, true}}},
                                               {"score", {{"least", Kind::Number, true, true}}}};
  const std::string &word = option.name.text;
  const ast::Expr &value = *option.value;
  auto add = [&](std::optional<ReadCall> rule) {
    if (rule)
      table.policy.push_back(*rule);
  };
  if (word == "score") {
    add(readCall(value, "score", scores));
  } else if (word == "evict") {
    if (value.kind == ExprKind::List)
      for (const ast::ExprPtr &item : value.items)
        add(readCall(*item, "eviction rule", evicts));
    else
      add(readCall(value, "eviction rule", evicts));
  } else if (word == "memory") {
    measured(value, "`memory`", {"GiB", "MiB", "KiB", "TiB"});
  } else if (word == "beyond") {
    readCall(value, "tier", {{"ssd", {}}, {"drop", {}}});
  } else {
    return;
  }
  unsupported(option.name.range, "`" + word + "` of a table", "models whose tables outgrow memory");
}

} // namespace heter::frontend
