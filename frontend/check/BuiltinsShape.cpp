// Built-ins that arrange values: concat, flatten, reshape, slice, stack, transpose, lists and the batch.
#include "frontend/check/Checker.h"

#include <algorithm>

namespace heter::frontend {

bool Checker::wantTensor(CallSite &call, size_t i, std::string_view wanted) {
  const Value &value = call.arguments[i];
  if (value.isTensor())
    return true;
  Diagnostic &diagnostic =
      error(call.argumentRange(i), "`" + call.name + "` wants " + std::string(wanted) + ", got " + show(value));
  if (value.isList())
    diagnostic.help("stack([a, b]) makes a value of a list of values");
  return false;
}

bool Checker::wantNumbers(CallSite &call, size_t i) {
  Value &value = call.arguments[i];
  if (value.isNumber())
    value = constant(value.number, Element::F32, {}, Spread::Same, call.argumentRange(i));
  if (!wantTensor(call, i, "numbers"))
    return false;
  if (value.type.element == Element::F32)
    return true;
  Diagnostic &diagnostic = error(call.argumentRange(i), "`" + call.name + "` wants numbers, got " + show(value));
  std::string argument = text(call.argumentRange(i));
  if (value.type.element == Element::Id)
    diagnostic.help("lookup(TABLE, " + argument + ")");
  else
    diagnostic.help("f32(" + argument + ")");
  return false;
}

/// The same, and no scalar of the batch.
bool Checker::wantExampleOrSame(CallSite &call, size_t i) {
  if (!wantNumbers(call, i))
    return false;
  if (!call.arguments[i].type.isScalar())
    return true;
  error(call.argumentRange(i), "`" + call.name + "` wants values of each example, got a scalar of the whole batch")
      .help("each(" + text(call.argumentRange(i)) + ") gives every example the scalar");
  return false;
}

static Value checkConcat(Checker &c, CallSite &call) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (!c.wantExampleOrSame(call, i))
      return {};
    Value &value = call.arguments[i];
    if (value.type.rank() == 0) {
      Type one = value.type;
      one.shape = {Dim::fixed(1)};
      value = c.add("reshape", {value}, one, call.argumentRange(i));
    }
  }
  Type result = call.arguments.front().type;
  for (const Value &value : call.arguments)
    if (value.type.spread == Spread::Example)
      result.spread = Spread::Example;
  auto axis = c.axisOption(call, result, -1);
  if (!axis)
    return {};
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    Value &value = call.arguments[i];
    const Type &type = value.type;
    bool fits = type.rank() == result.rank() && type.shape[*axis].isFixed() && result.shape[*axis].isFixed();
    for (int k = 0; fits && k < type.rank(); ++k)
      fits = k == *axis || type.shape[k] == result.shape[k];
    if (!fits) {
      Diagnostic &diagnostic =
          c.error(call.argumentRange(i), "`concat` cannot join " + c.show(call.arguments.front().type) + " with " +
                                             c.show(type) +
                                             (type.isRagged() && !result.isRagged() ? ": a row for each id" : ""));
      if (type.isRagged() != result.isRagged())
        diagnostic.help("lookup(..., pool: mean), or sum(..., axis: 0)");
      else if (type.rank() != result.rank())
        diagnostic.help("flatten(...) joins all axes into one");
      return {};
    }
    if (i > 0)
      result.shape[*axis].size += type.shape[*axis].size;
    if (result.spread == Spread::Example && type.spread == Spread::Same) {
      Type example = type;
      example.spread = Spread::Example;
      value = c.broadcast(value, example, call.argumentRange(i));
    }
  }
  if (!c.checkCount(result.shape, call.expr.range))
    return {};
  return c.add("concat", call.arguments, result, call.expr.range, {{"axis", int64_t(*axis)}});
}

static Value reshapeTo(Checker &c, CallSite &call, std::vector<Dim> shape) {
  Type type = call.arguments[0].type;
  type.shape = std::move(shape);
  return c.add("reshape", {call.arguments[0]}, type, call.expr.range);
}

static Value checkFlatten(Checker &c, CallSite &call) {
  if (!c.wantTensor(call, 0, "a value"))
    return {};
  auto count = call.arguments[0].type.count();
  if (!count) {
    c.error(call.argumentRange(0), "`flatten` wants fixed sizes, got " + c.show(call.arguments[0]))
        .help("lookup(..., pool: mean), or sum(..., axis: 0)");
    return {};
  }
  return reshapeTo(c, call, {Dim::fixed(*count)});
}

