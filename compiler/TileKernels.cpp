// The blocked product in one function, so that one tile configuration serves it, and the packing of blocks of 32 x 32
// values, which the product's end and the packing kernel share.
//
// A product's block is worked through in steps of 32 tiles along the depth, so that a step's part of the right factor
// stays in the nearer caches while rows of the left factor stream by. Four accumulators, two by two, hold 32 x 32 sums;
// between the steps they lie in the caller's scratch memory. Where nothing follows, they go straight to the f32 matrix.
#include "compiler/TileKernels.h"

#include "compiler/KernelLoops.h"

#include "mlir/Conversion/ConvertToLLVM/ToLLVMPass.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace heter::compiler {

namespace {

constexpr int64_t kUnit = 32;          ///< extents are multiples of this
constexpr int64_t kTileElements = 512; ///< of bf16
constexpr int64_t kBlockElements = kUnit * kUnit;
constexpr int64_t kDepthStep = 32; ///< tiles

/// The kernels' arguments, by number.
enum Argument {
  Left,
  Right,
  Bias,
  Mask,
  Matrix,
  PackedLeft,
  PackedLeftTransposed,
  PackedRight,
  PackedRightTransposed,
  Sums,
  Scratch,
  Sizes
};
enum Size { RowBegin, RowEnd, ColumnBegin, ColumnEnd, Depth, Rows, Columns, Relu };

using Vectors = std::array<Value, 16>;

/// Emits one of the kernels.
class TileEmitter {
public:
  TileEmitter(ModuleOp target, StringRef name)
      : builder_(target.getContext()), loc_(UnknownLoc::get(target.getContext())), loops_(builder_, loc_),
        pointer_(LLVM::LLVMPointerType::get(target.getContext())), f32_(builder_.getF32Type()),
        lanes_(VectorType::get({16}, f32_)) {
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(target.getContext()), {pointer_});
    builder_.setInsertionPointToEnd(target.getBody());
    function_ = LLVM::LLVMFuncOp::create(builder_, loc_, name, type);
    Block *block = function_.addEntryBlock(builder_);
    builder_.setInsertionPointToStart(block);
    for (int i = 0; i <= Sizes; ++i)
      arguments_.push_back(
          LLVM::LoadOp::create(builder_, loc_, pointer_, at(block->getArgument(0), pointer_, index(i))));
    for (int i = 0; i <= Relu; ++i)
      sizes_.push_back(LLVM::LoadOp::create(builder_, loc_, builder_.getI64Type(),
                                            at(arguments_[Sizes], builder_.getI64Type(), index(i))));
    rowUnits_ = units(sizes_[Rows]);
    columnUnits_ = units(sizes_[Columns]);
  }

  void emitProduct();
  void emitPack();

private:
  //===-- Small things --------------------------------------------------------------------------------------------===//

