// The entry and body of a kernel; see KernelFunction.h.
#include "compiler/KernelFunction.h"

#include "compiler/LoopSpace.h"
#include "compiler/RowKernels.h"
#include "dialects/task/Task.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heter::compiler {

namespace {

/// NAME.body takes a pointer a tensor, and B.
LLVM::LLVMFuncOp makeBody(func::FuncOp kernel, ModuleOp target, unsigned tensors, OpBuilder &builder) {
  MLIRContext *context = target.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  SmallVector<Type> types(tensors, pointer);
  types.push_back(builder.getI64Type());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types);
  builder.setInsertionPointToEnd(target.getBody());
  auto body = LLVM::LLVMFuncOp::create(builder, kernel.getLoc(), (kernel.getName() + ".body").str(), type,
                                       LLVM::Linkage::Internal);
  // Called out of line, so that what is known of the arguments is not lost.
  body.setPassthroughAttr(builder.getStrArrayAttr({"noinline", "nounwind"}));
  for (unsigned i = 0; i < tensors; ++i) {
    body.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    if (i < kernel.getNumArguments())
      body.setArgAttr(i, LLVM::LLVMDialect::getReadonlyAttrName(), builder.getUnitAttr());
  }
  body.addEntryBlock(builder);
  return body;
}

/// void NAME(void *const *args): args[i] points to {base, aligned, offset, sizes.., strides..} of tensor i.
void makeEntry(func::FuncOp kernel, LLVM::LLVMFuncOp body, ArrayRef<Value> tensors, OpBuilder &builder) {
  MLIRContext *context = body.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer});
  Location loc = kernel.getLoc();
  builder.setInsertionPointAfter(body);
  auto entry = LLVM::LLVMFuncOp::create(builder, loc, kernel.getName(), type);
  Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  Type i64 = builder.getI64Type();
  Value batch;
  SmallVector<Value> arguments;
  for (auto [number, tensor] : llvm::enumerate(tensors)) {
    Value at = LLVM::GEPOp::create(builder, loc, pointer, pointer, block->getArgument(0),
                                   ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(number)});
    Value descriptor = LLVM::LoadOp::create(builder, loc, pointer, at);
    auto word = [&](int32_t i, Type wordType) -> Value {
      Value address = LLVM::GEPOp::create(builder, loc, pointer, i64, descriptor, ArrayRef<LLVM::GEPArg>{i});
      return LLVM::LoadOp::create(builder, loc, wordType, address);
    };
    arguments.push_back(word(1, pointer));
    if (!batch && isBatched(tensor))
      batch = word(3, i64);
  }
  if (!batch)
    batch = LLVM::ConstantOp::create(builder, loc, i64, builder.getI64IntegerAttr(1));
  arguments.push_back(batch);
  LLVM::CallOp::create(builder, loc, body, arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange());
}

/// Constants whose elements differ are read from memory, and those that a row operation looks at.
void addConstants(func::FuncOp kernel, ModuleOp target, OpBuilder &builder, llvm::DenseMap<Value, Value> &memory) {
  unsigned number = 0;
  kernel.walk([&](nn::ConstantOp op) {
    auto value = dyn_cast<DenseElementsAttr>(op.getValue());
    if (!value || (value.isSplat() && llvm::none_of(op->getUsers(), isRowOperation)))
      return;
    if (value.getElementType().isInteger(1)) {
      SmallVector<int8_t> bytes(llvm::map_range(value.getValues<bool>(), [](bool b) { return int8_t(b); }));
      auto type = RankedTensorType::get(value.getType().getShape(), builder.getI8Type());
      value = DenseElementsAttr::get(type, ArrayRef<int8_t>(bytes));
    }
    Type type = value.getElementType();
    for (int64_t size : llvm::reverse(value.getType().getShape()))
      type = LLVM::LLVMArrayType::get(type, size);
    std::string name = (kernel.getName() + ".constant" + Twine(number++)).str();
    OpBuilder atTop = OpBuilder::atBlockBegin(target.getBody());
    auto global =
        LLVM::GlobalOp::create(atTop, op.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal, name, value);
    memory[op.getResult()] = LLVM::AddressOfOp::create(builder, op.getLoc(), global);
  });
}

LogicalResult verifyKernel(func::FuncOp kernel) {
  if (!llvm::hasSingleElement(kernel.getBody()))
    return kernel.emitError("expects a kernel of one block");
  auto outputs = kernel.front().getTerminator()->getOperands();
  for (ValueRange values : {ValueRange(kernel.getArguments()), ValueRange(outputs)})
    for (Value tensor : values)
      if (!isa<RankedTensorType>(tensor.getType()))
        return kernel.emitError("expects a kernel's inputs and outputs to be tensors, got ") << tensor.getType();
  llvm::SmallPtrSet<void *, 4> seen;
  for (Value output : outputs)
    if (isa<BlockArgument>(output) || !seen.insert(output.getAsOpaquePointer()).second)
      return kernel.emitError("expects each output of a kernel to be computed by it, and once");
  return success();
}

} // namespace

FailureOr<KernelFunction> makeKernelFunction(func::FuncOp kernel, ModuleOp target, OpBuilder &builder) {
  if (failed(verifyKernel(kernel)))
    return failure();
  SmallVector<Value> tensors(kernel.getArguments());
  llvm::append_range(tensors, kernel.front().getTerminator()->getOperands());
  LLVM::LLVMFuncOp body = makeBody(kernel, target, tensors.size(), builder);
  makeEntry(kernel, body, tensors, builder);
  KernelFunction function;
  Block &block = body.getBody().front();
  for (auto [tensor, argument] : llvm::zip(tensors, block.getArguments()))
    function.memory[tensor] = argument;
  // Where the result takes an input's place, both are reached through one pointer, so that nothing is assumed of two.
  if (auto overwritten = kernel->getAttrOfType<IntegerAttr>(task::kOverwritesAttr)) {
    auto input = static_cast<unsigned>(overwritten.getInt());
    function.memory[kernel.front().getTerminator()->getOperand(0)] = block.getArgument(input);
    body.removeArgAttr(input, StringAttr::get(body.getContext(), LLVM::LLVMDialect::getReadonlyAttrName()));
  }
  function.batch = block.getArguments().back();
  builder.setInsertionPointToStart(&block);
  addConstants(kernel, target, builder, function.memory);
  return function;
}

} // namespace heter::compiler
