// The packing of blocks of 32 x 32 values, which the product's end and the packing kernel share.
#include "compiler/TileEmitter.h"

namespace heter::compiler::tiles {

void TileEmitter::emitPack() {
  Value one = index(1);
  auto block = LLVM::AllocaOp::create(builder_, loc_, pointer_, LLVM::LLVMArrayType::get(f32_, kBlockElements), one,
                                      /*alignment=*/64);
  forRange(sizes_[RowBegin], sizes_[RowEnd], 1, [&](Value row) {
    forRange(sizes_[ColumnBegin], sizes_[ColumnEnd], 1, [&](Value column) {
      Value firstRow = mul(row, kUnit), firstColumn = mul(column, kUnit), next = add(firstColumn, index(16));
      SmallVector<Value> masks = {columnMask(firstColumn), columnMask(next)};
      loops_.forEach(index(kUnit), [&](Value i) {
        Value number = add(firstRow, i);
        SmallVector<Value> values = choose(
            less(number, sizes_[Rows]), {lanes_, lanes_},
            [&] {
              Value from = add(mul(number, sizes_[Columns]), firstColumn);
              return SmallVector<Value>{
                  loops_.load(arguments_[Matrix], f32_, from, Lanes{true, masks[0]}),
                  loops_.load(arguments_[Matrix], f32_, add(from, index(16)), Lanes{true, masks[1]})};
            },
            [&] { return SmallVector<Value>{zeros(), zeros()}; });
        for (int64_t half = 0; half < 2; ++half)
          store(block, add(mul(i, kUnit), index(half * 16)), values[half]);
      });
      packBlock(block, row, column);
    });
  });
  LLVM::ReturnOp::create(builder_, loc_, ValueRange());
}

Value TileEmitter::round(Value low, Value high) {
  Value both = shuffle(low, high, llvm::to_vector(llvm::seq<int32_t>(0, 32)));
  return LLVM::FPTruncOp::create(builder_, loc_, VectorType::get({32}, builder_.getBF16Type()), both);
}

void TileEmitter::storeTile(int argument, Value tile, ArrayRef<Value> rows) {
  Type bf16 = builder_.getBF16Type();
  Value begin = mul(tile, kTileElements);
  for (auto [i, row] : llvm::enumerate(rows))
    LLVM::StoreOp::create(builder_, loc_, row,
                          at(arguments_[argument], bf16, add(begin, index(static_cast<int64_t>(i) * 32))),
                          /*alignment=*/2);
}

void TileEmitter::packBlock(Value block, Value row, Value column) {
  ifThen(given(PackedLeft), [&] { packRows(block, row, column); });
  Value pairs = arith::OrIOp::create(builder_, loc_, given(PackedRight), given(PackedLeftTransposed));
  ifThen(pairs, [&] { packPairs(block, row, column); });
  ifThen(given(PackedRightTransposed), [&] { packTransposedPairs(block, row, column); });
}

/// A left factor's tile has 16 rows of 32 values.
void TileEmitter::packRows(Value block, Value row, Value column) {
  loops_.forEach(index(2), [&](Value half) {
    Value tile = add(mul(add(mul(row, 2), half), columnUnits_), column);
    SmallVector<Value> rows;
    for (int64_t i = 0; i < 16; ++i) {
      Value from = add(mul(half, 16 * kUnit), index(i * kUnit));
      rows.push_back(round(load(block, from), load(block, add(from, index(16)))));
    }
    storeTile(PackedLeft, tile, rows);
  });
}

/// A right factor's tile has 16 pairs of rows, of 16 columns each, the pair's values side by side. Its transpose in
/// units of pairs is the tile of the transposed left factor.
void TileEmitter::packPairs(Value block, Value row, Value column) {
  loops_.forEach(index(2), [&](Value half) {
    Value tile = add(mul(add(mul(column, 2), half), rowUnits_), row), begin = mul(half, 16);
    SmallVector<int32_t> sideBySide;
    for (int32_t i = 0; i < 16; ++i)
      sideBySide.append({i, i + 16});
    auto words = VectorType::get({16}, builder_.getI32Type());
    Vectors pairs;
    for (int64_t i = 0; i < 16; ++i) {
      Value even = add(begin, index(2 * i * kUnit)), odd = add(even, index(kUnit));
      Value both = round(load(block, even), load(block, odd));
      pairs[i] = LLVM::BitcastOp::create(builder_, loc_, words, shuffle(both, both, sideBySide));
    }
    ifThen(given(PackedRight), [&] { storeTile(PackedRight, tile, pairs); });
    ifThen(given(PackedLeftTransposed), [&] {
      transpose(pairs);
      storeTile(PackedLeftTransposed, tile, pairs);
    });
  });
}

/// The transposed right factor's tile: 16 pairs of the block's columns, of 16 of its rows.
void TileEmitter::packTransposedPairs(Value block, Value row, Value column) {
  loops_.forEach(index(2), [&](Value half) {
    Value tile = add(mul(add(mul(row, 2), half), columnUnits_), column);
    auto words = VectorType::get({16}, builder_.getI32Type());
    Vectors rows;
    for (int64_t i = 0; i < 16; ++i) {
      Value from = add(mul(half, 16 * kUnit), index(i * kUnit));
      Value both = round(load(block, from), load(block, add(from, index(16))));
      rows[i] = LLVM::BitcastOp::create(builder_, loc_, words, both);
    }
    transpose(rows);
    storeTile(PackedRightTransposed, tile, rows);
  });
}

/// 16 x 16 words, by the usual exchanges of words, pairs of words, and quarters of a register.
void TileEmitter::transpose(Vectors &rows) {
  SmallVector<int32_t> lowWords, highWords, lowPairs, highPairs, evenQuarters, oddQuarters;
  for (int32_t lane = 0; lane < 16; lane += 4) {
    lowWords.append({lane, lane + 16, lane + 1, lane + 17});
    highWords.append({lane + 2, lane + 18, lane + 3, lane + 19});
    lowPairs.append({lane, lane + 1, lane + 16, lane + 17});
    highPairs.append({lane + 2, lane + 3, lane + 18, lane + 19});
  }
  for (int32_t quarter : {0, 8, 16, 24})
    for (int32_t i = 0; i < 4; ++i) {
      evenQuarters.push_back(quarter + i);
      oddQuarters.push_back(quarter + 4 + i);
    }
  Vectors next;
  for (int i = 0; i < 16; i += 2) {
    next[i] = shuffle(rows[i], rows[i + 1], lowWords);
    next[i + 1] = shuffle(rows[i], rows[i + 1], highWords);
  }
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 2; ++j) {
      rows[i + 2 * j] = shuffle(next[i + j], next[i + j + 2], lowPairs);
      rows[i + 2 * j + 1] = shuffle(next[i + j], next[i + j + 2], highPairs);
    }
  for (int i = 0; i < 16; i += 8)
    for (int j = 0; j < 4; ++j) {
      next[i + j] = shuffle(rows[i + j], rows[i + 4 + j], evenQuarters);
      next[i + 4 + j] = shuffle(rows[i + j], rows[i + 4 + j], oddQuarters);
    }
  for (int j = 0; j < 8; ++j) {
    rows[j] = shuffle(next[j], next[8 + j], evenQuarters);
    rows[8 + j] = shuffle(next[j], next[8 + j], oddQuarters);
  }
}

} // namespace heter::compiler::tiles
