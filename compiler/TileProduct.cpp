// The blocked product of tiles in one function, so that one tile configuration serves it.
//
// A product's block is worked through in steps of 16 tiles along the depth (32, if vectors do it), so that a step's
// part of two columns of the right factor stays in the first-level cache while rows of the left factor stream by from
// the second level, past the first one (tileloaddt1). Four accumulators, two by two, hold 32 x 32 sums; between the
// steps they lie in the caller's scratch memory. Where nothing follows, they go straight to the f32 matrix. Meanwhile
// what comes next is fetched from memory: the right factor's next columns, the left factor's next step, a share of it
// with every block, and where the block's results go.
#include "compiler/TileEmitter.h"

#include "mlir/Dialect/AMX/AMXDialect.h"

namespace heter::compiler::tiles {

Value TileEmitter::memref(Value pointer, Type element, int64_t columns, Value stride) {
  MLIRContext *context = builder_.getContext();
  Type i64 = builder_.getI64Type(), pair = LLVM::LLVMArrayType::get(i64, 2);
  auto descriptor = LLVM::LLVMStructType::getLiteral(context, {pointer_, pointer_, i64, pair, pair});
  Value value = LLVM::PoisonOp::create(builder_, loc_, descriptor);
  value = LLVM::InsertValueOp::create(builder_, loc_, value, pointer, ArrayRef<int64_t>{0});
  value = LLVM::InsertValueOp::create(builder_, loc_, value, pointer, ArrayRef<int64_t>{1});
  value = LLVM::InsertValueOp::create(builder_, loc_, value, stride, ArrayRef<int64_t>{4, 0});
  auto layout = StridedLayoutAttr::get(context, 0, {ShapedType::kDynamic, 1});
  Type type = MemRefType::get({16, columns}, element, layout);
  return UnrealizedConversionCastOp::create(builder_, loc_, type, value).getResult(0);
}

Value TileEmitter::loadTile(Value pointer, Type element, int64_t columns, int64_t stride) {
  Value zero = arith::ConstantIndexOp::create(builder_, loc_, 0);
  return amx::TileLoadOp::create(builder_, loc_, amx::TileType::get({16, columns}, element),
                                 memref(pointer, element, columns, index(stride)), ValueRange{zero, zero});
}

std::array<Value, 4> TileEmitter::quarters(Value block) {
  std::array<Value, 4> result;
  for (int64_t i = 0; i < 4; ++i)
    result[i] = at(block, f32_, index(i / 2 * 16 * kUnit + i % 2 * 16));
  return result;
}

/// Tile `tile` along the depth of row (or column) `row` of tiles.
Value TileEmitter::factorAddress(int argument, Value row, Value tile) {
  Value number = add(mul(row, depthUnits_), tile);
  return at(arguments_[argument], builder_.getBF16Type(), mul(number, kTileElements));
}

/// A tile that is used now and not soon again.
Value TileEmitter::loadPassingTile(Value pointer) {
  Type i16 = builder_.getI16Type(), tile = amx::TileType::get({16, 32}, builder_.getBF16Type());
  auto word = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(builder_, loc_, builder_.getIntegerAttr(i16, value));
  };
  Value loaded = LLVM::CallIntrinsicOp::create(builder_, loc_, LLVM::LLVMX86AMXType::get(builder_.getContext()),
                                               builder_.getStringAttr("llvm.x86.tileloaddt164.internal"),
                                               ValueRange{word(16), word(64), pointer, index(64)})
                     .getResult(0);
  return UnrealizedConversionCastOp::create(builder_, loc_, tile, loaded).getResult(0);
}

/// Asks for `lines` cache lines from `pointer` on.
void TileEmitter::prefetch(Value pointer, int64_t lines) {
  for (int64_t i = 0; i < lines; ++i) {
    constexpr unsigned read = 0, secondLevel = 2, data = 1;
    LLVM::Prefetch::create(builder_, loc_, at(pointer, builder_.getI8Type(), index(64 * i)), read, secondLevel, data);
  }
}

SmallVector<Value> TileEmitter::multiplyBlock(Value block, Value row, Value column, const DepthStep &step,
                                              const ResultRows &result) {
  auto sum = amx::TileType::get({16, 16}, f32_);
  SmallVector<Type> sums(4, sum);
  std::array<Value, 4> memory = quarters(block);
  SmallVector<Value> begin = choose(
      step.isFirst, sums,
      [&] {
        return llvm::map_to_vector(sums, [&](Type) -> Value { return amx::TileZeroOp::create(builder_, loc_, sum); });
      },
      [&] { return llvm::map_to_vector(memory, [&](Value from) { return loadTile(from, f32_, 16, kUnit); }); });
  const std::array<Value, 2> rows = {mul(row, 2), add(mul(row, 2), index(1))};
  const std::array<Value, 2> columns = {mul(column, 2), add(mul(column, 2), index(1))};
  // The next step's left tiles, in as many shares as there are columns; the next columns' tiles, as there are rows.
  Value extent = sub(step.end, step.begin), nextStep = select(step.isLast, step.begin, step.end);
  Value next = add(column, index(1)), isInner = less(next, sizes_[ColumnEnd]);
  Value nextColumn = mul(select(isInner, next, sizes_[ColumnBegin]), 2);
  Value nextColumnsStep = select(isInner, step.begin, nextStep);
  Value leftShare = mul(mul(sub(column, sizes_[ColumnBegin]), extent), 64 * kLeftLines);
  Value rightShare = mul(mul(sub(row, sizes_[RowBegin]), extent), 64 * kRightLines);
  Type byte = builder_.getI8Type();
  std::array<Value, 2> nextLefts, nextRights;
  for (int64_t i = 0; i < 2; ++i) {
    nextLefts[i] = at(factorAddress(Left, rows[i], nextStep), byte, leftShare);
    nextRights[i] = at(factorAddress(Right, add(nextColumn, index(i)), nextColumnsStep), byte, rightShare);
  }
  auto loop = scf::ForOp::create(builder_, loc_, step.begin, step.end, index(1), begin);
  {
    OpBuilder::InsertionGuard guard(builder_);
    builder_.setInsertionPointToStart(loop.getBody());
    Value k = loop.getInductionVar(), done = sub(k, step.begin);
    std::array<Value, 2> lefts, rights;
    for (int64_t i = 0; i < 2; ++i) {
      prefetch(at(nextLefts[i], byte, mul(done, 64 * kLeftLines)), kLeftLines);
      prefetch(at(nextRights[i], byte, mul(done, 64 * kRightLines)), kRightLines);
      prefetch(at(result.begin, byte, mul(add(mul(done, 2), index(i)), result.rowBytes)), 2);
      lefts[i] = loadPassingTile(factorAddress(Left, rows[i], k));
      rights[i] = loadTile(factorAddress(Right, columns[i], k), builder_.getBF16Type(), 32, 32);
    }
    SmallVector<Value> results;
    for (int64_t i = 0; i < 4; ++i)
      results.push_back(
          amx::TileMulFOp::create(builder_, loc_, sum, lefts[i / 2], rights[i % 2], loop.getRegionIterArg(i)));
    scf::YieldOp::create(builder_, loc_, results);
  }
  return SmallVector<Value>(loop.getResults());
}

