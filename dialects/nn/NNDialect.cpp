// The nn dialect itself: registration, attributes and types with their verifiers, and the checks of the module's
// nn.* attributes.
#include "dialects/nn/NN.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace heter::nn;

//===----------------------------------------------------------------------===//
// Custom pieces of the assembly format
//===----------------------------------------------------------------------===//

static ParseResult parseDouble(AsmParser &parser, FloatAttr &attribute) {
  double value;
  if (parser.parseFloat(value))
    return failure();
  attribute = parser.getBuilder().getF64FloatAttr(value);
  return success();
}

static void printDouble(AsmPrinter &printer, FloatAttr attribute) { printer.printFloat(attribute.getValue()); }

static ParseResult parseShapedElement(AsmParser &parser, SmallVector<int64_t> &shape, Type &elementType) {
  return failure(parser.parseDimensionList(shape, /*allowDynamic=*/false) || parser.parseType(elementType));
}

static void printShapedElement(AsmPrinter &printer, ArrayRef<int64_t> shape, Type elementType) {
  for (int64_t size : shape)
    printer << size << 'x';
  printer << elementType;
}

#include "dialects/nn/NNDialect.cpp.inc"
#include "dialects/nn/NNEnums.cpp.inc"
#include "dialects/nn/NNInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/nn/NNAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/nn/NNTypes.cpp.inc"

namespace {

/// Names places and optimizers once at the top of the text, by their role or kind, so that long attributes do not hide
/// what they belong to: `{place = #cpu_trainer}`, `optimizer #adam`. --mlir-print-local-scope prints them in full.
struct AttributeNames : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attribute, raw_ostream &os) const override {
    if (auto optimizer = dyn_cast<OptimizerAttr>(attribute)) {
      os << optimizer.getKind();
      return AliasResult::OverridableAlias;
    }
    auto place = dyn_cast<PlaceAttr>(attribute);
    if (!place)
      return AliasResult::NoAlias;
    for (char c : place.getRole())
      os << (llvm::isAlnum(c) ? c : '_');
    return AliasResult::OverridableAlias;
  }
};

} // namespace

void NNDialect::initialize() {
  addInterface<AttributeNames>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/nn/NNAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/nn/NNTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/nn/NNOps.cpp.inc"
      >();
}

Operation *NNDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, elements, PlaceAttr());
}

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

bool heter::nn::isValueShape(Type type) {
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked || ranked.getEncoding())
    return false;
  ArrayRef<int64_t> shape = ranked.getShape();
  return shape.empty() || llvm::none_of(shape.drop_front(), ShapedType::isDynamic);
}

bool heter::nn::isBatched(RankedTensorType type) { return type.getRank() > 0 && type.isDynamicDim(0); }

PlaceAttr heter::nn::getPlace(Operation *op) {
  auto placeable = dyn_cast<PlaceableOpInterface>(op);
  return placeable ? placeable.getPlaceAttr() : PlaceAttr();
}

//===----------------------------------------------------------------------===//
// Attribute and type verifiers
//===----------------------------------------------------------------------===//

LogicalResult InitAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef kind, FloatAttr number) {
  double scale = number.getValueAsDouble();
  if (!llvm::is_contained({"zeros", "ones", "constant", "uniform", "normal"}, kind))
    return emitError() << "expected init zeros, ones, constant, uniform or normal, got '" << kind << "'";
  if (!std::isfinite(scale) || ((kind == "uniform" || kind == "normal") && scale < 0))
    return emitError() << "expected a finite scale, not negative for '" << kind << "', got " << scale;
  return success();
}

LogicalResult RuleAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef kind, DictionaryAttr options) {
  if (kind.empty())
    return emitError() << "expected the name of a rule, got an empty text";
  for (NamedAttribute option : options) {
    auto number = dyn_cast<FloatAttr>(option.getValue());
    if (!isa<RuleAttr, StringAttr>(option.getValue()) && !(number && number.getType().isF64()))
      return emitError() << "expected an f64, a text or a rule for option '" << option.getName().getValue() << "', got "
                         << option.getValue();
  }
  return success();
}

