// Operations become nodes, groups of generated code calls of kernel functions, regions graphs of their own.
#include "passes/Outline/ProgramOutliner.h"

#include "passes/Outline/Apart.h"
#include "passes/Outline/Keys.h"
#include "passes/Outline/Lookups.h"
#include "passes/Outline/Masks.h"
#include "passes/Outline/Packing.h"
#include "passes/Remarks.h"

#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heter {

/// The scope of the parameter that a chain of layers ends in: "deep.0" of "deep.0.weight", or "".
std::string ProgramOutliner::scopeOf(Value value) {
  for (Operation *op = value.getDefiningOp(); op; op = op->getOperand(0).getDefiningOp()) {
    if (auto dropout = dyn_cast<nn::DropoutOp>(op))
      return dropout.getPath().str();
    if (auto linear = dyn_cast<nn::LinearOp>(op)) {
      auto weight = linear.getWeight().getDefiningOp<ps::PullDenseOp>();
      return weight ? weight.getParameter().rsplit('.').first.str() : "";
    }
    if (!isPointwise(op) || op->getNumOperands() != 1)
      break;
  }
  return "";
}

Value ProgramOutliner::get(Value value, task::Space space) {
  Places &places = values_[value];
  bool onDevice = space == task::Space::Device && isa<RankedTensorType>(value.getType());
  Value &wanted = onDevice ? places.device : places.host;
  if (wanted)
    return wanted;
  Value other = onDevice ? places.host : places.device;
  if (!other) { // A constant that is read outside of kernels.
    (void)outlineKernel({value.getDefiningOp()});
    return get(value, space);
  }
  Type type = task::inSpace(value.getType(), onDevice ? task::Space::Device : task::Space::Host);
  auto copy = task::CopyOp::create(builder_, value.getLoc(), type, other,
                                   label(onDevice ? "copy to device" : "copy to host"), {}, {});
  return values_[value].*(onDevice ? &Places::device : &Places::host) = copy.getResult();
}

LogicalResult ProgramOutliner::run() {
  StringRef role = source_.getRole();
  StringRef deviceClass = space_ == task::Space::Device ? role.rsplit('.').second : "cpu";
  auto program = task::ProgramOp::create(builder_, source_.getLoc(), source_.getSymName(), role, source_.getGraph(),
                                         deviceClass, ArrayAttr());
  builder_.setInsertionPointToStart(&program.getBody().emplaceBlock());
  if (failed(outlineBlock(source_.getBody().front())))
    return failure();
  if (fuse_) {
    fuseLookups(program);
    joinKeys(program);
  }
  packProducts(program, fuse_);
  if (fuse_) {
    fuseMasks(program);
    remarkApart(program);
    remarkCalls(program);
  } else {
    heter::remark(program, false, "all operations apart: asked for by --no-fuse", program.getSymName());
  }
  // The symbol's name passes from the old program to the new one.
  source_.erase();
  return success();
}

LogicalResult ProgramOutliner::outlineBlock(Block &block) {
  std::vector<FusionNote> notes;
  for (const std::vector<Operation *> &group : groupKernels(block, fuse_, notes))
    if (failed(outlineGroup(group)))
      return failure();
  for (FusionNote &note : notes)
    note.fused ? remark(note) : apart_.push_back(std::move(note));
  return success();
}

void ProgramOutliner::remark(const FusionNote &note) {
  StringRef first = note.producer->getName().stripDialect(), second = note.consumer->getName().stripDialect();
  heter::remark(note.consumer, note.fused,
                first + (note.fused ? " + " : ", ") + second + (note.fused ? ": " : " apart: ") + note.why,
                source_.getSymName());
}

/// Tells of what the grouping left apart. Kernels that became the end of a product since are left out: whoever reads
/// them, or is read, is beside a call of the library now, which remarkCalls() tells of.
void ProgramOutliner::remarkApart(task::ProgramOp program) {
  llvm::DenseSet<Operation *> kernels;
  program.walk([&](task::KernelOp kernel) { kernels.insert(kernel); });
  auto isTaken = [&](Operation *op) {
    Operation *kernel = kernelOf_.lookup(op);
    return kernel && !kernels.contains(kernel);
  };
  for (const FusionNote &note : apart_)
    if (!isTaken(note.producer) && !isTaken(note.consumer))
      remark(note);
}

