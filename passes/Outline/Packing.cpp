// Packs the operands of products in bf16. Works on the nodes of one block after another, in three steps: every product
// gets packed operands; a product takes over the masking kernel that alone reads its result; a product takes over the
// packing of its result, and what is then read by nobody goes.
#include "passes/Outline/Packing.h"

#include "passes/Outline/Masks.h"
#include "passes/Remarks.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace heter {

namespace {

using task::Packing;

bool isMatrix(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 && type.getElementType().isF32();
}

Attribute option(task::LibraryOp op, StringRef name) {
  DictionaryAttr options = op.getOptionsAttr();
  return options ? options.get(name) : Attribute();
}

bool flag(task::LibraryOp op, StringRef name) {
  auto value = dyn_cast_or_null<BoolAttr>(option(op, name));
  return value && value.getValue();
}

/// A matmul of two matrices in bf16.
bool isPackable(task::LibraryOp op) {
  return op.getCallee() == "matmul" && option(op, "precision") && isMatrix(op.getInputs()[0]) &&
         isMatrix(op.getInputs()[1]) && isMatrix(op.getResult(0));
}

class BlockPacker {
public:
  BlockPacker(Block &block, bool fuse) : block_(block), fuse_(fuse), builder_(block.getParentOp()->getContext()) {}

  void run() {
    SmallVector<task::LibraryOp> matmuls;
    for (auto op : block_.getOps<task::LibraryOp>())
      if (isPackable(op))
        matmuls.push_back(op);
    if (matmuls.empty())
      return;
    for (task::LibraryOp op : matmuls)
      for (auto [value, packing] : factorsOf(op))
        wanted_[value].insert(packing);
    for (auto &[value, packings] : wanted_)
      makePacked(value, packings.getArrayRef());
    for (task::LibraryOp op : matmuls)
      makeProduct(op);
    if (!fuse_)
      return;
    for (task::LibraryOp op : callsOf("product"))
      takeMask(op);
    for (task::LibraryOp op : callsOf("product"))
      takePack(op);
    for (task::LibraryOp op : callsOf("lookup"))
      takePack(op);
  }

private:
  SmallVector<task::LibraryOp> callsOf(StringRef callee) {
    return llvm::filter_to_vector(block_.getOps<task::LibraryOp>(),
                                  [&](task::LibraryOp op) { return op.getCallee() == callee; });
  }

  static SmallVector<std::pair<Value, Packing>> factorsOf(task::LibraryOp op) {
    return {{op.getInputs()[0], flag(op, "transpose_a") ? Packing::LeftTransposed : Packing::Left},
            {op.getInputs()[1], flag(op, "transpose_b") ? Packing::RightTransposed : Packing::Right}};
  }

  task::LibraryOp library(Location loc, TypeRange results, StringRef callee, ValueRange inputs, StringRef label,
                          DictionaryAttr options = {}) {
    return task::LibraryOp::create(builder_, loc, results, callee, inputs, options, builder_.getStringAttr(label),
                                   DenseI32ArrayAttr(), ArrayAttr());
  }

  /// Where `value` is packed: at the pull of a parameter, else behind its maker.
  void makePacked(Value value, ArrayRef<Packing> packings) {
    auto copy = value.getDefiningOp<task::CopyOp>();
    if (auto pull = (copy ? copy.getInput() : value).getDefiningOp<task::PullDenseOp>())
      return makePackedPulls(value, pull, copy, packings);
    if (Operation *maker = value.getDefiningOp())
      builder_.setInsertionPointAfter(maker);
    else
      builder_.setInsertionPointToStart(&block_);
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<Type> types =
        llvm::map_to_vector(packings, [&](Packing packing) -> Type { return task::packed(type, packing); });
    auto pack = library(value.getLoc(), types, "pack", value, "pack");
    for (auto [packing, result] : llvm::zip_equal(packings, pack.getResults()))
      packed_[{value, packing}] = result;
  }

  void makePackedPulls(Value value, task::PullDenseOp pull, task::CopyOp copy, ArrayRef<Packing> packings) {
    builder_.setInsertionPointAfter(pull);
    for (Packing packing : packings) {
      auto type = task::packed(cast<RankedTensorType>(pull.getResult().getType()), packing);
      auto label = builder_.getStringAttr(pull.getLabel() + " packed " + task::stringifyPacking(packing));
      packed_[{value, packing}] =
          task::PullDenseOp::create(builder_, pull.getLoc(), type, pull.getParameterAttr(), label, {}, {});
    }
    if (!copy)
      return;
    builder_.setInsertionPointAfter(copy);
    for (Packing packing : packings) {
      Value &result = packed_[{value, packing}];
      result = task::CopyOp::create(builder_, copy.getLoc(), task::inSpace(result.getType(), task::Space::Device),
                                    result, copy.getLabelAttr(), {}, {});
    }
  }

