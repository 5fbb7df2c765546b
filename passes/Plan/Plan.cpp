// Stage 9: gives each graph, nested ones too, its memory segments, slots and reuse edges. A kernel that writes over its
// input becomes one of its own, which task.overwrites tells.
#include "dialects/ps/PS.h"
#include "dialects/task/Task.h"
#include "passes/Passes.h"
#include "passes/Plan/Arena.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heter {

#define GEN_PASS_DEF_PLAN
#include "passes/Passes.h.inc"

namespace {

/// Whether the frame holds the value, or its producer brings memory along.
bool isInFrame(OpResult value) {
  return isa<RankedTensorType>(value.getType()) &&
         !isa<task::InputOp, task::RecvOp, task::PullDenseOp>(value.getOwner());
}

/// Whether element i of `argument` is read for element i of the kernel's only result alone.
bool isOverwritable(func::FuncOp kernel, BlockArgument argument) {
  Block &body = kernel.getBody().front();
  Operation *terminator = body.getTerminator();
  if (terminator->getNumOperands() != 1 || terminator->getOperand(0).getType() != argument.getType())
    return false;
  auto shape = cast<RankedTensorType>(argument.getType()).getShape();
  llvm::SmallPtrSet<Operation *, 8> readers(argument.user_begin(), argument.user_end());
  for (Operation &op : body.without_terminator()) {
    if (isa<nn::ConstantOp>(op))
      continue;
    if (!op.hasTrait<nn::Pointwise>() || op.getNumResults() != 1)
      return false;
    if (!readers.contains(&op))
      continue;
    auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
    if (isa<nn::BroadcastOp>(op) || !type || type.getShape() != shape)
      return false;
    readers.insert(op.user_begin(), op.user_end());
  }
  return true;
}

bool isBatched(RankedTensorType type) { return type.getRank() && type.isDynamicDim(0); }

/// Plans the graph of one block.
class GraphPlanner {
public:
  GraphPlanner(Block &block, task::Space space) : block_(block), space_(space) {}

  /// Sets slots and edges of the nodes, and returns the graph's segments.
  ArrayAttr run() {
    // The segments of the program's own space come first; the host's follow where a device program has host values.
    graph_.aligned = {true, false};
    for (Operation &op : block_)
      addNode(&op);
    planArena(graph_);
    for (auto [number, node] : llvm::enumerate(nodes_))
      setNode(node, graph_.nodes[number]);
    return segments();
  }

private:
  int addValue(Value value) {
    auto [found, isNew] = numbers_.try_emplace(value, static_cast<int>(graph_.values.size()));
    if (!isNew)
      return found->second;
    ArenaValue planned;
    if (auto result = dyn_cast<OpResult>(value); result && isInFrame(result)) {
      auto type = cast<RankedTensorType>(value.getType());
      bool other = task::spaceOf(type) != space_;
      if (other && graph_.aligned.size() == 2)
        graph_.aligned.insert(graph_.aligned.end(), {true, false});
      planned.segment = (other ? 2 : 0) + isBatched(type);
      planned.bytes = task::unitBytes(type);
    }
    graph_.values.push_back(planned);
    return found->second;
  }

  void addNode(Operation *op) {
    if (isa<task::YieldOp>(op)) {
      for (Value value : op->getOperands())
        graph_.values[addValue(value)].lasting = true;
      return;
    }
    ArenaNode node;
    for (Value value : op->getOperands())
      node.inputs.push_back(addValue(value));
    for (Value value : op->getResults())
      node.outputs.push_back(addValue(value));
    if (auto kernel = dyn_cast<task::KernelOp>(op)) {
      auto function = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(kernel, kernel.getCalleeAttr());
      for (auto [input, argument] : llvm::zip_equal(kernel.getInputs(), function.getArguments()))
        if (llvm::count(kernel.getInputs(), input) == 1 && isOverwritable(function, argument))
          node.overwritable.push_back(addValue(input));
    }
    // A reuse edge would make a kernel wait for a peer's answer, so what is sent keeps its memory.
    if (isa<task::SendOp, task::PushRowsOp, task::PushDenseOp>(op))
      for (int value : node.inputs)
        graph_.values[value].lasting = true;
    if (auto push = dyn_cast<task::PushDenseOp>(op); push && push.getUpdateAfter())
      graph_.values[node.inputs[0]].optional = true; // A product that updates the parameter does not write there.
    graph_.nodes.push_back(std::move(node));
    nodes_.push_back(cast<task::NodeOpInterface>(op));
  }