  Value index(int64_t value) { return loops_.index(value); }
  Value add(Value a, Value b) { return loops_.addIndex(a, b); }
  Value mul(Value a, Value b) { return arith::MulIOp::create(builder_, loc_, a, b); }
  Value mul(Value a, int64_t b) { return loops_.mulIndex(a, b); }
  Value sub(Value a, Value b) { return arith::SubIOp::create(builder_, loc_, a, b); }
  Value less(Value a, Value b) { return arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::slt, a, b); }
  Value select(Value condition, Value a, Value b) { return arith::SelectOp::create(builder_, loc_, condition, a, b); }
  Value units(Value extent) {
    return arith::DivUIOp::create(builder_, loc_, add(extent, index(kUnit - 1)), index(kUnit));
  }
  Value at(Value pointer, Type element, Value number) {
    return LLVM::GEPOp::create(builder_, loc_, pointer_, element, pointer, ArrayRef<LLVM::GEPArg>{number});
  }
  Value given(int argument) {
    Value null = LLVM::ZeroOp::create(builder_, loc_, pointer_);
    return LLVM::ICmpOp::create(builder_, loc_, LLVM::ICmpPredicate::ne, arguments_[argument], null);
  }
  Value zeros() { return LLVM::ZeroOp::create(builder_, loc_, lanes_); }
  Value load(Value pointer, Value number) { return loops_.load(pointer, f32_, number, Lanes{true, Value()}); }

  void store(Value pointer, Value number, Value lanes) {
    LLVM::StoreOp::create(builder_, loc_, lanes, at(pointer, f32_, number), /*alignment=*/4);
  }

  void forRange(Value begin, Value end, int64_t step, llvm::function_ref<void(Value)> body) {
    auto loop = scf::ForOp::create(builder_, loc_, begin, end, index(step));
    OpBuilder::InsertionGuard guard(builder_);
    builder_.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  }
  void ifThen(Value condition, llvm::function_ref<void()> body) {
    auto branch = scf::IfOp::create(builder_, loc_, condition, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(builder_);
    builder_.setInsertionPointToStart(branch.thenBlock());
    body();
  }
  SmallVector<Value> choose(Value condition, TypeRange types, llvm::function_ref<SmallVector<Value>()> then,
                            llvm::function_ref<SmallVector<Value>()> otherwise) {
    auto branch = scf::IfOp::create(builder_, loc_, types, condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder_);
    builder_.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(builder_, loc_, then());
    builder_.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(builder_, loc_, otherwise());
    return SmallVector<Value>(branch.getResults());
  }

  //===-- Tiles ---------------------------------------------------------------------------------------------------===//

  /// 16 x `columns` elements behind `pointer`, rows `stride` elements apart, for amx operations.
  Value memref(Value pointer, Type element, int64_t columns, Value stride);
  /// Whether unit `number` of the result lies within its rows or columns.
  Value isInside(Value number, Size extent) {
    return arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::sle, mul(add(number, index(1)), kUnit),
                                 sizes_[extent]);
  }
  Value loadTile(Value pointer, Type element, int64_t columns, int64_t stride);
  /// The four quarters of a block of sums.
  std::array<Value, 4> quarters(Value block);
  Value factorTile(int argument, Value row, Value tile);
  /// The block's sums after another step.
  SmallVector<Value> multiplyBlock(Value block, Value row, Value column, Value depthBegin, Value depthEnd,
                                   Value isFirst);
  /// Whether the f32 matrix is all that is wanted, as it is.
  Value isPlain();
  void storeSums(ArrayRef<Value> sums, Value block);
  void storeSumsInMatrix(ArrayRef<Value> sums, Value row, Value column);

  //===-- Ends ----------------------------------------------------------------------------------------------------===//

  /// Which of the 16 columns from `column` on the result has.
  Value columnMask(Value column);
  void finishBlock(Value block, Value row, Value column);
  void storeMatrix(Value number, ArrayRef<Value> values, ArrayRef<Value> masks);

  //===-- Packing -------------------------------------------------------------------------------------------------===//

  /// Writes the block of unit (row, column) to every packed output.
  void packBlock(Value block, Value row, Value column);
  void packRows(Value block, Value row, Value column);
  void packPairs(Value block, Value row, Value column);
  void packTransposedPairs(Value block, Value row, Value column);
  /// Two vectors as bf16, one after the other.
  Value round(Value low, Value high);
  Value shuffle(Value a, Value b, ArrayRef<int32_t> lanes) {
    return LLVM::ShuffleVectorOp::create(builder_, loc_, a, b, lanes);
  }
  void transpose(Vectors &rows);
  void storeTile(int argument, Value tile, ArrayRef<Value> rows);

  OpBuilder builder_;
  Location loc_;
  KernelLoops loops_;
  Type pointer_;
  Type f32_;
  VectorType lanes_;
  LLVM::LLVMFuncOp function_;
  SmallVector<Value> arguments_, sizes_;
  Value rowUnits_, columnUnits_; ///< of the whole result
};

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Ends
//===----------------------------------------------------------------------===//

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

