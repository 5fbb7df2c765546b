// Finds masking kernels behind products by the kernel's function: nn.relu_grad, whose result perhaps nn.reduce_sum
// sums.
#include "passes/Outline/Masks.h"

#include "dialects/nn/NN.h"
#include "passes/Remarks.h"

using namespace mlir;

namespace heter {

std::optional<Mask> maskBehind(task::LibraryOp product) {
  Value gradient = product.getResult(0);
  auto kernel = gradient.hasOneUse() ? dyn_cast<task::KernelOp>(*gradient.user_begin()) : task::KernelOp();
  if (!kernel || kernel.getInputs().size() != 2 || kernel->getBlock() != product->getBlock())
    return std::nullopt;
  auto function = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(kernel, kernel.getCalleeAttr());
  Block &body = function.getBody().front();
  auto grad = dyn_cast<nn::ReluGradOp>(&body.front());
  if (!grad)
    return std::nullopt;
  Mask mask{kernel, {}, {}, {}};
  for (auto [argument, input] : llvm::zip_equal(body.getArguments(), kernel.getInputs())) {
    if (argument == grad->getOperand(0) && input != gradient)
      return std::nullopt;
    if (argument == grad->getOperand(1))
      mask.activation = input;
  }
  for (Operation &op : llvm::drop_begin(body)) {
    auto sum = dyn_cast<nn::ReduceSumOp>(op);
    if (!op.hasTrait<OpTrait::IsTerminator>() &&
        (!sum || sum.getInput() != grad->getResult(0) || !llvm::equal(sum.getAxes(), ArrayRef<int64_t>{0})))
      return std::nullopt;
  }
  for (auto [result, value] : llvm::zip_equal(kernel.getResults(), body.getTerminator()->getOperands()))
    (value == grad->getResult(0) ? mask.masked : mask.sums) = result;
  return mask.activation && mask.masked ? std::optional(mask) : std::nullopt;
}

namespace {

bool isMatrix(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 && type.getElementType().isF32();
}

/// The matmul does what the masking kernel behind it did.
void takeMask(task::LibraryOp matmul) {
  if (matmul.getInputs().size() != 2 || !llvm::all_of(matmul.getInputs(), isMatrix))
    return;
  DictionaryAttr options = matmul.getOptionsAttr();
  if (options && options.get("activation"))
    return;
  std::optional<Mask> mask = maskBehind(matmul);
  if (!mask)
    return;
  Operation *maker = mask->activation.getDefiningOp();
  if (maker && maker->getBlock() == matmul->getBlock() && !maker->isBeforeInBlock(matmul))
    return;
  OpBuilder builder(matmul);
  SmallVector<Value> inputs(matmul.getInputs());
  inputs.push_back(mask->activation);
  SmallVector<Type> types = {mask->masked.getType()};
  if (mask->sums)
    types.push_back(mask->sums.getType());
  NamedAttrList all(options);
  all.set("activation", builder.getStringAttr("relu_grad"));
  std::string what = mask->sums ? "relu_grad+reduce_sum" : "relu_grad";
  auto fused = task::LibraryOp::create(
      builder, matmul.getLoc(), types, "matmul", inputs, all.getDictionary(builder.getContext()),
      builder.getStringAttr((matmul.getLabel() + "+" + what).str()), DenseI32ArrayAttr(), ArrayAttr());
  remark(mask->kernel, true, "matmul + " + what + ": the matrix product does it last");
  mask->masked.replaceAllUsesWith(fused.getResult(0));
  if (mask->sums)
    mask->sums.replaceAllUsesWith(fused.getResult(1));
  mask->kernel.erase();
  matmul.erase();
}

} // namespace

void fuseMasks(task::ProgramOp program) {
  SmallVector<task::LibraryOp> matmuls;
  program->walk([&](task::LibraryOp op) {
    if (op.getCallee() == "matmul")
      matmuls.push_back(op);
  });
  llvm::for_each(matmuls, takeMask);
}

} // namespace heter
