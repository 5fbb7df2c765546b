// Values side by side: which types pair, how a value is repeated to another's type, and sizes.
#include "frontend/check/Checker.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heter::frontend {

//===-- Making operations -----------------------------------------------------------------------------------------===//

ValueId Checker::newValue(Type type, SourceRange range) {
  model_.values.push_back({std::move(type), "", range});
  return static_cast<ValueId>(model_.values.size() - 1);
}

Op &Checker::addOp(const std::string &name, std::vector<ValueId> operands, SourceRange range) {
  Op op;
  op.name = name;
  op.operands = std::move(operands);
  op.range = range;
  op.mark = mark_;
  ops_->push_back(std::move(op));
  return ops_->back();
}

Value Checker::add(const std::string &name, std::vector<Value> operands, Type type, SourceRange range,
                   std::map<std::string, Attribute> attributes) {
  Value result;
  result.kind = Value::Kind::Tensor;
  result.type = type;
  std::vector<ValueId> ids;
  for (const Value &operand : operands) {
    ids.push_back(operand.id);
    result.label = std::max(result.label, operand.label);
  }
  result.id = newValue(std::move(type), range);
  Op &op = addOp(name, std::move(ids), range);
  op.attributes = std::move(attributes);
  op.results = {result.id};
  return result;
}

Value Checker::constant(double number, Element element, std::vector<Dim> shape, Spread spread, SourceRange range) {
  Type type{element, spread, std::move(shape)};
  if (element == Element::F32 && std::fabs(number) > std::numeric_limits<float>::max())
    error(range, formatNumber(number) + " is too large for f32");
  return add("constant", {}, type, range, {{"value", number}});
}

Value Checker::broadcast(const Value &value, const Type &type, SourceRange range) {
  if (value.type == type)
    return value;
  return add("broadcast", {value}, type, range);
}

//===-- Showing ---------------------------------------------------------------------------------------------------===//

std::string Checker::show(const Value &value) const {
  switch (value.kind) {
  case Value::Kind::Poison:
    return "an error";
  case Value::Kind::Number:
    return "the number " + formatNumber(value.number);
  case Value::Kind::Flag:
    return value.number != 0 ? "true" : "false";
  case Value::Kind::Text:
    return "a text";
  case Value::Kind::List:
    return "a list";
  case Value::Kind::Tuple:
    return std::to_string(value.items.size()) + " values";
  case Value::Kind::Tensor:
    break;
  }
  return value.type.isScalar() ? "a scalar of the whole batch" : show(value.type);
}

bool sameStatic(const Value &a, const Value &b) {
  if (a.kind != b.kind)
    return false;
  if (a.kind == Value::Kind::Tensor)
    return a.id == b.id;
  if (a.kind == Value::Kind::List || a.kind == Value::Kind::Tuple)
    return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), sameStatic);
  return a.number == b.number && a.text == b.text;
}

//===-- Pairing ---------------------------------------------------------------------------------------------------===//

namespace {

/// The extent of two axes side by side: equal, or one of them 1.
std::optional<Dim> pairDims(const Dim &a, const Dim &b, bool onesExpand) {
  if (a == b)
    return a;
  if (onesExpand && a.isOne())
    return b;
  if (onesExpand && b.isOne())
    return a;
  return std::nullopt;
}

struct ShapePair {
  std::optional<std::vector<Dim>> shape;
  /// The two ragged lengths that differ, if they are what does not pair.
  std::optional<std::pair<Dim, Dim>> lengths;
};

ShapePair pairShapes(const std::vector<Dim> &a, const std::vector<Dim> &b) {
  const std::vector<Dim> &longer = a.size() >= b.size() ? a : b;
  const std::vector<Dim> &shorter = a.size() >= b.size() ? b : a;
  size_t offset = longer.size() - shorter.size();
  std::vector<Dim> result = longer;
  for (size_t i = 0; i < shorter.size(); ++i) {
    const Dim &x = longer[offset + i], &y = shorter[i];
    std::optional<Dim> dim = pairDims(x, y, offset == 0);
    if (!dim)
      return {std::nullopt, x.isRagged() && y.isRagged()
                                ? std::optional(std::pair(a.size() >= b.size() ? x : y, a.size() >= b.size() ? y : x))
                                : std::nullopt};
    result[offset + i] = *dim;
  }
  return {result, std::nullopt};
}

/// `[26, 1]` if `shorter` is the beginning of `longer`: the reshape that pairs them by their first axes.
std::string leadingReshape(const Type &a, const Type &b) {
  const Type &longer = a.rank() >= b.rank() ? a : b, &shorter = a.rank() >= b.rank() ? b : a;
  if (longer.rank() == shorter.rank() || shorter.rank() == 0 || !shorter.count())
    return "";
  for (int i = 0; i < shorter.rank(); ++i)
    if (!(shorter.shape[i] == longer.shape[i]))
      return "";
  std::string text = "[";
  for (int i = 0; i < longer.rank(); ++i)
    text += (i ? ", " : "") + std::to_string(i < shorter.rank() ? shorter.shape[i].size : 1);
  return text + "]";
}

} // namespace

