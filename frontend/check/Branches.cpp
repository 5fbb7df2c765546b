// `if` and `switch`. On something the compiler knows they choose a branch to copy; on run-time values they become one
// operation with a region a branch, whose results are the names that the branches bind.
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
  RegionState state = enterRegion(each && *each ? source.range : SourceRange());
  for (BranchRun &branch : branches) {
    ops_ = &branch.region.ops;
    frame_->suffixes.push_back(branch.suffix);
    runBlock(*branch.block);
    frame_->suffixes.pop_back();
    branch.scope = std::exchange(frame_->scope, state.scope);
  }
  Scope outer = state.scope;
  leaveRegion(std::move(state));
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
  std::vector<Binding *> all;
  std::string missing;
  for (BranchRun &branch : branches)
    if (auto at = branch.scope.find(name); at != branch.scope.end())
      all.push_back(&at->second);
    else if (missing.empty())
      missing = branch.name;
  // Errors point at a branch that changed the name, not at where it came from.
  const Binding *changed = all.front();
  for (const Binding *binding : all)
    if (outer.count(name) && sameStatic(changed->value, outer.at(name).value))
      changed = binding;
  Binding &merged = frame_->scope[name];
  merged = *changed;
  if (!missing.empty()) {
    merged.state = Binding::State::Partial;
    merged.reason = std::string(step.kind == StepKind::If ? "`if`" : "`switch`") + " takes its " + missing + " branch";
    return;
  }
  for (const Binding *binding : all)
    if (binding->state != Binding::State::Bound || binding->value.isPoison()) {
      merged = *binding;
      return;
    }
  if (std::all_of(all.begin(), all.end(), [&](Binding *b) { return sameStatic(b->value, all.front()->value); }))
    return;
  spreadConstants(all, branches);
  for (size_t i = 0; i < all.size(); ++i)
    if (!all[i]->value.isTensor() || !(all[i]->value.type == all.front()->value.type)) {
      size_t other = i == 0 ? 1 : i;
      merged.state = Binding::State::Conflict;
      merged.reason = show(all.front()->value) + " after " + branches.front().name + ", " + show(all[other]->value) +
                      " after " + branches[other].name;
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

/// Values of all examples become values of each where another branch gives one of each.
void Checker::spreadConstants(std::vector<Binding *> &all, std::vector<BranchRun> &branches) {
  auto isExample = [](const Binding *binding) {
    return binding->value.isTensor() && binding->value.type.spread == Spread::Example;
  };
  if (std::none_of(all.begin(), all.end(), isExample))
    return;
  for (size_t i = 0; i < all.size(); ++i) {
    Type type = all[i]->value.type;
    if (!all[i]->value.isTensor() || type.spread != Spread::Same)
      continue;
    type.spread = Spread::Example;
    std::vector<Op> *ops = std::exchange(ops_, &branches[i].region.ops);
    all[i]->value = broadcast(all[i]->value, type, all[i]->range);
    ops_ = ops;
  }
}

} // namespace heter::frontend
