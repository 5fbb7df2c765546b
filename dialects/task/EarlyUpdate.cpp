// Whether the product that makes a pushed gradient may update the parameter while it runs. The parameter is written
// over then, so whatever reads it has to come first. In a graph all edges go from earlier nodes to later ones, so edges
// from earlier readers make no circle.
#include "dialects/ps/PS.h"
#include "dialects/task/Task.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace heter::task {

namespace {

/// Whether calls of the library node give their only result, a matrix of f32 in host memory, block by block: the rule
/// of docs/formats/package.md.
bool givesBlocks(LibraryOp op) {
  if (!op || (op.getCallee() != "product" && op.getCallee() != "matmul") || op.getInputs().size() != 2 ||
      op.getNumResults() != 1)
    return false;
  auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
  return type && !type.getEncoding() && type.getElementType().isF32() && type.hasStaticShape() && type.getRank() == 2 &&
         !(op.getOptions() && op.getOptions()->contains("activation"));
}

std::string named(Operation *node) { return ("`" + cast<NodeOpInterface>(node).getLabelAttr().getValue() + "`").str(); }

int32_t numberOf(Operation *node) {
  return static_cast<int32_t>(std::distance(node->getBlock()->begin(), node->getIterator()));
}

/// The nodes of `block` that read the parameter: its pulls, those with pulls in their regions, and all users of what
/// they give.
SetVector<Operation *> readersOf(FlatSymbolRefAttr parameter, Block &block) {
  SetVector<Operation *> readers;
  block.walk([&](PullDenseOp pull) {
    if (pull.getParameterAttr() != parameter)
      return;
    readers.insert(block.findAncestorOpInBlock(*pull));
    for (Operation *user : pull->getUsers())
      readers.insert(block.findAncestorOpInBlock(*user));
  });
  return readers;
}

/// Whether what the node, or one in its regions, reads has to stay as it is beyond the node's end.
bool keepsWhatItReads(Operation *node) {
  return node
      ->walk([](Operation *op) {
        return isa<PushDenseOp, PushRowsOp, SendOp>(op) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// What forbids the update and has nothing to do with the parameter's readers, or "".
std::string whyNoProduct(PushDenseOp push, ProgramOp program) {
  if (!program)
    return "the gradient is pushed in a region";
  if (program.getRole() != ps::kLocal)
    return "the parameter lives on servers";
  int pushes = 0;
  program.walk([&](PushDenseOp other) { pushes += other.getParameterAttr() == push.getParameterAttr(); });
  if (pushes > 1)
    return "it is pushed more than once";
  if (!givesBlocks(push.getGradient().getDefiningOp<LibraryOp>()))
    return "no product makes the gradient";
  for (Operation *user : push.getGradient().getUsers())
    if (user != push)
      return "the gradient has another reader, " + named(program.getBody().front().findAncestorOpInBlock(*user));
  return "";
}

} // namespace

EarlyUpdate earlyUpdateOf(PushDenseOp push) {
  EarlyUpdate update;
  update.whyNot = whyNoProduct(push, dyn_cast<ProgramOp>(push->getParentOp()));
  if (!update.whyNot.empty())
    return update;
  Operation *product = push.getGradient().getDefiningOp();
  for (Operation *reader : readersOf(push.getParameterAttr(), *push->getBlock())) {
    if (keepsWhatItReads(reader))
      update.whyNot = named(reader) + " keeps the values";
    else if (!reader->isBeforeInBlock(product))
      update.whyNot = named(reader) + " reads the values after the product that makes the gradient";
    if (!update.whyNot.empty())
      return update;
    update.after.push_back(numberOf(reader));
  }
  llvm::sort(update.after);
  return update;
}

LogicalResult verifyEarlyUpdate(PushDenseOp push) {
  DenseI32ArrayAttr after = push.getUpdateAfterAttr();
  if (!after)
    return success();
  EarlyUpdate update = earlyUpdateOf(push);
  if (!update.whyNot.empty())
    return push.emitOpError("cannot update ") << push.getParameterAttr() << " early: " << update.whyNot;
  if (after.asArrayRef() != ArrayRef(update.after))
    return push.emitOpError("expects an update after all nodes that read ")
           << push.getParameterAttr() << ", " << Builder(push.getContext()).getDenseI32ArrayAttr(update.after)
           << ", got " << after;
  return success();
}

} // namespace heter::task
