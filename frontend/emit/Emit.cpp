// Checked model to the nn dialect. Symbols first, then @train, @infer and, for a model that predicts, @predict, each
// with the operations that its goals need; all but @train pass dropout by, and @predict has no label.
#include "frontend/emit/Emit.h"
#include "dialects/nn/NN.h"
#include "frontend/check/Check.h"
#include "frontend/emit/Supported.h"

#include "llvm/Support/Path.h"

#include <algorithm>
#include <sstream>

namespace heter::frontend {

using namespace mlir;

namespace {

/// The programs of a model, in the order of the module.
enum class Goal { Train, Infer, Predict };

constexpr Goal kGoals[] = {Goal::Train, Goal::Infer, Goal::Predict};

StringRef programName(Goal goal) { return goal == Goal::Train ? "train" : goal == Goal::Infer ? "infer" : "predict"; }

class Emitter {
public:
  Emitter(const Model &model, MLIRContext &context, const SourceManager &sources)
      : model_(model), sources_(sources), builder_(&context) {}

  OwningOpRef<ModuleOp> run();

private:
  using Values = SmallVector<mlir::Value>;

  // Attributes and types.
  StringRef fileName(SourceRange range) const;
  std::string place(SourceRange range) const;
  mlir::Location location(SourceRange range) const;
  mlir::Location location(const Op &op) const;
  mlir::Type typeOf(const Type &type) const;
  mlir::RankedTensorType tensorOf(const Type &type) const { return cast<RankedTensorType>(typeOf(type)); }
  nn::InitAttr initOf(const Initializer &init) { return nn::InitAttr::get(context(), init.kind, init.scale); }
  nn::OptimizerAttr denseOptimizer();
  nn::RuleAttr ruleOf(const StoreRule &rule);
  nn::PlaceAttr placeOf(int mark);
  nn::Precision precisionOf(int mark) const;
  DictionaryAttr dataOf(const DataExpression &expression);
  DictionaryAttr dataOf(const DataSource &source);
  MLIRContext *context() const { return builder_.getContext(); }

  // Programs.
  void symbols(ArrayRef<bool> usedParameters);
  void program(Goal goal);
  void inputs(Goal goal);
  void goals(Goal goal);
  mlir::Value use(ValueId value);
  mlir::Value emit(const Op &op, bool inferring);
  mlir::Value emitSource(const Op &op, mlir::Type type);
  mlir::Value emitShape(const Op &op, mlir::Type type);
  mlir::Value emitElementwise(const Op &op);
  mlir::Value emitLayer(const Op &op);
  mlir::Value emitReduction(const Op &op, mlir::Type type);
  mlir::Value emitBroadcast(const Op &op, mlir::Type type);
  mlir::Value emitMatmul(const Op &op, mlir::Type type);
  mlir::Value emitLookup(const Op &op, const Op &goal, StringRef pool);
  mlir::Value reshape(mlir::Value value, ArrayRef<int64_t> shape);
  mlir::Value spread(mlir::Value value, const Type &from, const Type &to);

  const Type &type(ValueId value) const { return model_.values[value].type; }
  /// The tensor dimension of an axis of a value.
  int64_t dimOf(ValueId value, const Op &op, const char *attribute = "axis") const {
    return std::get<int64_t>(op.attributes.at(attribute)) + (type(value).spread == Spread::Example);
  }
  static int64_t integer(const Op &op, const char *name) { return std::get<int64_t>(op.attributes.at(name)); }
  static double number(const Op &op, const char *name) { return std::get<double>(op.attributes.at(name)); }
  static std::string text(const Op &op, const char *name) { return std::get<std::string>(op.attributes.at(name)); }