  void setNode(task::NodeOpInterface node, const ArenaNode &planned) {
    Builder builder(node.getContext());
    SmallVector<int32_t> after(planned.after.begin(), planned.after.end());
    node.setAfterAttr(after.empty() ? DenseI32ArrayAttr() : builder.getDenseI32ArrayAttr(after));
    SmallVector<Attribute> slots;
    for (int number : planned.outputs) {
      const ArenaValue &value = graph_.values[number];
      slots.push_back(task::SlotAttr::get(node.getContext(), value.segment, value.offset, value.bytes));
    }
    node.setSlotsAttr(slots.empty() ? ArrayAttr() : builder.getArrayAttr(slots));
    if (planned.overwritten >= 0)
      overwrite(cast<task::KernelOp>(node.getOperation()),
                llvm::find(planned.inputs, planned.overwritten) - planned.inputs.begin());
  }

  /// Makes the node call the form of its kernel that writes over input `number`.
  void overwrite(task::KernelOp node, int64_t number) {
    auto function = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(node, node.getCalleeAttr());
    std::string name = (function.getName() + "_over_" + Twine(number)).str();
    auto module = function->getParentOfType<ModuleOp>();
    if (!module.lookupSymbol(name)) {
      OpBuilder builder(module.getContext());
      builder.setInsertionPointAfter(function);
      auto made = cast<func::FuncOp>(builder.clone(*function));
      made.setName(name);
      made->setAttr(task::kOverwritesAttr, builder.getI64IntegerAttr(number));
    }
    node.setCallee(name);
  }

  ArrayAttr segments() {
    MLIRContext *context = block_.getParentOp()->getContext();
    SmallVector<Attribute> result;
    for (auto [number, bytes] : llvm::enumerate(graph_.segmentBytes))
      result.push_back(
          task::SegmentAttr::get(context, number % 2 ? "B" : "", number < 2 ? space_ : task::Space::Host, bytes));
    return ArrayAttr::get(context, result);
  }

  Block &block_;
  task::Space space_;
  ArenaGraph graph_;
  std::vector<task::NodeOpInterface> nodes_;
  llvm::DenseMap<Value, int> numbers_;
};

ArrayAttr planGraph(Region &region, task::Space space) { return GraphPlanner(region.front(), space).run(); }

struct Plan : impl::PlanBase<Plan> {
  void runOnOperation() override {
    for (auto program : getOperation().getOps<task::ProgramOp>()) {
      task::Space space = ps::isHeterTrainer(program.getRole()) ? task::Space::Device : task::Space::Host;
      program.walk([&](task::IfOp op) {
        op.setThenSegmentsAttr(planGraph(op.getThenGraph(), space));
        op.setElseSegmentsAttr(planGraph(op.getElseGraph(), space));
      });
      program.walk([&](task::WhileOp op) {
        op.setConditionSegmentsAttr(planGraph(op.getConditionGraph(), space));
        op.setBodySegmentsAttr(planGraph(op.getBodyGraph(), space));
      });
      program.setSegmentsAttr(planGraph(program.getBody(), space));
    }
    // A kernel that always writes over its input has no caller in its first form.
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (SymbolTable::symbolKnownUseEmpty(function, getOperation()))
        function.erase();
    getOperation()->setAttr(nn::kStageAttr, StringAttr::get(&getContext(), "plan"));
  }
};

} // namespace

} // namespace heter
