// Goes through the nodes of each block and what they read. The reasons are those of the passes that fuse: what a
// library kernel could take over and here does not is asked first, what it never takes over comes after.
#include "passes/Outline/Apart.h"

#include "dialects/nn/NN.h"
#include "passes/Outline/Masks.h"
#include "passes/Remarks.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace heter {

namespace {

/// The library kernel that `op` calls, or "".
StringRef calleeOf(Operation *op) {
  auto library = dyn_cast<task::LibraryOp>(op);
  return library ? library.getCallee() : "";
}

bool isRegion(Operation *op) { return isa<task::IfOp, task::WhileOp>(op); }

bool isCall(Operation *op) { return isa<task::KernelOp, task::LibraryOp>(op) || isRegion(op); }

/// Whether `reader` is a product that masks its result where its operand `number` is cut off.
bool isMask(Operation *reader, unsigned number) {
  auto library = dyn_cast<task::LibraryOp>(reader);
  DictionaryAttr options = library ? library.getOptionsAttr() : DictionaryAttr();
  auto activation = options ? options.getAs<StringAttr>("activation") : StringAttr();
  return number == 2 && activation && activation.getValue() == "relu_grad";
}

bool isProduct(StringRef callee) { return callee == "matmul" || callee == "product"; }

/// Whether `callee` puts values elsewhere and computes nothing.
bool moves(StringRef callee) {
  return llvm::is_contained({"concat", "slice", "pad", "reshape", "transpose", "lower_triangle", "lower_triangle_grad"},
                            callee);
}

Block &bodyOf(task::KernelOp kernel) {
  return SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(kernel, kernel.getCalleeAttr()).getBody().front();
}

/// What makes `value`: an operation of the kernel's function, or the node itself.
Operation *makerOf(OpResult value) {
  if (auto kernel = dyn_cast<task::KernelOp>(value.getOwner()))
    return bodyOf(kernel).getTerminator()->getOperand(value.getResultNumber()).getDefiningOp();
  return value.getOwner();
}

StringRef nameOf(Operation *op) {
  StringRef callee = calleeOf(op);
  return callee.empty() ? op->getName().stripDialect() : callee;
}

/// The uses of `value` in a kernel's function; those of a broadcast of it count as its own.
void findUses(Value value, SmallVectorImpl<OpOperand *> &uses) {
  for (OpOperand &use : value.getUses()) {
    auto broadcast = dyn_cast<nn::BroadcastOp>(use.getOwner());
    if (broadcast && !broadcast->use_empty() && !isa<func::ReturnOp>(*broadcast->user_begin()))
      findUses(broadcast.getResult(), uses);
    else
      uses.push_back(&use);
  }
}

/// Whether a message is sent or received between two nodes of a block.
bool messageBetween(Operation *first, Operation *second) {
  for (Operation *op = first; op != second; op = op->getNextNode())
    if (isa<task::SendOp, task::RecvOp>(op))
      return true;
  return false;
}

/// Why a product does not do last what `use`, of a kernel that reads its result, does.
StringRef whyNotTheEnd(task::LibraryOp product, OpOperand *use) {
  bool alone = product.getResult(0).hasOneUse();
  Operation *reader = use->getOwner();
  if (isa<nn::ReluOp>(reader)) {
    if (!alone)
      return "others read what comes before the activation";
    return messageBetween(product, *product->user_begin()) ? "a message is sent or received between them"
                                                           : "only the product of a linear layer does it last";
  }
  if (isa<nn::ReluGradOp>(reader) && use->getOperandNumber() == 1)
    return "the gradient that is masked comes later";
  if (!isa<nn::ReluGradOp>(reader))
    return "a product ends with a bias and a relu, or a relu's mask and the sums of columns; a kernel does all else";
  if (!alone)
    return "others read the gradient before it is masked";
  if (!maskBehind(product))
    return "a product masks a gradient and sums its columns, and this kernel does more or else";
  if (cast<RankedTensorType>(product.getResult(0).getType()).getRank() != 2)
    return "products of a matrix an example mask nothing";
  return product.getCallee() == "product" ? "the activation is not packed before the product"
                                          : "the activation is not there before the product";
}

/// Why a library kernel does not take over what is wanted of its reader, or "" if it never would.
StringRef whyNotTaken(task::LibraryOp maker, Operation *reader) {
  bool alone = maker.getResult(0).hasOneUse();
  StringRef from = maker.getCallee(), to = calleeOf(reader);
  if (from == "lookup" && to == "reshape")
    return "others read the lookup in its own shape";
  if (from == "lookup" && to == "concat")
    return alone ? "not one row of floats an example is joined" : "others read the lookup";
  if (from == "slice" && to == "lookup_grad")
    return "only a part of one row of floats an example is read in place";
  if (from == "unique_keys" && to == "lookup")
    return "the rows are pulled between them";
  if (from == "unique_keys")
    return "the keys are found before the rows are pulled, and the gradients come after";
  return "";
}

/// Why `reader` is another node than `maker`, which makes what it reads by `use`, if it is generated code, or as a
/// whole.
StringRef whyApart(Operation *maker, Operation *reader, OpOperand *use) {
  if (isRegion(maker) || isRegion(reader))
    return "the regions of an if or a while are graphs of their own";
  StringRef from = calleeOf(maker), to = calleeOf(reader);
  if (auto library = dyn_cast<task::LibraryOp>(maker)) {
    if (isProduct(from) && use)
      return whyNotTheEnd(library, use);
    if (StringRef why = whyNotTaken(library, reader); !why.empty())
      return why;
  }
  if (from == "pack")
    return "a matrix is packed once, for all products that read it";
  if (to == "pack")
    return "only a product or a lookup packs what it makes";
  if (isProduct(to))
    return "a product reads its factors many times, so they are made before";
  if (from.starts_with("dropout") || to.starts_with("dropout"))
    return "generated kernels draw no random numbers, and products end otherwise";
  if (to == "lookup_grad")
    return "gradients are summed in the order of the keys, not in that in which they are made";
  if (from == "lookup")
    return "a kernel reads what a lookup has gathered, and gathers nothing itself";
  if (to == "concat")
    return "only a lookup writes into a concat's rows";
  if (moves(from) || moves(to))
    return "the loops of a kernel run over one shape, and this moves values to another";
  if (to == "unique_keys")
    return "the keys of all lists are found together";
  return "the library computes one of them, and takes and gives whole values";
}

void remarkPair(OpResult value, Operation *reader, unsigned number, bool copied) {
  StringRef first = nameOf(makerOf(value));
  auto tell = [&](StringRef second, StringRef why) { remark(reader, false, first + ", " + second + " apart: " + why); };
  if (copied)
    return tell(nameOf(reader), "one is in the accelerator's memory, the other in the host's");
  if (isMask(reader, number) && calleeOf(value.getOwner()) != "pack")
    return tell(nameOf(reader), "the activation is there before the gradient that it masks");
  auto kernel = dyn_cast<task::KernelOp>(reader);
  if (!kernel)
    return tell(nameOf(reader), whyApart(value.getOwner(), reader, nullptr));
  SmallVector<OpOperand *> uses;
  findUses(bodyOf(kernel).getArgument(number), uses);
  llvm::SetVector<std::pair<StringRef, StringRef>> told;
  for (OpOperand *use : uses)
    told.insert({nameOf(use->getOwner()), whyApart(value.getOwner(), reader, use)});
  for (auto [name, why] : told)
    tell(name, why);
}

void remarkReader(Operation *reader) {
  llvm::SmallDenseSet<Operation *> seen; // one remark, of several values too
  for (auto [number, operand] : llvm::enumerate(reader->getOperands())) {
    auto copy = operand.getDefiningOp<task::CopyOp>();
    auto value = dyn_cast<OpResult>(copy ? copy.getInput() : operand);
    if (!value || !isCall(value.getOwner()) || isa<nn::ConstantOp>(makerOf(value)) ||
        !seen.insert(value.getOwner()).second)
      continue;
    if (!isa<task::KernelOp>(value.getOwner()) || !isa<task::KernelOp>(reader))
      remarkPair(value, reader, number, copy != nullptr);
  }
}

/// Broadcasts, which cost nothing beside others, are named only if there is but one other.
void remarkKernel(task::KernelOp kernel) {
  SmallVector<StringRef> all, names;
  for (Operation &op : bodyOf(kernel).without_terminator())
    if (!isa<nn::ConstantOp>(op)) {
      all.push_back(nameOf(&op));
      if (!isa<nn::BroadcastOp>(op))
        names.push_back(nameOf(&op));
    }
  if (all.size() > 1)
    remark(kernel, true, llvm::join(names.size() > 1 ? names : all, " + ") + ": one kernel computes them");
}

} // namespace

void remarkCalls(task::ProgramOp program) {
  program.walk([](Operation *op) {
    if (auto kernel = dyn_cast<task::KernelOp>(op))
      remarkKernel(kernel);
    if (isCall(op))
      remarkReader(op);
  });
}

} // namespace heter
