// The task dialect: registration, attribute verifiers, and the verifiers of programs, nodes and nested graphs.
#include "dialects/task/Task.h"

#include "dialects/ps/PS.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "dialects/task/TaskDialect.cpp.inc"
#include "dialects/task/TaskEnums.cpp.inc"
#include "dialects/task/TaskInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/task/TaskAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/task/TaskOps.cpp.inc"

using namespace mlir;

namespace heter::task {

void TaskDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/task/TaskAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/task/TaskOps.cpp.inc"
      >();
}

bool isTaskTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || (tensor.getEncoding() && !isa<DeviceAttr>(tensor.getEncoding())))
    return false;
  return nn::isValueShape(inSpace(type, Space::Host));
}

bool isPacked(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa_and_nonnull<PackedAttr>(tensor.getEncoding()) && tensor.getElementType().isBF16() &&
         tensor.getRank() == 2 && !tensor.isDynamicDim(1);
}

int64_t unitBytes(RankedTensorType type) {
  // Extents of packed matrices are multiples of 32; the number of examples is rounded up anyway.
  int64_t unit = isPacked(type) ? 32 : 1;
  int64_t bytes = type.getElementType().isInteger(1) ? 1 : type.getElementTypeBitWidth() / 8;
  for (int64_t size : type.getShape())
    bytes *= size == ShapedType::kDynamic ? 1 : (size + unit - 1) / unit * unit;
  return bytes;
}

RankedTensorType packed(RankedTensorType type, Packing packing) {
  return RankedTensorType::get(type.getShape(), BFloat16Type::get(type.getContext()),
                               PackedAttr::get(type.getContext(), packing, spaceOf(type)));
}

Type inSpace(Type type, Space space) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return type;
  Attribute encoding = space == Space::Device ? DeviceAttr::get(type.getContext()) : Attribute();
  if (auto packed = dyn_cast_or_null<PackedAttr>(tensor.getEncoding()))
    encoding = PackedAttr::get(type.getContext(), packed.getPacking(), space);
  return RankedTensorType::get(tensor.getShape(), tensor.getElementType(), encoding);
}

Space spaceOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.getEncoding())
    return Space::Host;
  auto packed = dyn_cast<PackedAttr>(tensor.getEncoding());
  return packed ? packed.getSpace() : Space::Device;
}

