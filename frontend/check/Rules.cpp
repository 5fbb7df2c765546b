// Options that take rules: optimizers with schedules and averages, whose names and options are those of optimizers/.
#include "frontend/check/Checker.h"

namespace heter::frontend {

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
  if (optimizers::dividesByZero(*call)) {
    error(expr.range, "`" + call->name + "` divides by its learning rate, which comes to 0")
        .help(call->calls.count("lr") ? "a schedule that ends above 0, as `to: 1e-4` of `linear`" : "lr: 0.1");
    return std::nullopt;
  }
  return Optimizer{optimizers::complete(*call), expr.range};
}

void Checker::readAverage(const ast::Expr &expr) {
  static const std::vector<CallSpec> specs = specsOf(optimizers::averages());
  if (auto call = readCall(expr, "average", specs))
    model_.average = *call;
}

} // namespace heter::frontend
