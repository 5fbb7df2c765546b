// Lowers kernel functions to loop nests. Every value that has memory (the kernel's inputs, its outputs once written) is
// a leaf; an output is computed in one nest over its shape, in which each element is an expression over leaves. A
// reduction is a nest over its operand's shape. Operations that look along a row more than once (softmax, layer_norm
// and kin) have nests of their own in RowKernels.cpp.
#include "compiler/KernelLowering.h"

#include "compiler/KernelFunction.h"
#include "compiler/KernelLoops.h"
#include "compiler/LoopSpace.h"
#include "compiler/PointwiseLowering.h"
#include "compiler/RowKernels.h"
#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

#include <map>

using namespace mlir;

namespace heter::compiler {

namespace {

/// The index of each loop of a nest at one point, innermost last.
using Indices = SmallVector<Value, 4>;

std::optional<Reduction> reductionOf(Operation *op) {
  return TypeSwitch<Operation *, std::optional<Reduction>>(op)
      .Case<nn::ReduceSumOp, nn::ReduceMeanOp>([](auto) { return Reduction::Sum; })
      .Case<nn::ReduceMaxOp>([](auto) { return Reduction::Max; })
      .Default([](auto) { return std::nullopt; });
}

ArrayRef<int64_t> axesOf(Operation *op) { return op->getAttrOfType<DenseI64ArrayAttr>("axes").asArrayRef(); }

/// Lowers one kernel.
class KernelLowering {
public:
  KernelLowering(func::FuncOp kernel, ModuleOp target)
      : kernel_(kernel), target_(target), builder_(target.getContext()), loops_(builder_, kernel.getLoc()) {}

  LogicalResult run();

private:
  // Nests.
  LogicalResult lowerOutputs();
  llvm::DenseMap<Value, Value> sumsOfTheirOwn();
  LogicalResult lowerPointwise(ArrayRef<Value> outputs);
  LogicalResult lowerReduction(Operation *op);
  LogicalResult lowerRows(Operation *op);

  // Elements.
  LogicalResult collectLeaves(Value value, const DimMap &map, std::vector<Access> &leaves);
  Value extentOf(const Loop &loop);
  Value addressOf(Value value, const DimMap &map, const Indices &indices);
  Value element(Value value, const DimMap &map, const Indices &indices, const Lanes &lanes);
  Value splat(nn::ConstantOp op, const Lanes &lanes);

  // Reductions.
  void emitReduction(Operation *op, Reduction reduction, const DimMap &outputMap, unsigned depth, Indices &indices);
  Value reduceSuffix(Operation *op, Reduction reduction, unsigned depth, Indices &indices);
  void forKept(unsigned depth, Indices &indices, llvm::function_ref<void()> body);
  Value divideByCount(Operation *op, Value sum);

