// Built-ins that compute: elementwise functions, reductions, softmax, matmul, choices.
#include "frontend/check/Checker.h"

#include <algorithm>
#include <cmath>

namespace heter::frontend {

/// Elementwise functions of the compiler's numbers.
static std::optional<double> fold(const std::string &name, double x) {
  if (name == "relu")
    return std::max(x, 0.0);
  if (name == "sigmoid")
    return 1 / (1 + std::exp(-x));
  if (name == "tanh")
    return std::tanh(x);
  if (name == "exp")
    return std::exp(x);
  if (name == "log")
    return std::log(x);
  if (name == "square")
    return x * x;
  if (name == "sqrt")
    return std::sqrt(x);
  return std::nullopt;
}

static Value checkElementwise(Checker &c, CallSite &call) {
  if (call.arguments[0].isNumber()) {
    if (auto number = fold(call.name, call.arguments[0].number)) {
      if (std::isfinite(*number))
        return Value::ofNumber(*number);
      c.error(call.expr.range, "`" + call.name + "` of " + formatNumber(call.arguments[0].number) + " is no number");
      return {};
    }
  }
  if (!c.wantNumbers(call, 0))
    return {};
  return c.add(call.name, {call.arguments[0]}, call.arguments[0].type, call.expr.range);
}

bool Checker::mayCrossBatch(SourceRange range, const std::string &what) {
  if (!eachExample_.isValid())
    return true;
  error(range, what + " looks across the batch, but here each example goes its own way")
      .note(eachExample_, "because of this")
      .help("compute it before, or give it an `axis:`");
  return false;
}

/// sum, mean, max, min: over the axes given, or over everything and the batch.
static Value checkReduction(Checker &c, CallSite &call) {
  if (!c.wantNumbers(call, 0))
    return {};
  Value value = call.arguments[0];
  Type type = value.type;
  std::vector<int64_t> axes;
  std::string name = call.name;
  if (const ast::Option *option = call.option("axis")) {
    Value given = c.evaluate(*option->value);
    Items items = given.isList() ? given.items : Items({given});
    for (const Value &item : items) {
      auto axis = c.axis(item, option->value->range, type);
      if (!axis)
        return {};
      axes.push_back(*axis);
    }
    std::sort(axes.begin(), axes.end());
    if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) {
      c.error(option->value->range, "an axis stands twice");
      return {};
    }
    for (size_t i = axes.size(); i-- > 0;)
      type.shape.erase(type.shape.begin() + axes[i]);
    return c.add(name, {value}, type, call.expr.range, {{"axes", axes}});
  }
  if (type.isScalar()) {
    c.error(call.argumentRange(0), "`" + name + "` wants values of each example, got a scalar of the whole batch");
    return {};
  }
  if (type.spread == Spread::Example && !c.mayCrossBatch(call.expr.range, "`" + name + "` without `axis:`"))
    return {};
  for (int i = 0; i < type.rank(); ++i)
    axes.push_back(i);
  Type scalar;
  scalar.spread = Spread::Scalar;
  Value result = c.add(name, {value}, scalar, call.expr.range, {{"axes", axes}, {"batch", int64_t(1)}});
  result.reduction = name;
  result.reductionRange = call.expr.range;
  return result;
}

static Value checkSoftmax(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0))
    return {};
  const Type &type = call.arguments[0].type;
  if (type.rank() == 0) {
    c.error(call.argumentRange(0), "`" + call.name + "` wants an axis, got " + c.show(type));
    return {};
  }
  auto axis = c.axisOption(call, type, -1);
  if (!axis)
    return {};
  return c.add(call.name, {call.arguments[0]}, type, call.expr.range, {{"axis", int64_t(*axis)}});
}

static Value checkArgmax(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0))
    return {};
  Type type = call.arguments[0].type;
  if (type.rank() == 0) {
    c.error(call.argumentRange(0), "`argmax` wants an axis, got " + c.show(type));
    return {};
  }
  auto axis = c.axisOption(call, type, -1);
  if (!axis)
    return {};
  type.shape.erase(type.shape.begin() + *axis);
  type.element = Element::I64;
  return c.add("argmax", {call.arguments[0]}, type, call.expr.range, {{"axis", int64_t(*axis)}});
}

