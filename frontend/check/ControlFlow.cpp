// Run-time regions: `if`, `switch`, `while` and `scan`. Each becomes one operation with nested regions. What a region
// binds is handed outward (branches) or to the next round (loops).
#include "frontend/check/Checker.h"

#include <algorithm>
#include <utility>

namespace heter::frontend {

using ast::StepKind;

/// One branch while it is checked.
struct Checker::BranchRun {
  std::string name;   ///< For people: "then", "else", "case 1, 2".
  std::string suffix; ///< In paths: then, else, case_1_2.
  const ast::Block *block = nullptr;
  Region region;
  Scope scope;
};

/// A name that a loop carries from round to round.
struct Checker::Carried {
  std::string name;
  Value before;
};

/// Compile-time names must keep their values in a run-time region.
void Checker::freeze() {
  for (const auto &[name, binding] : frame_->scope)
    if (binding.value.isStatic())
      frame_->frozen.insert(name);
}

/// Whether a condition is one of each example (true) or of the whole batch; nothing, after an error, if it is neither.
std::optional<bool> Checker::eachExample(const Value &condition, SourceRange range, const std::string &word) {
  if (condition.isPoison())
    return std::nullopt;
  const Type &type = condition.type;
  bool one = type.rank() == 0 || (type.rank() == 1 && type.shape[0].isOne());
  if (condition.isTensor() && one && (word == "switch" ? type.element == Element::I64 : type.element == Element::Bool))
    return type.spread == Spread::Example;
  if (word == "switch")
    error(range, "`switch` wants one i64, got " + show(condition));
  else
    error(range, "`" + word + "` wants one condition, got " + show(condition))
        .help(condition.isNumber() || (condition.isTensor() && type.isNumeric()) ? "compare it: ... > 0" : "");
  return std::nullopt;
}

//===-- Branches --------------------------------------------------------------------------------------------------===//

void Checker::runIf(const ast::Step &step) {
  binder_ = "if";
  const ast::Expr &source = *step.values.front();
  Value condition = evaluate(source);
  static const ast::Block nothing;
  const ast::Block &elseBlock = step.branches.size() > 1 ? step.branches[1].block : nothing;
  if (condition.kind == Value::Kind::Flag) {
    bool then = condition.number != 0;
    frame_->suffixes.push_back(then ? "then" : "else");
    runBlock(then ? step.branches[0].block : elseBlock);
    frame_->suffixes.pop_back();
    return;
  }
  std::vector<BranchRun> branches(2);
  branches[0].name = branches[0].suffix = "then";
  branches[0].block = &step.branches[0].block;
  branches[1].name = branches[1].suffix = "else";
  branches[1].block = &elseBlock;
  runBranches(step, condition, branches);
}

void Checker::runSwitch(const ast::Step &step) {
  binder_ = "switch";
  Value subject = evaluate(*step.values.front());
  std::vector<BranchRun> branches;
  std::map<int64_t, SourceRange> seen;
  std::vector<int64_t> labels;
  const BranchRun *chosen = nullptr;
  size_t chosenIndex = 0;
  for (const ast::Branch &branch : step.branches) {
    BranchRun run;
    run.block = &branch.block;
    bool matches = branch.labels.empty();
    for (const ast::ExprPtr &label : branch.labels) {
      auto number = wantInteger(evaluate(*label), label->range, "a case", -(int64_t(1) << 53), int64_t(1) << 53);
      if (!number)
        continue;
      if (auto [at, isNew] = seen.try_emplace(*number, label->range); !isNew)
        error(label->range, "case " + std::to_string(*number) + " stands twice").note(at->second, "first here");
      labels.push_back(*number);
      matches |= subject.isNumber() && subject.number == static_cast<double>(*number);
      run.name += (run.name.empty() ? "case " : ", ") + std::to_string(*number);
      run.suffix += (run.suffix.empty() ? "case_" : "_") + std::to_string(*number);
    }
    if (branch.labels.empty())
      run.name = run.suffix = "else";
    branches.push_back(std::move(run));
    if (subject.isNumber() && matches && !chosen) {
      chosenIndex = branches.size() - 1;
      chosen = &branches.back();
    }
  }
  if (subject.isNumber()) {
    frame_->suffixes.push_back(branches[chosenIndex].suffix);
    runBlock(*branches[chosenIndex].block);
    frame_->suffixes.pop_back();
    return;
  }
  runBranches(step, subject, branches);
}

void Checker::runBranches(const ast::Step &step, const Value &subject, std::vector<BranchRun> &branches) {
  const ast::Expr &source = *step.values.front();
  std::string word = step.kind == StepKind::If ? "if" : "switch";
  std::optional<bool> each = eachExample(subject, source.range, word);
  Scope outer = frame_->scope;
  std::set<std::string> frozen = frame_->frozen;
  freeze();
  SourceRange outerEach = eachExample_;
  if (each && *each)
    eachExample_ = source.range;
  std::vector<Op> *ops = ops_;
  for (BranchRun &branch : branches) {
    ops_ = &branch.region.ops;
    frame_->suffixes.push_back(branch.suffix);
    runBlock(*branch.block);
    frame_->suffixes.pop_back();
    branch.scope = std::exchange(frame_->scope, outer);
  }
  ops_ = ops;
  eachExample_ = outerEach;
  frame_->frozen = std::move(frozen);
  Op op;
  op.name = word;
  op.range = step.range;
  op.mark = mark_;
  if (subject.isTensor())
    op.operands.push_back(subject.id);
  mergeBranches(step, op, branches, outer, subject.label);
  for (BranchRun &branch : branches)
    op.regions.push_back(std::move(branch.region));
  ops_->push_back(std::move(op));
}

void Checker::mergeBranches(const ast::Step &step, Op &op, std::vector<BranchRun> &branches, const Scope &outer,
                            int label) {
  std::set<std::string> names;
  for (const BranchRun &branch : branches)
    for (const auto &[name, binding] : branch.scope)
      names.insert(name);
  for (const std::string &name : names)
    mergeName(name, step, op, branches, outer, label);
}

/// What a name is after the branches: unchanged, a result of the operation, or something whose use is an error.
void Checker::mergeName(const std::string &name, const ast::Step &step, Op &op, std::vector<BranchRun> &branches,
                        const Scope &outer, int label) {
  std::string word = step.kind == StepKind::If ? "`if`" : "`switch`";
  Binding *first = nullptr;
  std::string missing;
  for (BranchRun &branch : branches) {
    auto at = branch.scope.find(name);
    if (at == branch.scope.end()) {
      if (missing.empty())
        missing = branch.name;
      continue;
    }
    if (!first || (outer.count(name) && sameStatic(first->value, outer.at(name).value)))
      first = &at->second;
  }
  Binding &merged = frame_->scope[name];
  merged = *first;
  if (!missing.empty()) {
    merged.state = Binding::State::Partial;
    merged.reason = word + " takes its " + missing + " branch";
    return;
  }
  std::vector<Binding *> all;
  for (BranchRun &branch : branches)
    all.push_back(&branch.scope.find(name)->second);
  for (Binding *binding : all)
    if (binding->state != Binding::State::Bound || binding->value.isPoison()) {
      merged = *binding;
      return;
    }
  bool same = true, tensors = true;
  for (Binding *binding : all) {
    same &= sameStatic(binding->value, all.front()->value);
    tensors &= binding->value.isTensor();
  }
  if (same)
    return;
  // Constants join the example values of the other branches.
  bool anyExample = false;
  for (Binding *binding : all)
    anyExample |= tensors && binding->value.type.spread == Spread::Example;
  for (size_t i = 0; i < all.size() && tensors; ++i) {
    Type type = all[i]->value.type;
    if (type.spread != Spread::Same || !anyExample)
      continue;
    type.spread = Spread::Example;
    std::vector<Op> *ops = std::exchange(ops_, &branches[i].region.ops);
    all[i]->value = broadcast(all[i]->value, type, all[i]->range);
    ops_ = ops;
  }
  for (size_t i = 0; i < all.size(); ++i)
    if (!tensors || !(all[i]->value.type == all.front()->value.type)) {
      if (i == 0)
        continue;
      merged.state = Binding::State::Conflict;
      merged.reason = show(all.front()->value) + " after " + branches.front().name + ", " + show(all[i]->value) +
                      " after " + branches[i].name;
      return;
    }
  if (!tensors) {
    merged.state = Binding::State::Conflict;
    merged.reason = show(all.front()->value) + " in one branch, another value in the others";
    return;
  }
  Value result = all.front()->value;
  result.reduction.clear();
  result.label = std::max(result.label, label);
  for (size_t i = 0; i < all.size(); ++i) {
    branches[i].region.results.push_back(all[i]->value.id);
    result.label = std::max(result.label, all[i]->value.label);
  }
  result.id = newValue(result.type, step.range);
  model_.values[result.id].name = name;
  op.results.push_back(result.id);
  merged.value = std::move(result);
}

//===-- Loops -----------------------------------------------------------------------------------------------------===//

/// Names assigned anywhere in a block.
static void collectAssigned(const ast::Block &block, std::set<std::string> &names) {
  for (const ast::Step &step : block) {
    if (step.kind == StepKind::Bind)
      for (const ast::Name &name : step.names)
        names.insert(name.text);
    for (const ast::Branch &branch : step.branches)
      collectAssigned(branch.block, names);
  }
}

/// The run-time names bound before a loop that its block binds again. Constants among them become example values.
std::vector<Checker::Carried> Checker::carriedNames(const ast::Block &block, bool eachExample, SourceRange range) {
  std::set<std::string> names;
  collectAssigned(block, names);
  std::vector<Carried> carried;
  for (const std::string &name : names) {
    auto at = frame_->scope.find(name);
    if (at == frame_->scope.end() || at->second.state != Binding::State::Bound || !at->second.value.isTensor())
      continue;
    Value value = at->second.value;
    if (value.type.spread == Spread::Same) {
      Type type = value.type;
      type.spread = Spread::Example;
      value = broadcast(value, type, range);
    } else if (value.type.isScalar() && eachExample) {
      error(range, "`" + name + "` is a scalar of the whole batch, but here each example goes its own way")
          .note(at->second.range, "bound here")
          .help(name + " = each(" + name + ") before it");
    }
    carried.push_back({name, std::move(value)});
  }
  return carried;
}

void Checker::enterCarried(std::vector<Carried> &carried, Region &region) {
  for (Carried &item : carried) {
    Value value = item.before;
    value.reduction.clear();
    value.id = newValue(value.type, item.before.reductionRange);
    model_.values[value.id].name = item.name;
    model_.values[value.id].range = model_.values[item.before.id].range;
    region.arguments.push_back(value.id);
    frame_->scope[item.name].value = std::move(value);
  }
}

/// Checks that each carried name kept its type, and hands its value to the next round.
void Checker::leaveCarried(std::vector<Carried> &carried, Region &region) {
  for (Carried &item : carried) {
    Binding &binding = frame_->scope[item.name];
    Value after =
        binding.state == Binding::State::Bound ? binding.value : useBinding(item.name, binding, binding.range);
    const Type &before = item.before.type;
    if (after.isTensor() && after.type.spread == Spread::Same && before.spread == Spread::Example) {
      Type type = after.type;
      type.spread = Spread::Example;
      after = broadcast(after, type, binding.range);
    }
    if (!after.isPoison() && !(after.isTensor() && after.type == before)) {
      error(binding.range, "`" + item.name + "` is carried and keeps its type: " + show(item.before) + " before, " +
                               show(after) + " after");
      after = {};
    }
    region.results.push_back(after.id);
    item.before.label = std::max(item.before.label, after.label);
    if (after.isPoison())
      item.before = {};
  }
}

/// Back to the scope around a loop; what only its body bound is kept for errors.
void Checker::leaveScope(Scope outer) {
  for (const auto &[name, binding] : frame_->scope)
    if (!outer.count(name))
      frame_->inner[name] = binding.range;
  frame_->scope = std::move(outer);
}

void Checker::runWhile(const ast::Step &step) {
  const ast::Expr &source = *step.values.front();
  int64_t limit = 0;
  if (step.with)
    limit = wantInteger(evaluate(*step.with), step.with->range, "`limit`", 1, 1000000).value_or(1);
  // Whether each example goes its own way is the condition's type; a trial on the values before the loop tells.
  std::vector<Op> trial;
  std::vector<Op> *ops = std::exchange(ops_, &trial);
  std::map<std::string, Made> made = made_;
  size_t parameters = model_.parameters.size();
  binder_ = "while";
  Value first = evaluate(source);
  ops_ = ops;
  made_ = std::move(made);
  model_.parameters.resize(parameters);
  if (first.kind == Value::Kind::Flag)
    first = constant(first.number, Element::Bool, {}, Spread::Scalar, source.range);
  std::optional<bool> each = eachExample(first, source.range, "while");
  std::vector<Carried> carried = carriedNames(step.branches.front().block, each.value_or(false), step.range);
  Scope outer = frame_->scope;
  std::set<std::string> frozen = frame_->frozen;
  freeze();
  SourceRange outerEach = eachExample_;
  if (each && *each)
    eachExample_ = source.range;
  Op op;
  op.name = "while";
  op.range = step.range;
  op.mark = mark_;
  op.attributes["limit"] = limit;
  op.regions.resize(2);
  ops_ = &op.regions[0].ops;
  enterCarried(carried, op.regions[0]);
  path_ = std::nullopt;
  binder_ = "while";
  Value condition = evaluate(source);
  if (condition.kind == Value::Kind::Flag)
    condition = constant(condition.number, Element::Bool, {}, Spread::Scalar, source.range);
  op.regions[0].results.push_back(condition.id);
  frame_->scope = outer;
  ops_ = &op.regions[1].ops;
  enterCarried(carried, op.regions[1]);
  runBlock(step.branches.front().block);
  leaveCarried(carried, op.regions[1]);
  ops_ = ops;
  eachExample_ = outerEach;
  frame_->frozen = std::move(frozen);
  leaveScope(std::move(outer));
  int label = condition.label;
  for (const Carried &item : carried) {
    label = std::max(label, item.before.label);
    op.operands.push_back(item.before.id);
  }
  for (const Carried &item : carried) {
    Value result = item.before;
    if (!result.isPoison()) {
      result.label = label;
      result.reduction.clear();
      result.id = newValue(result.type, step.range);
      model_.values[result.id].name = item.name;
    }
    op.results.push_back(result.id);
    frame_->scope[item.name].value = std::move(result);
  }
  ops_->push_back(std::move(op));
}

void Checker::runScan(const ast::Step &step) {
  binder_ = "scan";
  std::optional<std::string> path;
  if (!step.names.empty())
    path = pathOf(step.names.front().text);
  std::vector<Value> lists;
  std::optional<Dim> steps;
  bool ok = true;
  int label = -1;
  for (size_t i = 0; i < step.values.size(); ++i) {
    path_ = path;
    Value list = evaluate(*step.values[i]);
    path_ = std::nullopt;
    SourceRange range = step.values[i]->range;
    if (list.isPoison()) {
      ok = false;
    } else if (!list.isTensor() || list.type.rank() == 0 || list.type.isScalar()) {
      error(range, "`scan` walks axis 0 of a value, got " + show(list))
          .help(list.isList() ? "for x in LIST { ... }" : "");
      ok = false;
    } else if (steps && !(*steps == list.type.shape[0])) {
      Diagnostic &diagnostic = error(
          range, "`scan` walks two lists whose lengths are unrelated: " + show(lists.front()) + " and " + show(list));
      if (list.type.shape[0].isRagged())
        diagnostic.help("if they are always equal, name the length: id[*seen]");
      ok = false;
    } else {
      steps = list.type.shape[0];
      label = std::max(label, list.label);
    }
    lists.push_back(std::move(list));
  }
  std::vector<Carried> carried = carriedNames(step.branches.front().block, true, step.range);
  Scope outer = frame_->scope;
  std::set<std::string> frozen = frame_->frozen;
  freeze();
  SourceRange outerEach = std::exchange(eachExample_, step.range);
  Op op;
  op.name = "scan";
  op.range = step.range;
  op.mark = mark_;
  op.regions.resize(1);
  std::vector<Op> *ops = std::exchange(ops_, &op.regions[0].ops);
  for (size_t i = 0; i < step.variables.size(); ++i) {
    Value element;
    if (ok) {
      element = lists[i];
      element.type.shape.erase(element.type.shape.begin());
      element.type.spread = Spread::Example;
      element.id = newValue(element.type, step.variables[i].range);
      model_.values[element.id].name = step.variables[i].text;
      op.regions[0].arguments.push_back(element.id);
      op.operands.push_back(lists[i].id);
    }
    frame_->scope[step.variables[i].text] = {element, step.variables[i].range, Binding::State::Bound, ""};
  }
  enterCarried(carried, op.regions[0]);
  runBlock(step.branches.front().block);
  std::vector<Value> yields;
  for (const ast::ExprPtr &yield : step.yields) {
    path_ = path;
    binder_ = "yield";
    yields.push_back(evaluate(*yield));
    path_ = std::nullopt;
  }
  leaveCarried(carried, op.regions[0]);
  for (const Carried &item : carried) {
    label = std::max(label, item.before.label);
    op.operands.push_back(item.before.id);
  }
  ops_ = ops;
  eachExample_ = outerEach;
  frame_->frozen = std::move(frozen);
  leaveScope(std::move(outer));
  for (const Carried &item : carried) {
    Value result = item.before;
    if (!result.isPoison()) {
      result.label = label;
      result.id = newValue(result.type, step.range);
      model_.values[result.id].name = item.name;
    }
    op.results.push_back(result.id);
    frame_->scope[item.name].value = std::move(result);
  }
  if (yields.size() != step.names.size())
    error(step.range,
          std::to_string(step.names.size()) + " names for " + std::to_string(yields.size()) + " yielded values")
        .help(step.names.empty() ? "name = scan ... { ... yield v }" : "yield one value for each name");
  for (size_t i = 0; i < step.names.size() && i < yields.size(); ++i) {
    Value collected = yields[i];
    if (collected.isNumber() || (collected.isTensor() && collected.type.isScalar())) {
      error(step.yields[i]->range, "`yield` wants a value of each example, got " + show(collected));
      collected = {};
    }
    if (collected.isTensor() && ok) {
      op.regions[0].results.push_back(collected.id);
      collected.type.shape.insert(collected.type.shape.begin(), *steps);
      collected.type.spread = Spread::Example;
      collected.label = std::max(collected.label, label);
      collected.id = newValue(collected.type, step.range);
      op.results.push_back(collected.id);
    } else {
      collected = {};
    }
    assign(step.names[i], std::move(collected));
  }
  ops_->push_back(std::move(op));
}

} // namespace heter::frontend