  void makeProduct(task::LibraryOp op) {
    SmallVector<Value> inputs;
    for (auto [value, packing] : factorsOf(op))
      inputs.push_back(packed_.at({value, packing}));
    llvm::append_range(inputs, op.getInputs().drop_front(2));
    NamedAttrList options;
    if (Attribute activation = option(op, "activation"))
      options.append("activation", activation);
    builder_.setInsertionPoint(op);
    auto product = library(op.getLoc(), op.getResultTypes(), "product", inputs, (op.getLabel() + " in bf16").str(),
                           dictionary(options));
    SmallVector<Value> operands(op.getInputs());
    op.getResult(0).replaceAllUsesWith(product.getResult(0));
    rename(op.getResult(0), product.getResult(0));
    op.erase();
    for (Value operand : operands)
      eraseUnread(operand);
  }

  DictionaryAttr dictionary(NamedAttrList &options) {
    return options.empty() ? DictionaryAttr() : options.getDictionary(builder_.getContext());
  }

  /// What was packed as `from` was is found as `to`.
  void rename(Value from, Value to) {
    for (Packing packing : {Packing::Left, Packing::LeftTransposed, Packing::Right, Packing::RightTransposed})
      if (auto found = packed_.find({from, packing}); found != packed_.end()) {
        Value value = found->second;
        packed_.erase(found);
        packed_[{to, packing}] = value;
      }
  }

  /// Erases pulls and copies that nobody reads any more.
  void eraseUnread(Value value) {
    Operation *maker = value.getDefiningOp();
    if (!maker || !maker->use_empty() || !isa<task::CopyOp, task::PullDenseOp>(maker))
      return;
    Value input = isa<task::CopyOp>(maker) ? maker->getOperand(0) : Value();
    maker->erase();
    if (input)
      eraseUnread(input);
  }

  //===-- Masks ---------------------------------------------------------------------------------------------------===//

  /// The product does what the masking kernel behind it did.
  void takeMask(task::LibraryOp product) {
    if (product.getInputs().size() != 2 || option(product, "activation"))
      return;
    std::optional<Mask> mask = maskBehind(product);
    if (!mask)
      return;
    auto activation = packed_.find({mask->activation, Packing::Left});
    if (activation == packed_.end() || !activation->second.getDefiningOp()->isBeforeInBlock(product))
      return;
    SmallVector<Value> inputs(product.getInputs());
    inputs.push_back(activation->second);
    SmallVector<Type> types = {mask->masked.getType()};
    if (mask->sums)
      types.push_back(mask->sums.getType());
    NamedAttrList options;
    options.append("activation", builder_.getStringAttr("relu_grad"));
    builder_.setInsertionPoint(product);
    std::string what = mask->sums ? "relu_grad+reduce_sum" : "relu_grad";
    auto fused = library(product.getLoc(), types, "product", inputs, (product.getLabel() + "+" + what).str(),
                         dictionary(options));
    remark(mask->kernel, true, "matmul + " + what + ": the product in bf16 does it last");
    mask->masked.replaceAllUsesWith(fused.getResult(0));
    rename(mask->masked, fused.getResult(0));
    if (mask->sums)
      mask->sums.replaceAllUsesWith(fused.getResult(1));
    mask->kernel.erase();
    product.erase();
  }

  //===-- Packing by the maker ------------------------------------------------------------------------------------===//

  /// The product, or lookup, packs its result itself, and gives it in f32 only to those that read that.
  void takePack(task::LibraryOp product) {
    Value result = product.getResult(0);
    task::LibraryOp pack;
    for (Operation *user : result.getUsers())
      if (auto library = dyn_cast<task::LibraryOp>(user);
          library && library.getCallee() == "pack" && library->getBlock() == &block_)
        pack = library;
    if (!pack)
      return;
    bool read = !result.hasOneUse();
    SmallVector<Value> old;
    if (read)
      old.push_back(result);
    llvm::append_range(old, product.getResults().drop_front());
    llvm::append_range(old, pack.getResults());
    builder_.setInsertionPoint(product);
    auto fused = library(product.getLoc(), TypeRange(ValueRange(old)), product.getCallee(), product.getInputs(),
                         (product.getLabel() + "+pack").str(), product.getOptionsAttr());
    StringRef callee = product.getCallee();
    remark(product, true, callee + " + pack: the " + callee + " writes its result as the next products read it");
    for (auto [from, to] : llvm::zip_equal(old, fused.getResults()))
      from.replaceUsesWithIf(to, [&](OpOperand &use) { return use.getOwner() != pack; });
    pack.erase();
    product.erase();
  }

  Block &block_;
  bool fuse_;
  OpBuilder builder_;
  llvm::MapVector<Value, llvm::SmallSetVector<Packing, 4>> wanted_;
  llvm::DenseMap<std::pair<Value, Packing>, Value> packed_; ///< what holds a value as that factor
};

} // namespace

void packProducts(task::ProgramOp program, bool fuse) {
  program->walk([&](Block *block) { BlockPacker(*block, fuse).run(); });
}

} // namespace heter
