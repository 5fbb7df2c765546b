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

} // namespace heter::compiler::tiles