LogicalResult ProgramOutliner::outlineGroup(ArrayRef<Operation *> group) {
  switch (executionOf(group.front())) {
  case Execution::Node:
    return outlineNode(group.front());
  case Execution::Library:
    return outlineLibrary(group);
  case Execution::Kernel:
    return outlineKernel(group);
  case Execution::Constant:
    break;
  }
  return success();
}

task::LibraryOp ProgramOutliner::keysOf(Value ids) {
  Value found = get(ids, task::Space::Host);
  for (auto same : builder_.getBlock()->getOps<task::LibraryOp>())
    if (same.getCallee() == "unique_keys" && same.getInputs()[0] == found)
      return same;
  SmallVector<Type> types = {nn::RowsType::get(builder_.getContext(), 0), found.getType()};
  return task::LibraryOp::create(builder_, ids.getLoc(), types, "unique_keys", found, DictionaryAttr(),
                                 label("unique_keys"), DenseI32ArrayAttr(), ArrayAttr());
}

/// The rows of the keys, pulled once a table part, and the lookup of the ids among them.
Value ProgramOutliner::outlinePull(ps::PullRowsOp pull) {
  task::LibraryOp keys = keysOf(pull.getIds());
  std::string name = (pull.getTable() + (pull.getPart().empty() ? "" : ".") + pull.getPart()).str();
  task::PullRowsOp rows;
  for (auto same : builder_.getBlock()->getOps<task::PullRowsOp>())
    if (same.getTableAttr() == pull.getTableAttr() && same.getPartAttr() == pull.getPartAttr() &&
        same.getKeys() == keys.getResult(0))
      rows = same;
  auto type = cast<RankedTensorType>(pull.getRows().getType());
  if (!rows)
    rows = task::PullRowsOp::create(
        builder_, pull.getLoc(), nn::RowsType::get(builder_.getContext(), type.getShape().back()), pull.getTableAttr(),
        pull.getPartAttr(), keys.getResult(0), label("pull " + name), {}, {});
  auto pools = builder_.getNamedAttr("pools", builder_.getStringAttr(nn::stringifyPool(pull.getPool())));
  SmallVector<Value> inputs = {rows.getResult(), keys.getResult(1)};
  DictionaryAttr options = builder_.getDictionaryAttr(pools);
  for (auto same : builder_.getBlock()->getOps<task::LibraryOp>())
    if (same.getCallee() == "lookup" && llvm::equal(same.getInputs(), inputs) && same.getOptionsAttr() == options)
      return same.getResult(0);
  return task::LibraryOp::create(builder_, pull.getLoc(), type, "lookup", inputs, options, label("lookup " + name),
                                 DenseI32ArrayAttr(), ArrayAttr())
      .getResult(0);
}

