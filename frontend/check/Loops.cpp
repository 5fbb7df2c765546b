// `while` and `scan`: one operation with nested regions, repeated at run time. The names bound before that a body binds
// again are carried from round to round and keep their types.
#include "frontend/check/Checker.h"

#include <algorithm>
#include <utility>

namespace heter::frontend {

using ast::StepKind;

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

/// Enters a region. `each`, if valid, is what sends each example its own way.
Checker::RegionState Checker::enterRegion(SourceRange each) {
  RegionState state{frame_->scope, frame_->frozen, eachExample_, ops_};
  freeze();
  if (each.isValid())
    eachExample_ = each;
  return state;
}

/// Leaves it; names that only the region bound are kept for errors.
void Checker::leaveRegion(RegionState state) {
  for (const auto &[name, binding] : frame_->scope)
    if (!state.scope.count(name))
      frame_->inner[name] = binding.range;
  frame_->scope = std::move(state.scope);
  frame_->frozen = std::move(state.frozen);
  eachExample_ = state.eachExample;
  ops_ = state.ops;
}

//===-- Carried names ---------------------------------------------------------------------------------------------===//

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

/// After the loop: the carried names are operands and results of its operation. `label` is a label that what decides
/// the number of rounds depends on.
void Checker::handOut(std::vector<Carried> &carried, Op &op, int label) {
  for (const Carried &item : carried) {
    label = std::max(label, item.before.label);
    op.operands.push_back(item.before.id);
  }
  for (Carried &item : carried) {
    Value result = std::move(item.before);
    if (!result.isPoison()) {
      result.label = label;
      result.reduction.clear();
      result.id = newValue(result.type, op.range);
      model_.values[result.id].name = item.name;
    }
    op.results.push_back(result.id);
    frame_->scope[item.name].value = std::move(result);
  }
}

//===-- while -----------------------------------------------------------------------------------------------------===//

/// The condition of a `while`, in the scope and the operations of the moment.
Value Checker::loopCondition(const ast::Expr &source) {
  path_ = std::nullopt;
  binder_ = "while";
  Value condition = evaluate(source);
  if (condition.kind == Value::Kind::Flag)
    condition = constant(condition.number, Element::Bool, {}, Spread::Scalar, source.range);
  return condition;
}

/// Whether a `while` sends each example its own way: the type of its condition, tried on the values before it.
bool Checker::tryCondition(const ast::Expr &source) {
  std::vector<Op> trial;
  std::vector<Op> *ops = std::exchange(ops_, &trial);
  std::map<std::string, Made> made = made_;
  size_t parameters = model_.parameters.size();
  Value condition = loopCondition(source);
  ops_ = ops;
  made_ = std::move(made);
  model_.parameters.resize(parameters);
  return eachExample(condition, source.range, "while").value_or(false);
}

void Checker::runWhile(const ast::Step &step) {
  const ast::Expr &source = *step.values.front();
  Op op;
  op.name = "while";
  op.range = step.range;
  op.mark = mark_;
  op.regions.resize(2);
  if (step.with)
    op.attributes["limit"] = wantInteger(evaluate(*step.with), step.with->range, "`limit`", 1, 1000000).value_or(1);
  bool each = tryCondition(source);
  std::vector<Carried> carried = carriedNames(step.branches.front().block, each, step.range);
  RegionState state = enterRegion(each ? source.range : SourceRange());
  ops_ = &op.regions[0].ops;
  enterCarried(carried, op.regions[0]);
  Value condition = loopCondition(source);
  op.regions[0].results.push_back(condition.id);
  frame_->scope = state.scope;
  ops_ = &op.regions[1].ops;
  enterCarried(carried, op.regions[1]);
  runBlock(step.branches.front().block);
  leaveCarried(carried, op.regions[1]);
  leaveRegion(std::move(state));
  handOut(carried, op, condition.label);
  ops_->push_back(std::move(op));
}

//===-- scan ------------------------------------------------------------------------------------------------------===//

/// The values that a scan walks, of one length along axis 0; nothing, after an error, if they are not.
std::optional<std::vector<Value>> Checker::scannedLists(const ast::Step &step, const std::optional<std::string> &path) {
  std::vector<Value> lists;
  bool ok = true;
  for (const ast::ExprPtr &source : step.values) {
    path_ = path;
    binder_ = "scan";
    Value list = evaluate(*source);
    path_ = std::nullopt;
    if (list.isPoison()) {
      ok = false;
    } else if (!list.isTensor() || list.type.rank() == 0 || list.type.isScalar()) {
      error(source->range, "`scan` walks axis 0 of a value, got " + show(list))
          .help(list.isList() ? "for x in LIST { ... }" : "");
      ok = false;
    } else if (ok && !lists.empty() && !(lists.front().type.shape[0] == list.type.shape[0])) {
      error(source->range,
            "`scan` walks two lists whose lengths are unrelated: " + show(lists.front()) + " and " + show(list))
          .help(list.type.shape[0].isRagged() ? "if they are always equal, name the length: id[*seen]" : "");
      ok = false;
    }
    lists.push_back(std::move(list));
  }
  return ok ? std::optional(std::move(lists)) : std::nullopt;
}

/// Binds the elements of a round; poison without lists.
void Checker::bindElements(const ast::Step &step, const std::optional<std::vector<Value>> &lists, Op &op) {
  for (size_t i = 0; i < step.variables.size(); ++i) {
    const ast::Name &variable = step.variables[i];
    Value element;
    if (lists) {
      element = (*lists)[i];
      element.type.shape.erase(element.type.shape.begin());
      element.type.spread = Spread::Example;
      element.id = newValue(element.type, variable.range);
      model_.values[element.id].name = variable.text;
      op.regions[0].arguments.push_back(element.id);
      op.operands.push_back((*lists)[i].id);
    }
    frame_->scope[variable.text] = {element, variable.range, Binding::State::Bound, ""};
  }
}

/// Binds the names that collect what the rounds yield.
void Checker::bindCollected(const ast::Step &step, const std::vector<Value> &yields,
                            const std::optional<std::vector<Value>> &lists, Op &op) {
  if (yields.size() != step.names.size())
    error(step.range,
          std::to_string(step.names.size()) + " names for " + std::to_string(yields.size()) + " yielded values")
        .help(step.names.empty() ? "name = scan ... { ... yield v }" : "yield one value for each name");
  for (size_t i = 0; i < step.names.size() && i < yields.size(); ++i) {
    Value collected = yields[i];
    if (!collected.isPoison() && (!collected.isTensor() || collected.type.isScalar())) {
      error(step.yields[i]->range, "`yield` wants a value of each example, got " + show(collected));
      collected = {};
    }
    if (collected.isTensor() && collected.type.isRagged()) {
      error(step.yields[i]->range, "`yield` wants fixed sizes, got " + show(collected));
      collected = {};
    }
    if (!lists)
      collected = {};
    if (collected.isTensor()) {
      op.regions[0].results.push_back(collected.id);
      collected.type.shape.insert(collected.type.shape.begin(), lists->front().type.shape[0]);
      collected.type.spread = Spread::Example;
      collected.label = std::max(collected.label, lists->front().label);
      collected.id = newValue(collected.type, step.range);
      op.results.push_back(collected.id);
    }
    assign(step.names[i], std::move(collected));
  }
}

void Checker::runScan(const ast::Step &step) {
  std::optional<std::string> path;
  if (!step.names.empty())
    path = pathOf(step.names.front().text);
  std::optional<std::vector<Value>> lists = scannedLists(step, path);
  std::vector<Carried> carried = carriedNames(step.branches.front().block, true, step.range);
  RegionState state = enterRegion(step.range);
  Op op;
  op.name = "scan";
  op.range = step.range;
  op.mark = mark_;
  op.regions.resize(1);
  ops_ = &op.regions[0].ops;
  bindElements(step, lists, op);
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
  leaveRegion(std::move(state));
  handOut(carried, op, lists ? lists->front().label : -1);
  bindCollected(step, yields, lists, op);
  ops_->push_back(std::move(op));
}

} // namespace heter::frontend
