// Lowers kernel functions to loop nests. Every value that has memory (the kernel's inputs, its outputs once written) is
// a leaf; an output is computed in one nest over its shape, in which each element is an expression over leaves. A
// reduction is a nest over its operand's shape. Operations that look along a row more than once (softmax, layer_norm
// and kin) have nests of their own in RowKernels.cpp.
#include "compiler/KernelLowering.h"

#include "compiler/KernelLoops.h"
#include "compiler/RowKernels.h"
#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

#include <map>

using namespace mlir;

namespace heter::compiler {

namespace {

/// For each dimension of a value, the dimension of the nest's space that indexes it, or -1 if its index is always 0.
using DimMap = SmallVector<int64_t, 4>;

/// A run of dimensions of the nest's space that one loop covers.
struct Loop {
  unsigned lastDim;
  int64_t size; ///< times B if `batch`
  bool batch;
  bool reduced;
};

/// The index of each loop of a nest at one point, innermost last.
using Indices = SmallVector<Value, 4>;

SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

ArrayRef<int64_t> shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }
Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

DimMap identityMap(unsigned rank) {
  DimMap map(rank);
  std::iota(map.begin(), map.end(), 0);
  return map;
}

std::optional<DimMap> reshapeMap(nn::ReshapeOp op, const DimMap &map) {
  // Only dimensions of size 1 come and go.
  ArrayRef<int64_t> from = shapeOf(op.getInput()), to = shapeOf(op.getResult());
  DimMap result;
  size_t next = 0;
  for (int64_t size : from) {
    if (size == 1) {
      result.push_back(-1);
      continue;
    }
    while (next < to.size() && to[next] == 1)
      ++next;
    if (next == to.size() || to[next] != size)
      return std::nullopt;
    result.push_back(map[next++]);
  }
  while (next < to.size() && to[next] == 1)
    ++next;
  return next == to.size() ? std::optional(result) : std::nullopt;
}

/// How the operands of `op`, an operation without loops of its own, are indexed if its result is indexed by `map`.
FailureOr<DimMap> operandMap(Operation *op, const DimMap &map) {
  if (auto broadcast = dyn_cast<nn::BroadcastOp>(op)) {
    DimMap result;
    ArrayRef<int64_t> from = shapeOf(broadcast.getInput()), to = shapeOf(broadcast.getResult());
    for (auto [size, dim] : llvm::zip(from, broadcast.getDims()))
      result.push_back(size == 1 && to[dim] != 1 ? -1 : map[dim]);
    return result;
  }
  if (auto reshape = dyn_cast<nn::ReshapeOp>(op)) {
    if (std::optional<DimMap> result = reshapeMap(reshape, map))
      return *result;
    return op->emitOpError("changes more than dimensions of size 1 and cannot be part of a kernel");
  }
  return map;
}

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
  // Functions.
  void makeEntry(LLVM::LLVMFuncOp body, ArrayRef<Value> tensors);
  LLVM::LLVMFuncOp makeBody(ArrayRef<Value> tensors);
  void addConstants();

  // Nests.
  LogicalResult lowerOutputs();
  LogicalResult lowerPointwise(ArrayRef<Value> outputs);
  LogicalResult lowerReduction(Operation *op);
  LogicalResult lowerRows(Operation *op);

  // The space of a nest.
  LogicalResult collectLeaves(Value value, const DimMap &map, std::vector<std::pair<Value, DimMap>> &leaves);
  void fuseLoops(ArrayRef<int64_t> shape, ArrayRef<int64_t> reducedAxes, ArrayRef<std::pair<Value, DimMap>> accesses);
  int64_t strideIn(Value value, const DimMap &map, unsigned dim);
  Value extentOf(const Loop &loop);

  // Elements.
  Value addressOf(Value value, const DimMap &map, const Indices &indices);
  Value element(Value value, const DimMap &map, const Indices &indices, const Lanes &lanes);
  Value compute(Operation *op, ArrayRef<Value> operands, const Lanes &lanes);

  void emitReduction(Operation *op, Reduction reduction, const DimMap &outputMap, unsigned depth, Indices &indices);
  Value reduceSuffix(Operation *op, Reduction reduction, unsigned depth, Indices &indices);
  void forKept(unsigned depth, Indices &indices, llvm::function_ref<void()> body);
  Value divideByCount(Operation *op, Value sum);

  func::FuncOp kernel_;
  ModuleOp target_;
  OpBuilder builder_;
  KernelLoops loops_;
  llvm::DenseMap<Value, Value> memory_; ///< pointers of the values that have memory
  Value batch_;                         ///< B, or null where no value of the kernel depends on it
  SmallVector<Loop> nest_;              ///< the loops of the nest under construction
  /// Elements computed at the current point of the nest.
  std::map<std::pair<void *, DimMap>, Value> computed_;
};

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