static Value checkReshape(Checker &c, CallSite &call) {
  if (!c.wantTensor(call, 0, "a value"))
    return {};
  auto shape = c.sizes(call.arguments[1], call.argumentRange(1));
  if (!shape)
    return {};
  Type wanted;
  wanted.shape = *shape;
  auto count = call.arguments[0].type.count();
  if (!count || *count != *wanted.count() || call.arguments[0].type.isScalar()) {
    c.error(call.argumentRange(1), c.show(call.arguments[0]) + " has " +
                                       (count ? std::to_string(*count) + " values" : "no fixed number of values") +
                                       ", and this shape " + std::to_string(*wanted.count()));
    return {};
  }
  return reshapeTo(c, call, *shape);
}

static Value checkSlice(Checker &c, CallSite &call) {
  if (!c.wantTensor(call, 0, "a value"))
    return {};
  Type type = call.arguments[0].type;
  auto axis = c.axisOption(call, type, 0);
  if (!axis || type.rank() == 0)
    return {};
  const Value &range = call.arguments[1];
  SourceRange at = call.argumentRange(1);
  if (!range.isList() || range.items.empty()) {
    c.error(at, "`slice` wants a range, got " + c.show(range)).help("slice(x, 0..3, axis: 1)");
    return {};
  }
  if (!type.shape[*axis].isFixed()) {
    c.error(call.argumentRange(0), "`slice` wants a fixed axis, got " + c.show(type));
    return {};
  }
  int64_t size = type.shape[*axis].size;
  auto begin = c.wantInteger(range.items.front(), at, "a slice", 0, size - 1);
  auto last = c.wantInteger(range.items.back(), at, "a slice", 0, size - 1);
  if (!begin || !last)
    return {};
  if (*last - *begin + 1 != static_cast<int64_t>(range.items.size())) {
    c.error(at, "`slice` wants a range of neighbours").help("slice(x, 0..3, axis: 1)");
    return {};
  }
  type.shape[*axis] = Dim::fixed(*last - *begin + 1);
  return c.add("slice", {call.arguments[0]}, type, call.expr.range,
               {{"axis", int64_t(*axis)}, {"begin", *begin}, {"end", *last + 1}});
}

static Value checkStack(Checker &c, CallSite &call) {
  std::vector<Value> items = call.arguments;
  if (const Value &first = call.arguments[0]; first.isList() && items.size() == 1)
    items = std::vector<Value>(first.items.begin(), first.items.end());
  if (items.empty()) {
    c.error(call.expr.range, "`stack` wants at least one value");
    return {};
  }
  for (const Value &item : items)
    if (!item.isTensor() || item.type.isScalar() || !(item.type.shape == items.front().type.shape) ||
        item.type.element != items.front().type.element) {
      c.error(call.argumentRange(0),
              "`stack` wants values of one type, got " + c.show(items.front()) + " and " + c.show(item));
      return {};
    }
  Type type = items.front().type;
  for (const Value &item : items)
    if (item.type.spread == Spread::Example)
      type.spread = Spread::Example;
  for (Value &item : items) {
    Type row = item.type;
    row.spread = type.spread;
    item = c.broadcast(item, row, call.expr.range);
    row.shape.insert(row.shape.begin(), Dim::fixed(1));
    if (!row.isRagged())
      item = c.add("reshape", {item}, row, call.expr.range);
  }
  type.shape.insert(type.shape.begin(), Dim::fixed(static_cast<int64_t>(items.size())));
  if (!c.checkCount(type.shape, call.expr.range))
    return {};
  return c.add(type.isRagged() ? "stack" : "concat", items, type, call.expr.range, {{"axis", int64_t(0)}});
}

static Value checkTranspose(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0))
    return {};
  Type type = call.arguments[0].type;
  if (type.rank() != 2) {
    c.error(call.argumentRange(0), "`transpose` wants two axes, got " + c.show(type));
    return {};
  }
  std::swap(type.shape[0], type.shape[1]);
  return c.add("transpose", {call.arguments[0]}, type, call.expr.range);
}

static Value checkLowerTriangle(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0))
    return {};
  Type type = call.arguments[0].type;
  if (type.rank() != 2 || !type.shape[0].isFixed() || !(type.shape[0] == type.shape[1]) || type.shape[0].size < 2) {
    c.error(call.argumentRange(0), "`lower_triangle` wants a square of at least 2, got " + c.show(type));
    return {};
  }
  int64_t n = type.shape[0].size;
  type.shape = {Dim::fixed(n * (n - 1) / 2)};
  return c.add("lower_triangle", {call.arguments[0]}, type, call.expr.range);
}

static Value checkExpandAs(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0) || !c.wantExampleOrSame(call, 1))
    return {};
  auto type = c.pair(call.arguments[0], call.arguments[1], call.expr.spot, call.name);
  if (!type)
    return {};
  if (type->shape != call.arguments[1].type.shape) {
    c.error(call.argumentRange(0),
            "`expand_as` cannot repeat " + c.show(call.arguments[0]) + " to " + c.show(call.arguments[1]));
    return {};
  }
  return c.broadcast(call.arguments[0], *type, call.expr.range);
}

