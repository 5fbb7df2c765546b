// Nests of operations that look along a row more than once. A row runs along one axis; its elements are `stride` apart.
#include "compiler/RowKernels.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;

namespace heter::compiler {

namespace {

/// The rows of a tensor along one axis: rows(outer, inner) begins at outer * length * stride + inner.
struct RowSpace {
  RowSpace(RankedTensorType type, int64_t axis) : length(type.getDimSize(axis)) {
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      if (dim < axis && type.isDynamicDim(dim))
        batched = true;
      else if (dim < axis)
        outer *= type.getDimSize(dim);
      else if (dim > axis)
        stride *= type.getDimSize(dim);
    }
  }
  int64_t length;     ///< elements of a row
  int64_t stride = 1; ///< between them; also the number of rows side by side
  int64_t outer = 1;  ///< groups of such rows, times B if `batched`
  bool batched = false;
};

class RowEmitter {
public:
  RowEmitter(KernelLoops &loops, OpBuilder builder, const RowSpace &space, Value batch)
      : loops(loops), math(loops.math), f32(builder.getF32Type()), space_(space), batch_(batch) {}

  /// Calls body(number of the row, element number of its beginning) for each row.
  void forRows(llvm::function_ref<void(Value, Value)> body) {
    Value groups = space_.batched ? loops.mulIndex(batch_, space_.outer) : loops.index(space_.outer);
    loops.forEach(groups, [&](Value group) {
      Value begin = loops.mulIndex(group, space_.length * space_.stride);
      if (space_.stride == 1)
        return body(group, begin);
      loops.forEach(loops.index(space_.stride), [&](Value inner) {
        body(loops.addIndex(loops.mulIndex(group, space_.stride), inner), loops.addIndex(begin, inner));
      });
    });
  }

  /// Element `i` of the row that begins at `begin`.
  Value at(Value pointer, Value begin, Value i, const Lanes &lanes) {
    return loops.load(pointer, f32, address(begin, i), lanes);
  }

  /// Element `i` of a vector as long as a row.
  Value ofRow(Value pointer, Value i, const Lanes &lanes) { return loops.load(pointer, f32, i, lanes); }

  Value reduce(Reduction reduction, llvm::function_ref<Value(Value, const Lanes &)> element) {
    return loops.reduceRow(reduction, loops.index(space_.length), space_.length, space_.stride == 1, element);
  }

  /// Writes element(i) to each place of the row.
  void write(Value pointer, Value begin, llvm::function_ref<Value(Value, const Lanes &)> element) {
    loops.forEach(loops.index(space_.length),
                  [&](Value i) { loops.store(pointer, address(begin, i), element(i, Lanes{})); });
  }

  /// A number of the whole row beside its elements.
  Value spread(Value value, const Lanes &lanes) { return lanes.vector ? loops.splat(value) : value; }

  int64_t size() const { return space_.length; }
  Value length() { return math.constant(static_cast<double>(space_.length), f32); }

  KernelLoops &loops;
  MathEmitter &math;
  Type f32;

private:
  Value address(Value begin, Value i) { return loops.addIndex(begin, loops.mulIndex(i, space_.stride)); }

