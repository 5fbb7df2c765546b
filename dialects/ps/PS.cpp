// Verifiers and registration of the ps dialect. What ODS constraints can say stands in PS.td; here is what relates an
// op to the symbols it names and to the program around it.
#include "dialects/ps/PS.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace heter;
using namespace heter::ps;

#include "dialects/ps/PSDialect.cpp.inc"

// The pooling is written as in nn.lookup.
using heter::nn::parsePool;
using heter::nn::printPool;

#define GET_OP_CLASSES
#include "dialects/ps/PSOps.cpp.inc"

void PSDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ps/PSOps.cpp.inc"
      >();
}

bool ps::isHeterTrainer(StringRef role) { return role.consume_front(kHeterTrainerPrefix) && !role.empty(); }

bool ps::isTrainerRole(StringRef role) { return role == kLocal || role == kCpuTrainer || isHeterTrainer(role); }

bool ps::isGraphName(StringRef name) { return name == "train" || name == "infer" || name == "predict"; }

bool ps::isMessageType(Type type) { return isa<RankedTensorType, nn::RaggedType>(type); }

//===--------------------------------------------------------------------------------------------------------------===//
// Parameters
//===--------------------------------------------------------------------------------------------------------------===//

/// The part that an op names, or an error on the op.
static FailureOr<nn::PartAttr> findPart(Operation *op, SymbolTableCollection &symbols, FlatSymbolRefAttr table,
                                        StringRef name) {
  auto tableOp = symbols.lookupNearestSymbolFrom<nn::TableOp>(op, table);
  if (!tableOp)
    return op->emitOpError() << "names no table: " << table;
  if (nn::PartAttr part = tableOp.findPart(name))
    return part;
  return op->emitOpError() << "expected a part of " << table << ", got \"" << name << '"';
}

/// The type of rows of `dim` floats for `ids`.
static RankedTensorType rowsTypeFor(Type ids, nn::Pool pool, int64_t dim) {
  SmallVector<int64_t> shape = {ShapedType::kDynamic};
  if (auto tensor = dyn_cast<RankedTensorType>(ids)) {
    shape.assign(tensor.getShape().begin(), tensor.getShape().end());
    if (pool != nn::Pool::None)
      shape.pop_back();
  }
  shape.push_back(dim);
  return RankedTensorType::get(shape, Float32Type::get(ids.getContext()));
}

LogicalResult PullRowsOp::verify() {
  auto tensor = dyn_cast<RankedTensorType>(getIds().getType());
  if (!tensor && getPool() == nn::Pool::None)
    return emitOpError() << "expected ragged ids to be pooled";
  if (tensor && tensor.getRank() < (getPool() == nn::Pool::None ? 1 : 2))
    return emitOpError() << "expected ids of rank " << (getPool() == nn::Pool::None ? 1 : 2) << " or more, got "
                         << tensor;
  return success();
}

LogicalResult PullRowsOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<nn::PartAttr> part = findPart(*this, symbols, getTableAttr(), getPart());
  if (failed(part))
    return failure();
  RankedTensorType expected = rowsTypeFor(getIds().getType(), getPool(), part->getDim());
  if (getRows().getType() != expected)
    return emitOpError() << "expected the result " << expected << ", got " << getRows().getType();
  return success();
}

LogicalResult PushRowsOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<nn::PartAttr> part = findPart(*this, symbols, getTableAttr(), getPart());
  if (failed(part))
    return failure();
  if (getRows().getType().getDim() != part->getDim())
    return emitOpError() << "expected rows of " << part->getDim() << " floats, got " << getRows().getType().getDim();
  auto table = symbols.lookupNearestSymbolFrom<nn::TableOp>(*this, getTableAttr());
  return nn::verifyCounts(*this, table, getPart(), getCounts());
}

/// Checks that `name` is a parameter of type `type`.
static LogicalResult verifyParameter(Operation *op, SymbolTableCollection &symbols, FlatSymbolRefAttr name, Type type) {
  auto parameter = symbols.lookupNearestSymbolFrom<nn::ParameterOp>(op, name);
  if (!parameter)
    return op->emitOpError() << "names no parameter: " << name;
  if (parameter.getType() != type)
    return op->emitOpError() << "expected the parameter's type " << parameter.getType() << ", got " << type;
  return success();
}

LogicalResult PullDenseOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParameter(*this, symbols, getParameterAttr(), getValue().getType());
}

LogicalResult PushDenseOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParameter(*this, symbols, getParameterAttr(), getGradient().getType());
}

//===--------------------------------------------------------------------------------------------------------------===//
// Optimizers
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult OptimizerOp::verify() {
  if (getSlots().size() != getSlotInit().size())
    return emitOpError() << "expected " << getSlots().size() << " values of slots to start at, got "
                         << getSlotInit().size();
  if (getScalars().size() != getScalarInit().size())
    return emitOpError() << "expected " << getScalars().size() << " values of scalars to start at, got "
                         << getScalarInit().size();
  if (auto averaged = getAveragedAttr(); averaged && !llvm::is_contained(getSlots(), averaged))
    return emitOpError() << "has no slot " << averaged << " to stand for the value";
  return success();
}