/// An optimizer or rule without MLIR; texts stay behind.
static heter::optimizers::Call callOf(StringRef kind, DictionaryAttr options) {
  heter::optimizers::Call call{kind.str(), {}, {}};
  for (NamedAttribute option : options) {
    std::string name = option.getName().str();
    if (auto number = dyn_cast<FloatAttr>(option.getValue()))
      call.numbers[name] = number.getValueAsDouble();
    else if (auto rule = dyn_cast<RuleAttr>(option.getValue()))
      call.calls[name] = callOf(rule.getKind(), rule.getOptions());
  }
  return call;
}

static DictionaryAttr optionsOf(MLIRContext *context, const heter::optimizers::Call &call) {
  SmallVector<NamedAttribute> options;
  for (const auto &[name, number] : call.numbers)
    options.emplace_back(StringAttr::get(context, name), FloatAttr::get(Float64Type::get(context), number));
  for (const auto &[name, inner] : call.calls)
    options.emplace_back(StringAttr::get(context, name), RuleAttr::get(context, inner.name, optionsOf(context, inner)));
  return DictionaryAttr::get(context, options);
}

OptimizerAttr OptimizerAttr::get(MLIRContext *context, const heter::optimizers::Call &call) {
  return get(context, call.name, optionsOf(context, call));
}

heter::optimizers::Call RuleAttr::getCall() const { return callOf(getKind(), getOptions()); }
heter::optimizers::Call OptimizerAttr::getCall() const { return callOf(getKind(), getOptions()); }

LogicalResult OptimizerAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef kind,
                                    DictionaryAttr options) {
  for (NamedAttribute option : options) {
    auto number = dyn_cast<FloatAttr>(option.getValue());
    if (!isa<RuleAttr>(option.getValue()) && !(number && number.getType().isF64()))
      return emitError() << "expected an f64 or a rule for option '" << option.getName().getValue() << "', got "
                         << option.getValue();
  }
  std::string error = heter::optimizers::checkOptimizer(callOf(kind, options));
  return error.empty() ? success() : LogicalResult(emitError() << error);
}

double OptimizerAttr::getOption(StringRef name, double otherwise) const {
  auto number = getOptions().getAs<FloatAttr>(name);
  return number ? number.getValueAsDouble() : otherwise;
}

LogicalResult PartAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t dim, InitAttr,
                               OptimizerAttr optimizer, RuleAttr admit, FlatSymbolRefAttr) {
  if (dim <= 0)
    return emitError() << "expected a positive dim, got " << dim;
  if (optimizer.getOptions().contains("average"))
    return emitError() << "expected no average of rows: only dense parameters are averaged";
  if (admit && !llvm::is_contained({"count", "probability", "score"}, admit.getKind()))
    return emitError() << "expected to admit by count, probability or score, got '" << admit.getKind() << "'";
  return success();
}

LogicalResult PlaceAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef role, StringRef) {
  if (role.empty())
    return emitError() << "expected a role, got an empty text";
  return success();
}

LogicalResult RaggedType::verify(function_ref<InFlightDiagnostic()> emitError, StringRef length,
                                 ArrayRef<int64_t> shape, Type elementType) {
  if (length.empty())
    return emitError() << "expected the name of a length, got an empty text";
  if (!elementType.isF32() && !elementType.isInteger(64))
    return emitError() << "expected elements of f32 or i64, got " << elementType;
  if (llvm::any_of(shape, [](int64_t size) { return size <= 0; }))
    return emitError() << "expected positive sizes in a ragged type";
  return success();
}

LogicalResult RowsType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t dim) {
  if (dim < 0)
    return emitError() << "expected a dim of 0 or more, got " << dim;
  return success();
}

//===----------------------------------------------------------------------===//
// Attributes of the module
//===----------------------------------------------------------------------===//