  RowSpace space_;
  Value batch_;
};

/// max(x) and sum(exp(x - max)) of a row.
std::pair<Value, Value> softmaxParts(RowEmitter &rows, Value input, Value begin) {
  Value largest = rows.reduce(Reduction::Max, [&](Value i, const Lanes &l) { return rows.at(input, begin, i, l); });
  Value sum = rows.reduce(Reduction::Sum, [&](Value i, const Lanes &l) {
    return rows.math.exp(rows.math.sub(rows.at(input, begin, i, l), rows.spread(largest, l)));
  });
  return {largest, sum};
}

void emitSoftmax(RowEmitter &rows, Value input, Value output) {
  rows.forRows([&](Value, Value begin) {
    auto [largest, sum] = softmaxParts(rows, input, begin);
    rows.write(output, begin, [&, largest = largest, sum = sum](Value i, const Lanes &l) {
      return rows.math.div(rows.math.exp(rows.math.sub(rows.at(input, begin, i, l), largest)), sum);
    });
  });
}

void emitSoftmaxGrad(RowEmitter &rows, Value gradient, Value softmax, Value output) {
  MathEmitter &math = rows.math;
  rows.forRows([&](Value, Value begin) {
    Value sum = rows.reduce(Reduction::Sum, [&](Value i, const Lanes &l) {
      return math.mul(rows.at(gradient, begin, i, l), rows.at(softmax, begin, i, l));
    });
    rows.write(output, begin, [&](Value i, const Lanes &l) {
      return math.mul(rows.at(softmax, begin, i, l), math.sub(rows.at(gradient, begin, i, l), sum));
    });
  });
}

/// The class that a label names.
struct Chosen {
  Value index;   ///< Of a row's elements, as i64; 0 if the label names none.
  Value isClass; ///< Whether it names one.
};

/// A label may hold anything: nothing is read outside of its row.
Chosen chosenBy(RowEmitter &rows, OpBuilder &builder, Location loc, Value pointer, Type element, Value row) {
  Value label = rows.loops.load(pointer, element, row, Lanes{});
  MathEmitter &math = rows.math;
  if (element.isInteger(64)) {
    Value isClass =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, label, rows.loops.index(rows.size()));
    return {math.select(isClass, label, rows.loops.index(0)), isClass};
  }
  Value rounded = math.round(label), zero = math.constant(0.0, rows.f32);
  Value isClass =
      arith::AndIOp::create(builder, loc, arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGE, rounded, zero),
                            arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, rounded, rows.length()));
  return {arith::FPToSIOp::create(builder, loc, builder.getI64Type(), math.select(isClass, rounded, zero)), isClass};
}

/// What softmax_cross_entropy, its gradient, or both at once read and write.
struct CrossEntropy {
  Value logits, label;
  Value loss;               ///< Null if it is not wanted.
  Value gradient, ofLogits; ///< By the loss and by the logits; null if these are not wanted.
};

/// log(sum(exp(x))) - x[label], and (softmax(x) - onehot(label)) * gradient; NaN where the label names no class.
void emitSoftmaxCrossEntropy(RowEmitter &rows, OpBuilder &builder, Location loc, Type labelType,
                             const CrossEntropy &of) {
  MathEmitter &math = rows.math;
  rows.forRows([&](Value row, Value begin) {
    auto [largest, sum] = softmaxParts(rows, of.logits, begin);
    Chosen chosen = chosenBy(rows, builder, loc, of.label, labelType, row);
    auto orNaN = [&](Value value) {
      return math.select(chosen.isClass, value, math.constant(std::numeric_limits<double>::quiet_NaN(), rows.f32));
    };
    if (of.loss) {
      Value ofClass = math.sub(rows.at(of.logits, begin, chosen.index, Lanes{}), largest);
      rows.loops.store(of.loss, row, orNaN(math.sub(math.log(sum), ofClass)));
    }
    if (!of.ofLogits)
      return;
    Value scale = orNaN(rows.loops.load(of.gradient, rows.f32, row, Lanes{}));
    rows.write(of.ofLogits, begin, [&, largest = largest, sum = sum](Value i, const Lanes &l) {
      Value softmax = math.div(math.exp(math.sub(rows.at(of.logits, begin, i, l), largest)), sum);
      Value isChosen = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, i, chosen.index);
      Value one = math.select(isChosen, math.constant(1.0, rows.f32), math.constant(0.0, rows.f32));
      return math.mul(math.sub(softmax, one), scale);
    });
  });
}

