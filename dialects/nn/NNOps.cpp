// Verifiers, symbol checks, builders and folds of the nn operations. Result types are inferred in NNInfer.cpp.
#include "dialects/nn/NN.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace heter::nn;

ParseResult heter::nn::parsePrecision(OpAsmParser &parser, PrecisionAttr &precision) {
  if (failed(parser.parseOptionalKeyword("precision")))
    return success();
  StringRef word;
  SMLoc loc;
  if (parser.parseLParen() || parser.getCurrentLocation(&loc) || parser.parseKeyword(&word) || parser.parseRParen())
    return failure();
  std::optional<Precision> value = symbolizePrecision(word);
  if (!value)
    return parser.emitError(loc, "expected precision f32 or bf16, got '") << word << "'";
  precision = PrecisionAttr::get(parser.getContext(), *value);
  return success();
}

void heter::nn::printPrecision(OpAsmPrinter &printer, Operation *, PrecisionAttr precision) {
  if (precision && precision.getValue() != Precision::F32)
    printer << " precision(" << stringifyPrecision(precision.getValue()) << ")";
}

ParseResult heter::nn::parsePool(OpAsmParser &parser, PoolAttr &pool) {
  if (failed(parser.parseOptionalKeyword("pool")))
    return success();
  StringRef word;
  SMLoc loc;
  if (parser.parseLParen() || parser.getCurrentLocation(&loc) || parser.parseKeyword(&word) || parser.parseRParen())
    return failure();
  std::optional<Pool> value = symbolizePool(word);
  if (!value)
    return parser.emitError(loc, "expected pool none, sum or mean, got '") << word << "'";
  pool = PoolAttr::get(parser.getContext(), *value);
  return success();
}

void heter::nn::printPool(OpAsmPrinter &printer, Operation *, PoolAttr pool) {
  if (pool && pool.getValue() != Pool::None)
    printer << " pool(" << stringifyPool(pool.getValue()) << ")";
}

#define GET_OP_CLASSES
#include "dialects/nn/NNOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

/// A rule of a table's policy: the numbers and the texts that it has, no more and no fewer.
struct PolicyRule {
  StringRef kind;
  SmallVector<StringRef, 3> numbers;
  StringRef text;
};

static ArrayRef<PolicyRule> policyRules() {
  static const std::array<PolicyRule, 5> rules = {{{"show_click", {"click", "decay", "show"}, "clicks"},
                                                   {"unseen", {"periods"}, ""},
                                                   {"score", {"least"}, ""},
                                                   {"memory", {"bytes"}, ""},
                                                   {"ssd", {}, ""}}};
  return rules;
}

/// Whether the rule has exactly the options of its kind. `period` has one of two.
static LogicalResult verifyRule(TableOp table, RuleAttr rule) {
  SmallVector<StringRef> wanted;
  if (rule.getKind() == "period") {
    wanted.push_back(rule.getOptions().contains("steps") ? "steps" : "seconds");
  } else {
    const auto *known = llvm::find_if(policyRules(), [&](const PolicyRule &r) { return r.kind == rule.getKind(); });
    if (known == policyRules().end())
      return table.emitOpError("has an unknown rule '") << rule.getKind() << "' in its policy";
    llvm::append_range(wanted, known->numbers);
    if (!known->text.empty()) {
      if (!rule.getOptions().getAs<StringAttr>(known->text))
        return table.emitOpError("expected the text '") << known->text << "' of rule '" << rule.getKind() << "'";
      wanted.push_back(known->text);
    }
  }
  for (StringRef name : wanted)
    if (!rule.getOptions().contains(name))
      return table.emitOpError("expected the number '") << name << "' of rule '" << rule.getKind() << "'";
  for (NamedAttribute option : rule.getOptions()) {
    if (!llvm::is_contained(wanted, option.getName().getValue()))
      return table.emitOpError("has an unknown option '")
             << option.getName().getValue() << "' of rule '" << rule.getKind() << "'";
    auto number = dyn_cast<FloatAttr>(option.getValue());
    if (number && !(number.getValueAsDouble() >= 0))
      return table.emitOpError("expected a number of 0 or more as '")
             << option.getName().getValue() << "' of rule '" << rule.getKind() << "'";
  }
  return success();
}