SmallVector<Type> OptimizerOp::expectedResultTypes() {
  auto element = Float32Type::get(getContext());
  SmallVector<Type> types(1 + getSlots().size(), RankedTensorType::get({ShapedType::kDynamic}, element));
  types.append(getScalars().size(), RankedTensorType::get({}, element));
  return types;
}

SmallVector<Type> OptimizerOp::expectedArgumentTypes() {
  SmallVector<Type> types = expectedResultTypes();
  types.push_back(types.front());
  if (getRateAttr())
    types.push_back(RankedTensorType::get({}, Float32Type::get(getContext())));
  return types;
}

/// Checks the body of an optimizer or a schedule.
static LogicalResult verifyFormula(Operation *op, StringRef what, TypeRange arguments) {
  Block &block = op->getRegion(0).front();
  if (block.getArgumentTypes() != arguments)
    return op->emitOpError() << "expected the body's arguments (" << arguments << "), got ("
                             << TypeRange(block.getArgumentTypes()) << ')';
  for (Operation &inner : block)
    if (!isMemoryEffectFree(&inner))
      return inner.emitOpError() << "is not pure and cannot stand in " << what;
  return success();
}

LogicalResult OptimizerOp::verifyRegions() { return verifyFormula(*this, "an optimizer", expectedArgumentTypes()); }

LogicalResult OptimizerOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (getRateAttr() && !symbols.lookupNearestSymbolFrom<ScheduleOp>(*this, getRateAttr()))
    return emitOpError() << "names no schedule: " << getRateAttr();
  return success();
}

LogicalResult ScheduleOp::verifyRegions() {
  Type step = RankedTensorType::get({}, IntegerType::get(getContext(), 64));
  return verifyFormula(*this, "a schedule", step);
}

LogicalResult YieldOp::verify() {
  if (isa<ScheduleOp>((*this)->getParentOp())) {
    Type rate = RankedTensorType::get({}, Float32Type::get(getContext()));
    if (getOperandTypes() != TypeRange(rate))
      return emitOpError() << "expected the rate (" << rate << "), got (" << TypeRange(getOperandTypes()) << ')';
    return success();
  }
  SmallVector<Type> expected = cast<OptimizerOp>((*this)->getParentOp()).expectedResultTypes();
  if (getOperandTypes() != TypeRange(expected))
    return emitOpError() << "expected the new value, slots and scalars (" << TypeRange(expected) << "), got ("
                         << TypeRange(getOperandTypes()) << ')';
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Roles and messages
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult ProgramOp::verify() {
  std::string expected = (getRole() + "." + getGraph()).str();
  if (getSymName() != expected)
    return emitOpError() << "expected the name \"" << expected << "\", got \"" << getSymName() << '"';
  return success();
}

LogicalResult ProgramOp::verifyRegions() {
  for (Operation &op : getBody().front()) {
    auto placeable = dyn_cast<nn::PlaceableOpInterface>(op);
    nn::PlaceAttr place = placeable ? placeable.getPlaceAttr() : nn::PlaceAttr();
    if (place && place.getRole() != getRole())
      return op.emitOpError() << "is placed on " << place.getRole() << " but stands in the program of " << getRole();
  }
  return success();
}

LogicalResult ChannelOp::verify() {
  bool towardsHeter = getSender() == kCpuTrainer && isHeterTrainer(getReceiver());
  bool fromHeter = isHeterTrainer(getSender()) && getReceiver() == kCpuTrainer;
  if (!towardsHeter && !fromHeter)
    return emitOpError() << "expected to connect the cpu-trainer with a heter-trainer, got " << getSender() << " with "
                         << getReceiver();
  return success();
}

/// Checks one end of a channel: `role` is what the channel says of this end.
static LogicalResult verifyChannelEnd(Operation *op, SymbolTableCollection &symbols, FlatSymbolRefAttr name,
                                      TypeRange types, llvm::function_ref<StringRef(ChannelOp)> roleOf) {
  auto channel = symbols.lookupNearestSymbolFrom<ChannelOp>(op, name);
  if (!channel)
    return op->emitOpError() << "names no channel: " << name;
  auto program = cast<ProgramOp>(op->getParentOp());
  if (channel.getGraph() != program.getGraph())
    return op->emitOpError() << "expected a channel of graph " << program.getGraph() << ", got one of "
                             << channel.getGraph();
  if (roleOf(channel) != program.getRole())
    return op->emitOpError() << "expected to stand in a program of " << roleOf(channel) << ", got "
                             << program.getRole();
  SmallVector<Type> expected(channel.getTypes().getAsValueRange<TypeAttr>());
  if (TypeRange(expected) != types)
    return op->emitOpError() << "expected the channel's types (" << TypeRange(expected) << "), got (" << types << ')';
  return success();
}

LogicalResult SendOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyChannelEnd(*this, symbols, getChannelAttr(), getOperandTypes(),
                          [](ChannelOp channel) { return channel.getSender(); });
}

LogicalResult RecvOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyChannelEnd(*this, symbols, getChannelAttr(), getResultTypes(),
                          [](ChannelOp channel) { return channel.getReceiver(); });
}