bool isBatched(Value value) { return !shapeOf(value).empty() && shapeOf(value)[0] == ShapedType::kDynamic; }

LLVM::LLVMFuncOp KernelLowering::makeBody(ArrayRef<Value> tensors) {
  MLIRContext *context = target_.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  SmallVector<Type> types(tensors.size(), pointer);
  types.push_back(builder_.getI64Type());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types);
  builder_.setInsertionPointToEnd(target_.getBody());
  auto body = LLVM::LLVMFuncOp::create(builder_, kernel_.getLoc(), (kernel_.getName() + ".body").str(), type,
                                       LLVM::Linkage::Internal);
  // Called out of line, so that what is known of the arguments is not lost.
  body.setPassthroughAttr(builder_.getStrArrayAttr({"noinline", "nounwind"}));
  for (unsigned i = 0; i < tensors.size(); ++i) {
    body.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), builder_.getUnitAttr());
    if (i < kernel_.getNumArguments())
      body.setArgAttr(i, LLVM::LLVMDialect::getReadonlyAttrName(), builder_.getUnitAttr());
  }
  Block *entry = body.addEntryBlock(builder_);
  for (auto [tensor, argument] : llvm::zip(tensors, entry->getArguments()))
    memory_[tensor] = argument;
  batch_ = entry->getArguments().back();
  builder_.setInsertionPointToStart(entry);
  return body;
}

/// void NAME(void *const *args): args[i] points to {base, aligned, offset, sizes.., strides..} of tensor i.
void KernelLowering::makeEntry(LLVM::LLVMFuncOp body, ArrayRef<Value> tensors) {
  MLIRContext *context = target_.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer});
  OpBuilder::InsertionGuard guard(builder_);
  builder_.setInsertionPointToEnd(target_.getBody());
  Location loc = kernel_.getLoc();
  auto entry = LLVM::LLVMFuncOp::create(builder_, loc, kernel_.getName(), type);
  Block *block = entry.addEntryBlock(builder_);
  builder_.setInsertionPointToStart(block);
  Type i64 = builder_.getI64Type();
  Value batch;
  SmallVector<Value> arguments;
  for (auto [number, tensor] : llvm::enumerate(tensors)) {
    Value at = LLVM::GEPOp::create(builder_, loc, pointer, pointer, block->getArgument(0),
                                   ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(number)});
    Value descriptor = LLVM::LoadOp::create(builder_, loc, pointer, at);
    auto word = [&](int32_t i, Type wordType) -> Value {
      Value address = LLVM::GEPOp::create(builder_, loc, pointer, i64, descriptor, ArrayRef<LLVM::GEPArg>{i});
      return LLVM::LoadOp::create(builder_, loc, wordType, address);
    };
    arguments.push_back(word(1, pointer));
    if (!batch && isBatched(tensor))
      batch = word(3, i64);
  }
  if (!batch)
    batch = LLVM::ConstantOp::create(builder_, loc, i64, builder_.getI64IntegerAttr(1));
  arguments.push_back(batch);
  LLVM::CallOp::create(builder_, loc, body, arguments);
  LLVM::ReturnOp::create(builder_, loc, ValueRange());
}

/// Constants whose elements differ are read from memory.
void KernelLowering::addConstants() {
  unsigned number = 0;
  kernel_.walk([&](nn::ConstantOp op) {
    auto value = dyn_cast<DenseElementsAttr>(op.getValue());
    if (!value || value.isSplat())
      return;
    if (value.getElementType().isInteger(1)) {
      SmallVector<int8_t> bytes(llvm::map_range(value.getValues<bool>(), [](bool b) { return int8_t(b); }));
      auto type = RankedTensorType::get(value.getType().getShape(), builder_.getI8Type());
      value = DenseElementsAttr::get(type, ArrayRef<int8_t>(bytes));
    }
    Type type = value.getElementType();
    for (int64_t size : llvm::reverse(value.getType().getShape()))
      type = LLVM::LLVMArrayType::get(type, size);
    std::string name = (kernel_.getName() + ".constant" + Twine(number++)).str();
    OpBuilder atTop = OpBuilder::atBlockBegin(target_.getBody());
    auto global =
        LLVM::GlobalOp::create(atTop, op.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal, name, value);
    memory_[op.getResult()] = LLVM::AddressOfOp::create(builder_, op.getLoc(), global);
  });
}