/// [n, k] x [k, m], [k] x [k, m], [n, k] x [k] and [k] x [k].
static Value checkMatmul(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0) || !c.wantExampleOrSame(call, 1))
    return {};
  const Type &a = call.arguments[0].type, &b = call.arguments[1].type;
  if (a.rank() < 1 || a.rank() > 2 || b.rank() < 1 || b.rank() > 2 || !(a.shape.back() == b.shape.front())) {
    c.error(call.expr.range, "`matmul` cannot multiply " + c.show(a) + " by " + c.show(b))
        .help("the last axis of the first is the first axis of the second: [n, k] x [k, m]");
    return {};
  }
  Type type = a;
  type.spread = a.spread == b.spread ? a.spread : Spread::Example;
  type.shape.clear();
  if (a.rank() == 2)
    type.shape.push_back(a.shape[0]);
  if (b.rank() == 2)
    type.shape.push_back(b.shape[1]);
  if (!c.checkCount(type.shape, call.expr.range))
    return {};
  return c.add("matmul", call.arguments, type, call.expr.range);
}

static Value checkWhere(Checker &c, CallSite &call) {
  if (!c.wantTensor(call, 0, "a condition"))
    return {};
  Value condition = call.arguments[0];
  if (condition.type.element != Element::Bool) {
    c.error(call.argumentRange(0), "`where` wants a condition, got " + c.show(condition)).help("compare it: ... > 0");
    return {};
  }
  if (!c.wantNumbers(call, 1) || !c.wantNumbers(call, 2))
    return {};
  Value a = call.arguments[1], b = call.arguments[2];
  SourceRange spot = call.expr.spot;
  if (!c.pairOperands(a, b, spot, "where", call.argumentRange(1), call.argumentRange(2)))
    return {};
  if (!c.pairOperands(condition, a, spot, "where", call.argumentRange(0), call.argumentRange(1)) ||
      !c.pairOperands(condition, b, spot, "where", call.argumentRange(0), call.argumentRange(2)))
    return {};
  return c.add("where", {condition, a, b}, a.type, call.expr.range);
}

/// f32(x): numbers of i64 and of conditions.
static Value checkCast(Checker &c, CallSite &call) {
  if (call.arguments[0].isNumber())
    return call.arguments[0];
  if (!c.wantTensor(call, 0, "numbers or conditions"))
    return {};
  Type type = call.arguments[0].type;
  if (type.element == Element::Id) {
    c.error(call.argumentRange(0), "`f32` wants numbers or conditions, got " + c.show(type))
        .help("lookup(TABLE, " + c.text(call.argumentRange(0)) + ")");
    return {};
  }
  if (type.element == Element::F32)
    return call.arguments[0];
  type.element = Element::F32;
  return c.add("cast", {call.arguments[0]}, type, call.expr.range);
}

/// l2_normalize(x) over the last axis.
static Value checkNormalize(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0))
    return {};
  if (call.arguments[0].type.rank() == 0) {
    c.error(call.argumentRange(0), "`l2_normalize` wants an axis, got " + c.show(call.arguments[0]));
    return {};
  }
  return c.add("l2_normalize", {call.arguments[0]}, call.arguments[0].type, call.expr.range);
}

const std::vector<Builtin> &mathBuiltins() {
  static const std::vector<Builtin> table = {
      {"relu", 1, 1, {}, checkElementwise},
      {"sigmoid", 1, 1, {}, checkElementwise},
      {"tanh", 1, 1, {}, checkElementwise},
      {"exp", 1, 1, {}, checkElementwise},
      {"log", 1, 1, {}, checkElementwise},
      {"square", 1, 1, {}, checkElementwise},
      {"sqrt", 1, 1, {}, checkElementwise},
      {"sum", 1, 1, {"axis"}, checkReduction},
      {"mean", 1, 1, {"axis"}, checkReduction},
      {"max", 1, 1, {"axis"}, checkReduction},
      {"min", 1, 1, {"axis"}, checkReduction},
      {"softmax", 1, 1, {"axis"}, checkSoftmax},
      {"argmax", 1, 1, {"axis"}, checkArgmax},
      {"matmul", 2, 2, {}, checkMatmul},
      {"where", 3, 3, {}, checkWhere},
      {"f32", 1, 1, {}, checkCast},
      {"l2_normalize", 1, 1, {}, checkNormalize},
  };
  return table;
}

} // namespace heter::frontend