  func::FuncOp kernel_;
  ModuleOp target_;
  OpBuilder builder_;
  KernelLoops loops_;
  llvm::DenseMap<Value, Value> memory_; ///< pointers of the values that have memory
  Value batch_;                         ///< B
  SmallVector<Loop> nest_;              ///< the loops of the nest under construction
  /// Elements computed at the current point of the nest.
  std::map<std::pair<void *, DimMap>, Value> computed_;
};

LogicalResult KernelLowering::run() {
  FailureOr<KernelFunction> function = makeKernelFunction(kernel_, target_, builder_);
  if (failed(function))
    return failure();
  memory_ = std::move(function->memory);
  batch_ = function->batch;
  if (failed(lowerOutputs()))
    return failure();
  LLVM::ReturnOp::create(builder_, kernel_.getLoc(), ValueRange());
  return success();
}

//===----------------------------------------------------------------------===//
// Nests
//===----------------------------------------------------------------------===//

/// Reductions to a single number that others compute with need no place among the outputs: each gets one of its own.
llvm::DenseMap<Value, Value> KernelLowering::sumsOfTheirOwn() {
  llvm::DenseMap<Value, Value> pointers;
  auto outputs = kernel_.front().getTerminator()->getOperands();
  for (Operation &op : kernel_.front().without_terminator()) {
    if (!reductionOf(&op) || !shapeOf(op.getResult(0)).empty() || llvm::is_contained(outputs, op.getResult(0)))
      continue;
    Value one = LLVM::ConstantOp::create(builder_, op.getLoc(), builder_.getI64Type(), builder_.getI64IntegerAttr(1));
    pointers[op.getResult(0)] = LLVM::AllocaOp::create(
        builder_, op.getLoc(), LLVM::LLVMPointerType::get(builder_.getContext()), builder_.getF32Type(), one);
  }
  return pointers;
}

/// Outputs in the order of their operations; neighbours of one shape that need no loops of their own share a nest.
LogicalResult KernelLowering::lowerOutputs() {
  llvm::DenseMap<Value, Value> pointers = sumsOfTheirOwn();
  for (Value output : kernel_.front().getTerminator()->getOperands()) {
    pointers[output] = memory_[output];
    memory_.erase(output);
  }
  SmallVector<Value> together;
  auto flush = [&]() {
    if (together.empty())
      return success();
    for (Value output : together)
      memory_[output] = pointers[output];
    LogicalResult result = lowerPointwise(together);
    together.clear();
    return result;
  };
  for (Operation &op : kernel_.front().without_terminator()) {
    if (op.getNumResults() != 1 || !pointers.contains(op.getResult(0)))
      continue;
    Value output = op.getResult(0);
    bool alone = reductionOf(&op) || isRowOperation(&op);
    if (!together.empty() && (alone || shapeOf(together.front()) != shapeOf(output)) && failed(flush()))
      return failure();
    if (!alone) {
      together.push_back(output);
      continue;
    }
    memory_[output] = pointers[output];
    if (failed(reductionOf(&op) ? lowerReduction(&op) : lowerRows(&op)))
      return failure();
  }
  return flush();
}

LogicalResult KernelLowering::lowerPointwise(ArrayRef<Value> outputs) {
  DimMap map = identityMap(shapeOf(outputs.front()).size());
  llvm::DenseMap<Value, Value> pointers;
  for (Value output : outputs) {
    pointers[output] = memory_[output];
    memory_.erase(output);
  }
  std::vector<Access> accesses;
  for (Value output : outputs) {
    if (failed(collectLeaves(output, map, accesses)))
      return failure();
    accesses.push_back({output, map});
  }
  nest_ = fuseLoops(shapeOf(outputs.front()), {}, accesses);
  Indices indices;
  forKept(0, indices, [&] {
    computed_.clear();
    for (Value output : outputs) {
      Value value = element(output, map, indices, Lanes{});
      loops_.store(pointers[output], addressOf(output, map, indices), value);
    }
  });
  for (Value output : outputs)
    memory_[output] = pointers[output];
  return success();
}

LogicalResult KernelLowering::lowerReduction(Operation *op) {
  Value input = op->getOperand(0), output = op->getResult(0);
  ArrayRef<int64_t> axes = axesOf(op);
  DimMap map = identityMap(shapeOf(input).size()), outputMap;
  for (unsigned dim = 0; dim < map.size(); ++dim)
    if (!llvm::is_contained(axes, dim))
      outputMap.push_back(dim);
  std::vector<Access> accesses;
  if (failed(collectLeaves(input, map, accesses)))
    return failure();
  accesses.push_back({output, outputMap});
  nest_ = fuseLoops(shapeOf(input), axes, accesses);
  Indices indices;
  emitReduction(op, *reductionOf(op), outputMap, 0, indices);
  return success();
}

LogicalResult KernelLowering::lowerRows(Operation *op) {
  SmallVector<Value> pointers;
  for (Value operand : op->getOperands()) {
    Value pointer = memory_.lookup(operand);
    if (!pointer)
      return op->emitOpError("expects the operands of a row operation in a kernel to be inputs of the kernel");
    pointers.push_back(pointer);
  }
  pointers.push_back(memory_[op->getResult(0)]);
  Operation *next = op->getNextNode();
  if (nn::areLossAndGradient(op, next) &&
      llvm::is_contained(kernel_.front().getTerminator()->getOperands(), next->getResult(0)))
    return success(); // emitted with its gradient
  if (Operation *loss = op->getPrevNode(); nn::areLossAndGradient(loss, op))
    return lowerLossAndGradient(op, pointers, memory_.lookup(loss->getResult(0)), batch_, loops_);
  return lowerRowOperation(op, pointers, batch_, loops_);
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

LogicalResult KernelLowering::collectLeaves(Value value, const DimMap &map, std::vector<Access> &leaves) {
  if (memory_.contains(value)) {
    leaves.push_back({value, map});
    return success();
  }
  Operation *op = value.getDefiningOp();
  if (!op || reductionOf(op) || isRowOperation(op))
    return kernel_.emitError("expects an intermediate value with loops of its own to be an output of the kernel");
  if (isa<nn::ConstantOp>(op))
    return success();
  if (!findFormula(op))
    return op->emitOpError("has no form as generated code");
  FailureOr<DimMap> inner = operandMap(op, map);
  if (failed(inner))
    return failure();
  for (Value operand : op->getOperands())
    if (failed(collectLeaves(operand, *inner, leaves)))
      return failure();
  return success();
}

Value KernelLowering::extentOf(const Loop &loop) {
  return loop.batch ? loops_.mulIndex(batch_, loop.size) : loops_.index(loop.size);
}

/// The element number of `value` at the current point. Loops that are not entered yet count as at their beginning.
Value KernelLowering::addressOf(Value value, const DimMap &map, const Indices &indices) {
  Value address;
  for (auto [loop, index] : llvm::zip(nest_, indices)) {
    int64_t stride = strideIn(value, map, loop.lastDim);
    if (stride == 0 || !index)
      continue;
    Value term = loops_.mulIndex(index, stride);
    address = address ? loops_.addIndex(address, term) : term;
  }
  return address ? address : loops_.index(0);
}

Value KernelLowering::element(Value value, const DimMap &map, const Indices &indices, const Lanes &lanes) {
  Value &known = computed_[{value.getAsOpaquePointer(), map}];
  if (known)
    return known;
  Value result;
  if (Value pointer = memory_.lookup(value)) {
    bool spread = lanes.vector && strideIn(value, map, nest_.back().lastDim) == 0;
    result = loops_.load(pointer, elementOf(value), addressOf(value, map, indices), spread ? Lanes{} : lanes);
    result = spread ? loops_.splat(result) : result;
  } else if (auto constant = value.getDefiningOp<nn::ConstantOp>()) {
    result = splat(constant, lanes);
  } else {
    Operation *op = value.getDefiningOp();
    SmallVector<Value> operands;
    DimMap inner = *operandMap(op, map);
    for (Value operand : op->getOperands())
      operands.push_back(element(operand, inner, indices, lanes));
    result = findFormula(op)(op, operands, loops_);
  }
  return computed_[{value.getAsOpaquePointer(), map}] = result;
}

/// A constant of equal elements.
Value KernelLowering::splat(nn::ConstantOp op, const Lanes &lanes) {
  auto number = cast<DenseElementsAttr>(op.getValue()).getSplatValue<TypedAttr>();
  Value value = arith::ConstantOp::create(builder_, op.getLoc(), number);
  return lanes.vector ? loops_.splat(value) : value;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// Runs `body` at every point of the kept loops from `depth` on; reduced ones stay without an index.
void KernelLowering::forKept(unsigned depth, Indices &indices, llvm::function_ref<void()> body) {
  if (depth == nest_.size())
    return body();
  if (nest_[depth].reduced) {
    indices.push_back(Value());
    forKept(depth + 1, indices, body);
  } else {
    loops_.forEach(extentOf(nest_[depth]), [&](Value i) {
      indices.push_back(i);
      forKept(depth + 1, indices, body);
      indices.pop_back();
    });
    return;
  }
  indices.pop_back();
}

Value KernelLowering::divideByCount(Operation *op, Value sum) {
  if (!isa<nn::ReduceMeanOp>(op))
    return sum;
  Value count = loops_.index(1);
  for (const Loop &loop : nest_)
    if (loop.reduced)
      count = arith::MulIOp::create(builder_, op->getLoc(), count, extentOf(loop));
  return loops_.math.div(sum, castToF32(builder_, op->getLoc(), count));
}

/// Reduces the loops from `depth` on, all reduced, to one number.
Value KernelLowering::reduceSuffix(Operation *op, Reduction reduction, unsigned depth, Indices &indices) {
  Value input = op->getOperand(0);
  DimMap map = identityMap(shapeOf(input).size());
  const Loop &loop = nest_[depth];
  auto inner = [&](Value i, const Lanes &lanes) {
    indices.push_back(i);
    computed_.clear();
    Value value = depth + 1 == nest_.size() ? element(input, map, indices, lanes)
                                            : reduceSuffix(op, reduction, depth + 1, indices);
    indices.pop_back();
    return value;
  };
  std::vector<Access> leaves;
  (void)collectLeaves(input, map, leaves);
  bool vectorizable = depth + 1 == nest_.size() && llvm::all_of(leaves, [&](const Access &leaf) {
                        int64_t stride = strideIn(leaf.first, leaf.second, loop.lastDim);
                        return stride == 0 || stride == 1;
                      });
  std::optional<int64_t> extent = loop.batch ? std::nullopt : std::optional(loop.size);
  return loops_.reduceRow(reduction, extentOf(loop), extent, vectorizable, inner);
}

/// Loops in the order of the space. Where everything from `depth` on is reduced, a row reduction makes one number;
/// a reduced loop around kept ones adds up in the output's memory.
void KernelLowering::emitReduction(Operation *op, Reduction reduction, const DimMap &outputMap, unsigned depth,
                                   Indices &indices) {
  Value output = op->getResult(0), pointer = memory_[output];
  auto isReduced = [](const Loop &loop) { return loop.reduced; };
  auto rest = llvm::drop_begin(nest_, depth);
  bool inMemory = llvm::any_of(ArrayRef(nest_).take_front(depth), isReduced);
  if (depth == nest_.size() || llvm::all_of(rest, isReduced)) {
    computed_.clear();
    Value value = depth == nest_.size()
                      ? element(op->getOperand(0), identityMap(shapeOf(op->getOperand(0)).size()), indices, Lanes{})
                      : reduceSuffix(op, reduction, depth, indices);
    Value address = addressOf(output, outputMap, indices);
    if (inMemory)
      value = loops_.combine(reduction, loops_.load(pointer, builder_.getF32Type(), address, Lanes{}), value);
    else
      value = divideByCount(op, value);
    loops_.store(pointer, address, value);
    return;
  }
  bool first = nest_[depth].reduced && !inMemory;
  auto forOutputs = [&](llvm::function_ref<Value(Value)> update) {
    forKept(depth, indices, [&] {
      Value address = addressOf(output, outputMap, indices);
      loops_.store(pointer, address, update(address));
    });
  };
  if (first)
    forOutputs([&](Value) { return loops_.identity(reduction, builder_.getF32Type()); });
  loops_.forEach(extentOf(nest_[depth]), [&](Value i) {
    indices.push_back(i);
    emitReduction(op, reduction, outputMap, depth + 1, indices);
    indices.pop_back();
  });
  if (first && isa<nn::ReduceMeanOp>(op))
    forOutputs([&](Value address) {
      return divideByCount(op, loops_.load(pointer, builder_.getF32Type(), address, Lanes{}));
    });
}

} // namespace

LogicalResult lowerKernel(func::FuncOp kernel, ModuleOp target) { return KernelLowering(kernel, target).run(); }

void loadKernelDialects(MLIRContext &context) {
  context.loadDialect<arith::ArithDialect, cf::ControlFlowDialect, LLVM::LLVMDialect, scf::SCFDialect>();
}

} // namespace heter::compiler
