// Stage 6: each nn.program is cut into one ps.program a trainer role. A value that is used on another role crosses once
// a (value, destination); values that cross between two heter-trainers go by way of the cpu-trainer. Any placement that
// Placement.h calls legal can be cut.
//
// Why no two messages can wait for each other: the depth of an op is the most role crossings on any path that leads to
// it, and a value sent from an op of depth d (or received at depth d and passed on) crosses with depth d + 1, always
// more than anything it needs. A channel holds only values of one (sender, receiver, depth), so a message of depth d +
// 1 needs ops of depth d at most, and these need messages of depth d at most: by induction on d all of them complete.
// Were values of several depths in one message, two roles could each wait for a value that the other holds back. The
// programs are listed by the same order: for each depth first what is received, then the ops as they stood, then what
// is sent. So all listings agree with one order of the whole graph, and a later stage that adds edges from earlier to
// later ops of one listing (reuse of memory, a queue) cannot make a cycle through another role.
//
// What the outside observes, reports and predictions, ends the listing in the order of the model: then the order of a
// line's predictions does not depend on what crosses.
//
// Constants and what follows from them and from the number of examples alone are cloned into each role that uses them.
#include "passes/Passes.h"
#include "passes/Place/Placement.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include <map>

namespace heter {
#define GEN_PASS_DEF_PARTITION
#include "passes/Passes.h.inc"
} // namespace heter

using namespace mlir;
using namespace heter;

namespace {

/// Cheaper to compute anew than to send: no operands but others of the kind.
bool isCheap(Operation *op) {
  if (isa<nn::ConstantOp, nn::ExampleCountOp>(op))
    return true;
  auto broadcast = dyn_cast<nn::BroadcastOp>(op);
  return broadcast && broadcast.getInput().getDefiningOp() && isCheap(broadcast.getInput().getDefiningOp());
}

/// Roles in the order of programs: local or cpu-trainer first, then heter-trainers by class.
SmallVector<StringRef> collectRoles(ModuleOp module, StringRef mode) {
  llvm::SetVector<StringRef> heterRoles;
  for (auto program : module.getOps<nn::ProgramOp>())
    for (Operation &op : program.getBody().front())
      if (ps::isHeterTrainer(getRole(&op)) && !isCheap(&op))
        heterRoles.insert(getRole(&op));
  SmallVector<StringRef> roles = heterRoles.takeVector();
  llvm::sort(roles);
  roles.insert(roles.begin(), mode == "local" ? StringRef(ps::kLocal) : StringRef(ps::kCpuTrainer));
  return roles;
}

/// One message: the values that cross from one role to another at one depth.
struct Message {
  int64_t depth;
  unsigned sender, receiver; // indices of roles
  llvm::SetVector<Value> values;
  FlatSymbolRefAttr channel;
};

/// Cuts one nn.program.
class ProgramCutter {
public:
  ProgramCutter(nn::ProgramOp program, ArrayRef<StringRef> roles) : program_(program), roles_(roles) {
    for (auto [index, role] : llvm::enumerate(roles))
      roleIndex_[role] = index;
  }

  /// Finds what crosses. No IR changes.
  void analyze();
  /// Makes the channels, named cN from `nextChannel` on, and the programs before `builder`'s point.
  LogicalResult emit(OpBuilder &builder, int64_t &nextChannel);

private:
  unsigned roleOf(Operation *op) const { return roleIndex_.lookup(getRole(op)); }
  int64_t arrive(Value value, unsigned role);
  void emitProgram(OpBuilder &builder, unsigned role, StringRef name);
  void receive(OpBuilder &builder, const Message &message, IRMapping &mapping) const;
  void send(OpBuilder &builder, const Message &message, IRMapping &mapping) const;
  void cloneOp(OpBuilder &builder, Operation *op, unsigned role, IRMapping &mapping) const;

