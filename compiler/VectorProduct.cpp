// A block of a product where the processor has no tiles but multiplies vectors of bf16 (vdpbf16ps): eight rows of 32
// results at a time are in registers, each word of the left factor, two neighbours along the depth, is spread over a
// vector, and a row of a right factor's tile is one.
#include "compiler/TileEmitter.h"

namespace heter::compiler::tiles {

namespace {

constexpr int64_t kRowsAtOnce = 8;
constexpr int64_t kPairs = 16; ///< of a tile's depth

} // namespace

/// The sums of kRowsAtOnce rows and 32 columns, two vectors a row, after one tile of depth.
SmallVector<Value> TileEmitter::addTileProducts(Value left, ArrayRef<Value> rights, ValueRange sums) {
  Type word = builder_.getI32Type(), bf16 = builder_.getBF16Type();
  auto pairs = VectorType::get({32}, bf16);
  SmallVector<Value> next(sums);
  for (int64_t pair = 0; pair < kPairs; ++pair) {
    SmallVector<Value> columns;
    for (Value right : rights)
      columns.push_back(LLVM::LoadOp::create(builder_, loc_, pairs, at(right, bf16, index(32 * pair)), 2));
    for (int64_t i = 0; i < kRowsAtOnce; ++i) {
      Value two = LLVM::LoadOp::create(builder_, loc_, word, at(left, word, index(kPairs * i + pair)), 2);
      Value row = LLVM::BitcastOp::create(builder_, loc_, pairs, loops_.splat(two));
      for (auto [half, column] : llvm::enumerate(columns)) {
        Value &sum = next[2 * i + static_cast<int64_t>(half)];
        sum = LLVM::CallIntrinsicOp::create(builder_, loc_, lanes_,
                                            builder_.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
                                            ValueRange{sum, row, column})
                  .getResult(0);
      }
    }
  }
  return next;
}

void TileEmitter::multiplyBlockByVectors(Value block, Value row, Value column, const DepthStep &step) {
  Type bf16 = builder_.getBF16Type();
  forRange(index(0), index(kUnit / kRowsAtOnce), 1, [&](Value group) {
    // Two groups are a tile's rows.
    Value tileRow = add(mul(row, 2), arith::DivUIOp::create(builder_, loc_, group, index(2)));
    Value inTile = mul(arith::RemUIOp::create(builder_, loc_, group, index(2)), kRowsAtOnce * kUnit);
    Value memory = at(block, f32_, mul(group, kRowsAtOnce * kUnit));
    SmallVector<Type> types(2 * kRowsAtOnce, lanes_);
    SmallVector<Value> begin = choose(
        step.isFirst, types, [&] { return SmallVector<Value>(2 * kRowsAtOnce, zeros()); },
        [&] {
          SmallVector<Value> sums;
          for (int64_t i = 0; i < 2 * kRowsAtOnce; ++i)
            sums.push_back(load(memory, index(16 * i)));
          return sums;
        });
    auto loop = scf::ForOp::create(builder_, loc_, step.begin, step.end, index(1), begin);
    {
      OpBuilder::InsertionGuard guard(builder_);
      builder_.setInsertionPointToStart(loop.getBody());
      Value k = loop.getInductionVar(), near = mul(column, 2);
      Value left = at(factorAddress(Left, tileRow, k), bf16, inTile);
      std::array<Value, 2> rights = {factorAddress(Right, near, k), factorAddress(Right, add(near, index(1)), k)};
      scf::YieldOp::create(builder_, loc_, addTileProducts(left, rights, loop.getRegionIterArgs()));
    }
    for (auto [i, sum] : llvm::enumerate(loop.getResults()))
      store(memory, index(16 * static_cast<int64_t>(i)), sum);
  });
}

} // namespace heter::compiler::tiles
