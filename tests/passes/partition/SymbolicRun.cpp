// The symbolic runs; see SymbolicRun.h.
#include "tests/passes/partition/SymbolicRun.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace heter;
using namespace heter::test;

int64_t Terms::of(Operation *op, ArrayRef<int64_t> operands) {
  NamedAttrList attributes(op->getAttrDictionary());
  attributes.erase("place");
  std::vector<const void *> types;
  for (Type type : op->getResultTypes())
    types.push_back(type.getAsOpaquePointer());
  auto [entry, inserted] = numbers_.insert({{op->getName().getAsOpaquePointer(),
                                             attributes.getDictionary(op->getContext()).getAsOpaquePointer(),
                                             std::move(types),
                                             {operands.begin(), operands.end()}},
                                            next_});
  if (inserted)
    next_ += std::max(1u, op->getNumResults());
  return entry->second;
}

namespace {

/// The state of one program while it runs.
class Role {
public:
  Role(Block &block, Terms &terms) : terms_(terms) {
    for (Operation &op : block)
      waiting_.push_back(&op);
  }

  /// Runs what can run; `messages` holds the terms of each channel that was sent. Returns whether anything ran.
  bool advance(Order order, llvm::StringMap<std::vector<int64_t>> &messages, Outcome &outcome) {
    bool moved = false;
    for (size_t index = 0; index < waiting_.size();) {
      if (runOp(waiting_[index], messages, outcome)) {
        waiting_.erase(waiting_.begin() + index);
        moved = true;
      } else if (order == Order::Listed) {
        break;
      } else {
        ++index;
      }
    }
    return moved;
  }

  Operation *firstWaiting() const { return waiting_.empty() ? nullptr : waiting_.front(); }

private:
  bool runOp(Operation *op, llvm::StringMap<std::vector<int64_t>> &messages, Outcome &outcome) {
    llvm::SetVector<Value> captured;
    if (op->getNumRegions() > 0)
      getUsedValuesDefinedAbove(op->getRegions(), captured);
    std::vector<int64_t> operands;
    for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(captured.getArrayRef())})
      for (Value value : values) {
        auto found = values_.find(value);
        if (found == values_.end())
          return false;
        operands.push_back(found->second);
      }
    if (auto send = dyn_cast<ps::SendOp>(op)) {
      if (!messages.try_emplace(send.getChannel(), operands).second)
        outcome.stuck = ("channel " + send.getChannel() + " is sent twice").str();
      return true;
    }
    if (auto recv = dyn_cast<ps::RecvOp>(op)) {
      auto found = messages.find(recv.getChannel());
      if (found == messages.end())
        return false;
      for (auto [result, term] : llvm::zip_equal(recv.getValues(), found->second))
        values_[result] = term;
      return true;
    }
    int64_t term = terms_.of(op, operands);
    for (OpResult result : op->getResults())
      values_[result] = term + result.getResultNumber();
    if (!isMemoryEffectFree(op))
      outcome.effects.insert(term);
    return true;
  }

  Terms &terms_;
  std::vector<Operation *> waiting_;
  llvm::DenseMap<Value, int64_t> values_;
};

Outcome runAll(std::vector<Role> roles, Order order) {
  Outcome outcome;
  llvm::StringMap<std::vector<int64_t>> messages;
  for (bool moved = true; moved;) {
    moved = false;
    for (Role &role : roles)
      moved |= role.advance(order, messages, outcome);
  }
  for (Role &role : roles)
    if (Operation *op = role.firstWaiting()) {
      llvm::raw_string_ostream(outcome.stuck) << "waits for ever: " << *op;
      break;
    }
  return outcome;
}

} // namespace

Outcome test::run(nn::ProgramOp program, Terms &terms) {
  std::vector<Role> roles;
  roles.emplace_back(program.getBody().front(), terms);
  return runAll(std::move(roles), Order::Listed);
}

Outcome test::run(ModuleOp module, StringRef graph, Order order, Terms &terms) {
  std::vector<Role> roles;
  for (auto program : module.getOps<ps::ProgramOp>())
    if (program.getGraph() == graph)
      roles.emplace_back(program.getBody().front(), terms);
  return runAll(std::move(roles), order);
}