  nn::ProgramOp program_;
  ArrayRef<StringRef> roles_;
  llvm::StringMap<unsigned> roleIndex_;
  DenseMap<Operation *, int64_t> depths_; // of all ops but cheap ones
  int64_t maxDepth_ = 0;
  /// By depth and role, in the order of the program: the ops but cheap ones.
  std::map<std::pair<int64_t, unsigned>, SmallVector<Operation *>> listings_;
  /// By depth, sender, receiver: the order of channels and of the programs' listings.
  std::map<std::tuple<int64_t, unsigned, unsigned>, Message> messages_;
};

/// The depth at which `value` is at hand on `role`; notes the crossings that bring it there. Role 0 is the cpu-trainer,
/// which every crossing starts or ends on.
int64_t ProgramCutter::arrive(Value value, unsigned role) {
  Operation *producer = value.getDefiningOp();
  if (isCheap(producer))
    return 0;
  unsigned home = roleOf(producer);
  if (home == role)
    return depths_.lookup(producer);
  unsigned sender = role == 0 ? home : 0;
  int64_t depth = arrive(value, sender) + 1;
  maxDepth_ = std::max(maxDepth_, depth);
  Message &message = messages_[{depth, sender, role}];
  message.depth = depth;
  message.sender = sender;
  message.receiver = role;
  message.values.insert(value);
  return depth;
}

void ProgramCutter::analyze() {
  SmallVector<Operation *> observed;
  for (Operation &op : program_.getBody().front()) {
    if (isCheap(&op))
      continue;
    int64_t depth = 0;
    for (Value value : nn::usedValues(&op))
      depth = std::max(depth, arrive(value, roleOf(&op)));
    depths_[&op] = depth;
    if (isa<nn::ReportOp, nn::PredictOp>(op))
      observed.push_back(&op);
    else
      listings_[{depth, roleOf(&op)}].push_back(&op);
  }
  for (Operation *op : observed)
    listings_[{maxDepth_, roleOf(op)}].push_back(op);
}

/// Clones `op` and before it whatever cheap op it needs that `role` has not got yet.
void ProgramCutter::cloneOp(OpBuilder &builder, Operation *op, unsigned role, IRMapping &mapping) const {
  for (Value value : nn::usedValues(op))
    if (!mapping.contains(value))
      cloneOp(builder, value.getDefiningOp(), role, mapping);
  Operation *clone = builder.clone(*op, mapping);
  if (getRole(op) != roles_[role]) // a cheap op, perhaps of a role that has no other
    setPlace(clone, roles_[role], "cheap, so each role that uses it has its own");
}

void ProgramCutter::receive(OpBuilder &builder, const Message &message, IRMapping &mapping) const {
  SmallVector<Type> types;
  SmallVector<Location> locations;
  for (Value value : message.values) {
    types.push_back(value.getType());
    locations.push_back(value.getLoc());
  }
  auto place = nn::PlaceAttr::get(builder.getContext(), roles_[message.receiver], "receives what its users need");
  auto recv = ps::RecvOp::create(builder, builder.getFusedLoc(locations), types, message.channel, place);
  mapping.map(message.values.getArrayRef(), recv.getValues());
}

void ProgramCutter::send(OpBuilder &builder, const Message &message, IRMapping &mapping) const {
  SmallVector<Value> values;
  SmallVector<Location> locations;
  for (Value value : message.values) {
    values.push_back(mapping.lookup(value));
    locations.push_back(value.getLoc());
  }
  auto place = nn::PlaceAttr::get(builder.getContext(), roles_[message.sender], "sends what others need");
  ps::SendOp::create(builder, builder.getFusedLoc(locations), message.channel, values, place);
}

void ProgramCutter::emitProgram(OpBuilder &builder, unsigned role, StringRef name) {
  auto program = ps::ProgramOp::create(builder, program_.getLoc(), name, roles_[role], program_.getSymName());
  OpBuilder body = OpBuilder::atBlockBegin(&program.getBody().emplaceBlock());
  IRMapping mapping;
  for (int64_t depth = 0; depth <= maxDepth_; ++depth) {
    for (auto &[key, message] : messages_)
      if (message.depth == depth && message.receiver == role)
        receive(body, message, mapping);
    for (Operation *op : listings_[{depth, role}])
      cloneOp(body, op, role, mapping);
    for (auto &[key, message] : messages_)
      if (message.depth == depth + 1 && message.sender == role)
        send(body, message, mapping);
  }
}

LogicalResult ProgramCutter::emit(OpBuilder &builder, int64_t &nextChannel) {
  auto module = program_->getParentOfType<ModuleOp>();
  for (auto &[key, message] : messages_) {
    SmallVector<Type> types;
    for (Value value : message.values)
      types.push_back(value.getType());
    StringAttr name;
    do
      name = builder.getStringAttr("c" + Twine(nextChannel++));
    while (module.lookupSymbol(name)); // a table or parameter may be called so
    ps::ChannelOp::create(builder, program_.getLoc(), name, program_.getSymNameAttr(),
                          builder.getStringAttr(roles_[message.sender]),
                          builder.getStringAttr(roles_[message.receiver]), builder.getI64IntegerAttr(message.depth),
                          builder.getTypeArrayAttr(types));
    message.channel = FlatSymbolRefAttr::get(name);
  }
  for (unsigned role = 0; role < roles_.size(); ++role) {
    std::string name = (roles_[role] + "." + program_.getSymName()).str();
    if (Operation *taken = module.lookupSymbol(name))
      return taken->emitOpError() << "cannot be called " << name << ": that is the name of a role's program";
    emitProgram(builder, role, name);
  }
  return success();
}

struct PartitionPass : heter::impl::PartitionBase<PartitionPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(verifyPlacement(module)))
      return signalPassFailure();
    SmallVector<StringRef> roles = collectRoles(module, *getMode(module));
    int64_t nextChannel = 0;
    for (auto program : llvm::make_early_inc_range(module.getOps<nn::ProgramOp>())) {
      OpBuilder builder(program);
      ProgramCutter cutter(program, roles);
      cutter.analyze();
      if (failed(cutter.emit(builder, nextChannel)))
        return signalPassFailure();
      program.erase();
    }
    module->setAttr(nn::kStageAttr, StringAttr::get(&getContext(), "partition"));
  }
};

} // namespace