/// What rules ask of each other.
static LogicalResult verifyPolicy(TableOp table) {
  llvm::StringSet<> kinds;
  if (ArrayAttr policy = table.getPolicyAttr())
    for (auto rule : policy.getAsRange<RuleAttr>()) {
      if (failed(verifyRule(table, rule)))
        return failure();
      if (!kinds.insert(rule.getKind()).second)
        return table.emitOpError("has two rules '") << rule.getKind() << "' in its policy";
    }
  const bool admitsByScore = llvm::any_of(table.getParts().getAsRange<PartAttr>(), [](PartAttr part) {
    return part.getAdmit() && part.getAdmit().getKind() == "score";
  });
  if ((admitsByScore || kinds.contains("score")) && !kinds.contains("show_click"))
    return table.emitOpError("goes by scores of rows and has no rule 'show_click' that makes them");
  if (kinds.contains("unseen") && !kinds.contains("period"))
    return table.emitOpError("counts unseen periods and has no rule 'period' that says how long they are");
  if (kinds.contains("ssd") && !kinds.contains("memory"))
    return table.emitOpError("has a tier below memory and no rule 'memory' that limits it");
  return success();
}

LogicalResult TableOp::verify() {
  if (getParts().empty())
    return emitOpError("expected at least one part");
  llvm::StringSet<> names;
  for (auto part : getParts().getAsRange<PartAttr>()) {
    if (part.getName().empty() && getParts().size() > 1)
      return emitOpError("expected names for the parts of a table with several");
    if (!names.insert(part.getName()).second)
      return emitOpError("has two parts called '") << part.getName() << "'";
  }
  return verifyPolicy(*this);
}

RuleAttr TableOp::findRule(StringRef kind) {
  if (ArrayAttr policy = getPolicyAttr())
    for (auto rule : policy.getAsRange<RuleAttr>())
      if (rule.getKind() == kind)
        return rule;
  return RuleAttr();
}

PartAttr TableOp::getCountingPart() {
  for (auto part : getParts().getAsRange<PartAttr>())
    if (!part.getAdmit())
      return part;
  return cast<PartAttr>(getParts()[0]);
}

LogicalResult heter::nn::verifyCounts(Operation *op, TableOp table, StringRef part, Value counts) {
  const bool wanted = table.findRule("show_click") && table.getCountingPart().getName() == part;
  if (wanted != static_cast<bool>(counts))
    return op->emitOpError() << (wanted ? "expected" : "expected no") << " counts of shows and clicks for part \""
                             << part << "\" of @" << table.getSymName();
  if (counts && cast<RowsType>(counts.getType()).getDim() != 2)
    return op->emitOpError() << "expected shows and clicks of each key as counts, got " << counts.getType();
  return success();
}

PartAttr TableOp::findPart(StringRef name) {
  for (auto part : getParts().getAsRange<PartAttr>())
    if (part.getName() == name)
      return part;
  return PartAttr();
}

LogicalResult ParameterOp::verify() {
  if (!cast<RankedTensorType>(getType()).hasStaticShape())
    return emitOpError("expected a static shape, got ") << getType();
  if (auto optimizer = getOptimizerAttr();
      optimizer && heter::optimizers::findOptimizer(std::string_view(optimizer.getKind()))->wholeRows)
    return emitOpError("has no rows, and optimizer '") << optimizer.getKind() << "' looks at whole rows";
  return success();
}

void ProgramOp::build(OpBuilder &builder, OperationState &state, StringRef name) {
  state.addAttribute(getSymNameAttrName(state.name), builder.getStringAttr(name));
  state.addRegion()->emplaceBlock();
}

/// What belongs in no program that predicts, where labels are absent and nothing changes.
static LogicalResult verifyPredicting(Operation &op) {
  if (auto input = dyn_cast<InputOp>(op); input && input.getLabel())
    return op.emitOpError("'") << input.getName() << "' is a label, and labels are absent in program @predict";
  if (isa<ReportOp, MinimizeOp, UpdateOp, UpdateRowsOp>(op))
    return op.emitOpError("does not belong in program @predict, which only predicts");
  return success();
}