  const Model &model_;
  const SourceManager &sources_;
  OpBuilder builder_;
  std::map<ValueId, mlir::Value> values_;
  mlir::Location loc_ = builder_.getUnknownLoc(); ///< Of the operation being emitted.
  nn::PlaceAttr place_;                           ///< Likewise.
  nn::Precision precision_ = nn::Precision::F32;  ///< Likewise.
};

//===-- Attributes and types --------------------------------------------------------------------------------------===//

/// Without its folder: a package does not depend on where its model was compiled.
StringRef Emitter::fileName(SourceRange range) const {
  return llvm::sys::path::filename(sources_.file(range.file).path());
}

/// "FILE:LINE:COL".
std::string Emitter::place(SourceRange range) const {
  LineColumn at = sources_.file(range.file).position(range.begin);
  return (fileName(range) + ":" + Twine(at.line) + ":" + Twine(at.column)).str();
}

mlir::Location Emitter::location(SourceRange range) const {
  if (!range.isValid())
    return UnknownLoc::get(context());
  LineColumn at = sources_.file(range.file).position(range.begin);
  return FileLineColLoc::get(context(), fileName(range), at.line, at.column);
}

/// With the name of the value, where the model gives it one.
mlir::Location Emitter::location(const Op &op) const {
  mlir::Location at = location(op.range);
  if (op.results.empty() || model_.values[op.results[0]].name.empty())
    return at;
  return NameLoc::get(StringAttr::get(context(), model_.values[op.results[0]].name), at);
}

mlir::Type Emitter::typeOf(const Type &type) const {
  mlir::Type element = type.element == Element::F32    ? mlir::Type(Float32Type::get(context()))
                       : type.element == Element::Bool ? mlir::Type(IntegerType::get(context(), 1))
                                                       : mlir::Type(IntegerType::get(context(), 64));
  SmallVector<int64_t> shape;
  if (type.isRagged()) {
    for (const Dim &dim : ArrayRef(type.shape).drop_front())
      shape.push_back(dim.size);
    return nn::RaggedType::get(context(), model_.lengths[type.shape[0].length].symbol, shape, element);
  }
  if (type.spread == Spread::Example)
    shape.push_back(ShapedType::kDynamic);
  for (const Dim &dim : type.shape)
    shape.push_back(dim.size);
  return RankedTensorType::get(shape, element);
}

nn::RuleAttr Emitter::ruleOf(const StoreRule &rule) {
  SmallVector<NamedAttribute> options;
  for (const auto &[name, value] : rule.numbers)
    options.push_back(builder_.getNamedAttr(name, builder_.getF64FloatAttr(value)));
  for (const auto &[name, value] : rule.texts)
    options.push_back(builder_.getNamedAttr(name, builder_.getStringAttr(value)));
  return nn::RuleAttr::get(context(), rule.name, builder_.getDictionaryAttr(options));
}

/// The dense parameters' optimizer.
nn::OptimizerAttr Emitter::denseOptimizer() {
  optimizers::Call call = model_.optimizer.call;
  if (model_.average)
    call.calls["average"] = *model_.average;
  return nn::OptimizerAttr::get(context(), call);
}

nn::PlaceAttr Emitter::placeOf(int mark) {
  if (mark < 0 || model_.marks[mark].deviceClass == "auto")
    return {};
  const Mark &written = model_.marks[mark];
  return nn::PlaceAttr::get(context(), "on:" + written.deviceClass,
                            "marked `on " + written.deviceClass + "` at " + place(written.range));
}

nn::Precision Emitter::precisionOf(int mark) const {
  return mark >= 0 && model_.marks[mark].precision == "bf16" ? nn::Precision::BF16 : nn::Precision::F32;
}

DictionaryAttr Emitter::dataOf(const DataExpression &expression) {
  SmallVector<mlir::Attribute> arguments, numbers, texts;
  for (const DataExpression &argument : expression.arguments)
    arguments.push_back(dataOf(argument));
  for (double value : expression.numbers)
    numbers.push_back(builder_.getF64FloatAttr(value));
  for (const std::string &value : expression.texts)
    texts.push_back(builder_.getStringAttr(value));
  return builder_.getDictionaryAttr(
      {builder_.getNamedAttr("op", builder_.getStringAttr(expression.op)),
       builder_.getNamedAttr("arguments", builder_.getArrayAttr(arguments)),
       builder_.getNamedAttr("numbers", builder_.getArrayAttr(numbers)),
       builder_.getNamedAttr("texts", builder_.getArrayAttr(texts)),
       builder_.getNamedAttr("location", builder_.getStringAttr(place(expression.range)))});
}

/// Column names are resolved already, so the option `columns` stays behind.
DictionaryAttr Emitter::dataOf(const DataSource &source) {
  SmallVector<NamedAttribute> options;
  for (const auto &[name, value] : source.options) {
    if (const bool *flag = std::get_if<bool>(&value))
      options.push_back(builder_.getNamedAttr(name, builder_.getBoolAttr(*flag)));
    else if (const std::string *word = std::get_if<std::string>(&value))
      options.push_back(builder_.getNamedAttr(name, builder_.getStringAttr(*word)));
  }
  SmallVector<mlir::Attribute> bindings;
  for (const DataBinding &binding : source.bindings)
    bindings.push_back(
        builder_.getDictionaryAttr({builder_.getNamedAttr("input", builder_.getStringAttr(binding.input)),
                                    builder_.getNamedAttr("expression", dataOf(binding.expression))}));
  return builder_.getDictionaryAttr({builder_.getNamedAttr("name", builder_.getStringAttr(source.name)),
                                     builder_.getNamedAttr("format", builder_.getStringAttr(source.format)),
                                     builder_.getNamedAttr("options", builder_.getDictionaryAttr(options)),
                                     builder_.getNamedAttr("bindings", builder_.getArrayAttr(bindings))});
}

//===-- Module and programs ---------------------------------------------------------------------------------------===//

std::vector<ValueId> wantedValues(const Model &model, Goal goal) {
  std::vector<ValueId> wanted;
  if (goal == Goal::Predict) {
    for (const Prediction &prediction : model.predictions)
      wanted.push_back(prediction.value);
    return wanted;
  }
  wanted.push_back(model.loss);
  for (const Report &report : model.reports)
    wanted.insert(wanted.end(), report.operands.begin(), report.operands.end());
  return wanted;
}

OwningOpRef<ModuleOp> Emitter::run() {
  OwningOpRef<ModuleOp> module = ModuleOp::create(location(model_.range), model_.name);
  SmallVector<mlir::Attribute> data;
  for (const DataSource &source : model_.data)
    data.push_back(dataOf(source));
  (*module)->setAttr(nn::kStageAttr, builder_.getStringAttr("frontend"));
  (*module)->setAttr(nn::kModeAttr, builder_.getStringAttr("local"));
  (*module)->setAttr(nn::kSeedAttr, builder_.getI64IntegerAttr(model_.seed));
  (*module)->setAttr(nn::kFuseAttr, builder_.getBoolAttr(true));
  (*module)->setAttr(nn::kDataAttr, builder_.getArrayAttr(data));
  SmallVector<bool> used(model_.values.size(), false);
  for (Goal goal : kGoals) {
    std::vector<bool> needed = neededOps(model_, wantedValues(model_, goal), goal != Goal::Train);
    for (size_t i = 0; i < model_.ops.size(); ++i)
      if (needed[i])
        for (ValueId operand : model_.ops[i].operands)
          used[operand] = true;
    for (ValueId value : wantedValues(model_, goal))
      used[value] = true;
  }
  builder_.setInsertionPointToEnd(module->getBody());
  symbols(used);
  for (Goal goal : kGoals) {
    if (goal == Goal::Predict && model_.predictions.empty())
      continue;
    builder_.setInsertionPointToEnd(module->getBody());
    program(goal);
  }
  return module;
}

void Emitter::symbols(ArrayRef<bool> used) {
  for (const Table &table : model_.tables) {
    SmallVector<mlir::Attribute> parts, policy;
    for (const TablePart &part : table.parts)
      parts.push_back(nn::PartAttr::get(context(), part.name, part.dim, initOf(part.init),
                                        nn::OptimizerAttr::get(context(), part.optimizer.call),
                                        part.admit ? ruleOf(*part.admit) : nn::RuleAttr()));
    for (const StoreRule &rule : table.policy)
      policy.push_back(ruleOf(rule));
    nn::TableOp::create(builder_, location(table.range), table.name, builder_.getArrayAttr(parts),
                        policy.empty() ? ArrayAttr() : builder_.getArrayAttr(policy));
  }
  for (const Parameter &parameter : model_.parameters)
    if (used[parameter.value])
      nn::ParameterOp::create(builder_, location(parameter.range), parameter.path, tensorOf(parameter.type),
                              initOf(parameter.init), nn::OptimizerAttr(), FlatSymbolRefAttr());
}

void Emitter::program(Goal goal) {
  bool inferring = goal != Goal::Train;
  auto program = nn::ProgramOp::create(builder_, location(model_.range), programName(goal));
  builder_.setInsertionPointToEnd(&program.getBody().front());
  values_.clear();
  inputs(goal);
  std::vector<bool> needed = neededOps(model_, wantedValues(model_, goal), inferring);
  for (size_t i = 0; i < model_.ops.size(); ++i) {
    const Op &op = model_.ops[i];
    if (!needed[i])
      continue;
    for (ValueId operand : op.operands) // parameters come just before their first use
      use(operand);
    loc_ = location(op);
    place_ = placeOf(op.mark);
    precision_ = precisionOf(op.mark);
    values_[op.results[0]] = emit(op, inferring);
  }
  goals(goal);
}

/// Labels are absent when predicting.
void Emitter::inputs(Goal goal) {
  for (const Input &input : model_.inputs) {
    if (goal == Goal::Predict && input.label)
      continue;
    values_[input.value] =
        nn::InputOp::create(builder_, location(input.range), typeOf(input.type), builder_.getStringAttr(input.name),
                            input.label ? builder_.getUnitAttr() : UnitAttr(), nn::PlaceAttr());
  }
}

/// The emitted value; a parameter is read on its first use. A list that only feeds a pooled lookup has none.
mlir::Value Emitter::use(ValueId value) {
  if (auto known = values_.find(value); known != values_.end())
    return known->second;
  for (const Parameter &parameter : model_.parameters)
    if (parameter.value == value)
      return values_[value] =
                 nn::ParamOp::create(builder_, location(parameter.range), tensorOf(parameter.type),
                                     FlatSymbolRefAttr::get(context(), parameter.path), placeOf(parameter.mark));
  return {};
}

void Emitter::goals(Goal goal) {
  if (goal == Goal::Predict) {
    for (const Prediction &prediction : model_.predictions)
      nn::PredictOp::create(builder_, location(prediction.range), builder_.getStringAttr(prediction.name),
                            use(prediction.value), nn::PlaceAttr());
    return;
  }
  SourceRange range = model_.minimizeRange;
  mlir::Value loss = use(model_.loss);
  nn::ReportOp::create(builder_, location(range), builder_.getStringAttr("loss"), builder_.getStringAttr("loss"), loss,
                       nn::PlaceAttr());
  for (const Report &report : model_.reports) {
    Values operands;
    for (ValueId operand : report.operands)
      operands.push_back(use(operand));
    nn::ReportOp::create(builder_, location(report.range), builder_.getStringAttr(report.metric),
                         builder_.getStringAttr(report.name), operands, nn::PlaceAttr());
  }
  auto limit = [&](double most) { return most > 0 ? builder_.getF64FloatAttr(most) : FloatAttr(); };
  if (goal == Goal::Train)
    nn::MinimizeOp::create(builder_, location(range), loss, denseOptimizer(), limit(model_.clip),
                           limit(model_.clipValue), nn::PlaceAttr());
}

//===-- Operations ------------------------------------------------------------------------------------------------===//

mlir::Value Emitter::emit(const Op &op, bool inferring) {
  mlir::Type result = typeOf(type(op.results[0]));
  if (op.name == "dropout" && inferring)
    return use(op.operands[0]);
  if (mlir::Value value = emitSource(op, result))
    return value;
  if (mlir::Value value = emitShape(op, result))
    return value;
  if (mlir::Value value = emitElementwise(op))
    return value;
  if (op.name == "sum" || op.name == "mean" || op.name == "max" || op.name == "min")
    return emitReduction(op, result);
  return emitLayer(op);
}

mlir::Value Emitter::emitSource(const Op &op, mlir::Type result) {
  if (op.name == "constant") {
    auto tensor = cast<RankedTensorType>(result);
    mlir::Attribute element =
        tensor.getElementType().isF32()
            ? mlir::Attribute(builder_.getF32FloatAttr(static_cast<float>(number(op, "value"))))
            : builder_.getIntegerAttr(tensor.getElementType(), static_cast<int64_t>(number(op, "value")));
    return nn::ConstantOp::create(builder_, loc_, tensor, DenseElementsAttr::get(tensor, element), place_);
  }
  if (op.name == "lookup")
    return emitLookup(op, op, text(op, "pool"));
  if (op.name == "hash")
    return nn::HashOp::create(builder_, loc_, use(op.operands[0]), builder_.getStringAttr(text(op, "space")), place_);
  if (op.name == "cast")
    return nn::CastOp::create(builder_, loc_, use(op.operands[0]), place_);
  return {};
}

mlir::Value Emitter::emitLookup(const Op &op, const Op &goal, StringRef pool) {
  nn::Pool kind = pool == "sum" ? nn::Pool::Sum : pool == "mean" ? nn::Pool::Mean : nn::Pool::None;
  return nn::LookupOp::create(
      builder_, loc_, typeOf(type(goal.results[0])), FlatSymbolRefAttr::get(context(), text(op, "table")),
      builder_.getStringAttr(text(op, "part")), use(op.operands[0]), nn::PoolAttr::get(context(), kind), place_);
}

mlir::Value Emitter::reshape(mlir::Value value, ArrayRef<int64_t> shape) {
  auto tensor = RankedTensorType::get(shape, cast<RankedTensorType>(value.getType()).getElementType());
  return tensor == value.getType() ? value : nn::ReshapeOp::create(builder_, loc_, tensor, value, place_).getResult();
}

mlir::Value Emitter::emitShape(const Op &op, mlir::Type result) {
  if (op.name == "concat") {
    Values inputs;
    for (ValueId operand : op.operands)
      inputs.push_back(use(operand));
    return nn::ConcatOp::create(builder_, loc_, inputs, dimOf(op.results[0], op), place_);
  }
  if (op.name == "reshape")
    return reshape(use(op.operands[0]), cast<RankedTensorType>(result).getShape());
  if (op.name == "slice")
    return nn::SliceOp::create(builder_, loc_, use(op.operands[0]), dimOf(op.operands[0], op), integer(op, "begin"),
                               integer(op, "end"), place_);
  if (op.name == "transpose")
    return nn::TransposeOp::create(builder_, loc_, use(op.operands[0]), place_);
  if (op.name == "lower_triangle")
    return nn::LowerTriangleOp::create(builder_, loc_, use(op.operands[0]), place_);
  if (op.name == "broadcast")
    return emitBroadcast(op, result);
  if (op.name == "matmul")
    return emitMatmul(op, result);
  return {};
}

mlir::Value Emitter::spread(mlir::Value value, const Type &from, const Type &to) {
  auto result = tensorOf(to);
  if (value.getType() == result)
    return value;
  // Axes count from the end; the batch, where both have it, is dimension 0 of both.
  SmallVector<int64_t> dims;
  int64_t batch = from.spread == Spread::Example;
  if (batch)
    dims.push_back(0);
  for (int64_t axis = 0; axis < from.rank(); ++axis)
    dims.push_back(result.getRank() - from.rank() + axis);
  return nn::BroadcastOp::create(builder_, loc_, result, value, dims, place_);
}

mlir::Value Emitter::emitBroadcast(const Op &op, mlir::Type) {
  return spread(use(op.operands[0]), type(op.operands[0]), type(op.results[0]));
}

/// What is transposed, if `value` is a transposed matrix: a product reads it as it lies.
mlir::Value transposedBy(mlir::Value value) {
  auto transpose = value.getDefiningOp<nn::TransposeOp>();
  return transpose ? transpose.getInput() : mlir::Value();
}

/// Vectors become matrices of one row or column; nn.matmul multiplies matrices.
mlir::Value Emitter::emitMatmul(const Op &op, mlir::Type result) {
  constexpr int64_t dynamic = ShapedType::kDynamic;
  Type a = type(op.operands[0]), b = type(op.operands[1]);
  mlir::Value x = use(op.operands[0]), y = use(op.operands[1]);
  bool example = type(op.results[0]).spread == Spread::Example;
  int64_t k = a.shape.back().size;
  int64_t rows = a.rank() == 2 ? a.shape[0].size : 1, columns = b.rank() == 2 ? b.shape[1].size : 1;
  bool sharedRight = b.spread == Spread::Same;
  bool transposed = b.rank() == 2 && transposedBy(y);
  SmallVector<int64_t> right = {k, columns};
  if (transposed) {
    y = transposedBy(y);
    std::swap(right[0], right[1]);
  }
  if (!sharedRight)
    right.insert(right.begin(), dynamic);
  if (!example || (sharedRight && a.rank() == 1)) {
    // One product of two matrices; the batch, if any, is the rows.
    x = reshape(x, {example ? dynamic : rows, k});
  } else {
    Type each = a;
    each.spread = Spread::Example;
    x = reshape(spread(x, a, each), {dynamic, rows, k});
  }
  mlir::Value product =
      nn::MatmulOp::create(builder_, loc_, x, reshape(y, right), false, transposed, precision_, place_);
  return reshape(product, cast<RankedTensorType>(result).getShape());
}

template <typename OpTy>
mlir::Value unaryOp(OpBuilder &builder, mlir::Location loc, mlir::Value x, nn::PlaceAttr place) {
  return OpTy::create(builder, loc, x.getType(), x, place);
}
template <typename OpTy>
mlir::Value binaryOp(OpBuilder &builder, mlir::Location loc, mlir::Value x, mlir::Value y, nn::PlaceAttr place) {
  return OpTy::create(builder, loc, x.getType(), x, y, place);
}

mlir::Value Emitter::emitElementwise(const Op &op) {
  using Unary = mlir::Value (*)(OpBuilder &, mlir::Location, mlir::Value, nn::PlaceAttr);
  using Binary = mlir::Value (*)(OpBuilder &, mlir::Location, mlir::Value, mlir::Value, nn::PlaceAttr);
  static const std::pair<StringRef, Unary> unaries[] = {
      {"neg", unaryOp<nn::NegOp>},       {"relu", unaryOp<nn::ReluOp>}, {"sigmoid", unaryOp<nn::SigmoidOp>},
      {"tanh", unaryOp<nn::TanhOp>},     {"exp", unaryOp<nn::ExpOp>},   {"log", unaryOp<nn::LogOp>},
      {"square", unaryOp<nn::SquareOp>}, {"sqrt", unaryOp<nn::SqrtOp>}};
  static const std::pair<StringRef, Binary> binaries[] = {
      {"add", binaryOp<nn::AddOp>},
      {"sub", binaryOp<nn::SubOp>},
      {"mul", binaryOp<nn::MulOp>},
      {"div", binaryOp<nn::DivOp>},
      {"sigmoid_cross_entropy", binaryOp<nn::SigmoidCrossEntropyOp>}};
  for (const auto &[name, create] : unaries)
    if (op.name == name)
      return create(builder_, loc_, use(op.operands[0]), place_);
  for (const auto &[name, create] : binaries)
    if (op.name == name)
      return create(builder_, loc_, use(op.operands[0]), use(op.operands[1]), place_);
  return {};
}

mlir::Value Emitter::emitReduction(const Op &op, mlir::Type result) {
  if (const Op *lookup = pooledLookup(model_, op))
    return emitLookup(*lookup, op, op.name);
  const Type &from = type(op.operands[0]);
  int64_t batch = from.spread == Spread::Example;
  SmallVector<int64_t> axes;
  if (batch && op.attributes.count("batch"))
    axes.push_back(0);
  for (int64_t axis : std::get<std::vector<int64_t>>(op.attributes.at("axes")))
    axes.push_back(axis + batch);
  mlir::Value x = use(op.operands[0]);
  if (axes.empty())
    return x;
  if (op.name == "sum")
    return nn::ReduceSumOp::create(builder_, loc_, x, axes, place_);
  if (op.name == "mean")
    return nn::ReduceMeanOp::create(builder_, loc_, x, axes, place_);
  if (op.name == "max")
    return nn::ReduceMaxOp::create(builder_, loc_, x, axes, place_);
  x = nn::NegOp::create(builder_, loc_, x.getType(), x, place_);
  x = nn::ReduceMaxOp::create(builder_, loc_, x, axes, place_);
  return nn::NegOp::create(builder_, loc_, result, x, place_);
}

mlir::Value Emitter::emitLayer(const Op &op) {
  mlir::Value x = use(op.operands[0]);
  if (op.name == "linear")
    return nn::LinearOp::create(builder_, loc_, x, use(op.operands[1]),
                                op.operands.size() > 2 ? use(op.operands[2]) : mlir::Value(), precision_, place_);
  if (op.name == "softmax")
    return nn::SoftmaxOp::create(builder_, loc_, x.getType(), x, builder_.getI64IntegerAttr(dimOf(op.operands[0], op)),
                                 place_);
  if (op.name == "argmax")
    return nn::ArgmaxOp::create(builder_, loc_, x, dimOf(op.operands[0], op), place_);
  if (op.name == "dropout")
    return nn::DropoutOp::create(builder_, loc_, x.getType(), x, builder_.getF64FloatAttr(number(op, "rate")),
                                 builder_.getStringAttr(text(op, "path")), place_);
  if (op.name == "layer_norm")
    return nn::LayerNormOp::create(builder_, loc_, x, use(op.operands[1]), use(op.operands[2]),
                                   builder_.getF64FloatAttr(number(op, "epsilon")), place_);
  if (op.name == "log_loss")
    return nn::LogLossOp::create(builder_, loc_, x.getType(), x, use(op.operands[1]),
                                 builder_.getF64FloatAttr(number(op, "epsilon")), place_);
  if (op.name == "softmax_cross_entropy")
    return nn::SoftmaxCrossEntropyOp::create(builder_, loc_, x, use(op.operands[1]), place_);
  llvm::report_fatal_error("checkSupported let `" + llvm::Twine(op.name) + "` pass");
}

} // namespace

mlir::OwningOpRef<mlir::ModuleOp> emitModel(const Model &model, mlir::MLIRContext &context,
                                            DiagnosticEngine &diagnostics) {
  if (!checkSupported(model, diagnostics))
    return {};
  context.loadDialect<nn::NNDialect>();
  return Emitter(model, context, diagnostics.sources()).run();
}

mlir::OwningOpRef<mlir::ModuleOp> compileSpec(const std::string &path, mlir::MLIRContext &context,
                                              llvm::raw_ostream &errors) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  OwningOpRef<ModuleOp> module;
  if (std::optional<Model> model = checkFile(path, sources, diagnostics))
    module = emitModel(*model, context, diagnostics);
  std::ostringstream text;
  diagnostics.print(text);
  errors << text.str();
  return module;
}

} // namespace heter::frontend
