// Checked model to the nn dialect. Symbols first, then @train, @infer and, for a model that predicts, @predict, each
// with the operations that its goals need; all but @train pass dropout by, and @predict has no label.
#include "frontend/emit/Emit.h"
#include "frontend/check/Check.h"
#include "frontend/emit/Emitter.h"
#include "frontend/emit/Supported.h"

#include "llvm/Support/Path.h"

#include <algorithm>
#include <sstream>

namespace heter::frontend {

using namespace mlir;

/// In the order of the module.
constexpr Goal kGoals[] = {Goal::Train, Goal::Infer, Goal::Predict};

static StringRef programName(Goal goal) {
  return goal == Goal::Train ? "train" : goal == Goal::Infer ? "infer" : "predict";
}

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

/// What a loss takes as it stands is held within the loss's range.
DictionaryAttr Emitter::dataOf(const DataBinding &binding) {
  auto target = targets_.find(binding.input);
  if (target == targets_.end())
    return dataOf(binding.expression);
  const TargetRange &range = target->second;
  return dataOf(DataExpression{"within",
                               {binding.expression},
                               {range.least, range.most},
                               {binding.input, range.loss},
                               binding.expression.range});
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
                                    builder_.getNamedAttr("expression", dataOf(binding))}));
  return builder_.getDictionaryAttr({builder_.getNamedAttr("name", builder_.getStringAttr(source.name)),
                                     builder_.getNamedAttr("format", builder_.getStringAttr(source.format)),
                                     builder_.getNamedAttr("options", builder_.getDictionaryAttr(options)),
                                     builder_.getNamedAttr("bindings", builder_.getArrayAttr(bindings))});
}

//===-- Module and programs ---------------------------------------------------------------------------------------===//

static std::vector<ValueId> wantedValues(const Model &model, Goal goal) {
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

//===-- Entries ---------------------------------------------------------------------------------------------------===//

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