/// Mean and 1 / sqrt(variance + epsilon) of a row.
std::pair<Value, Value> normParts(RowEmitter &rows, Value input, Value begin, double epsilon) {
  MathEmitter &math = rows.math;
  Value mean = math.div(
      rows.reduce(Reduction::Sum, [&](Value i, const Lanes &l) { return rows.at(input, begin, i, l); }), rows.length());
  Value squares = rows.reduce(Reduction::Sum, [&](Value i, const Lanes &l) {
    Value d = math.sub(rows.at(input, begin, i, l), rows.spread(mean, l));
    return math.mul(d, d);
  });
  Value variance = math.add(math.div(squares, rows.length()), math.constant(epsilon, rows.f32));
  return {mean, math.div(math.constant(1.0, rows.f32), math.sqrt(variance))};
}

void emitLayerNorm(RowEmitter &rows, double epsilon, Value input, Value scale, Value shift, Value output) {
  MathEmitter &math = rows.math;
  rows.forRows([&](Value, Value begin) {
    auto [mean, inverse] = normParts(rows, input, begin, epsilon);
    rows.write(output, begin, [&, mean = mean, inverse = inverse](Value i, const Lanes &l) {
      Value normed = math.mul(math.sub(rows.at(input, begin, i, l), mean), inverse);
      return math.add(math.mul(normed, rows.ofRow(scale, i, l)), rows.ofRow(shift, i, l));
    });
  });
}

void emitLayerNormGrad(RowEmitter &rows, double epsilon, Value gradient, Value input, Value scale, Value output) {
  MathEmitter &math = rows.math;
  rows.forRows([&](Value, Value begin) {
    auto [mean, inverse] = normParts(rows, input, begin, epsilon);
    auto normed = [&, mean = mean, inverse = inverse](Value i, const Lanes &l) {
      return math.mul(math.sub(rows.at(input, begin, i, l), rows.spread(mean, l)), rows.spread(inverse, l));
    };
    auto scaled = [&](Value i, const Lanes &l) {
      return math.mul(rows.at(gradient, begin, i, l), rows.ofRow(scale, i, l));
    };
    Value sum = math.div(rows.reduce(Reduction::Sum, scaled), rows.length());
    Value dot = math.div(
        rows.reduce(Reduction::Sum, [&](Value i, const Lanes &l) { return math.mul(scaled(i, l), normed(i, l)); }),
        rows.length());
    rows.write(output, begin, [&, inverse = inverse](Value i, const Lanes &l) {
      Value centred = math.sub(math.sub(scaled(i, l), sum), math.mul(normed(i, l), dot));
      return math.mul(inverse, centred);
    });
  });
}

/// `gradient` in equal shares to the elements of the row that equal its maximum.
void emitMaxGrad(RowEmitter &rows, Value gradient, Value input, Value largest, Value output) {
  MathEmitter &math = rows.math;
  rows.forRows([&](Value row, Value begin) {
    Value peak = rows.loops.load(largest, rows.f32, row, Lanes{});
    auto isPeak = [&](Value i, const Lanes &l) {
      Value value = rows.at(input, begin, i, l);
      return math.select(math.equal(value, rows.spread(peak, l)), math.constant(1.0, value.getType()),
                         math.constant(0.0, value.getType()));
    };
    Value count = rows.reduce(Reduction::Sum, isPeak);
    Value share = math.div(rows.loops.load(gradient, rows.f32, row, Lanes{}), count);
    rows.write(output, begin, [&](Value i, const Lanes &l) {
      Value zero = math.constant(0.0, rows.f32);
      return math.select(math.equal(isPeak(i, l), zero), zero, share);
    });
  });
}

