// Greedy fusion along producer-consumer edges, then of groups that begin at one value. Groups only grow where that is
// always a gain (a value less to store and load, a call less) and where the result still runs as a few loop nests over
// one shape.
#include "passes/Outline/Fusion.h"

#include "dialects/nn/NN.h"
#include "dialects/ps/PS.h"
#include "dialects/task/Task.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SetVector.h"

#include <set>

using namespace mlir;

namespace heter {

StringRef libraryKernelOf(Operation *op) { return isa<nn::LinearOp>(op) ? "matmul" : op->getName().stripDialect(); }

Execution executionOf(Operation *op) {
  if (isa<nn::ConstantOp>(op))
    return Execution::Constant;
  if (isa<nn::NNDialect>(op->getDialect()) && task::isLibraryKernel(libraryKernelOf(op)))
    return Execution::Library;
  if (isa<nn::InputOp, nn::ReportOp, nn::PredictOp, nn::IfOp, nn::WhileOp>(op) || isa<ps::PSDialect>(op->getDialect()))
    return Execution::Node;
  return Execution::Kernel;
}

bool isPointwise(Operation *op) { return executionOf(op) == Execution::Kernel && op->hasTrait<nn::Pointwise>(); }

bool isReduction(Operation *op) { return isa<nn::ReduceSumOp, nn::ReduceMeanOp, nn::ReduceMaxOp>(op); }

namespace {

ArrayRef<int64_t> shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

/// The shape over which the loops of `op` run.
ArrayRef<int64_t> spaceOf(Operation *op) { return shapeOf(isReduction(op) ? op->getOperand(0) : op->getResult(0)); }

class Fuser {
public:
  Fuser(Block &program, std::vector<FusionNote> &notes) : block_(program), notes_(notes) {
    unsigned era = 0;
    for (Operation &op : program) {
      bool message = isa<ps::SendOp, ps::RecvOp>(op);
      era += message;
      if (executionOf(&op) == Execution::Constant || op.hasTrait<OpTrait::IsTerminator>())
        continue;
      groupOf_[&op] = groups_.size();
      groups_.push_back({{&op}, era});
      era += message;
    }
  }

  void fuse() {
    bool merged = true;
    while (merged) { // What grew may be what another could not join before.
      merged = false;
      forEachFlow([&](Operation *producer, Operation *consumer, size_t from, size_t to) {
        if (!obstacle(producer, consumer, from, to).empty())
          return;
        merge(from, to);
        merged = true;
      });
      merged = merged || joinSiblings();
    }
    tell();
  }

  /// Groups by era, each era in the order of its first members that respects every edge.
  std::vector<std::vector<Operation *>> order() {
    std::vector<std::vector<Operation *>> result;
    std::set<std::pair<unsigned, size_t>> ready; // (era, group)
    std::vector<size_t> waiting(groups_.size(), 0);
    for (size_t group = 0; group < groups_.size(); ++group)
      for (size_t next : successors(group))
        ++waiting[next];
    for (size_t group = 0; group < groups_.size(); ++group)
      if (!groups_[group].ops.empty() && waiting[group] == 0)
        ready.insert({groups_[group].era, group});
    while (!ready.empty()) {
      size_t group = ready.begin()->second;
      ready.erase(ready.begin());
      result.push_back(groups_[group].ops);
      for (size_t next : successors(group))
        if (--waiting[next] == 0)
          ready.insert({groups_[next].era, next});
    }
    return result;
  }

private:
  struct Group {
    std::vector<Operation *> ops; ///< in the order of the program; empty once merged into another group
    unsigned era;                 ///< the number of messages before it; a message is an era of its own
  };

  static constexpr size_t kNoGroup = ~size_t(0);

  /// The group of the operation of the block that `user` is or lies in; the terminator has none.
  size_t groupOf(Operation *user) {
    auto found = groupOf_.find(block_.findAncestorOpInBlock(*user));
    return found == groupOf_.end() ? kNoGroup : found->second;
  }

  std::set<size_t> successors(size_t group) {
    std::set<size_t> result;
    for (Operation *op : groups_[group].ops)
      for (Operation *user : op->getUsers())
        if (size_t next = groupOf(user); next != group && next != kNoGroup)
          result.insert(next);
    return result;
  }