LogicalResult ProgramOp::verifyRegions() {
  llvm::StringSet<> reports, predictions;
  llvm::StringMap<Type> inputs;
  for (Operation &op : getBody().front()) {
    if (getSymName() == "predict" && failed(verifyPredicting(op)))
      return failure();
    if (auto report = dyn_cast<ReportOp>(op); report && !reports.insert(report.getName()).second)
      return report.emitOpError("is the second called '") << report.getName() << "'";
    if (auto predict = dyn_cast<PredictOp>(op); predict && !predictions.insert(predict.getName()).second)
      return predict.emitOpError("is the second called '") << predict.getName() << "'";
    if (auto input = dyn_cast<InputOp>(op)) {
      Type type = inputs.try_emplace(input.getName(), input.getType()).first->second;
      if (type != input.getType())
        return input.emitOpError("'") << input.getName() << "' is " << type << ", got " << input.getType();
    }
  }
  return success();
}

/// The symbol `name` as an `Op`, or null after an error on `user`.
template <typename Op>
static Op resolve(Operation *user, SymbolTableCollection &symbols, FlatSymbolRefAttr name, StringRef what) {
  auto op = symbols.lookupNearestSymbolFrom<Op>(user, name);
  if (!op)
    user->emitOpError() << "expected a " << what << ", but " << name << " is none";
  return op;
}

/// Checks that `table` has the part and that its dim is `dim`.
static LogicalResult verifyPart(Operation *user, SymbolTableCollection &symbols, FlatSymbolRefAttr table,
                                StringRef partName, int64_t dim) {
  auto op = resolve<TableOp>(user, symbols, table, "table");
  if (!op)
    return failure();
  PartAttr part = op.findPart(partName);
  if (!part)
    return user->emitOpError() << "table " << table << " has no part '" << partName << "'";
  if (part.getDim() != dim)
    return user->emitOpError() << "part '" << partName << "' of table " << table << " has dim " << part.getDim()
                               << ", got " << dim;
  return success();
}

static LogicalResult verifyParameter(Operation *user, SymbolTableCollection &symbols, FlatSymbolRefAttr parameter,
                                     Type type) {
  auto op = resolve<ParameterOp>(user, symbols, parameter, "parameter");
  if (!op)
    return failure();
  if (op.getType() != type)
    return user->emitOpError() << "parameter " << parameter << " is " << op.getType() << ", got " << type;
  return success();
}

LogicalResult ParamOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParameter(*this, symbols, getParameterAttr(), getType());
}

LogicalResult UpdateOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParameter(*this, symbols, getParameterAttr(), getGradient().getType());
}

LogicalResult LookupOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyPart(*this, symbols, getTableAttr(), getPart(), getType().getShape().back());
}

LogicalResult UpdateRowsOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (failed(verifyPart(*this, symbols, getTableAttr(), getPart(), cast<RowsType>(getRows().getType()).getDim())))
    return failure();
  return verifyCounts(*this, symbols.lookupNearestSymbolFrom<TableOp>(*this, getTableAttr()), getPart(), getCounts());
}

