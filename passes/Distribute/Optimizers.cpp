// Writes the update rule of each optimizer as nn elementwise ops; the formulas stand in Optimizers.h.
#include "passes/Distribute/Optimizers.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace heter;

namespace {

/// Builds elementwise math on tensor<?xf32> (values) and tensor<f32> (scalars).
class MathBuilder {
public:
  MathBuilder(OpBuilder &builder, Location loc) : builder_(builder), loc_(loc) {}

  Value scalar(double number) {
    auto type = RankedTensorType::get({}, builder_.getF32Type());
    auto value = DenseElementsAttr::get(type, static_cast<float>(number));
    return nn::ConstantOp::create(builder_, loc_, type, value, nn::PlaceAttr());
  }
  Value vector(Value scalar) {
    auto type = RankedTensorType::get({ShapedType::kDynamic}, builder_.getF32Type());
    return nn::BroadcastOp::create(builder_, loc_, type, scalar, builder_.getDenseI64ArrayAttr({}), nn::PlaceAttr());
  }
  Value vector(double number) { return vector(scalar(number)); }

  Value add(Value a, Value b) { return binary<nn::AddOp>(a, b); }
  Value sub(Value a, Value b) { return binary<nn::SubOp>(a, b); }
  Value mul(Value a, Value b) { return binary<nn::MulOp>(a, b); }
  Value div(Value a, Value b) { return binary<nn::DivOp>(a, b); }
  Value sqrt(Value a) { return nn::SqrtOp::create(builder_, loc_, a.getType(), a, nn::PlaceAttr()); }

private:
  template <typename Op> Value binary(Value a, Value b) {
    return Op::create(builder_, loc_, a.getType(), a, b, nn::PlaceAttr());
  }

  OpBuilder &builder_;
  Location loc_;
};

/// A rule without its body: the state it keeps and where the state starts.
struct Rule {
  SmallVector<StringRef> slots;
  SmallVector<StringRef> scalars;
  double slotInit = 0.0;
  double scalarInit = 0.0;
  /// (math, optimizer, body arguments) -> what the body yields.
  SmallVector<Value> (*body)(MathBuilder &, nn::OptimizerAttr, ArrayRef<Value>);
};

// One op a statement, so that the order of the ops does not hang on the order in which a compiler evaluates arguments.

SmallVector<Value> sgdBody(MathBuilder &m, nn::OptimizerAttr optimizer, ArrayRef<Value> arguments) {
  Value value = arguments[0], gradient = arguments[1];
  Value rate = m.vector(optimizer.getLearningRate());
  Value step = m.mul(rate, gradient);
  return {m.sub(value, step)};
}

SmallVector<Value> adagradBody(MathBuilder &m, nn::OptimizerAttr optimizer, ArrayRef<Value> arguments) {
  Value value = arguments[0], sum = arguments[1], gradient = arguments[2];
  Value rate = m.vector(optimizer.getLearningRate());
  Value epsilon = m.vector(optimizer.getOption("epsilon", 1e-10));
  Value squared = m.mul(gradient, gradient);
  Value newSum = m.add(sum, squared);
  Value root = m.sqrt(newSum);
  Value divisor = m.add(root, epsilon);
  Value scaled = m.mul(rate, gradient);
  Value step = m.div(scaled, divisor);
  return {m.sub(value, step), newSum};
}

/// decay * moment + (1 - decay) * sample.
Value movingAverage(MathBuilder &m, double decay, Value moment, Value sample) {
  Value keep = m.vector(decay);
  Value take = m.vector(1.0 - decay);
  Value kept = m.mul(keep, moment);
  Value taken = m.mul(take, sample);
  return m.add(kept, taken);
}

/// decay * weight + (1 - decay): what a moving average that began at zero makes of ones, 1 - decay^steps. In f32 this
/// sum keeps the moment's own rounding, where 1 minus a power of a decay near 1 would lose most of its digits.
Value averageWeight(MathBuilder &m, double decay, Value weight) {
  Value keep = m.scalar(decay);
  Value take = m.scalar(1.0 - decay);
  Value kept = m.mul(keep, weight);
  return m.add(kept, take);
}

/// moment / weight: undoes the bias of a moving average that began at zero.
Value unbias(MathBuilder &m, Value moment, Value weight) {
  Value weights = m.vector(weight);
  return m.div(moment, weights);
}

SmallVector<Value> adamBody(MathBuilder &m, nn::OptimizerAttr optimizer, ArrayRef<Value> arguments) {
  Value value = arguments[0], moment1 = arguments[1], moment2 = arguments[2];
  Value weight1 = arguments[3], weight2 = arguments[4], gradient = arguments[5];
  double beta1 = optimizer.getOption("beta1", 0.9), beta2 = optimizer.getOption("beta2", 0.999);
  Value newWeight1 = averageWeight(m, beta1, weight1);
  Value newWeight2 = averageWeight(m, beta2, weight2);
  Value new1 = movingAverage(m, beta1, moment1, gradient);
  Value squared = m.mul(gradient, gradient);
  Value new2 = movingAverage(m, beta2, moment2, squared);
  Value unbiased1 = unbias(m, new1, newWeight1);
  Value unbiased2 = unbias(m, new2, newWeight2);
  Value root = m.sqrt(unbiased2);
  Value epsilon = m.vector(optimizer.getOption("epsilon", 1e-8));
  Value divisor = m.add(root, epsilon);
  Value rate = m.vector(optimizer.getLearningRate());
  Value scaled = m.mul(rate, unbiased1);
  Value step = m.div(scaled, divisor);
  return {m.sub(value, step), new1, new2, newWeight1, newWeight2};
}

/// The nn.optimizer attribute's verifier knows the same three kinds.
Rule ruleOf(StringRef kind) {
  if (kind == "adagrad")
    return {{"sum"}, {}, 0.0, 0.0, adagradBody};
  if (kind == "adam")
    return {{"moment1", "moment2"}, {"moment1_weight", "moment2_weight"}, 0.0, 0.0, adamBody};
  assert(kind == "sgd" && "unknown optimizer kind");
  return {{}, {}, 0.0, 0.0, sgdBody};
}

} // namespace