  /// Whether the library computes the group: a matrix product and what it does last.
  bool isLibrary(size_t group) const { return executionOf(groups_[group].ops.front()) == Execution::Library; }

  /// Calls `then` for each value that flows from one group to an operation of another that could take it over.
  void forEachFlow(llvm::function_ref<void(Operation *, Operation *, size_t, size_t)> then) {
    for (Operation &consumer : block_) {
      if (!groupOf_.count(&consumer) || executionOf(&consumer) != Execution::Kernel)
        continue;
      for (Value operand : consumer.getOperands()) {
        Operation *producer = operand.getDefiningOp();
        if (!producer || !groupOf_.count(producer))
          continue;
        size_t from = groupOf_[producer], to = groupOf_[&consumer];
        bool ends = isa<nn::LinearOp>(producer) && isa<nn::ReluOp>(consumer);
        if (from != to && (ends || executionOf(producer) == Execution::Kernel))
          then(producer, &consumer, from, to);
      }
    }
  }

  /// Notes what products do last, and what stands between groups of generated code.
  void tell() {
    for (const Group &group : groups_)
      if (group.ops.size() > 1 && executionOf(group.ops.front()) == Execution::Library)
        notes_.push_back({group.ops.front(), group.ops.back(), true, "the matrix product does it last"});
    forEachFlow([&](Operation *producer, Operation *consumer, size_t from, size_t to) {
      if (executionOf(producer) == Execution::Kernel && !isLibrary(from))
        notes_.push_back({producer, consumer, false, obstacle(producer, consumer, from, to)});
    });
  }

  void merge(size_t from, size_t to) {
    // The group with the later beginning goes into the other, whose number is its place in the order.
    size_t kept = std::min(from, to), gone = std::max(from, to);
    std::vector<Operation *> &ops = groups_[kept].ops;
    llvm::append_range(ops, groups_[gone].ops);
    llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    for (Operation *op : groups_[gone].ops)
      groupOf_[op] = kept;
    groups_[gone].ops.clear();
  }

  /// Why the groups cannot become one, or "".
  std::string obstacle(Operation *producer, Operation *consumer, size_t from, size_t to) {
    if (groups_[from].era != groups_[to].era)
      return "a message is sent or received between them";
    if (isa<nn::LinearOp>(producer))
      return producer->hasOneUse() ? "" : "others read what comes before the activation";
    if (isLibrary(from))
      return "it is the end of a matrix product";
    if (isReduction(producer))
      return "a reduction ends its kernel";
    for (Operation *op : {producer, consumer})
      if (!isPointwise(op) && !isReduction(op))
        return ("a " + op->getName().stripDialect() + " looks along its rows more than once, in a kernel of its own")
            .str();
    for (Operation *op : groups_[from].ops)
      if (isReduction(op) && llvm::any_of(op->getUsers(), [&](Operation *user) { return groupOf(user) == to; }))
        return "a reduction ends its kernel";
    if (std::string why = shapes(from, to); !why.empty())
      return why;
    if (reachesAround(from, to))
      return "another node needs the first and is needed by the second";
    return "";
  }

  /// Joins two groups that begin at one value, if there are such.
  bool joinSiblings() {
    llvm::MapVector<Value, SmallVector<Operation *>> readers; // in the order of the program, which that of uses is not
    for (Operation &op : block_)
      if (groupOf_.count(&op) && executionOf(&op) == Execution::Kernel)
        for (Value operand : op.getOperands())
          if (!operand.getDefiningOp<nn::ConstantOp>()) // each kernel holds its own
            readers[operand].push_back(&op);
    for (auto &[value, ops] : readers)
      for (size_t second = 1; second < ops.size(); ++second)
        for (size_t first = 0; first < second; ++first)
          if (areSiblings(value, ops[first], ops[second])) {
            merge(groupOf_[ops[first]], groupOf_[ops[second]]);
            return true;
          }
    return false;
  }

  /// Whether the groups of two operations that read `value` can both run as soon as it is there and are better one:
  /// they are so small that a call costs more than they do, or look for the same.
  bool areSiblings(Value value, Operation *first, Operation *second) {
    size_t a = groupOf_[first], b = groupOf_[second];
    if (a == b || groups_[a].era != groups_[b].era || isLibrary(a) || isLibrary(b) || isInner(value, a, b))
      return false;
    bool alike = nn::areLossAndGradient(first, second) || (isSmallChain(value, a) && isSmallChain(value, b));
    return alike && waitsFor(value, a, b) && !reaches(a, b) && !reaches(b, a);
  }

