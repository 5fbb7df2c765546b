// Kernel functions are made by cloning and compared by their printed form without names and locations.
#include "passes/Outline/Kernels.h"

#include "dialects/nn/NN.h"
#include "dialects/ps/PS.h"
#include "passes/Outline/Fusion.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace heter {

std::string describe(ArrayRef<Operation *> ops, StringRef separator) {
  constexpr size_t kMost = 4;
  SmallVector<StringRef> names;
  for (Operation *op : ops)
    if (!isa<nn::ConstantOp>(op) && (!isa<nn::BroadcastOp>(op) || ops.size() == 1))
      names.push_back(op->getName().stripDialect());
  if (names.empty())
    names.push_back(ops.front()->getName().stripDialect());
  if (names.size() > kMost)
    names.erase(names.begin() + 2, names.end() - 2);
  return llvm::join(names, separator);
}

/// Programs say where an operation runs; in a kernel that is its caller's place.
static void cloneInto(OpBuilder &builder, Operation *op, IRMapping &mapping) {
  Operation *clone = builder.clone(*op, mapping);
  if (auto placed = dyn_cast<nn::PlaceableOpInterface>(clone))
    placed.setPlaceAttr(nn::PlaceAttr());
}

KernelFunctions::Outlined KernelFunctions::outline(ArrayRef<Operation *> ops) {
  llvm::SetVector<Value> inputs, constants, outputs;
  llvm::DenseSet<Operation *> members(ops.begin(), ops.end());
  for (Operation *op : ops) {
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (members.contains(producer))
        continue;
      (isa_and_nonnull<nn::ConstantOp>(producer) ? constants : inputs).insert(operand);
    }
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(user); }) ||
          result.use_empty())
        outputs.insert(result);
  }
  Location loc = ops.back()->getLoc();
  OpBuilder builder(module_.getContext());
  auto type = builder.getFunctionType(TypeRange(inputs.getArrayRef()), TypeRange(outputs.getArrayRef()));
  auto function = func::FuncOp::create(loc, "kernel", type);
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  mapping.map(inputs.getArrayRef(), body->getArguments());
  for (Value constant : constants)
    cloneInto(builder, constant.getDefiningOp(), mapping);
  for (Operation *op : ops)
    cloneInto(builder, op, mapping);
  SmallVector<Value> results;
  for (Value output : outputs)
    results.push_back(mapping.lookup(output));
  func::ReturnOp::create(builder, loc, results);
  return {intern(function, describe(ops, "_")), inputs.takeVector(), outputs.takeVector()};
}

func::FuncOp KernelFunctions::outlineBody(Block &source, StringRef name) {
  Operation *terminator = source.getTerminator();
  OpBuilder builder(module_.getContext());
  auto type = builder.getFunctionType(source.getArgumentTypes(), terminator->getOperandTypes());
  auto function = func::FuncOp::create(source.getParentOp()->getLoc(), "kernel", type);
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  mapping.map(source.getArguments(), body->getArguments());
  for (Operation &op : source.without_terminator())
    cloneInto(builder, &op, mapping);
  SmallVector<Value> results;
  for (Value output : terminator->getOperands())
    results.push_back(mapping.lookup(output));
  func::ReturnOp::create(builder, terminator->getLoc(), results);
  return intern(function, name);
}

func::FuncOp KernelFunctions::intern(func::FuncOp function, StringRef name) {
  std::string structure;
  llvm::raw_string_ostream stream(structure);
  function.print(stream, OpPrintingFlags().useLocalScope());
  auto [found, isNew] = byStructure_.try_emplace(structure, function);
  if (!isNew) {
    function.erase();
    return found->second;
  }
  std::string unique;
  do
    unique = (name + "_" + Twine(used_[name]++)).str();
  while (module_.lookupSymbol(unique));
  function.setName(unique);
  module_.push_back(function);
  return function;
}

} // namespace heter
