// Formulas of optimizers and schedules (optimizers/) as nn operations in ps.optimizer and ps.schedule.
#include "passes/Distribute/Optimizers.h"

#include "mlir/IR/Builders.h"

#include <map>

using namespace mlir;
using namespace heter;

using optimizers::Term;

namespace {

/// Emits a formula's terms in f32, each once: `tensor<?xf32>` for those with a value for each element, else
/// `tensor<f32>`.
class FormulaEmitter {
public:
  FormulaEmitter(OpBuilder &builder, Location loc, ValueRange arguments)
      : builder_(builder), loc_(loc), arguments_(arguments) {}

  Value emit(const Term &term, bool each) {
    Value value = emit(term);
    if (!each || term.each())
      return value;
    Value &spread = spread_[value];
    if (!spread)
      spread = nn::BroadcastOp::create(builder_, loc_, typeOf(true), value, builder_.getDenseI64ArrayAttr({}),
                                       nn::PlaceAttr());
    return spread;
  }

private:
  RankedTensorType typeOf(bool each) {
    SmallVector<int64_t, 1> shape(each ? 1 : 0, ShapedType::kDynamic);
    return RankedTensorType::get(shape, builder_.getF32Type());
  }

  Value emit(const Term &term) {
    if (term.op() == Term::Op::Argument)
      return arguments_[term.index()];
    if (term.op() == Term::Op::Number)
      return constant(term.number());
    if (Value known = values_.lookup(term.identity()))
      return known;
    Value made = compute(term);
    return values_[term.identity()] = made;
  }

  Value constant(double number) {
    auto element = static_cast<float>(number);
    Value &known = constants_[element];
    if (!known)
      known = nn::ConstantOp::create(builder_, loc_, typeOf(false), DenseElementsAttr::get(typeOf(false), element),
                                     nn::PlaceAttr());
    return known;
  }

  Value compute(const Term &term) {
    using Op = Term::Op;
    SmallVector<Value> in;
    for (const Term &input : term.inputs())
      in.push_back(emit(input, term.each()));
    switch (term.op()) {
    case Op::Add:
      return binary<nn::AddOp>(in);
    case Op::Sub:
      return binary<nn::SubOp>(in);
    case Op::Mul:
      return binary<nn::MulOp>(in);
    case Op::Div:
      return binary<nn::DivOp>(in);
    case Op::Max:
      return binary<nn::MaximumOp>(in);
    case Op::Min:
      return binary<nn::MinimumOp>(in);
    case Op::Sqrt:
      return unary<nn::SqrtOp>(in);
    case Op::Exp:
      return unary<nn::ExpOp>(in);
    case Op::Log:
      return unary<nn::LogOp>(in);
    case Op::Floor:
      return unary<nn::FloorOp>(in);
    case Op::Mean:
      return nn::ReduceMeanOp::create(builder_, loc_, in[0], SmallVector<int64_t>{0}, nn::PlaceAttr());
    case Op::Argument:
    case Op::Number:
      break;
    }
    llvm_unreachable("emit() has met arguments and numbers");
  }

  template <typename Op> Value binary(ArrayRef<Value> in) {
    return Op::create(builder_, loc_, in[0].getType(), in[0], in[1], nn::PlaceAttr());
  }
  template <typename Op> Value unary(ArrayRef<Value> in) {
    return Op::create(builder_, loc_, in[0].getType(), in[0], nn::PlaceAttr());
  }

  OpBuilder &builder_;
  Location loc_;
  ValueRange arguments_;
  llvm::DenseMap<const void *, Value> values_;
  std::map<float, Value> constants_;
  llvm::DenseMap<Value, Value> spread_; ///< Single values, repeated for each element.
};

/// Gives the function `op` its block, for arguments of `types`.
ValueRange makeBody(OpBuilder &builder, Operation *op, TypeRange types) {
  Block *block = builder.createBlock(&op->getRegion(0));
  block->addArguments(types, SmallVector<Location>(types.size(), op->getLoc()));
  return block->getArguments();
}

ArrayAttr textArray(OpBuilder &builder, const std::vector<std::string> &texts) {
  SmallVector<StringRef> refs(texts.begin(), texts.end());
  return builder.getStrArrayAttr(refs);
}

} // namespace

OptimizerFunctions::OptimizerFunctions(ModuleOp module) : module_(module) {}

OpBuilder OptimizerFunctions::beforePrograms() {
  OpBuilder builder(module_.getContext());
  auto programs = module_.getOps<nn::ProgramOp>();
  if (programs.empty())
    builder.setInsertionPointToEnd(module_.getBody());
  else
    builder.setInsertionPoint(*programs.begin());
  return builder;
}

std::string OptimizerFunctions::freeName(StringRef kind) {
  std::string name;
  do
    name = (kind + "_" + Twine(counts_[kind]++)).str();
  while (module_.lookupSymbol(name)); // a table or parameter may be called so
  return name;
}

FlatSymbolRefAttr OptimizerFunctions::scheduleFor(nn::RuleAttr schedule, Location loc) {
  FlatSymbolRefAttr &function = functions_[schedule];
  if (function)
    return function;
  OpBuilder builder = beforePrograms();
  auto op = ps::ScheduleOp::create(builder, loc, freeName(schedule.getKind()), schedule.getKind(), nn::PlaceAttr());
  ValueRange arguments = makeBody(builder, op, RankedTensorType::get({}, builder.getI64Type()));
  Value step = nn::CastOp::create(builder, loc, arguments[0], nn::PlaceAttr());
  FormulaEmitter emitter(builder, loc, step);
  Term rate = optimizers::rateOf(schedule.getCall(), Term::argument(0, false));
  ps::YieldOp::create(builder, loc, emitter.emit(rate, false));
  return function = FlatSymbolRefAttr::get(op.getSymNameAttr());
}

FlatSymbolRefAttr OptimizerFunctions::functionFor(nn::OptimizerAttr optimizer, Location loc) {
  if (FlatSymbolRefAttr known = functions_.lookup(optimizer))
    return known;
  FlatSymbolRefAttr rate;
  if (auto schedule = optimizer.getOptions().getAs<nn::RuleAttr>("lr"))
    rate = scheduleFor(schedule, loc);
  optimizers::UpdateFormula formula = optimizers::formulaOf(optimizer.getCall());
  StringRef kind = optimizer.getKind();
  OpBuilder builder = beforePrograms();
  auto op = ps::OptimizerOp::create(
      builder, loc, freeName(kind), kind, textArray(builder, formula.slots), builder.getF64ArrayAttr(formula.slotBegin),
      textArray(builder, formula.scalars), builder.getF64ArrayAttr(formula.scalarBegin), rate,
      formula.averaged.empty() ? StringAttr() : builder.getStringAttr(formula.averaged), nn::PlaceAttr());
  ValueRange arguments = makeBody(builder, op, op.expectedArgumentTypes());
  FormulaEmitter emitter(builder, loc, arguments);
  // Single numbers come first, so that all that has elements is one loop over them.
  SmallVector<Value> results(formula.results.size());
  size_t values = 1 + formula.slots.size();
  for (size_t i = values; i < results.size(); ++i)
    results[i] = emitter.emit(formula.results[i], false);
  for (size_t i = 0; i < values; ++i)
    results[i] = emitter.emit(formula.results[i], true);
  ps::YieldOp::create(builder, loc, results);
  return functions_[optimizer] = FlatSymbolRefAttr::get(op.getSymNameAttr());
}
