// --heter-autodiff: reverse-mode differentiation of @train. The gradient rules are the operations' own
// (nn::DifferentiableOpInterface); this pass finds what needs a gradient, runs the rules backwards, sums what several
// uses contribute, and ends the program with one update a parameter and table part.
#include "dialects/nn/NN.h"
#include "passes/Autodiff/Clip.h"
#include "passes/Passes.h"
#include "tests/mutation/Mutation.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

namespace heter {
#define GEN_PASS_DEF_AUTODIFF
#include "passes/Passes.h.inc"
} // namespace heter

using namespace mlir;
using namespace heter;
using namespace heter::nn;

namespace {

/// Differentiates one program. Appends to the end of its block.
class Differentiator {
public:
  explicit Differentiator(ProgramOp program)
      : block(&program.getBody().front()), builder(OpBuilder::atBlockEnd(block)) {}

  /// Fills `parameters` and `rows` with the gradients of `minimize`'s loss.
  LogicalResult run(MinimizeOp minimize);

  SmallVector<SourceGradient *> allParameters() {
    return llvm::map_to_vector(parameters, [](auto &entry) { return &entry.second; });
  }

  llvm::MapVector<StringAttr, SourceGradient> parameters;                  // by symbol
  llvm::MapVector<std::pair<StringAttr, StringAttr>, SourceGradient> rows; // by table and part
  llvm::MapVector<StringAttr, SourceGradient> counts;                      // shows and clicks, by table

private:
  void findActive();
  Value sum(Value value);
  LogicalResult differentiate(Operation *op);
  LogicalResult count(LookupOp lookup, TableOp table);
  template <typename Op> void merge(SourceGradient &source, Value gradient, PlaceAttr place, Location loc);

  Block *block;
  OpBuilder builder;
  DenseSet<Value> active; // depends on a parameter by way of f32 values
  DenseMap<Value, SmallVector<SourceGradient>> contributions;
};

} // namespace

void Differentiator::findActive() {
  for (Operation &op : *block) {
    bool source = isa<ParamOp, LookupOp>(op);
    if (!source && llvm::none_of(usedValues(&op), [&](Value used) { return active.contains(used); }))
      continue;
    for (Value result : op.getResults())
      if (auto type = dyn_cast<RankedTensorType>(result.getType()); type && type.getElementType().isF32())
        active.insert(result);
  }
}

/// The sum of the contributions to the gradient of `value`, in the order in which they came. It is added where they
/// are, if they all are in one role, else where the value is.
Value Differentiator::sum(Value value) {
  ArrayRef<SourceGradient> parts = contributions[value];
  auto roleOf = [](PlaceAttr place) { return place ? place.getRole() : StringRef(); };
  PlaceAttr place = parts.front().place;
  if (!llvm::all_of(parts, [&](const SourceGradient &part) { return roleOf(part.place) == roleOf(place); }))
    place = getPlace(value.getDefiningOp());
  if (parts.size() > 1 && HETER_MUTATION("gradient-sum/last-contribution"))
    parts = parts.drop_back();
  Value total = parts.front().value;
  for (const SourceGradient &part : parts.drop_front())
    total = AddOp::create(builder, value.getLoc(), total, part.value, place);
  return total;
}

template <typename Op>
void Differentiator::merge(SourceGradient &source, Value gradient, PlaceAttr place, Location loc) {
  if (!source.value)
    source = {gradient, place};
  else if (!HETER_MUTATION("gradient-sum/" + Op::getOperationName().str()))
    source.value = Op::create(builder, loc, source.value, gradient, source.place);
}