namespace {

LogicalResult verifyAfter(NodeOpInterface node, int32_t number) {
  DenseI32ArrayAttr after = node.getAfterAttr();
  if (!after)
    return success();
  int32_t last = -1;
  for (int32_t before : after.asArrayRef()) {
    if (before <= last)
      return node->emitOpError("expects the nodes after which it starts in rising order, got ")
             << before << " after " << last;
    if (before >= number)
      return node->emitOpError("is node ") << number << " and cannot start after node " << before;
    last = before;
  }
  return success();
}

LogicalResult verifySlots(NodeOpInterface node, ArrayAttr segments) {
  ArrayAttr slots = node.getSlotsAttr();
  if (!slots)
    return success();
  if (slots.size() != node->getNumResults())
    return node->emitOpError("expects a memory slot for each of ")
           << node->getNumResults() << " results, got " << slots.size();
  for (auto [slot, type] : llvm::zip(slots.getAsRange<SlotAttr>(), node->getResultTypes())) {
    if (slot.getSegment() == -1)
      continue;
    if (!segments || slot.getSegment() >= static_cast<int64_t>(segments.size()))
      return node->emitOpError("has a slot in segment ") << slot.getSegment() << ", which the graph does not have";
    auto segment = cast<SegmentAttr>(segments[slot.getSegment()]);
    if (slot.getOffset() + slot.getBytes() > segment.getBytes())
      return node->emitOpError("has a slot that ends at byte ")
             << slot.getOffset() + slot.getBytes() << " of a segment of " << segment.getBytes();
    if (segment.getSpace() != spaceOf(type))
      return node->emitOpError("has a slot in ") << stringifySpace(segment.getSpace()) << " memory for a value of "
                                                 << stringifySpace(spaceOf(type)) << " memory";
  }
  return success();
}

/// Verifies the nodes of one graph. The last operation of a nested graph is its terminator.
LogicalResult verifyGraph(Block &block, ArrayAttr segments) {
  int32_t number = 0;
  for (Operation &op : block) {
    if (isa<YieldOp>(op))
      continue;
    auto node = dyn_cast<NodeOpInterface>(op);
    if (!node)
      return op.emitOpError("is no node of a task graph");
    if (failed(verifyAfter(node, number)) || failed(verifySlots(node, segments)))
      return failure();
    if (auto push = dyn_cast<PushDenseOp>(op); push && failed(verifyEarlyUpdate(push)))
      return failure();
    ++number;
  }
  return success();
}

LogicalResult verifyArguments(Operation *op, Block &block, TypeRange types, StringRef what) {
  if (block.getArgumentTypes() != types)
    return op->emitOpError("expects the arguments of its ")
           << what << " graph to be the node's values " << types << ", got " << block.getArgumentTypes();
  return success();
}

LogicalResult verifyYield(Operation *op, Block &block, TypeRange types, StringRef what) {
  auto yield = cast<YieldOp>(block.getTerminator());
  if (yield.getOperandTypes() != types)
    return op->emitOpError("expects its ")
           << what << " graph to yield " << types << ", got " << yield.getOperandTypes();
  return success();
}

template <typename OpT>
OpT lookup(SymbolTableCollection &symbols, Operation *user, FlatSymbolRefAttr name, StringRef what) {
  OpT found = symbols.lookupNearestSymbolFrom<OpT>(user->getParentOfType<ModuleOp>(), name);
  if (!found)
    user->emitOpError("refers to ") << what << " " << name << ", which does not exist";
  return found;
}

LogicalResult verifyPart(SymbolTableCollection &symbols, Operation *user, FlatSymbolRefAttr name, StringRef part) {
  auto table = lookup<nn::TableOp>(symbols, user, name, "table");
  if (!table)
    return failure();
  for (auto candidate : table.getParts().getAsRange<nn::PartAttr>())
    if (candidate.getName() == part)
      return success();
  return user->emitOpError("refers to part \"") << part << "\", which table " << name << " does not have";
}

LogicalResult verifyParameter(SymbolTableCollection &symbols, Operation *user, FlatSymbolRefAttr name, Type type) {
  auto parameter = lookup<nn::ParameterOp>(symbols, user, name, "parameter");
  if (!parameter)
    return failure();
  auto packed = cast<RankedTensorType>(type);
  if (isPacked(type)) // The copy of a matrix; only pulls have such results.
    type = RankedTensorType::get(packed.getShape(), Float32Type::get(type.getContext()));
  if (parameter.getType() != type)
    return user->emitOpError("moves ") << type << ", but parameter " << name << " is " << parameter.getType();
  return success();
}

LogicalResult verifyChannel(SymbolTableCollection &symbols, Operation *user, FlatSymbolRefAttr name, TypeRange types) {
  auto channel = lookup<ps::ChannelOp>(symbols, user, name, "channel");
  if (!channel)
    return failure();
  if (!llvm::equal(channel.getTypes().getAsValueRange<TypeAttr>(), types))
    return user->emitOpError("moves ") << types << ", but channel " << name << " carries " << channel.getTypes();
  return success();
}

} // namespace

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

LogicalResult SegmentAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef, Space, int64_t bytes) {
  if (bytes < 0)
    return emitError() << "expects a segment of 0 bytes or more, got " << bytes;
  return success();
}

LogicalResult SlotAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t segment, int64_t offset,
                               int64_t bytes) {
  if (segment < -1)
    return emitError() << "expects segment -1 or more, got " << segment;
  if (offset < 0 || bytes < 0)
    return emitError() << "expects an offset and a size of 0 bytes or more, got " << offset << " and " << bytes;
  if (segment == -1 && (offset || bytes))
    return emitError() << "expects no offset and no size without a segment";
  return success();
}

//===----------------------------------------------------------------------===//
// Programs and optimizers
//===----------------------------------------------------------------------===//

LogicalResult ProgramOp::verify() {
  if (getGraph() != "train" && getGraph() != "infer" && getGraph() != "predict")
    return emitOpError("expects graph \"train\", \"infer\" or \"predict\", got \"") << getGraph() << "\"";
  return success();
}

LogicalResult ProgramOp::verifyRegions() { return verifyGraph(getBody().front(), getSegmentsAttr()); }

LogicalResult OptimizerOp::verify() {
  if (getSlots().size() != getSlotInit().size() || getScalars().size() != getScalarInit().size())
    return emitOpError("expects a first value for each slot and scalar");
  return success();
}

LogicalResult OptimizerOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = lookup<func::FuncOp>(symbols, *this, getCalleeAttr(), "kernel");
  if (!kernel)
    return failure();
  size_t state = 1 + getSlots().size() + getScalars().size(), inputs = state + 1 + (getRateAttr() ? 1 : 0);
  if (kernel.getNumArguments() != inputs || kernel.getNumResults() != state)
    return emitOpError("expects a kernel of ")
           << inputs << " inputs and " << state << " outputs, got " << kernel.getFunctionType();
  if (getRateAttr() && !lookup<ScheduleOp>(symbols, *this, getRateAttr(), "schedule"))
    return failure();
  return success();
}

