// A block of a product where the processor has no tiles but multiplies vectors of bf16 (vdpbf16ps): eight rows of 32
// results at a time are in registers, each word of the left factor, two neighbours along the depth, is spread over a
// vector, and a row of a right factor's tile is one. What the tiles have beyond the matrices is passed over, which
// tiles' products could not: pairs beyond the depth, rows in groups, and columns where they are a vector.
#include "compiler/TileEmitter.h"

namespace heter::compiler::tiles {

namespace {

constexpr int64_t kPairs = 16; ///< of a tile's depth

} // namespace

/// The sums of some rows, as many vectors of columns a row as `rights` are, after one pair along a tile's depth.
SmallVector<Value> TileEmitter::addPairProducts(Value left, ArrayRef<Value> rights, Value pair, ValueRange sums) {
  Type word = builder_.getI32Type(), bf16 = builder_.getBF16Type();
  auto pairs = VectorType::get({32}, bf16);
  SmallVector<Value> next, columns;
  for (Value right : rights)
    columns.push_back(LLVM::LoadOp::create(builder_, loc_, pairs, at(right, bf16, mul(pair, 32)), 2));
  const auto vectors = static_cast<int64_t>(rights.size()), rows = static_cast<int64_t>(sums.size()) / vectors;
  for (int64_t i = 0; i < rows; ++i) {
    Value two = LLVM::LoadOp::create(builder_, loc_, word, at(left, word, add(pair, index(kPairs * i))), 2);
    Value row = LLVM::BitcastOp::create(builder_, loc_, pairs, loops_.splat(two));
    for (auto [part, column] : llvm::enumerate(columns)) {
      Value sum = sums[static_cast<size_t>(vectors * i) + part];
      next.push_back(LLVM::CallIntrinsicOp::create(builder_, loc_, lanes_,
                                                   builder_.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
                                                   ValueRange{sum, row, column})
                         .getResult(0));
    }
  }
  return next;
}

/// So many rows at a time, as many vectors of columns as `end` has. Their sums are ended while they are in registers.
void TileEmitter::multiplyRows(Value block, const BlockEnd &end, const DepthStep &step, int64_t rowsAtOnce) {
  const auto vectors = static_cast<int64_t>(end.masks.size());
  Value rowsLeft = sub(sizes_[Rows], mul(end.row, kUnit));
  Value groups = arith::DivUIOp::create(builder_, loc_, add(rowsLeft, index(rowsAtOnce - 1)), index(rowsAtOnce));
  groups = arith::MinSIOp::create(builder_, loc_, groups, index(kUnit / rowsAtOnce));
  auto loop =
      scf::ForOp::create(builder_, loc_, index(0), groups, index(1), SmallVector<Value>(end.masks.size(), zeros()));
  {
    OpBuilder::InsertionGuard guard(builder_);
    builder_.setInsertionPointToStart(loop.getBody());
    Value first = mul(loop.getInductionVar(), rowsAtOnce), memory = at(block, f32_, mul(first, kUnit));
    const auto storeAll = [&](ArrayRef<Value> sums) {
      for (int64_t i = 0; i < rowsAtOnce * vectors; ++i)
        store(memory, sumAt(i, vectors), sums[static_cast<size_t>(i)]);
    };
    const SmallVector<Value> sums = sumRows(memory, end, first, step, rowsAtOnce);
    scf::YieldOp::create(builder_, loc_,
                         choose(
                             step.isLast, SmallVector<Type>(end.masks.size(), lanes_),
                             [&] {
                               SmallVector<Value> totals(loop.getRegionIterArgs());
                               const SmallVector<Value> values = finishRows(end, first, sums, totals);
                               ifThen(isPacked(), [&] { storeAll(values); });
                               return totals;
                             },
                             [&] {
                               storeAll(sums);
                               return SmallVector<Value>(loop.getRegionIterArgs());
                             }));
  }
  ifThen(step.isLast, [&] {
    ifThen(given(Sums), [&] { addToSums(end, SmallVector<Value>(loop.getResults())); });
    // What is packed beyond the result's rows and columns is 0.
    ifThen(isPacked(), [&] {
      forRange(mul(groups, rowsAtOnce), index(kUnit), 1, [&](Value i) {
        for (int64_t part = 0; part < 2; ++part)
          store(block, add(mul(i, kUnit), index(16 * part)), zeros());
      });
      if (vectors == 1)
        forRange(index(0), index(kUnit), 1, [&](Value i) { store(block, add(mul(i, kUnit), index(16)), zeros()); });
    });
  });
}

Value TileEmitter::isPacked() {
  Value packed = given(PackedLeft);
  for (int argument : {PackedLeftTransposed, PackedRight, PackedRightTransposed})
    packed = arith::OrIOp::create(builder_, loc_, packed, given(argument));
  return packed;
}

/// Where sum `i` of a group of rows lies in the block, from the group's first row on.
Value TileEmitter::sumAt(int64_t i, int64_t vectors) { return index(i / vectors * kUnit + i % vectors * 16); }

/// The sums of rows of a block from its row `first` on, at `memory`, after another step.
SmallVector<Value> TileEmitter::sumRows(Value memory, const BlockEnd &end, Value first, const DepthStep &step,
                                        int64_t rowsAtOnce) {
  const auto vectors = static_cast<int64_t>(end.masks.size());
  Value wholeTiles = arith::DivUIOp::create(builder_, loc_, sizes_[Depth], index(kUnit));
  Value wholeEnd = arith::MinSIOp::create(builder_, loc_, step.end, wholeTiles);
  // The pairs of the tile that the depth ends in.
  Value rest = sub(sizes_[Depth], mul(wholeTiles, kUnit));
  Value restPairs = arith::DivUIOp::create(builder_, loc_, add(rest, index(1)), index(2));
  restPairs = select(step.isLast, restPairs, index(0));
  const auto forTile = [&](Value tile, auto body) {
    Value tileRow = add(mul(end.row, 2), arith::DivUIOp::create(builder_, loc_, first, index(16)));
    Value inTile = mul(arith::RemUIOp::create(builder_, loc_, first, index(16)), kUnit);
    Value left = at(factorAddress(Left, tileRow, tile), builder_.getBF16Type(), inTile);
    SmallVector<Value> rights;
    for (int64_t part = 0; part < vectors; ++part)
      rights.push_back(factorAddress(Right, add(mul(end.column, 2), index(part)), tile));
    scf::YieldOp::create(builder_, loc_, body(left, rights));
  };
  OpBuilder::InsertionGuard guard(builder_);
  const SmallVector<Type> types(static_cast<size_t>(rowsAtOnce * vectors), lanes_);
  const SmallVector<Value> before = choose(
      step.isFirst, types, [&] { return SmallVector<Value>(types.size(), zeros()); },
      [&] {
        SmallVector<Value> sums;
        for (int64_t i = 0; i < rowsAtOnce * vectors; ++i)
          sums.push_back(load(memory, sumAt(i, vectors)));
        return sums;
      });
  auto tiles = scf::ForOp::create(builder_, loc_, step.begin, wholeEnd, index(1), before);
  auto pairs = scf::ForOp::create(builder_, loc_, index(0), restPairs, index(1), tiles.getResults());
  builder_.setInsertionPointToStart(tiles.getBody());
  forTile(tiles.getInductionVar(), [&](Value left, ArrayRef<Value> rights) {
    SmallVector<Value> sums(tiles.getRegionIterArgs());
    for (int64_t pair = 0; pair < kPairs; ++pair)
      sums = addPairProducts(left, rights, index(pair), sums);
    return sums;
  });
  builder_.setInsertionPointToStart(pairs.getBody());
  forTile(wholeTiles, [&](Value left, ArrayRef<Value> rights) {
    return addPairProducts(left, rights, pairs.getInductionVar(), pairs.getRegionIterArgs());
  });
  return SmallVector<Value>(pairs.getResults());
}

void TileEmitter::multiplyBlockByVectors(Value block, Value row, Value column, const DepthStep &step) {
  // The last columns may be too few for two vectors.
  Value isNarrow = less(sub(sizes_[Columns], mul(column, kUnit)), index(kUnit / 2 + 1));
  auto branch = scf::IfOp::create(builder_, loc_, isNarrow, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder_);
  builder_.setInsertionPointToStart(branch.thenBlock());
  multiplyRows(block, beginEnd(row, column, 1), step, 16);
  builder_.setInsertionPointToStart(branch.elseBlock());
  multiplyRows(block, beginEnd(row, column, 2), step, 8);
}

} // namespace heter::compiler::tiles