LogicalResult ProgramOutliner::outlineNode(Operation *op) {
  Location loc = op->getLoc();
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](nn::InputOp input) {
        set(input, task::InputOp::create(builder_, loc, input.getType(), input.getNameAttr(), input.getLabelAttr(),
                                         label(input.getName()), {}, {}));
        return success();
      })
      .Case([&](ps::PullRowsOp pull) {
        set(pull.getRows(), outlinePull(pull));
        return success();
      })
      .Case([&](ps::PullDenseOp pull) {
        set(pull.getValue(),
            task::PullDenseOp::create(builder_, loc, pull.getValue().getType(), pull.getParameterAttr(),
                                      label("pull " + pull.getParameter()), {}, {}));
        return success();
      })
      .Case([&](ps::PushRowsOp push) {
        task::PushRowsOp::create(builder_, loc, push.getTableAttr(), push.getPartAttr(),
                                 get(push.getRows(), task::Space::Host),
                                 push.getCounts() ? get(push.getCounts(), task::Space::Host) : Value(),
                                 label("push " + push.getTable()), {}, {});
        return success();
      })
      .Case([&](ps::PushDenseOp push) {
        task::PushDenseOp::create(builder_, loc, push.getParameterAttr(), get(push.getGradient(), task::Space::Host),
                                  DenseI32ArrayAttr(), label("push " + push.getParameter()), {}, {});
        return success();
      })
      .Case([&](ps::SendOp send) {
        task::SendOp::create(builder_, loc, send.getChannelAttr(), get(send.getValues(), task::Space::Host),
                             label("send " + send.getChannel()), {}, {});
        return success();
      })
      .Case([&](ps::RecvOp recv) {
        auto node = task::RecvOp::create(builder_, loc, recv.getResultTypes(), recv.getChannelAttr(),
                                         label("recv " + recv.getChannel()), {}, {});
        for (auto [value, result] : llvm::zip(recv.getResults(), node.getResults()))
          set(value, result);
        return success();
      })
      .Case([&](nn::ReportOp report) {
        task::ReportOp::create(builder_, loc, report.getMetricAttr(), report.getNameAttr(),
                               get(report.getValues(), task::Space::Host), label("report " + report.getName()), {}, {});
        return success();
      })
      .Case([&](nn::PredictOp predict) {
        task::PredictOp::create(builder_, loc, predict.getNameAttr(), get(predict.getValue(), task::Space::Host),
                                label("predict " + predict.getName()), {}, {});
        return success();
      })
      .Case([&](nn::IfOp branch) { return outlineIf(branch); })
      .Case([&](nn::WhileOp loop) { return outlineWhile(loop); })
      .Default([](Operation *other) { return other->emitOpError("has no form in a task graph"); });
}

/// What the regions of `op` use from around them, but for constants: each graph makes its own.
static SmallVector<Value> capturedBy(Operation *op) {
  llvm::SetVector<Value> values;
  getUsedValuesDefinedAbove(op->getRegions(), values);
  values.remove_if([](Value value) { return isa_and_nonnull<nn::ConstantOp>(value.getDefiningOp()); });
  return SmallVector<Value>(values.takeVector());
}

LogicalResult ProgramOutliner::outlineIf(nn::IfOp op) {
  SmallVector<Value> captured = capturedBy(op);
  Value condition = get(op.getCondition(), task::Space::Host);
  SmallVector<Value> passed = get(captured, space_);
  auto node = task::IfOp::create(builder_, op.getLoc(), typesIn(op.getResultTypes()), condition, passed, ArrayAttr(),
                                 ArrayAttr(), label("if"), DenseI32ArrayAttr(), ArrayAttr());
  if (failed(outlineRegion(op.getThenRegion(), node.getThenGraph(), captured, passed, space_)) ||
      failed(outlineRegion(op.getElseRegion(), node.getElseGraph(), captured, passed, space_)))
    return failure();
  for (auto [value, result] : llvm::zip_equal(op.getResults(), node.getResults()))
    set(value, result);
  return success();
}

LogicalResult ProgramOutliner::outlineWhile(nn::WhileOp op) {
  SmallVector<Value> captured = capturedBy(op);
  SmallVector<Value> carried = get(op.getCarried(), space_), passed = get(captured, space_);
  auto node =
      task::WhileOp::create(builder_, op.getLoc(), typesIn(op.getResultTypes()), carried, passed, op.getLimitAttr(),
                            ArrayAttr(), ArrayAttr(), label("while"), DenseI32ArrayAttr(), ArrayAttr());
  // The host decides whether another round begins.
  if (failed(outlineRegion(op.getConditionRegion(), node.getConditionGraph(), captured, passed, task::Space::Host)) ||
      failed(outlineRegion(op.getBodyRegion(), node.getBodyGraph(), captured, passed, space_)))
    return failure();
  for (auto [value, result] : llvm::zip_equal(op.getResults(), node.getResults()))
    set(value, result);
  return success();
}