LogicalResult ScheduleOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = lookup<func::FuncOp>(symbols, *this, getCalleeAttr(), "kernel");
  if (!kernel)
    return failure();
  if (kernel.getNumArguments() != 1 || kernel.getNumResults() != 1)
    return emitOpError("expects a kernel from the step to the rate, got ") << kernel.getFunctionType();
  return success();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

LogicalResult PullRowsOp::verify() {
  if (cast<nn::RowsType>(getKeys().getType()).getDim() != 0)
    return emitOpError("expects keys, rows of dim 0, got ") << getKeys().getType();
  if (cast<nn::RowsType>(getResult().getType()).getDim() == 0)
    return emitOpError("expects to give rows of dim 1 or more");
  return success();
}

LogicalResult PullRowsOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyPart(symbols, *this, getTableAttr(), getPart());
}

LogicalResult PushRowsOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (failed(verifyPart(symbols, *this, getTableAttr(), getPart())))
    return failure();
  return nn::verifyCounts(*this, symbols.lookupNearestSymbolFrom<nn::TableOp>(*this, getTableAttr()), getPart(),
                          getCounts());
}

LogicalResult PullDenseOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParameter(symbols, *this, getParameterAttr(), getResult().getType());
}

LogicalResult PushDenseOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParameter(symbols, *this, getParameterAttr(), getGradient().getType());
}

LogicalResult SendOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyChannel(symbols, *this, getChannelAttr(), getValues().getTypes());
}

LogicalResult RecvOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyChannel(symbols, *this, getChannelAttr(), getResultTypes());
}

LogicalResult KernelOp::verify() { return verifyOneSpace(*this); }

LogicalResult KernelOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = lookup<func::FuncOp>(symbols, *this, getCalleeAttr(), "kernel");
  if (!kernel)
    return failure();
  auto matches = [](Type mine, Type its) { return inSpace(mine, Space::Host) == its; };
  FunctionType type = kernel.getFunctionType();
  if (!llvm::equal(getInputs().getTypes(), type.getInputs(), matches) ||
      !llvm::equal(getResultTypes(), type.getResults(), matches))
    return emitOpError("calls kernel ") << getCalleeAttr() << " of type " << type << " with other types";
  return success();
}

LogicalResult CopyOp::verify() {
  Type from = getInput().getType(), to = getResult().getType();
  if (from == to || inSpace(from, spaceOf(to)) != to)
    return emitOpError("expects the same tensor type in the other memory, got ") << from << " and " << to;
  return success();
}

//===----------------------------------------------------------------------===//
// Nested graphs
//===----------------------------------------------------------------------===//

LogicalResult IfOp::verifyRegions() {
  Block &thenBlock = getThenGraph().front(), &elseBlock = getElseGraph().front();
  if (failed(verifyArguments(*this, thenBlock, getCaptured().getTypes(), "then")) ||
      failed(verifyArguments(*this, elseBlock, getCaptured().getTypes(), "else")) ||
      failed(verifyYield(*this, thenBlock, getResultTypes(), "then")) ||
      failed(verifyYield(*this, elseBlock, getResultTypes(), "else")))
    return failure();
  return failure(failed(verifyGraph(thenBlock, getThenSegmentsAttr())) ||
                 failed(verifyGraph(elseBlock, getElseSegmentsAttr())));
}

LogicalResult WhileOp::verify() {
  if (getCarried().getTypes() != getResultTypes())
    return emitOpError("expects results of the carried types ")
           << getCarried().getTypes() << ", got " << getResultTypes();
  if (static_cast<int64_t>(getLimit()) < 0)
    return emitOpError("expects a limit of 0 or more, got ") << static_cast<int64_t>(getLimit());
  return success();
}

LogicalResult WhileOp::verifyRegions() {
  Block &condition = getConditionGraph().front(), &body = getBodyGraph().front();
  SmallVector<Type> arguments(getCarried().getTypes());
  llvm::append_range(arguments, getCaptured().getTypes());
  Type truth = RankedTensorType::get({}, IntegerType::get(getContext(), 1));
  if (failed(verifyArguments(*this, condition, arguments, "condition")) ||
      failed(verifyArguments(*this, body, arguments, "body")) ||
      failed(verifyYield(*this, condition, truth, "condition")) ||
      failed(verifyYield(*this, body, getResultTypes(), "body")))
    return failure();
  return failure(failed(verifyGraph(condition, getConditionSegmentsAttr())) ||
                 failed(verifyGraph(body, getBodySegmentsAttr())));
}

} // namespace heter::task