LogicalResult KernelLowering::run() {
  if (!llvm::hasSingleElement(kernel_.getBody()))
    return kernel_.emitError("expects a kernel of one block");
  SmallVector<Value> tensors(kernel_.getArguments());
  auto returned = cast<func::ReturnOp>(kernel_.front().getTerminator());
  llvm::append_range(tensors, returned.getOperands());
  for (Value tensor : tensors)
    if (!isa<RankedTensorType>(tensor.getType()))
      return kernel_.emitError("expects a kernel's inputs and outputs to be tensors, got ") << tensor.getType();
  LLVM::LLVMFuncOp body = makeBody(tensors);
  makeEntry(body, tensors);
  llvm::DenseMap<Value, Value> outputs;
  for (Value output : returned.getOperands()) {
    if (isa<BlockArgument>(output) || !outputs.try_emplace(output, memory_[output]).second)
      return kernel_.emitError("expects each output of a kernel to be computed by it, and once");
  }
  addConstants();
  if (failed(lowerOutputs()))
    return failure();
  LLVM::ReturnOp::create(builder_, kernel_.getLoc(), ValueRange());
  return success();
}

//===----------------------------------------------------------------------===//
// Nests
//===----------------------------------------------------------------------===//

/// Outputs in the order of their operations; neighbours of one shape that need no loops of their own share a nest.
LogicalResult KernelLowering::lowerOutputs() {
  llvm::DenseMap<Value, Value> pointers;
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
  std::vector<std::pair<Value, DimMap>> accesses;
  for (Value output : outputs) {
    if (failed(collectLeaves(output, map, accesses)))
      return failure();
    accesses.push_back({output, map});
  }
  fuseLoops(shapeOf(outputs.front()), {}, accesses);
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
  std::vector<std::pair<Value, DimMap>> accesses;
  if (failed(collectLeaves(input, map, accesses)))
    return failure();
  accesses.push_back({output, outputMap});
  fuseLoops(shapeOf(input), axes, accesses);
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
  return lowerRowOperation(op, pointers, batch_, loops_);
}

//===----------------------------------------------------------------------===//
// The space of a nest
//===----------------------------------------------------------------------===//

LogicalResult KernelLowering::collectLeaves(Value value, const DimMap &map,
                                            std::vector<std::pair<Value, DimMap>> &leaves) {
  if (memory_.contains(value)) {
    leaves.push_back({value, map});
    return success();
  }
  Operation *op = value.getDefiningOp();
  if (!op || reductionOf(op) || isRowOperation(op))
    return kernel_.emitError("expects an intermediate value with loops of its own to be an output of the kernel");
  if (isa<nn::ConstantOp>(op))
    return success();
  if (!op->hasTrait<nn::Pointwise>())
    return op->emitOpError("has no form as generated code");
  FailureOr<DimMap> inner = operandMap(op, map);
  if (failed(inner))
    return failure();
  for (Value operand : op->getOperands())
    if (failed(collectLeaves(operand, *inner, leaves)))
      return failure();
  return success();
}

int64_t KernelLowering::strideIn(Value value, const DimMap &map, unsigned dim) {
  int64_t stride = 0;
  SmallVector<int64_t> strides = rowMajorStrides(shapeOf(value));
  for (auto [own, space] : llvm::enumerate(map))
    if (space == static_cast<int64_t>(dim))
      stride += strides[own];
  return stride;
}

/// Makes nest_: dimensions of size 1 need no loop, neighbours through which every access runs evenly share one.
void KernelLowering::fuseLoops(ArrayRef<int64_t> shape, ArrayRef<int64_t> reducedAxes,
                               ArrayRef<std::pair<Value, DimMap>> accesses) {
  nest_.clear();
  for (auto [dim, size] : llvm::enumerate(shape)) {
    bool batch = size == ShapedType::kDynamic, reduced = llvm::is_contained(reducedAxes, dim);
    if (size == 1)
      continue;
    bool even = !nest_.empty() && nest_.back().reduced == reduced && !batch &&
                llvm::all_of(accesses, [&, dim = dim, size = size](const auto &access) {
                  return strideIn(access.first, access.second, nest_.back().lastDim) ==
                         strideIn(access.first, access.second, dim) * size;
                });
    if (even) {
      nest_.back().size *= size;
      nest_.back().lastDim = dim;
    } else {
      nest_.push_back({static_cast<unsigned>(dim), batch ? 1 : size, batch, reduced});
    }
  }
}