static LogicalResult verifyWord(Operation *op, NamedAttribute attribute, ArrayRef<StringRef> words) {
  auto text = dyn_cast<StringAttr>(attribute.getValue());
  if (text && llvm::is_contained(words, text.getValue()))
    return success();
  InFlightDiagnostic error = op->emitError() << "expected '" << attribute.getName().getValue() << "' to be one of ";
  llvm::interleaveComma(words, error);
  return error << ", got " << attribute.getValue();
}

/// A data expression: {op, arguments = [..], numbers = [..], texts = [..], location}.
static LogicalResult verifyExpression(Operation *op, Attribute attribute) {
  auto fields = dyn_cast<DictionaryAttr>(attribute);
  if (!fields || !fields.getAs<StringAttr>("op"))
    return op->emitError() << "expected a data expression (a dictionary with 'op') in 'nn.data', got " << attribute;
  for (NamedAttribute field : fields) {
    StringRef name = field.getName().getValue();
    if (name == "op" || name == "location") {
      if (!isa<StringAttr>(field.getValue()))
        return op->emitError() << "expected a text for '" << name << "' of a data expression";
      continue;
    }
    auto list = dyn_cast<ArrayAttr>(field.getValue());
    if (!list || (name != "arguments" && name != "numbers" && name != "texts"))
      return op->emitError() << "unexpected '" << name << "' in a data expression";
    for (Attribute element : list) {
      if (name == "arguments" && failed(verifyExpression(op, element)))
        return failure();
      if (name == "numbers" && !(isa<FloatAttr>(element) && cast<FloatAttr>(element).getType().isF64()))
        return op->emitError() << "expected f64 'numbers' in a data expression, got " << element;
      if (name == "texts" && !isa<StringAttr>(element))
        return op->emitError() << "expected texts in 'texts' of a data expression, got " << element;
    }
  }
  return success();
}

static LogicalResult verifyData(Operation *op, Attribute attribute) {
  auto sources = dyn_cast<ArrayAttr>(attribute);
  if (!sources)
    return op->emitError() << "expected 'nn.data' to be an array of data bindings, got " << attribute;
  for (Attribute element : sources) {
    auto source = dyn_cast<DictionaryAttr>(element);
    if (!source || !source.getAs<StringAttr>("name") || !source.getAs<StringAttr>("format") ||
        !source.getAs<DictionaryAttr>("options") || !source.getAs<ArrayAttr>("bindings"))
      return op->emitError() << "expected name, format, options and bindings in each entry of 'nn.data', got "
                             << element;
    for (Attribute entry : source.getAs<ArrayAttr>("bindings")) {
      auto binding = dyn_cast<DictionaryAttr>(entry);
      if (!binding || !binding.getAs<StringAttr>("input") || !binding.contains("expression"))
        return op->emitError() << "expected input and expression in each binding of 'nn.data', got " << entry;
      if (failed(verifyExpression(op, binding.get("expression"))))
        return failure();
    }
  }
  return success();
}

LogicalResult NNDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName().getValue();
  if (!isa<ModuleOp>(op))
    return op->emitError() << "'" << name << "' belongs on a module";
  if (name == kStageAttr)
    return verifyWord(
        op, attribute,
        {"frontend", "autodiff", "simplify", "distribute", "place", "partition", "outline", "updates", "plan"});
  if (name == kModeAttr)
    return verifyWord(op, attribute, {"local", "ps", "heter-ps"});
  if (name == kSeedAttr) {
    auto seed = dyn_cast<IntegerAttr>(attribute.getValue());
    if (!seed || !seed.getType().isSignlessInteger(64))
      return op->emitError() << "expected 'nn.seed' to be an i64, got " << attribute.getValue();
    return success();
  }
  if (name == kFuseAttr) {
    if (!isa<BoolAttr>(attribute.getValue()))
      return op->emitError() << "expected 'nn.fuse' to be true or false, got " << attribute.getValue();
    return success();
  }
  if (name == kDataAttr)
    return verifyData(op, attribute.getValue());
  return op->emitError() << "unknown module attribute '" << name << "'";
}
