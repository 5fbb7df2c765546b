// Stage 5: every op gets the role that executes it, and why. In mode local there is one role, in mode ps one kind of
// trainer; in mode heter-ps the regions that the model marks with `on CLASS` go to the heter-trainers of that class and
// the rest stays on the cpu-trainers. Backward ops carry their forward op's mark since differentiation copied it.
//
// A parameter is pulled by each role that uses it, as a pull from the servers costs the same from anywhere and a
// parameter handed from role to role would cross twice; its gradient is pushed by the role that computes it.
//
// A lookup goes where it is marked: its ids cross, and the rows come from the servers. Rows' gradients are made, joined
// and pushed by the role that looks their table up, or by the cpu-trainer if several do.
#include "passes/Passes.h"
#include "passes/Place/Placement.h"

#include "mlir/IR/Builders.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

namespace heter {
#define GEN_PASS_DEF_PLACE
#include "passes/Passes.h.inc"
} // namespace heter

using namespace mlir;
using namespace heter;

namespace {

constexpr llvm::StringLiteral kMarkPrefix = "on:";

/// "`nn.linear` at m.heter:12:3".
std::string describeOp(Operation *op) {
  std::string location = describeLocation(op->getLoc());
  return "`" + op->getName().getStringRef().str() + "`" + (location.empty() ? "" : " at " + location);
}

/// The class of the `on CLASS` region that `op` was written in, or "".
StringRef markOf(Operation *op) {
  nn::PlaceAttr place = nn::getPlace(op);
  StringRef role = place ? place.getRole() : "";
  return role.consume_front(kMarkPrefix) ? role : "";
}

/// Places an op of mode heter-ps by its mark alone.
void placeByMark(Operation *op) {
  StringRef deviceClass = markOf(op);
  StringRef mark = deviceClass.empty() ? "" : nn::getPlace(op).getWhy();
  bool marked = !deviceClass.empty() && deviceClass != "auto";
  StringRef pinned = whyPinned(op);
  if (!pinned.empty())
    setPlace(op, ps::kCpuTrainer, marked && deviceClass != "cpu" ? mark + ", but " + pinned : Twine(pinned));
  else if (!marked)
    setPlace(op, ps::kCpuTrainer, deviceClass.empty() ? "not marked" : mark + ", which marks no class");
  else if (deviceClass == "cpu")
    setPlace(op, ps::kCpuTrainer, mark);
  else
    setPlace(op, (ps::kHeterTrainerPrefix + deviceClass).str(), mark);
}

/// The op of the program's block that `user` is or lies in.
Operation *topLevelUser(Operation *user, Block *block) { return block->findAncestorOpInBlock(*user); }

/// Gives each role that uses a parameter its own pull.
void placePull(ps::PullDenseOp pull) {
  Block *block = pull->getBlock();
  llvm::MapVector<StringRef, Operation *> firstUsers; // by role
  for (Operation &op : *block) {
    bool uses = llvm::any_of(pull->getUsers(), [&](Operation *user) { return topLevelUser(user, block) == &op; });
    if (uses)
      firstUsers.insert({getRole(&op), &op});
  }
  if (firstUsers.empty())
    return setPlace(pull, ps::kCpuTrainer, "not used");
  OpBuilder builder(pull);
  for (auto [role, user] : firstUsers) {
    auto clone = cast<ps::PullDenseOp>(builder.clone(*pull));
    setPlace(clone, role, "used first by " + describeOp(user));
    pull->replaceUsesWithIf(
        clone, [&, role = role](OpOperand &use) { return getRole(topLevelUser(use.getOwner(), block)) == role; });
  }
  pull->erase();
}

/// A gradient is pushed by the role that computes it.
void placePush(ps::PushDenseOp push) {
  Operation *producer = push.getGradient().getDefiningOp();
  setPlace(push, getRole(producer), "gradient made by " + describeOp(producer));
}

/// Row gradients are made, joined and pushed by the one role that looks their tables up.
void placeRowGradients(ArrayRef<Operation *> group, Block &block) {
  llvm::SetVector<StringAttr> tables;
  for (Operation *op : group)
    if (auto push = dyn_cast<ps::PushRowsOp>(op))
      tables.insert(push.getTableAttr().getAttr());
  llvm::SetVector<StringRef> roles;
  for (auto pull : block.getOps<ps::PullRowsOp>())
    if (tables.contains(pull.getTableAttr().getAttr()))
      roles.insert(getRole(pull));
  StringRef role = roles.size() == 1 ? roles.front() : StringRef(ps::kCpuTrainer);
  std::string why = roles.size() > 1 ? "row gradients of lookups on " + llvm::join(roles, " and ") + " meet here"
                                     : "row gradients are made where the rows are looked up";
  for (Operation *op : group)
    setPlace(op, role, why);
}

void placeProgram(nn::ProgramOp program) {
  Block &block = program.getBody().front();
  for (Operation &op : block)
    if (!isOfRowGradients(&op))
      placeByMark(&op);
  for (const SmallVector<Operation *> &group : rowGradientGroups(program))
    placeRowGradients(group, block);
  SmallVector<ps::PullDenseOp> pulls(block.getOps<ps::PullDenseOp>());
  llvm::for_each(pulls, placePull);
  for (auto push : block.getOps<ps::PushDenseOp>())
    placePush(push);
}

/// Whether an op of a program lies in a region marked for an accelerator.
bool hasHeterMark(ModuleOp module) {
  auto marked = [](Operation &op) {
    StringRef mark = markOf(&op);
    return !mark.empty() && mark != "auto" && mark != "cpu";
  };
  return llvm::any_of(module.getOps<nn::ProgramOp>(),
                      [&](nn::ProgramOp program) { return llvm::any_of(program.getBody().front(), marked); });
}

struct PlacePass : heter::impl::PlaceBase<PlacePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<StringRef> mode = getMode(module);
    if (failed(mode))
      return signalPassFailure();
    if (*mode == "heter-ps" && !hasHeterMark(module)) {
      module.emitError() << "mode heter-ps needs to know what goes to heter-trainers: mark a region with `on heter`";
      return signalPassFailure();
    }
    for (auto program : module.getOps<nn::ProgramOp>()) {
      if (*mode == "heter-ps") {
        placeProgram(program);
        continue;
      }
      for (Operation &op : program.getBody().front())
        setPlace(&op, *mode == "local" ? ps::kLocal : ps::kCpuTrainer, "the only trainer role of mode " + *mode);
    }
    auto owner = nn::PlaceAttr::get(&getContext(), *mode == "local" ? ps::kLocal : ps::kServer,
                                    "the owner of the values updates them");
    for (auto optimizer : module.getOps<ps::OptimizerOp>())
      optimizer.setPlaceAttr(owner);
    for (auto schedule : module.getOps<ps::ScheduleOp>())
      schedule.setPlaceAttr(owner);
    module->setAttr(nn::kStageAttr, StringAttr::get(&getContext(), "place"));
    if (failed(verifyPlacement(module)))
      signalPassFailure();
  }
};

} // namespace