/// Makes the graph `to` of the region `from`: its arguments are those of the region and then the captured values, which
/// the node is given as `passed`.
LogicalResult ProgramOutliner::outlineRegion(Region &from, Region &to, ValueRange captured, ValueRange passed,
                                             task::Space results) {
  OpBuilder::InsertionGuard guard(builder_);
  Block *graph = builder_.createBlock(&to);
  llvm::DenseMap<Value, Places> outside;
  std::swap(values_, outside);
  for (BlockArgument argument : from.getArguments())
    set(argument, graph->addArgument(task::inSpace(argument.getType(), space_), argument.getLoc()));
  for (auto [value, given] : llvm::zip_equal(captured, passed))
    set(value, graph->addArgument(given.getType(), value.getLoc()));
  LogicalResult result = outlineBlock(from.front());
  if (succeeded(result)) {
    Operation *yield = from.front().getTerminator();
    task::YieldOp::create(builder_, yield->getLoc(), get(yield->getOperands(), results));
  }
  std::swap(values_, outside);
  return result;
}

/// The attributes that a library kernel wants of `group`.
static DictionaryAttr libraryOptions(ArrayRef<Operation *> group, Builder builder) {
  Operation *op = group.front();
  NamedAttrList options;
  if (group.size() > 1)
    options.append("activation", builder.getStringAttr(group.back()->getName().stripDialect()));
  for (StringRef name : {"transpose_a", "transpose_b", "axis", "begin", "end", "low", "high", "rate", "path", "space"})
    if (Attribute value = op->getAttr(name))
      options.append(name, value);
  if (auto precision = op->getAttrOfType<nn::PrecisionAttr>("precision");
      precision && precision.getValue() != nn::Precision::F32)
    options.append("precision", builder.getStringAttr(nn::stringifyPrecision(precision.getValue())));
  if (auto grad = dyn_cast<nn::LookupGradOp>(op)) {
    options.append("pools", builder.getStringAttr(nn::stringifyPool(grad.getPool())));
    options.append("dim", builder.getI64IntegerAttr(cast<nn::RowsType>(grad.getType()).getDim()));
    options.append("begins", builder.getDenseI64ArrayAttr({0}));
  }
  return options.empty() ? DictionaryAttr() : options.getDictionary(builder.getContext());
}

/// A call of the library's function for the first operation; a second one, an activation, is done by the same call.
LogicalResult ProgramOutliner::outlineLibrary(ArrayRef<Operation *> group) {
  Operation *op = group.front();
  std::string name = describe(group, "+");
  std::string scope = scopeOf(op->getResult(0));
  // Sparse gradients are made on the host, whatever computes the rest.
  bool sparse = isa<nn::RowsType>(op->getResult(0).getType());
  SmallVector<Value> inputs = get(op->getOperands(), sparse ? task::Space::Host : space_);
  if (auto grad = dyn_cast<nn::LookupGradOp>(op)) {
    inputs.erase(inputs.begin());
    task::LibraryOp keys = keysOf(grad.getIds());
    inputs.insert(inputs.begin(), keys.getResults().begin(), keys.getResults().end());
  }
  auto node = task::LibraryOp::create(builder_, op->getLoc(), typesIn(op->getResultTypes()), libraryKernelOf(op),
                                      inputs, libraryOptions(group, builder_),
                                      scope + (scope.empty() ? "" : " ") + name, DenseI32ArrayAttr(), ArrayAttr());
  set(group.back()->getResult(0), node.getResult(0));
  return success();
}

LogicalResult ProgramOutliner::outlineKernel(ArrayRef<Operation *> group) {
  KernelFunctions::Outlined kernel = kernels_.outline(group);
  std::string scope = scopeOf(group.front()->getResult(0));
  std::string text = (scope.empty() ? "" : scope + " ") + describe(group, "+");
  SmallVector<Value> inputs = get(kernel.inputs, space_);
  auto node = task::KernelOp::create(builder_, group.front()->getLoc(), typesIn(TypeRange(ValueRange(kernel.outputs))),
                                     kernel.function.getSymName(), inputs, text, DenseI32ArrayAttr(), ArrayAttr());
  for (auto [value, result] : llvm::zip(kernel.outputs, node.getResults()))
    set(value, result);
  for (Operation *op : group)
    kernelOf_[op] = node;
  return success();
}

} // namespace heter
