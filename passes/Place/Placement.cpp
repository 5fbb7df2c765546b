// The rules of a legal placement; see Placement.h.
#include "passes/Place/Placement.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace heter;

StringRef heter::whyPinned(Operation *op) {
  if (isa<nn::InputOp>(op))
    return "cpu-trainers read the data";
  if (isa<nn::ReportOp, nn::PredictOp>(op))
    return "cpu-trainers report";
  return "";
}

static bool isRows(Value value) { return isa<nn::RowsType>(value.getType()); }

bool heter::isOfRowGradients(Operation *op) {
  return llvm::any_of(op->getOperands(), isRows) || llvm::any_of(op->getResults(), isRows);
}

SmallVector<SmallVector<Operation *>> heter::rowGradientGroups(nn::ProgramOp program) {
  llvm::EquivalenceClasses<Operation *> tied;
  SmallVector<Operation *> ops;
  for (Operation &op : program.getBody().front()) {
    if (!isOfRowGradients(&op))
      continue;
    ops.push_back(&op);
    tied.insert(&op);
    for (Value operand : llvm::make_filter_range(op.getOperands(), isRows))
      tied.unionSets(&op, operand.getDefiningOp());
  }
  llvm::MapVector<Operation *, SmallVector<Operation *>> groups;
  for (Operation *op : ops)
    groups[tied.getLeaderValue(op)].push_back(op);
  return llvm::map_to_vector(groups, [](auto &group) { return std::move(group.second); });
}

FailureOr<StringRef> heter::getMode(ModuleOp module) {
  auto mode = module->getAttrOfType<StringAttr>(nn::kModeAttr);
  if (!mode)
    return module.emitError() << "expected the attribute " << nn::kModeAttr << " on the module";
  if (mode != "local" && mode != "ps" && mode != "heter-ps")
    return module.emitError() << "expected mode local, ps or heter-ps, got " << mode.getValue();
  return mode.getValue();
}

void heter::setPlace(Operation *op, StringRef role, const Twine &why) {
  int64_t inner = -1;
  op->walk([&](nn::PlaceableOpInterface) { ++inner; });
  std::string whole;
  if (op->getNumRegions() > 0)
    whole = "; whole, with the " + std::to_string(inner) + (inner == 1 ? " op" : " ops") + " inside";
  auto place = nn::PlaceAttr::get(op->getContext(), role, why.str() + whole);
  op->walk([&](nn::PlaceableOpInterface placeable) { placeable.setPlaceAttr(place); });
}

StringRef heter::getRole(Operation *op) { return nn::getPlace(op).getRole(); }

/// Whether trainers of `mode` can have `role`.
static bool hasTrainer(StringRef mode, StringRef role) {
  if (mode == "local")
    return role == ps::kLocal;
  return role == ps::kCpuTrainer || (mode == "heter-ps" && ps::isHeterTrainer(role));
}

static LogicalResult verifyOp(Operation *op, StringRef mode) {
  nn::PlaceAttr place = nn::getPlace(op);
  if (!place)
    return op->emitOpError() << "has no place";
  if (!hasTrainer(mode, place.getRole()))
    return op->emitOpError() << "expected the role of a trainer in mode " << mode << ", got \"" << place.getRole()
                             << '"';
  StringRef pinned = whyPinned(op);
  if (!pinned.empty() && ps::isHeterTrainer(place.getRole()))
    return op->emitOpError() << "cannot be placed on " << place.getRole() << ": " << pinned;
  for (Value operand : llvm::make_filter_range(op->getOperands(), isRows))
    if (nn::PlaceAttr made = nn::getPlace(operand.getDefiningOp()); made && made.getRole() != place.getRole())
      return op->emitOpError() << "cannot be placed on " << place.getRole() << ": its row gradients are made on "
                               << made.getRole() << ", and trainers do not send rows to each other";
  WalkResult apart = op->walk([&](nn::PlaceableOpInterface inner) {
    if (inner.getPlaceAttr() && inner.getPlaceAttr().getRole() == place.getRole())
      return WalkResult::advance();
    inner->emitOpError() << "expected the role of " << op->getName() << " around it, \"" << place.getRole() << '"';
    return WalkResult::interrupt();
  });
  return failure(apart.wasInterrupted());
}

LogicalResult heter::verifyPlacement(ModuleOp module) {
  FailureOr<StringRef> mode = getMode(module);
  if (failed(mode))
    return failure();
  for (auto program : module.getOps<nn::ProgramOp>())
    for (Operation &op : program.getBody().front())
      if (failed(verifyOp(&op, *mode)))
        return failure();
  StringRef owner = *mode == "local" ? ps::kLocal : ps::kServer;
  for (Operation &op : *module.getBody())
    if (nn::PlaceAttr place = nn::getPlace(&op);
        isa<ps::OptimizerOp, ps::ScheduleOp>(op) && (!place || place.getRole() != owner))
      return op.emitOpError() << "expected to be placed on " << owner << ", which owns the values";
  return success();
}

std::string heter::describeLocation(Location loc) {
  std::string text;
  loc->walk([&](Location inner) {
    auto file = dyn_cast<FileLineColLoc>(inner);
    if (!file)
      return WalkResult::advance();
    text = (llvm::sys::path::filename(file.getFilename()) + ":" + Twine(file.getLine()) + ":" + Twine(file.getColumn()))
               .str();
    return WalkResult::interrupt();
  });
  return text;
}