Value TileEmitter::isPlain() {
  Value plain =
      arith::AndIOp::create(builder_, loc_, given(Matrix),
                            arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::eq, sizes_[Relu], index(0)));
  Value no = arith::ConstantOp::create(builder_, loc_, builder_.getBoolAttr(false));
  for (int argument : {Bias, Mask, PackedLeft, PackedLeftTransposed, PackedRight, PackedRightTransposed, Sums})
    plain = select(given(argument), no, plain);
  return plain;
}

void TileEmitter::storeSums(ArrayRef<Value> sums, Value block) {
  Value zero = arith::ConstantIndexOp::create(builder_, loc_, 0);
  for (auto [to, sum] : llvm::zip_equal(quarters(block), sums))
    amx::TileStoreOp::create(builder_, loc_, memref(to, f32_, 16, index(kUnit)), ValueRange{zero, zero}, sum);
}

/// REQUIRES: the matrix has all of the block.
void TileEmitter::storeSumsInMatrix(ArrayRef<Value> sums, Value row, Value column) {
  Value zero = arith::ConstantIndexOp::create(builder_, loc_, 0);
  for (auto [i, sum] : llvm::enumerate(sums)) {
    int64_t quarter = static_cast<int64_t>(i);
    Value number = mul(add(mul(row, kUnit), index(quarter / 2 * 16)), sizes_[Columns]);
    number = add(add(number, mul(column, kUnit)), index(quarter % 2 * 16));
    amx::TileStoreOp::create(builder_, loc_, memref(at(arguments_[Matrix], f32_, number), f32_, 16, sizes_[Columns]),
                             ValueRange{zero, zero}, sum);
  }
}

void TileEmitter::emitProduct() {
  // A depth of 0 is one step without a tile: all sums are 0.
  Value depth = depthUnits_, rowBegin = sizes_[RowBegin], columnBegin = sizes_[ColumnBegin];
  Value stepsEnd = arith::MaxSIOp::create(builder_, loc_, depth, index(1));
  Value width = sub(sizes_[ColumnEnd], columnBegin), plain = kind_ == TileProducts::Amx ? isPlain() : Value();
  const int64_t steps = kind_ == TileProducts::Vectors ? kVectorDepthStep : kDepthStep;
  forRange(index(0), stepsEnd, steps, [&](Value begin) {
    Value after = add(begin, index(steps));
    DepthStep step{begin, arith::MinSIOp::create(builder_, loc_, after, depth),
                   arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::eq, begin, index(0)),
                   arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::sge, after, stepsEnd)};
    Value isLast = step.isLast;
    forRange(columnBegin, sizes_[ColumnEnd], 1, [&](Value column) {
      forRange(rowBegin, sizes_[RowEnd], 1, [&](Value row) {
        Value number = add(mul(sub(row, rowBegin), width), sub(column, columnBegin));
        Value block = at(arguments_[Scratch], f32_, mul(number, kBlockElements));
        if (kind_ == TileProducts::Vectors) {
          multiplyBlockByVectors(block, row, column, step);
          return ifThen(isLast, [&] { packBlock(block, row, column); });
        }
        Value isWhole = arith::AndIOp::create(builder_, loc_, isInside(row, Rows), isInside(column, Columns));
        Value direct =
            arith::AndIOp::create(builder_, loc_, arith::AndIOp::create(builder_, loc_, plain, isLast), isWhole);
        Value first = add(mul(mul(row, kUnit), sizes_[Columns]), mul(column, kUnit));
        SmallVector<Value> sums = multiplyBlock(block, row, column, step,
                                                {select(direct, at(arguments_[Matrix], f32_, first), block),
                                                 select(direct, mul(sizes_[Columns], 4), index(4 * kUnit))});
        ifThen(direct, [&] { storeSumsInMatrix(sums, row, column); });
        Value indirect = arith::XOrIOp::create(builder_, loc_, direct,
                                               arith::ConstantOp::create(builder_, loc_, builder_.getBoolAttr(true)));
        ifThen(indirect, [&] {
          storeSums(sums, block);
          ifThen(isLast, [&] { finishBlock(block, row, column); });
        });
      });
    });
  });
  LLVM::ReturnOp::create(builder_, loc_, ValueRange());
}

} // namespace heter::compiler::tiles