LogicalResult Differentiator::differentiate(Operation *op) {
  if (isa<IfOp, WhileOp>(op))
    return op->emitError() << "gradients of " << op->getName()
                           << " are not supported: the loss cannot depend on a parameter through it";
  Value gradient = sum(op->getResult(0));
  PlaceAttr place = getPlace(op);
  if (isa<ParamOp, LookupOp>(op) && HETER_MUTATION("gradient/" + op->getName().getStringRef().str()))
    gradient = NegOp::create(builder, op->getLoc(), gradient, place);
  if (auto param = dyn_cast<ParamOp>(op)) {
    merge<AddOp>(parameters[param.getParameterAttr().getAttr()], gradient, place, op->getLoc());
    return success();
  }
  if (auto lookup = dyn_cast<LookupOp>(op)) {
    Value made = LookupGradOp::create(builder, op->getLoc(), lookup.getIds(), gradient, lookup.getPoolAttr(), place);
    merge<AddRowsOp>(rows[{lookup.getTableAttr().getAttr(), lookup.getPartAttr()}], made, place, op->getLoc());
    auto table = SymbolTable::lookupNearestSymbolFrom<TableOp>(lookup, lookup.getTableAttr());
    if (table && table.findRule("show_click") && table.getCountingPart().getName() == lookup.getPart())
      return count(lookup, table);
    return success();
  }
  auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
  if (!differentiable)
    return op->emitOpError("has no gradient, but the loss depends on a parameter through it");
  SmallVector<bool> wanted =
      llvm::map_to_vector(op->getOperands(), [&](Value operand) { return active.contains(operand); });
  SmallVector<Value> gradients(op->getNumOperands());
  differentiable.buildGradient(builder, gradient, wanted, gradients);
  for (auto [i, operand, made, want] : llvm::enumerate(op->getOperands(), gradients, wanted)) {
    if (!want || !made)
      continue;
    if (HETER_MUTATION("gradient/" + op->getName().getStringRef().str() + "/" + std::to_string(i)))
      made = NegOp::create(builder, op->getLoc(), made, place);
    contributions[operand].push_back({made, place});
  }
  return success();
}

/// Counts the shows and clicks of the keys of a lookup: a key is shown as often as it is looked up, and clicked as the
/// label of those examples says. As the gradient's rows are, these are sums over a key's occurrences, in the same order
/// of keys: the gradient of a lookup whose result has the gradient (1, label).
LogicalResult Differentiator::count(LookupOp lookup, TableOp table) {
  Location loc = lookup.getLoc();
  // Where the lookup is marked is not where the label is: the pair is made with it.
  const PlaceAttr place = getPlace(lookup), unmarked;
  StringRef name = table.findRule("show_click").getOptions().getAs<StringAttr>("clicks").getValue();
  InputOp label;
  for (auto input : block->getOps<InputOp>())
    if (input.getName() == name)
      label = input;
  auto type = label ? dyn_cast<RankedTensorType>(label.getType()) : RankedTensorType();
  if (!type || !label.getLabel() || type.getRank() != 1 || !type.getElementType().isF32())
    return table.emitOpError("counts clicks by '") << name << "', which is no label of one f32 an example";
  auto shaped = [&](ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, builder.getF32Type()); };
  constexpr int64_t batch = ShapedType::kDynamic;
  Value one = ConstantOp::create(builder, loc, 1.0, unmarked);
  Value shows = BroadcastOp::create(builder, loc, shaped({batch, 1}), one, ArrayRef<int64_t>(), unmarked);
  Value clicks = ReshapeOp::create(builder, loc, shaped({batch, 1}), label, unmarked);
  if (HETER_MUTATION("counts/clicks-are-shows"))
    clicks = shows;
  Value pair = ConcatOp::create(builder, loc, ValueRange{shows, clicks}, 1, unmarked);
  // Of lists of ids the sum is taken, whatever the lookup's pooling.
  auto ids = dyn_cast<RankedTensorType>(lookup.getIds().getType());
  Pool pool = ids && ids.getRank() == 1 ? Pool::None : Pool::Sum;
  if (ids && ids.getRank() > 2) {
    SmallVector<int64_t> shape(ids.getShape().drop_back());
    shape.push_back(2);
    pair = BroadcastOp::create(builder, loc, shaped(shape), pair, ArrayRef<int64_t>{0, ids.getRank() - 1}, unmarked);
  }
  Value made =
      LookupGradOp::create(builder, loc, lookup.getIds(), pair, PoolAttr::get(builder.getContext(), pool), place);
  merge<AddRowsOp>(counts[table.getSymNameAttr()], made, place, loc);
  return success();
}