LogicalResult MinimizeOp::verify() {
  if (getClip() && getClipValue())
    return emitOpError("expected to clip by the norm or each value, not both");
  return success();
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

LogicalResult InputOp::verify() {
  auto tensor = dyn_cast<RankedTensorType>(getType());
  if (tensor && !isBatched(tensor))
    return emitOpError("expected the batch as dimension 0, got ") << tensor;
  if (getName().empty())
    return emitOpError("expected a name");
  return success();
}

void ConstantOp::build(OpBuilder &builder, OperationState &state, double scalar, PlaceAttr place) {
  auto type = RankedTensorType::get({}, builder.getF32Type());
  build(builder, state, DenseElementsAttr::get(type, static_cast<float>(scalar)), place);
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValueAttr(); }

LogicalResult LookupOp::verify() {
  SmallVector<int64_t> expected;
  if (auto ragged = dyn_cast<RaggedType>(getIds().getType())) {
    if (!ragged.getElementType().isInteger(64) || !ragged.getShape().empty())
      return emitOpError("expected ragged ids of i64, got ") << ragged;
    if (getPool() == Pool::None)
      return emitOpError("expected pool(sum) or pool(mean) for ragged ids");
    expected.push_back(ShapedType::kDynamic);
  } else {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(getIds().getType()).getShape();
    if (getPool() != Pool::None) {
      if (shape.size() < 2)
        return emitOpError("expected ids with a dimension to pool besides the batch, got ") << getIds().getType();
      shape = shape.drop_back();
    }
    expected.assign(shape.begin(), shape.end());
  }
  ArrayRef<int64_t> actual = getType().getShape();
  if (actual.empty() || actual.drop_back() != ArrayRef(expected))
    return emitOpError("expected the ids' shape and the part's dim as the result's, got ") << getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Shape and layers
//===----------------------------------------------------------------------===//

LogicalResult BroadcastOp::verify() {
  RankedTensorType input = getInput().getType(), result = getType();
  ArrayRef<int64_t> dims = getDims();
  if (static_cast<int64_t>(dims.size()) != input.getRank())
    return emitOpError("expected ") << input.getRank() << " dims, got " << dims.size();
  for (auto [from, to] : llvm::enumerate(dims)) {
    if (to >= result.getRank())
      return emitOpError("the result has no dimension ") << to;
    if (input.getDimSize(from) != result.getDimSize(to) && input.getDimSize(from) != 1)
      return emitOpError("cannot expand dimension ")
             << from << " of " << input << " to dimension " << to << " of " << result;
  }
  return success();
}

/// The number of elements of `shape`, of one example where it is batched.
static int64_t countElements(RankedTensorType type) {
  int64_t count = 1;
  for (int64_t size : type.getShape().drop_front(isBatched(type)))
    count *= size;
  return count;
}

LogicalResult ReshapeOp::verify() {
  RankedTensorType input = getInput().getType(), result = getType();
  if (isBatched(input) != isBatched(result) || countElements(input) != countElements(result))
    return emitOpError("expected as many elements before and after, got ") << input << " and " << result;
  return success();
}

/// Checks that `axis` is a dimension of `type` and not the batch.
static LogicalResult verifyAxis(Operation *op, int64_t axis, RankedTensorType type) {
  if (axis >= type.getRank())
    return op->emitOpError() << type << " has no dimension " << axis;
  if (type.isDynamicDim(axis))
    return op->emitOpError("expected an axis other than the batch");
  return success();
}

LogicalResult SoftmaxOp::verify() { return verifyAxis(*this, getAxis(), getType()); }
LogicalResult SoftmaxGradOp::verify() { return verifyAxis(*this, getAxis(), getType()); }

static LogicalResult verifyDropout(Operation *op, StringRef path, RankedTensorType type) {
  if (!isBatched(type))
    return op->emitOpError("expected the batch as dimension 0, got ") << type;
  if (path.empty())
    return op->emitOpError("expected a path");
  return success();
}

LogicalResult DropoutOp::verify() { return verifyDropout(*this, getPath(), getType()); }
LogicalResult DropoutGradOp::verify() { return verifyDropout(*this, getPath(), getType()); }

//===----------------------------------------------------------------------===//
// Effects
//===----------------------------------------------------------------------===//

/// Whether `type` is f32 with one value an example.
static bool isExampleValue(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getElementType().isF32() && isBatched(tensor) && countElements(tensor) == 1;
}

LogicalResult ReportOp::verify() {
  if (getName().empty())
    return emitOpError("expected a name");
  if (getMetric() == "loss") {
    if (getValues().size() != 1 ||
        getValues()[0].getType() != RankedTensorType::get({}, Float32Type::get(getContext())))
      return emitOpError("expected one tensor<f32> for metric 'loss'");
  } else if (getMetric() == "auc") {
    if (getValues().size() != 2 || !llvm::all_of(getValues().getTypes(), isExampleValue))
      return emitOpError("expected predictions and labels, one f32 an example each, for metric 'auc'");
  } else {
    return emitOpError("expected metric loss or auc, got '") << getMetric() << "'";
  }
  return success();
}

LogicalResult PredictOp::verify() {
  if (getName().empty())
    return emitOpError("expected a name");
  if (!isBatched(getValue().getType()))
    return emitOpError("expected a value of each example, got ") << getValue().getType();
  return success();
}