Value KernelLowering::extentOf(const Loop &loop) {
  return loop.batch ? loops_.mulIndex(batch_, loop.size) : loops_.index(loop.size);
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

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
  } else {
    Operation *op = value.getDefiningOp();
    SmallVector<Value> operands;
    DimMap inner = isa<nn::ConstantOp>(op) ? DimMap() : *operandMap(op, map);
    for (Value operand : op->getOperands())
      operands.push_back(element(operand, inner, indices, lanes));
    result = compute(op, operands, lanes);
  }
  return computed_[{value.getAsOpaquePointer(), map}] = result;
}

Value castToF32(OpBuilder &builder, Location loc, Value value) {
  Type f32 = builder.getF32Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    f32 = VectorType::get(vector.getShape(), f32);
  if (getElementTypeOrSelf(value.getType()).isInteger(1))
    return arith::UIToFPOp::create(builder, loc, f32, value);
  return arith::SIToFPOp::create(builder, loc, f32, value);
}

Value compareNumbers(OpBuilder &builder, Location loc, nn::Comparison comparison, Value a, Value b) {
  // In the order of nn::Comparison.
  using Float = arith::CmpFPredicate;
  using Int = arith::CmpIPredicate;
  constexpr Float kFloat[] = {Float::OGT, Float::OLT, Float::OGE, Float::OLE, Float::OEQ, Float::UNE};
  constexpr Int kInt[] = {Int::sgt, Int::slt, Int::sge, Int::sle, Int::eq, Int::ne};
  auto which = static_cast<unsigned>(comparison);
  if (isa<FloatType>(getElementTypeOrSelf(a.getType())))
    return arith::CmpFOp::create(builder, loc, kFloat[which], a, b);
  return arith::CmpIOp::create(builder, loc, kInt[which], a, b);
}

Value KernelLowering::compute(Operation *op, ArrayRef<Value> in, const Lanes &lanes) {
  MathEmitter &math = loops_.math;
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](nn::ConstantOp constant) {
        auto splat = cast<DenseElementsAttr>(constant.getValue()).getSplatValue<TypedAttr>();
        Value value = arith::ConstantOp::create(builder_, op->getLoc(), splat);
        return lanes.vector ? loops_.splat(value) : value;
      })
      .Case<nn::BroadcastOp, nn::ReshapeOp>([&](auto) { return in[0]; })
      .Case([&](nn::AddOp) { return math.add(in[0], in[1]); })
      .Case([&](nn::SubOp) { return math.sub(in[0], in[1]); })
      .Case([&](nn::MulOp) { return math.mul(in[0], in[1]); })
      .Case([&](nn::DivOp) { return math.div(in[0], in[1]); })
      .Case([&](nn::NegOp) { return math.neg(in[0]); })
      .Case([&](nn::ReluOp) { return math.relu(in[0]); })
      .Case([&](nn::SigmoidOp) { return math.sigmoid(in[0]); })
      .Case([&](nn::TanhOp) { return math.tanh(in[0]); })
      .Case([&](nn::ExpOp) { return math.exp(in[0]); })
      .Case([&](nn::LogOp) { return math.log(in[0]); })
      .Case([&](nn::SquareOp) { return math.mul(in[0], in[0]); })
      .Case([&](nn::SqrtOp) { return math.sqrt(in[0]); })
      .Case([&](nn::CastOp) { return castToF32(builder_, op->getLoc(), in[0]); })
      .Case([&](nn::CompareOp compare) {
        return compareNumbers(builder_, op->getLoc(), compare.getComparison(), in[0], in[1]);
      })
      .Case([&](nn::ReluGradOp) {
        Value zero = math.constant(0.0, in[0].getType());
        return math.select(math.less(zero, in[1]), in[0], zero);
      })
      .Case([&](nn::SigmoidCrossEntropyOp) {
        Value soft = math.log1p(math.exp(math.neg(math.abs(in[0]))));
        return math.add(math.sub(math.relu(in[0]), math.mul(in[0], in[1])), soft);
      })
      .Case([&](nn::LogLossOp loss) {
        Value one = math.constant(1.0, in[0].getType());
        Value epsilon = math.constant(loss.getEpsilon().convertToDouble(), in[0].getType());
        Value yes = math.mul(in[1], math.log(math.add(in[0], epsilon)));
        Value no = math.mul(math.sub(one, in[1]), math.log(math.add(math.sub(one, in[0]), epsilon)));
        return math.sub(math.neg(yes), no);
      })
      .Default([](Operation *) { return Value(); });
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
  std::vector<std::pair<Value, DimMap>> leaves;
  (void)collectLeaves(input, map, leaves);
  bool vectorizable = depth + 1 == nest_.size() && llvm::all_of(leaves, [&](const auto &leaf) {
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
