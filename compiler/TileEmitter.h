// What the parts of TileKernels share: a builder of one kernel on packed matrices, with the kernel's arguments at hand.
// The product is in TileProduct.cpp (its AVX-512 form in VectorProduct.cpp), what follows it (bias, activation, sums)
// in TileEnds.cpp, and packing in TilePacking.cpp.
#ifndef HETER_COMPILER_TILEEMITTER_H
#define HETER_COMPILER_TILEEMITTER_H

#include "compiler/KernelLoops.h"
#include "compiler/NativeCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"

#include <array>

namespace heter::compiler::tiles {

using namespace mlir;

inline constexpr int64_t kUnit = 32;          ///< extents are multiples of this
inline constexpr int64_t kTileElements = 512; ///< of bf16
inline constexpr int64_t kBlockElements = kUnit * kUnit;
inline constexpr int64_t kDepthStep = 16, kVectorDepthStep = 32; ///< tiles
/// What is fetched of the factors with every tile of a step; enough for blocks of 8 rows and 16 columns.
inline constexpr int64_t kLeftLines = 1, kRightLines = 2;

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

/// A part of the depth, in tiles.
struct DepthStep {
  Value begin, end;
  Value isFirst, isLast;
};

/// Where the 32 rows of 32 sums of a block go; fetched while they are computed.
struct ResultRows {
  Value begin, rowBytes;
};

/// A block's place in units, and what its rows' ends share, a vector of columns each: which of them the result has, and
/// the bias.
struct BlockEnd {
  Value row, column;
  SmallVector<Value> masks, bias;
};

/// Emits one of the kernels.
class TileEmitter {
public:
  TileEmitter(ModuleOp target, StringRef name, TileProducts kind)
      : kind_(kind), builder_(target.getContext()), loc_(UnknownLoc::get(target.getContext())), loops_(builder_, loc_),
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
    depthUnits_ = units(sizes_[Depth]);
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
  Value factorAddress(int argument, Value row, Value tile);
  Value loadPassingTile(Value pointer);
  void prefetch(Value pointer, int64_t lines);
  /// The block's sums after another step.
  SmallVector<Value> multiplyBlock(Value block, Value row, Value column, const DepthStep &step,
                                   const ResultRows &result);
  /// Whether the f32 matrix is all that is wanted, as it is.
  Value isPlain();
  void storeSums(ArrayRef<Value> sums, Value block);
  void storeSumsInMatrix(ArrayRef<Value> sums, Value row, Value column);

  //===-- Ends ----------------------------------------------------------------------------------------------------===//

  /// Which of the 16 columns from `column` on the result has.
  Value columnMask(Value column);
  BlockEnd beginEnd(Value row, Value column, int64_t vectors);
  SmallVector<Value> finishRows(const BlockEnd &end, Value first, ArrayRef<Value> sums, MutableArrayRef<Value> totals);
  void addToSums(const BlockEnd &end, ArrayRef<Value> totals);
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

  //===-- Vectors -------------------------------------------------------------------------------------------------===//

  /// The block's sums after another step, by products of vectors, in the block; after the last one they are ended.
  void multiplyBlockByVectors(Value block, Value row, Value column, const DepthStep &step);
  void multiplyRows(Value block, const BlockEnd &end, const DepthStep &step, int64_t rowsAtOnce);
  SmallVector<Value> sumRows(Value memory, const BlockEnd &end, Value first, const DepthStep &step, int64_t rowsAtOnce);
  Value sumAt(int64_t i, int64_t vectors);
  Value isPacked();
  SmallVector<Value> addPairProducts(Value left, ArrayRef<Value> rights, Value pair, ValueRange sums);

  const TileProducts kind_;
  OpBuilder builder_;
  Location loc_;
  KernelLoops loops_;
  Type pointer_;
  Type f32_;
  VectorType lanes_;
  LLVM::LLVMFuncOp function_;
  SmallVector<Value> arguments_, sizes_;
  Value depthUnits_;
  Value rowUnits_, columnUnits_; ///< of the whole result
};

} // namespace heter::compiler::tiles

#endif // HETER_COMPILER_TILEEMITTER_H