LogicalResult Differentiator::run(MinimizeOp minimize) {
  findActive();
  Value loss = minimize.getLoss();
  if (!active.contains(loss))
    return minimize.emitOpError("the loss depends on no parameter and no table");
  auto forward = llvm::to_vector(llvm::make_pointer_range(*block));
  PlaceAttr place = getPlace(loss.getDefiningOp());
  contributions[loss].push_back({ExampleCountOp::create(builder, minimize.getLoc(), place), place});
  for (Operation *op : llvm::reverse(forward))
    if (llvm::any_of(op->getResults(), [&](Value result) { return contributions.contains(result); }) &&
        failed(differentiate(op)))
      return failure();
  return success();
}

/// The one nn.minimize of @train, or null after an error.
static MinimizeOp findMinimize(ModuleOp module) {
  MinimizeOp found;
  WalkResult result = module.walk([&](MinimizeOp minimize) {
    auto program = dyn_cast<ProgramOp>(minimize->getParentOp());
    if (!program || program.getSymName() != "train") {
      minimize.emitOpError("belongs in program @train");
      return WalkResult::interrupt();
    }
    if (found) {
      minimize.emitOpError("is the second of its program").attachNote(found.getLoc()) << "first here";
      return WalkResult::interrupt();
    }
    found = minimize;
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return nullptr;
  if (!found)
    module.emitError("nothing is minimized, so there is nothing to train: expected nn.minimize in program @train");
  return found;
}

/// Ends the program with the updates, in the order in which parameters and tables are declared.
static LogicalResult buildUpdates(ModuleOp module, MinimizeOp minimize, Differentiator &gradients) {
  OpBuilder builder = OpBuilder::atBlockEnd(minimize->getBlock());
  Location loc = minimize.getLoc();
  for (auto parameter : module.getOps<ParameterOp>()) {
    if (!parameter.getOptimizerAttr())
      parameter.setOptimizerAttr(minimize.getOptimizer());
    auto it = gradients.parameters.find(parameter.getSymNameAttr());
    if (it == gradients.parameters.end())
      parameter.emitWarning() << "parameter '" << parameter.getSymName()
                              << "' does not influence the loss and keeps its first value";
    else
      UpdateOp::create(builder, loc, FlatSymbolRefAttr::get(it->first), it->second.value, it->second.place);
  }
  for (auto table : module.getOps<TableOp>()) {
    for (auto part : table.getParts().getAsRange<PartAttr>()) {
      auto name = builder.getStringAttr(part.getName());
      auto it = gradients.rows.find({table.getSymNameAttr(), name});
      if (it == gradients.rows.end())
        table.emitWarning() << "table '" << table.getSymName() << (part.getName().empty() ? "" : ".") << part.getName()
                            << "' does not influence the loss and gets no rows";
      else
        UpdateRowsOp::create(builder, loc, FlatSymbolRefAttr::get(it->first.first), name, it->second.value,
                             part == table.getCountingPart() ? gradients.counts[table.getSymNameAttr()].value : Value(),
                             it->second.place);
    }
    if (table.findRule("show_click") && !gradients.counts[table.getSymNameAttr()].value)
      return table.emitOpError("counts the shows and clicks of part '")
             << table.getCountingPart().getName() << "', which does not influence the loss";
  }
  return success();
}

namespace {

struct AutodiffPass : heter::impl::AutodiffBase<AutodiffPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    MinimizeOp minimize = findMinimize(module);
    if (!minimize)
      return signalPassFailure();
    Differentiator gradients(cast<ProgramOp>(minimize->getParentOp()));
    if (failed(gradients.run(minimize)))
      return signalPassFailure();
    if (minimize.getClipAttr())
      clipNorm(minimize, gradients.allParameters());
    if (minimize.getClipValueAttr())
      clipValues(minimize, gradients.allParameters());
    if (failed(buildUpdates(module, minimize, gradients)))
      return signalPassFailure();
    minimize.erase();
    module->setAttr(kStageAttr, StringAttr::get(module.getContext(), "autodiff"));
  }
};

} // namespace
