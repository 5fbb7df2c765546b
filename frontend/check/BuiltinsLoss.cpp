// Losses of each example.
#include "frontend/check/Checker.h"

namespace heter::frontend {

/// sigmoid_cross_entropy(logit, label) and log_loss(p, label): elementwise.
static Value checkPairLoss(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0))
    return {};
  if (!call.arguments[1].isNumber() && !c.wantExampleOrSame(call, 1))
    return {};
  std::map<std::string, Attribute> attributes;
  if (call.name == "log_loss") {
    auto epsilon = c.numberOption(call, "epsilon", 1e-7);
    if (!epsilon)
      return {};
    if (*epsilon <= 0) {
      c.error(call.option("epsilon")->value->range, "`epsilon` is above 0");
      return {};
    }
    attributes["epsilon"] = *epsilon;
  }
  Value a = call.arguments[0], b = call.arguments[1];
  if (!c.pairOperands(a, b, call.expr.spot, call.name, call.argumentRange(0), call.argumentRange(1)))
    return {};
  return c.add(call.name, {a, b}, a.type, call.expr.range, std::move(attributes));
}

/// softmax_cross_entropy(logits, class): over the last axis.
static Value checkClassLoss(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0))
    return {};
  Type type = call.arguments[0].type;
  if (type.rank() == 0 || type.shape.back().isRagged()) {
    c.error(call.argumentRange(0), "`softmax_cross_entropy` wants the logits of all classes, got " + c.show(type));
    return {};
  }
  type.shape.pop_back();
  Value label = call.arguments[1];
  if (!label.isTensor() || !label.type.isNumeric() || label.type.isScalar() || label.type.spread != Spread::Example ||
      (label.type.shape != type.shape &&
       !(label.type.rank() == 1 && label.type.shape[0].isOne() && type.rank() == 0))) {
    c.error(call.argumentRange(1),
            "`softmax_cross_entropy` wants one class for each row of logits, got " + c.show(label));
    return {};
  }
  if (label.type.shape != type.shape) {
    Type flat = label.type;
    flat.shape = type.shape;
    label = c.add("reshape", {label}, flat, call.argumentRange(1));
  }
  type.spread = Spread::Example;
  return c.add("softmax_cross_entropy", {call.arguments[0], label}, type, call.expr.range);
}

const std::vector<Builtin> &lossBuiltins() {
  static const std::vector<Builtin> table = {
      {"sigmoid_cross_entropy", 2, 2, {}, checkPairLoss},
      {"softmax_cross_entropy", 2, 2, {}, checkClassLoss},
      {"log_loss", 2, 2, {"epsilon"}, checkPairLoss},
  };
  return table;
}

} // namespace heter::frontend