std::optional<Type> Checker::pair(const Value &a, const Value &b, SourceRange spot, const std::string &op) {
  const Type &x = a.type, &y = b.type;
  bool scalarX = x.isScalar(), scalarY = y.isScalar();
  if (scalarX != scalarY) {
    const Type &other = scalarX ? y : x;
    if (other.spread == Spread::Same && other.rank() == 0)
      return scalarX ? x : y;
    const Value &scalar = scalarX ? a : b;
    std::string example = show(other) + " of each example", whole = "a scalar of the whole batch";
    Diagnostic &diagnostic =
        error(spot, "`" + op + "` pairs " + (scalarX ? whole : example) + " with " + (scalarX ? example : whole));
    if (scalar.reduction.empty()) {
      diagnostic.help("each(s) gives every example the scalar");
    } else {
      diagnostic.note(scalar.reductionRange, scalar.reduction == "sum"
                                                 ? "no `axis:`, so the batch is summed too"
                                                 : "no `axis:`, so `" + scalar.reduction + "` goes over the batch too");
      diagnostic.help(scalar.reduction + "(v, axis: 0), or each(s) if the batch is meant");
    }
    return std::nullopt;
  }
  ShapePair shapes = pairShapes(x.shape, y.shape);
  if (shapes.shape) {
    Type result = x;
    result.shape = *shapes.shape;
    if (x.spread != y.spread)
      result.spread = Spread::Example;
    if (!checkCount(result.shape, spot))
      return std::nullopt;
    return result;
  }
  if (shapes.lengths) {
    auto [first, second] = *shapes.lengths;
    if (first.length != second.length) {
      error(spot, "`" + op + "` pairs two lists whose lengths are unrelated")
          .note(model_.lengths[first.length].range, "one length")
          .note(model_.lengths[second.length].range, "another")
          .help("if they are always equal, name the length: id[*seen]");
      return std::nullopt;
    }
    error(spot, "`" + op + "` cannot pair " + show(x) + " with " + show(y) + ": one list is shorter")
        .help("drop_first and drop_last shorten a list by one");
    return std::nullopt;
  }
  Diagnostic &diagnostic = error(spot, "`" + op + "` cannot pair " + show(x) + " with " + show(y));
  if (std::string shape = leadingReshape(x, y); !shape.empty())
    diagnostic.help("reshape(..., " + shape + ") pairs by the first axis");
  return std::nullopt;
}

bool Checker::pairOperands(Value &a, Value &b, SourceRange spot, const std::string &op, SourceRange rangeA,
                           SourceRange rangeB) {
  auto lift = [&](Value &number, const Value &other, SourceRange range) {
    Element element = other.isTensor() && other.type.element == Element::I64 ? Element::I64 : Element::F32;
    if (element == Element::I64 && number.number != std::floor(number.number)) {
      error(range, "`" + op + "` pairs i64 with the number " + formatNumber(number.number))
          .help("a whole number, or f32(x)");
      return false;
    }
    Spread spread = other.isTensor() && other.type.isScalar() ? Spread::Scalar : Spread::Same;
    number = constant(number.number, element, {}, spread, range);
    return true;
  };
  if ((a.isNumber() && !lift(a, b, rangeA)) || (b.isNumber() && !lift(b, a, rangeB)))
    return false;
  std::optional<Type> type = pair(a, b, spot, op);
  if (!type)
    return false;
  Type typeA = *type, typeB = *type;
  typeA.element = a.type.element;
  typeB.element = b.type.element;
  a = broadcast(a, typeA, rangeA);
  b = broadcast(b, typeB, rangeB);
  return true;
}

//===-- Sizes -----------------------------------------------------------------------------------------------------===//

std::optional<int64_t> Checker::wantInteger(const Value &value, SourceRange range, const std::string &what,
                                            int64_t least, int64_t most) {
  if (value.isPoison())
    return std::nullopt;
  if (!value.isNumber()) {
    Diagnostic &diagnostic = error(range, what + " wants a number known to the compiler, got " + show(value));
    if (value.isTensor())
      diagnostic.help("size(x) is one");
    return std::nullopt;
  }
  double number = value.number;
  if (number != std::floor(number)) {
    error(range, what + " wants a whole number, got " + formatNumber(number));
    return std::nullopt;
  }
  if (number < static_cast<double>(least) || number > static_cast<double>(most)) {
    error(range, what + " is " + formatNumber(number) + ": it lies between " + std::to_string(least) + " and " +
                     std::to_string(most));
    return std::nullopt;
  }
  return static_cast<int64_t>(number);
}

bool Checker::checkCount(const std::vector<Dim> &shape, SourceRange range) {
  double product = 1;
  for (const Dim &dim : shape)
    if (dim.isFixed())
      product *= static_cast<double>(dim.size);
  if (product <= static_cast<double>(maxCount) && shape.size() <= 8)
    return true;
  if (shape.size() > 8)
    error(range, "a type has at most 8 axes");
  else
    error(range, formatNumber(product) + " values for each example are too many: at most " + std::to_string(maxCount));
  return false;
}

std::optional<std::vector<Dim>> Checker::sizes(const Value &value, SourceRange range) {
  std::vector<Dim> result;
  Items items = value.isList() ? value.items : Items({value});
  for (const Value &item : items) {
    auto size = wantInteger(item, range, "a size", 1, maxCount);
    if (!size)
      return std::nullopt;
    result.push_back(Dim::fixed(*size));
  }
  if (!checkCount(result, range))
    return std::nullopt;
  return result;
}

} // namespace heter::frontend