OptimizerFunctions::OptimizerFunctions(ModuleOp module) : module_(module) {}

FlatSymbolRefAttr OptimizerFunctions::functionFor(nn::OptimizerAttr optimizer, Location loc) {
  FlatSymbolRefAttr &function = functions_[optimizer];
  if (function)
    return function;
  OpBuilder builder(module_.getContext());
  auto programs = module_.getOps<nn::ProgramOp>();
  if (programs.empty())
    builder.setInsertionPointToEnd(module_.getBody());
  else
    builder.setInsertionPoint(*programs.begin());

  StringRef kind = optimizer.getKind();
  Rule rule = ruleOf(kind);
  std::string name;
  do
    name = (kind + "_" + Twine(counts_[kind]++)).str();
  while (module_.lookupSymbol(name)); // a table or parameter may be called so
  auto op = ps::OptimizerOp::create(builder, loc, name, kind, builder.getStrArrayAttr(rule.slots),
                                    builder.getF64ArrayAttr(SmallVector<double>(rule.slots.size(), rule.slotInit)),
                                    builder.getStrArrayAttr(rule.scalars),
                                    builder.getF64ArrayAttr(SmallVector<double>(rule.scalars.size(), rule.scalarInit)),
                                    nn::PlaceAttr());
  Block *block = builder.createBlock(&op.getBody());
  SmallVector<Type> types = op.expectedArgumentTypes();
  block->addArguments(types, SmallVector<Location>(types.size(), loc));
  MathBuilder math(builder, loc);
  SmallVector<Value> arguments(block->args_begin(), block->args_end());
  ps::YieldOp::create(builder, loc, rule.body(math, optimizer, arguments));
  return function = FlatSymbolRefAttr::get(op.getSymNameAttr());
}
