// Works on the library calls of one block after another: lookups towards their readers, then gradients of lookups
// towards their makers. What nobody reads any more goes.
#include "passes/Outline/Lookups.h"

#include "passes/Remarks.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace heter {

namespace {

bool calls(task::LibraryOp op, StringRef callee) { return op && op.getCallee() == callee; }

int64_t integer(task::LibraryOp op, StringRef name) {
  return cast<IntegerAttr>(op.getOptionsAttr().get(name)).getInt();
}

bool isMatrix(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 && type.isDynamicDim(0) && type.getElementType().isF32();
}

class LookupFuser {
public:
  explicit LookupFuser(Block &block) : block_(block), builder_(block.getParentOp()->getContext()) {}

  void run() {
    for (task::LibraryOp op : callsOf("lookup"))
      takeShape(op);
    for (task::LibraryOp op : callsOf("concat"))
      takeConcat(op);
    for (task::LibraryOp op : callsOf("lookup_grad"))
      readInPlace(op);
  }

private:
  SmallVector<task::LibraryOp> callsOf(StringRef callee) {
    return llvm::filter_to_vector(block_.getOps<task::LibraryOp>(),
                                  [&](task::LibraryOp op) { return op.getCallee() == callee; });
  }

  task::LibraryOp replace(task::LibraryOp op, Type type, StringRef callee, ValueRange inputs,
                          ArrayRef<NamedAttribute> options, const Twine &label) {
    builder_.setInsertionPoint(op);
    auto made =
        task::LibraryOp::create(builder_, op.getLoc(), type, callee, inputs, builder_.getDictionaryAttr(options),
                                builder_.getStringAttr(label), DenseI32ArrayAttr(), ArrayAttr());
    op.getResult(0).replaceAllUsesWith(made.getResult(0));
    op.erase();
    return made;
  }

  /// The one call that reads the result of `op`, or null.
  task::LibraryOp onlyReader(task::LibraryOp op) {
    if (!op.getResult(0).hasOneUse())
      return {};
    Operation *user = *op.getResult(0).user_begin();
    return user->getBlock() == &block_ ? dyn_cast<task::LibraryOp>(user) : task::LibraryOp();
  }

  /// The lookup gives what its only reader, a reshape, would.
  void takeShape(task::LibraryOp lookup) {
    task::LibraryOp reshape = onlyReader(lookup);
    if (!calls(reshape, "reshape"))
      return;
    remark(lookup, true, "lookup + reshape: the lookup writes the same floats");
    replace(reshape, reshape.getResult(0).getType(), "lookup", lookup.getInputs(), lookup.getOptionsAttr().getValue(),
            lookup.getLabel());
    lookup.erase();
  }

  /// The lookup among the operands of a concat that it may write for, or null.
  task::LibraryOp joined(Value operand) {
    auto lookup = operand.getDefiningOp<task::LibraryOp>();
    return calls(lookup, "lookup") && lookup->getNumResults() == 1 && operand.hasOneUse() &&
                   lookup->getBlock() == &block_
               ? lookup
               : task::LibraryOp();
  }

  void takeConcat(task::LibraryOp concat) {
    bool any = llvm::any_of(concat.getInputs(), [&](Value operand) { return joined(operand); });
    if (!any || integer(concat, "axis") != 1 || !llvm::all_of(concat.getInputs(), isMatrix))
      return;
    SmallVector<Value> inputs;
    std::string pools, label;
    for (Value operand : concat.getInputs()) {
      task::LibraryOp lookup = joined(operand);
      if (!lookup) {
        inputs.push_back(operand);
        continue;
      }
      llvm::append_range(inputs, lookup.getInputs());
      pools += (pools.empty() ? "" : " ") + cast<StringAttr>(lookup.getOptionsAttr().get("pools")).str();
      label += (label.empty() ? "" : ", ") + lookup.getLabel().str();
    }
    remark(concat, true, "lookup + concat: the lookup writes into the concat's rows");
    SmallVector<Value> operands(concat.getInputs());
    replace(concat, concat.getResult(0).getType(), "lookup", inputs,
            builder_.getNamedAttr("pools", builder_.getStringAttr(pools)), label + "+concat");
    for (Value operand : operands)
      eraseUnread(operand);
  }

  /// What holds the gradient already, and where it begins in each example's part of it.
  void readInPlace(task::LibraryOp grad) {
    Value source = grad.getInputs()[2];
    int64_t begin = 0;
    for (auto maker = source.getDefiningOp<task::LibraryOp>(); maker; maker = source.getDefiningOp<task::LibraryOp>()) {
      if (calls(maker, "slice") && isMatrix(maker.getInputs()[0]) && integer(maker, "axis") == 1)
        begin += integer(maker, "begin");
      else if (!calls(maker, "reshape"))
        break;
      remark(grad, true, maker.getCallee() + " + lookup_grad: the gradient is read where it was made");
      source = maker.getInputs()[0];
    }
    Value before = grad.getInputs()[2];
    if (source == before)
      return;
    grad.getInputsMutable()[2].set(source);
    NamedAttrList options(grad.getOptionsAttr());
    options.set("begins", builder_.getDenseI64ArrayAttr({begin}));
    grad.setOptionsAttr(options.getDictionary(builder_.getContext()));
    eraseUnread(before);
  }

  void eraseUnread(Value value) {
    auto maker = value.getDefiningOp<task::LibraryOp>();
    if (!maker || !maker->use_empty())
      return;
    SmallVector<Value> inputs(maker.getInputs());
    maker.erase();
    for (Value input : inputs)
      eraseUnread(input);
  }

  Block &block_;
  OpBuilder builder_;
};

} // namespace

void fuseLookups(task::ProgramOp program) {
  program->walk([&](Block *block) { LookupFuser(*block).run(); });
}

} // namespace heter
