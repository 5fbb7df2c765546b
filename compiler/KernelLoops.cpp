// Loops, element access and row reductions of kernels; see KernelLoops.h.
#include "compiler/KernelLoops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace heter::compiler {

namespace {

VectorType lanesOf(Type element) { return VectorType::get({kLanes}, element); }

/// How an element lies in memory: bool takes a byte.
Type memoryType(Type element) { return element.isInteger(1) ? IntegerType::get(element.getContext(), 8) : element; }

unsigned alignmentOf(Type memory) { return memory.getIntOrFloatBitWidth() / 8; }

} // namespace

Value KernelLoops::index(int64_t value) {
  return arith::ConstantOp::create(builder_, loc_, builder_.getI64IntegerAttr(value));
}

Value KernelLoops::addIndex(Value a, Value b) { return arith::AddIOp::create(builder_, loc_, a, b); }

Value KernelLoops::mulIndex(Value a, int64_t b) {
  return b == 1 ? a : arith::MulIOp::create(builder_, loc_, a, index(b)).getResult();
}

void KernelLoops::forEach(Value extent, llvm::function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(builder_, loc_, index(0), extent, index(1));
  OpBuilder::InsertionGuard guard(builder_);
  builder_.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Value KernelLoops::forCarried(Value extent, int64_t step, Value init, llvm::function_ref<Value(Value, Value)> body) {
  auto loop = scf::ForOp::create(builder_, loc_, index(0), extent, index(step), ValueRange{init});
  OpBuilder::InsertionGuard guard(builder_);
  builder_.setInsertionPointToStart(loop.getBody());
  Value next = body(loop.getInductionVar(), loop.getRegionIterArg(0));
  scf::YieldOp::create(builder_, loc_, next);
  return loop.getResult(0);
}

Value KernelLoops::address(Value pointer, Type element, Value index) {
  return LLVM::GEPOp::create(builder_, loc_, pointer.getType(), element, pointer, ArrayRef<LLVM::GEPArg>{index},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value KernelLoops::load(Value pointer, Type element, Value index, const Lanes &lanes) {
  Type memory = memoryType(element);
  Value from = address(pointer, memory, index);
  unsigned alignment = alignmentOf(memory);
  Value loaded;
  if (!lanes.vector) {
    loaded = LLVM::LoadOp::create(builder_, loc_, memory, from, alignment);
  } else if (!lanes.mask) {
    loaded = LLVM::LoadOp::create(builder_, loc_, lanesOf(memory), from, alignment);
  } else {
    Value zeros = LLVM::ZeroOp::create(builder_, loc_, lanesOf(memory));
    loaded = LLVM::MaskedLoadOp::create(builder_, loc_, lanesOf(memory), from, lanes.mask, zeros, alignment);
  }
  if (memory == element)
    return loaded;
  Value zero = LLVM::ZeroOp::create(builder_, loc_, loaded.getType());
  return arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::ne, loaded, zero);
}

void KernelLoops::store(Value pointer, Value index, Value value) {
  Type memory = memoryType(value.getType());
  if (memory != value.getType())
    value = arith::ExtUIOp::create(builder_, loc_, memory, value);
  LLVM::StoreOp::create(builder_, loc_, value, address(pointer, memory, index), alignmentOf(memory));
}

Value KernelLoops::splat(Value value) {
  VectorType type = lanesOf(value.getType());
  Value none = LLVM::PoisonOp::create(builder_, loc_, type);
  Value zero = arith::ConstantOp::create(builder_, loc_, builder_.getI32IntegerAttr(0));
  Value first = LLVM::InsertElementOp::create(builder_, loc_, type, none, value, zero);
  SmallVector<int32_t> lanes(kLanes, 0);
  return LLVM::ShuffleVectorOp::create(builder_, loc_, first, none, lanes);
}

Value KernelLoops::identity(Reduction reduction, Type type) {
  return math.constant(reduction == Reduction::Sum ? 0.0 : -std::numeric_limits<double>::infinity(), type);
}

Value KernelLoops::combine(Reduction reduction, Value a, Value b) {
  return reduction == Reduction::Sum ? math.add(a, b) : math.max(a, b);
}

Value KernelLoops::combineLanes(Reduction reduction, Value lanes) {
  for (int32_t half = kLanes / 2; half > 0; half /= 2) {
    SmallVector<int32_t> low, high;
    for (int32_t lane = 0; lane < half; ++lane) {
      low.push_back(lane);
      high.push_back(lane + half);
    }
    lanes = combine(reduction, LLVM::ShuffleVectorOp::create(builder_, loc_, lanes, lanes, low),
                    LLVM::ShuffleVectorOp::create(builder_, loc_, lanes, lanes, high));
  }
  Value zero = arith::ConstantOp::create(builder_, loc_, builder_.getI32IntegerAttr(0));
  return LLVM::ExtractElementOp::create(builder_, loc_, lanes, zero);
}

/// The last, partial group of lanes: elements begin .. begin + rest - 1.
Value KernelLoops::tail(Reduction reduction, Value begin, Value rest, Value lanesSoFar,
                        llvm::function_ref<Value(Value, const Lanes &)> element) {
  SmallVector<int32_t> numbers(kLanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto type = lanesOf(builder_.getI32Type());
  Value lane = arith::ConstantOp::create(builder_, loc_, DenseElementsAttr::get(type, ArrayRef<int32_t>(numbers)));
  Value count = splat(arith::TruncIOp::create(builder_, loc_, builder_.getI32Type(), rest));
  Value mask = arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::slt, lane, count);
  Value value = element(begin, Lanes{true, mask});
  value = math.select(mask, value, identity(reduction, value.getType()));
  return combine(reduction, lanesSoFar, value);
}

Value KernelLoops::reduceRow(Reduction reduction, Value extent, std::optional<int64_t> staticExtent, bool vectorizable,
                             llvm::function_ref<Value(Value, const Lanes &)> element) {
  Type f32 = builder_.getF32Type();
  if (!vectorizable || (staticExtent && *staticExtent < kLanes))
    return forCarried(extent, 1, identity(reduction, f32),
                      [&](Value i, Value sum) { return combine(reduction, sum, element(i, Lanes{})); });
  Value rest = arith::RemSIOp::create(builder_, loc_, extent, index(kLanes));
  Value whole = arith::SubIOp::create(builder_, loc_, extent, rest);
  Value lanes = forCarried(whole, kLanes, identity(reduction, lanesOf(f32)), [&](Value i, Value sum) {
    return combine(reduction, sum, element(i, Lanes{true, Value()}));
  });
  if (!staticExtent || *staticExtent % kLanes)
    lanes = tail(reduction, whole, rest, lanes, element);
  return combineLanes(reduction, lanes);
}

} // namespace heter::compiler