/// Adds the bias, cuts, masks; gives the result in f32 and the sums of its columns; leaves it in the block and packs
/// it.
void TileEmitter::finishBlock(Value block, Value row, Value column) {
  Value firstRow = mul(row, kUnit), firstColumn = mul(column, kUnit), next = add(firstColumn, index(16));
  SmallVector<Value> masks = {columnMask(firstColumn), columnMask(next)};
  SmallVector<Type> two(2, lanes_);
  auto nothing = [&] { return SmallVector<Value>{zeros(), zeros()}; };
  SmallVector<Value> bias = choose(
      given(Bias), two,
      [&] {
        return SmallVector<Value>{loops_.load(arguments_[Bias], f32_, firstColumn, Lanes{true, masks[0]}),
                                  loops_.load(arguments_[Bias], f32_, next, Lanes{true, masks[1]})};
      },
      nothing);
  Value relu = arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::ne, sizes_[Relu], index(0));
  Value hasMask = given(Mask), hasMatrix = given(Matrix);
  auto loop = scf::ForOp::create(builder_, loc_, index(0), index(kUnit), index(1), nothing());
  {
    OpBuilder::InsertionGuard guard(builder_);
    builder_.setInsertionPointToStart(loop.getBody());
    Value i = loop.getInductionVar(), number = add(firstRow, i), isRow = less(number, sizes_[Rows]);
    SmallVector<Value> values, total;
    for (int64_t half = 0; half < 2; ++half) {
      Value value = load(block, add(mul(i, kUnit), index(half * 16)));
      value = loops_.math.add(value, bias[half]);
      values.push_back(select(relu, loops_.math.relu(value), value));
    }
    values = choose(
        hasMask, two,
        [&] {
          // Row i of the block is row i % 16 of tile i / 16.
          Value tileRow = add(mul(row, 2), arith::DivUIOp::create(builder_, loc_, i, index(16)));
          Value tile = add(mul(tileRow, columnUnits_), column);
          Value from = add(mul(tile, kTileElements), mul(arith::RemUIOp::create(builder_, loc_, i, index(16)), 32));
          SmallVector<Value> masked;
          for (int64_t half = 0; half < 2; ++half) {
            Value active =
                loops_.load(arguments_[Mask], builder_.getI16Type(), add(from, index(half * 16)), Lanes{true, Value()});
            Value zero = LLVM::ZeroOp::create(builder_, loc_, active.getType());
            Value on = arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::sgt, active, zero);
            masked.push_back(select(on, values[half], zeros()));
          }
          return masked;
        },
        [&] { return values; });
    for (int64_t half = 0; half < 2; ++half) {
      values[half] = select(isRow, values[half], zeros());
      store(block, add(mul(i, kUnit), index(half * 16)), values[half]);
      total.push_back(loops_.math.add(loop.getRegionIterArg(half), values[half]));
    }
    Value wanted = arith::AndIOp::create(builder_, loc_, hasMatrix, isRow);
    ifThen(wanted, [&] { storeMatrix(add(mul(number, sizes_[Columns]), firstColumn), values, masks); });
    scf::YieldOp::create(builder_, loc_, total);
  }
  ifThen(given(Sums), [&] {
    for (int64_t half = 0; half < 2; ++half) {
      Value number = add(firstColumn, index(half * 16));
      store(arguments_[Sums], number, loops_.math.add(load(arguments_[Sums], number), loop.getResult(half)));
    }
  });
  packBlock(block, row, column);
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

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

} // namespace

LogicalResult emitTileKernels(ModuleOp target) {
  MLIRContext *context = target.getContext();
  context
      ->loadDialect<amx::AMXDialect, arith::ArithDialect, cf::ControlFlowDialect, LLVM::LLVMDialect, scf::SCFDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(target.getLoc());
  TileEmitter(*module, "heter.tiles.product").emitProduct();
  TileEmitter(*module, "heter.tiles.pack").emitPack();
  PassManager passes(context, ModuleOp::getOperationName());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  if (failed(passes.run(*module)))
    return failure();
  target.getBody()->getOperations().splice(target.getBody()->end(), module->getBody()->getOperations());
  return success();
}

} // namespace heter::compiler