/// drop_first and drop_last: a list without one of its ends.
static Value checkDrop(Checker &c, CallSite &call) {
  if (!c.wantTensor(call, 0, "a list of each example"))
    return {};
  Type type = call.arguments[0].type;
  if (type.rank() == 0 || type.isScalar() || !(type.shape[0].isRagged() || type.shape[0].size > 1)) {
    c.error(call.argumentRange(0),
            "`" + call.name + "` wants a list of each example, got " + c.show(call.arguments[0]));
    return {};
  }
  if (type.shape[0].isRagged())
    type.shape[0].shift -= 1;
  else
    type.shape[0].size -= 1;
  return c.add(call.name, {call.arguments[0]}, type, call.expr.range);
}

static Value checkAcross(Checker &c, CallSite &call) {
  if (!c.wantTensor(call, 0, "a value of each example"))
    return {};
  Type type = call.arguments[0].type;
  if (type.spread != Spread::Example || type.isRagged()) {
    c.error(call.argumentRange(0), "`across` wants fixed values of each example, got " + c.show(call.arguments[0]));
    return {};
  }
  if (!c.mayCrossBatch(call.expr.range, "`across`"))
    return {};
  type.shape.insert(type.shape.begin(), Dim::batch());
  return c.add("across", {call.arguments[0]}, type, call.expr.range);
}

static Value checkRow(Checker &c, CallSite &call) {
  Type type;
  type.element = Element::I64;
  return c.mayCrossBatch(call.expr.range, "`row`") ? c.add("row", {}, type, call.expr.range) : Value();
}

static Value checkEach(Checker &c, CallSite &call) {
  if (!c.wantTensor(call, 0, "a scalar"))
    return {};
  Type type = call.arguments[0].type;
  if (!type.isScalar()) {
    c.error(call.argumentRange(0), "`each` wants a scalar, got " + c.show(type) + " of each example");
    return {};
  }
  type.spread = Spread::Example;
  return c.broadcast(call.arguments[0], type, call.expr.range);
}

static Value checkScalar(Checker &c, CallSite &call) {
  if (call.arguments[0].isTensor() && call.arguments[0].type.isScalar())
    return call.arguments[0];
  if (!call.arguments[0].isNumber()) {
    c.error(call.argumentRange(0), "`scalar` wants a number, got " + c.show(call.arguments[0]))
        .help("mean(x) is a scalar");
    return {};
  }
  return c.constant(call.arguments[0].number, Element::F32, {}, Spread::Scalar, call.expr.range);
}

static Value checkFill(Checker &c, CallSite &call) {
  std::vector<Dim> shape;
  if (!call.arguments.empty()) {
    auto sizes = c.sizes(call.arguments[0], call.argumentRange(0));
    if (!sizes)
      return {};
    shape = *sizes;
  }
  return c.constant(call.name == "ones", Element::F32, shape, Spread::Same, call.expr.range);
}

/// size(x): the values of an example; size(x, axis: k): those along an axis.
static Value checkSize(Checker &c, CallSite &call) {
  const Value &value = call.arguments[0];
  if (value.isList())
    return Value::ofNumber(static_cast<double>(value.items.size()));
  if (!c.wantTensor(call, 0, "a value or a list"))
    return {};
  std::optional<int64_t> size;
  if (call.option("axis")) {
    auto axis = c.axisOption(call, value.type, 0);
    if (!axis)
      return {};
    if (value.type.shape[*axis].isFixed())
      size = value.type.shape[*axis].size;
  } else {
    size = value.type.count();
  }
  if (size)
    return Value::ofNumber(static_cast<double>(*size));
  c.error(call.expr.range, c.show(value.type) + " has no size known to the compiler");
  return {};
}

const std::vector<Builtin> &shapeBuiltins() {
  static const std::vector<Builtin> table = {
      {"concat", 1, 10000, {"axis"}, checkConcat},
      {"flatten", 1, 1, {}, checkFlatten},
      {"reshape", 2, 2, {}, checkReshape},
      {"slice", 2, 2, {"axis"}, checkSlice},
      {"stack", 1, 10000, {}, checkStack},
      {"transpose", 1, 1, {}, checkTranspose},
      {"lower_triangle", 1, 1, {}, checkLowerTriangle},
      {"expand_as", 2, 2, {}, checkExpandAs},
      {"drop_first", 1, 1, {}, checkDrop},
      {"drop_last", 1, 1, {}, checkDrop},
      {"across", 1, 1, {}, checkAcross},
      {"row", 0, 0, {}, checkRow},
      {"each", 1, 1, {}, checkEach},
      {"scalar", 1, 1, {}, checkScalar},
      {"zeros", 0, 1, {}, checkFill},
      {"ones", 0, 1, {}, checkFill},
      {"size", 1, 1, {"axis"}, checkSize},
  };
  return table;
}

} // namespace heter::frontend