/// The axis along which `op` looks, in terms of `type`, which is collapsed if several axes are neighbours.
FailureOr<std::pair<RankedTensorType, int64_t>> rowsOf(Operation *op) {
  auto typeOf = [&](unsigned operand) { return cast<RankedTensorType>(op->getOperand(operand).getType()); };
  if (auto axis = op->getAttrOfType<IntegerAttr>("axis"))
    return std::pair(typeOf(0), axis.getInt());
  if (isa<nn::SoftmaxCrossEntropyOp>(op))
    return std::pair(typeOf(0), typeOf(0).getRank() - 1);
  if (isa<nn::SoftmaxCrossEntropyGradOp>(op))
    return std::pair(typeOf(1), typeOf(1).getRank() - 1);
  auto axes = op->getAttrOfType<DenseI64ArrayAttr>("axes");
  if (!axes)
    return std::pair(typeOf(0), typeOf(0).getRank() - 1);
  // max_grad: neighbouring axes are one row; a batch among them makes the row's length unknown.
  RankedTensorType type = typeOf(1);
  SmallVector<int64_t> shape;
  int64_t axis = axes.empty() ? 0 : axes[0];
  if (axes.empty())
    shape.push_back(1);
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    bool reduced = llvm::is_contained(axes.asArrayRef(), dim);
    if (reduced && (type.isDynamicDim(dim) || (dim != axis && !llvm::is_contained(axes.asArrayRef(), dim - 1))))
      return op->emitError(
          "the gradient of `max` or `min` over the batch, or over axes that are not neighbours, is not "
          "supported yet");
    if (reduced && dim != axis)
      shape.back() *= type.getDimSize(dim);
    else
      shape.push_back(type.getDimSize(dim));
  }
  if (axes.empty() && type.getRank() && type.isDynamicDim(0))
    return std::pair(RankedTensorType::get({ShapedType::kDynamic, 1}, type.getElementType()), int64_t(1));
  return std::pair(RankedTensorType::get(shape, type.getElementType()), axis);
}

} // namespace

bool isRowOperation(Operation *op) {
  return isa<nn::SoftmaxOp, nn::SoftmaxGradOp, nn::LayerNormOp, nn::LayerNormGradOp, nn::SoftmaxCrossEntropyOp,
             nn::SoftmaxCrossEntropyGradOp, nn::MaxGradOp>(op);
}

LogicalResult lowerRowOperation(Operation *op, ArrayRef<Value> p, Value batch, KernelLoops &loops) {
  auto axis = rowsOf(op);
  if (failed(axis))
    return failure();
  OpBuilder &builder = loops.builder();
  RowEmitter rows(loops, builder, RowSpace(axis->first, axis->second), batch);
  TypeSwitch<Operation *>(op)
      .Case([&](nn::SoftmaxOp) { emitSoftmax(rows, p[0], p[1]); })
      .Case([&](nn::SoftmaxGradOp) { emitSoftmaxGrad(rows, p[0], p[1], p[2]); })
      .Case([&](nn::LayerNormOp norm) {
        emitLayerNorm(rows, norm.getEpsilon().convertToDouble(), p[0], p[1], p[2], p[3]);
      })
      .Case([&](nn::LayerNormGradOp norm) {
        emitLayerNormGrad(rows, norm.getEpsilon().convertToDouble(), p[0], p[1], p[2], p[3]);
      })
      .Case([&](nn::SoftmaxCrossEntropyOp loss) {
        emitSoftmaxCrossEntropy(rows, builder, op->getLoc(), getElementTypeOrSelf(loss.getLabel().getType()),
                                {p[0], p[1], p[2], {}, {}});
      })
      .Case([&](nn::SoftmaxCrossEntropyGradOp loss) {
        emitSoftmaxCrossEntropy(rows, builder, op->getLoc(), getElementTypeOrSelf(loss.getLabel().getType()),
                                {p[1], p[2], {}, p[0], p[3]});
      })
      .Case([&](nn::MaxGradOp) { emitMaxGrad(rows, p[0], p[1], p[2], p[3]); });
  return success();
}

LogicalResult lowerLossAndGradient(Operation *gradient, ArrayRef<Value> p, Value loss, Value batch,
                                   KernelLoops &loops) {
  auto axis = rowsOf(gradient);
  if (failed(axis))
    return failure();
  OpBuilder &builder = loops.builder();
  RowEmitter rows(loops, builder, RowSpace(axis->first, axis->second), batch);
  Type label = getElementTypeOrSelf(gradient->getOperand(2).getType());
  emitSoftmaxCrossEntropy(rows, builder, gradient->getLoc(), label, {p[1], p[2], loss, p[0], p[3]});
  return success();
}

} // namespace heter::compiler
