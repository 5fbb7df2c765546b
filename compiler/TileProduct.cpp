// The blocked product of tiles in one function, so that one tile configuration serves it.
//
// A product's block is worked through in steps of 32 tiles along the depth, so that a step's part of the right factor
// stays in the nearer caches while rows of the left factor stream by. Four accumulators, two by two, hold 32 x 32 sums;
// between the steps they lie in the caller's scratch memory. Where nothing follows, they go straight to the f32 matrix.
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
Value TileEmitter::factorTile(int argument, Value row, Value tile) {
  Value number = add(mul(row, sizes_[Depth]), tile);
  Type bf16 = builder_.getBF16Type();
  return loadTile(at(arguments_[argument], bf16, mul(number, kTileElements)), bf16, 32, 32);
}

SmallVector<Value> TileEmitter::multiplyBlock(Value block, Value row, Value column, Value depthBegin, Value depthEnd,
                                              Value isFirst) {
  auto sum = amx::TileType::get({16, 16}, f32_);
  SmallVector<Type> sums(4, sum);
  std::array<Value, 4> memory = quarters(block);
  SmallVector<Value> begin = choose(
      isFirst, sums,
      [&] {
        return llvm::map_to_vector(sums, [&](Type) -> Value { return amx::TileZeroOp::create(builder_, loc_, sum); });
      },
      [&] { return llvm::map_to_vector(memory, [&](Value from) { return loadTile(from, f32_, 16, kUnit); }); });
  Value top = mul(row, 2), bottom = add(top, index(1)), near = mul(column, 2), far = add(near, index(1));
  auto loop = scf::ForOp::create(builder_, loc_, depthBegin, depthEnd, index(1), begin);
  {
    OpBuilder::InsertionGuard guard(builder_);
    builder_.setInsertionPointToStart(loop.getBody());
    Value k = loop.getInductionVar();
    std::array<Value, 2> lefts = {factorTile(Left, top, k), factorTile(Left, bottom, k)};
    std::array<Value, 2> rights = {factorTile(Right, near, k), factorTile(Right, far, k)};
    SmallVector<Value> next;
    for (int64_t i = 0; i < 4; ++i)
      next.push_back(
          amx::TileMulFOp::create(builder_, loc_, sum, lefts[i / 2], rights[i % 2], loop.getRegionIterArg(i)));
    scf::YieldOp::create(builder_, loc_, next);
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
  Value depth = sizes_[Depth], rowBegin = sizes_[RowBegin], columnBegin = sizes_[ColumnBegin];
  Value stepsEnd = arith::MaxSIOp::create(builder_, loc_, depth, index(1));
  Value width = sub(sizes_[ColumnEnd], columnBegin), plain = isPlain();
  forRange(index(0), stepsEnd, kDepthStep, [&](Value begin) {
    Value after = add(begin, index(kDepthStep));
    Value end = arith::MinSIOp::create(builder_, loc_, after, depth);
    Value isFirst = arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::eq, begin, index(0));
    Value isLast = arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::sge, after, stepsEnd);
    forRange(columnBegin, sizes_[ColumnEnd], 1, [&](Value column) {
      forRange(rowBegin, sizes_[RowEnd], 1, [&](Value row) {
        Value number = add(mul(sub(row, rowBegin), width), sub(column, columnBegin));
        Value block = at(arguments_[Scratch], f32_, mul(number, kBlockElements));
        SmallVector<Value> sums = multiplyBlock(block, row, column, begin, end, isFirst);
        Value isWhole = arith::AndIOp::create(builder_, loc_, isInside(row, Rows), isInside(column, Columns));
        Value direct =
            arith::AndIOp::create(builder_, loc_, arith::AndIOp::create(builder_, loc_, plain, isLast), isWhole);
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