  bool isInner(Value value, size_t a, size_t b) {
    Operation *producer = value.getDefiningOp();
    size_t group = producer && groupOf_.count(producer) ? groupOf_[producer] : kNoGroup;
    return group == a || group == b;
  }

  /// Whether a group is a chain over the shape of `value`, which is a number an example, or one alone.
  bool isSmallChain(Value value, size_t group) {
    auto isOne = [](int64_t size) { return size == 1 || ShapedType::isDynamic(size); };
    return llvm::all_of(shapeOf(value), isOne) && llvm::all_of(groups_[group].ops, [&](Operation *op) {
             return (isPointwise(op) || isReduction(op)) && (spaceOf(op) == shapeOf(value) || spaceOf(op).empty());
           });
  }

  /// Whether two groups want nothing that is there later than `value`.
  bool waitsFor(Value value, size_t a, size_t b) {
    auto isThere = [&](Value operand) { return isInner(operand, a, b) || isThereWith(operand, value); };
    return llvm::all_of(llvm::concat<Operation *>(groups_[a].ops, groups_[b].ops),
                        [&](Operation *op) { return llvm::all_of(op->getOperands(), isThere); });
  }

  /// Whether `other` comes before `value` in the program, or is a formula of what does.
  bool isThereWith(Value other, Value value) {
    Operation *last = value.getDefiningOp();
    llvm::SetVector<Value> needed;
    needed.insert(other);
    for (size_t i = 0; i < needed.size(); ++i) {
      Operation *producer = needed[i].getDefiningOp();
      if (!producer || isa<nn::ConstantOp>(producer) || needed[i] == value || (last && producer->isBeforeInBlock(last)))
        continue;
      if (!isPointwise(producer))
        return false;
      needed.insert(producer->operand_begin(), producer->operand_end());
    }
    return true;
  }

  /// Either both groups run over one shape, or the first is cheap, smaller, and only the second reads it.
  std::string shapes(size_t from, size_t to) {
    ArrayRef<int64_t> space = spaceOf(groups_[to].ops.back());
    for (Operation *op : groups_[to].ops)
      if (isReduction(op))
        space = spaceOf(op);
    auto leaves = [&](Operation *op) {
      return llvm::any_of(op->getUsers(), [&](Operation *user) {
        size_t group = groupOf(user);
        return group != from && group != to;
      });
    };
    for (Operation *op : groups_[from].ops) {
      if (isReduction(op) ? spaceOf(op) == space : shapeOf(op->getResult(0)) == space)
        continue;
      if (isReduction(op) || leaves(op))
        return "others read a value of another shape";
      if (!op->hasTrait<nn::Cheap>() && !shapeOf(op->getResult(0)).empty())
        return "it would be computed again for every element of a broadcast";
    }
    return "";
  }

  bool reaches(size_t from, size_t to) { return successors(from).count(to) > 0 || reachesAround(from, to); }

  /// Whether a path leads from group `from` through other groups to `to`.
  bool reachesAround(size_t from, size_t to) {
    std::vector<size_t> todo;
    std::set<size_t> seen;
    for (size_t next : successors(from))
      if (next != to && seen.insert(next).second)
        todo.push_back(next);
    while (!todo.empty()) {
      size_t group = todo.back();
      todo.pop_back();
      for (size_t next : successors(group)) {
        if (next == to)
          return true;
        if (groups_[next].era <= groups_[to].era && seen.insert(next).second)
          todo.push_back(next);
      }
    }
    return false;
  }

  Block &block_;
  std::vector<FusionNote> &notes_;
  std::vector<Group> groups_;
  llvm::DenseMap<Operation *, size_t> groupOf_;
};

} // namespace

std::vector<std::vector<Operation *>> groupKernels(Block &program, bool fuse, std::vector<FusionNote> &notes) {
  Fuser fuser(program, notes);
  if (fuse)
    fuser.fuse();
  return fuser.order();
}

} // namespace heter
