// What follows a product of tiles: bias, activation, mask, the f32 result and the sums of its columns.
#include "compiler/TileEmitter.h"

namespace heter::compiler::tiles {

Value TileEmitter::columnMask(Value column) {
  auto numbers = llvm::to_vector(llvm::seq<int32_t>(0, 16));
  auto type = VectorType::get({16}, builder_.getI32Type());
  Value lane = arith::ConstantOp::create(builder_, loc_, DenseElementsAttr::get(type, ArrayRef<int32_t>(numbers)));
  Value rest = arith::TruncIOp::create(builder_, loc_, builder_.getI32Type(), sub(sizes_[Columns], column));
  return arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::slt, lane, loops_.splat(rest));
}

void TileEmitter::storeMatrix(Value number, ArrayRef<Value> values, ArrayRef<Value> masks) {
  for (auto [half, value] : llvm::enumerate(values)) {
    Value to = at(arguments_[Matrix], f32_, add(number, index(static_cast<int64_t>(half) * 16)));
    LLVM::MaskedStoreOp::create(builder_, loc_, value, to, masks[half], /*alignment=*/4);
  }
}

BlockEnd TileEmitter::beginEnd(Value row, Value column, int64_t vectors) {
  BlockEnd end{row, column, {}, {}};
  SmallVector<Type> types(static_cast<size_t>(vectors), lanes_);
  SmallVector<Value> begins;
  for (int64_t part = 0; part < vectors; ++part) {
    begins.push_back(add(mul(column, kUnit), index(16 * part)));
    end.masks.push_back(columnMask(begins.back()));
  }
  end.bias = choose(
      given(Bias), types,
      [&] {
        SmallVector<Value> bias;
        for (auto [begin, mask] : llvm::zip_equal(begins, end.masks))
          bias.push_back(loops_.load(arguments_[Bias], f32_, begin, Lanes{true, mask}));
        return bias;
      },
      [&] { return SmallVector<Value>(types.size(), zeros()); });
  return end;
}

/// Adds the bias, cuts, masks rows of a block from its row `first` on, each as many vectors as the bias is; gives them
/// in f32 and adds them to `totals`. REQUIRES: they lie in one row of tiles.
SmallVector<Value> TileEmitter::finishRows(const BlockEnd &end, Value first, ArrayRef<Value> sums,
                                           MutableArrayRef<Value> totals) {
  const auto vectors = static_cast<int64_t>(totals.size()), rows = static_cast<int64_t>(sums.size()) / vectors;
  const auto at = [&](int64_t i, int64_t part) { return static_cast<size_t>(i * vectors + part); };
  Value relu = arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::ne, sizes_[Relu], index(0));
  SmallVector<Value> values, numbers, isRow;
  for (int64_t i = 0; i < rows; ++i) {
    numbers.push_back(add(add(mul(end.row, kUnit), first), index(i)));
    isRow.push_back(less(numbers.back(), sizes_[Rows]));
    for (int64_t part = 0; part < vectors; ++part)
      values.push_back(loops_.math.add(sums[at(i, part)], end.bias[static_cast<size_t>(part)]));
  }
  for (Value &value : values)
    value = select(relu, loops_.math.relu(value), value);
  values = choose(
      given(Mask), SmallVector<Type>(values.size(), lanes_),
      [&] {
        // Row i of the block is row i % 16 of tile i / 16.
        Value tileRow = add(mul(end.row, 2), arith::DivUIOp::create(builder_, loc_, first, index(16)));
        Value tile = add(mul(tileRow, columnUnits_), end.column);
        Value from = add(mul(tile, kTileElements), mul(arith::RemUIOp::create(builder_, loc_, first, index(16)), 32));
        SmallVector<Value> masked;
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t part = 0; part < vectors; ++part) {
            Value active = loops_.load(arguments_[Mask], builder_.getI16Type(), add(from, index(32 * i + 16 * part)),
                                       Lanes{true, Value()});
            Value zero = LLVM::ZeroOp::create(builder_, loc_, active.getType());
            Value on = arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::sgt, active, zero);
            masked.push_back(select(on, values[at(i, part)], zeros()));
          }
        return masked;
      },
      [&] { return values; });
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t part = 0; part < vectors; ++part) {
      Value &value = values[at(i, part)], &total = totals[static_cast<size_t>(part)];
      value = select(isRow[static_cast<size_t>(i)], value, zeros());
      total = loops_.math.add(total, value);
    }
  for (int64_t i = 0; i < rows; ++i) {
    Value wanted = arith::AndIOp::create(builder_, loc_, given(Matrix), isRow[static_cast<size_t>(i)]);
    ifThen(wanted, [&] {
      Value number = add(mul(numbers[static_cast<size_t>(i)], sizes_[Columns]), mul(end.column, kUnit));
      storeMatrix(number, ArrayRef(values).slice(at(i, 0), totals.size()), end.masks);
    });
  }
  return values;
}

void TileEmitter::addToSums(const BlockEnd &end, ArrayRef<Value> totals) {
  for (auto [part, total] : llvm::enumerate(totals)) {
    Value number = add(mul(end.column, kUnit), index(static_cast<int64_t>(part) * 16));
    store(arguments_[Sums], number, loops_.math.add(load(arguments_[Sums], number), total));
  }
}

/// Ends all rows of the block in memory, and packs it.
void TileEmitter::finishBlock(Value block, Value row, Value column) {
  const BlockEnd end = beginEnd(row, column, 2);
  auto loop = scf::ForOp::create(builder_, loc_, index(0), index(kUnit), index(1), ValueRange{zeros(), zeros()});
  {
    OpBuilder::InsertionGuard guard(builder_);
    builder_.setInsertionPointToStart(loop.getBody());
    Value i = loop.getInductionVar(), at = mul(i, kUnit), next = add(at, index(16));
    SmallVector<Value> totals(loop.getRegionIterArgs());
    const SmallVector<Value> values = finishRows(end, i, {load(block, at), load(block, next)}, totals);
    store(block, at, values[0]);
    store(block, next, values[1]);
    scf::YieldOp::create(builder_, loc_, totals);
  }
  ifThen(given(Sums), [&] { addToSums(end, SmallVector<Value>(loop.getResults())); });
  packBlock(block, row, column);
}

} // namespace heter::compiler::tiles
