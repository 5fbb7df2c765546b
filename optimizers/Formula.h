// Formulas as values: a rule is written as ordinary arithmetic on terms, and what it has written can be walked. The
// compiler turns a formula into operations; nothing here knows of MLIR.
#ifndef HETER_OPTIMIZERS_FORMULA_H
#define HETER_OPTIMIZERS_FORMULA_H

#include <memory>
#include <vector>

namespace heter::optimizers {

/// One value of a formula: an argument, a number, or an operation on other terms, which it shares. A term either has a
/// value for each element of what is updated, or one value for all of them. Cheap to copy; immutable.
class Term {
public:
  enum class Op { Argument, Number, Add, Sub, Mul, Div, Max, Min, Sqrt, Exp, Log, Floor, Mean };

  /// The number 0.
  Term() : Term(0.0) {}
  Term(double number); // NOLINT(google-explicit-constructor): formulas mix numbers and terms.
  /// The argument with this index; `each`: with a value for each element.
  static Term argument(int index, bool each);
  /// An operation. Of numbers alone it is computed here, in double precision.
  static Term make(Op op, std::vector<Term> inputs);

  Op op() const { return node_->op; }
  double number() const { return node_->number; } ///< REQUIRES: op() is Number.
  int index() const { return node_->index; }      ///< REQUIRES: op() is Argument.
  bool each() const { return node_->each; }
  const std::vector<Term> &inputs() const { return node_->inputs; }
  /// The same for copies of one term only.
  const void *identity() const { return node_.get(); }

private:
  struct Node {
    Op op;
    double number;
    int index;
    bool each;
    std::vector<Term> inputs;
  };
  explicit Term(Node node) : node_(std::make_shared<const Node>(std::move(node))) {}

  std::shared_ptr<const Node> node_;
};

Term operator+(const Term &a, const Term &b);
Term operator-(const Term &a, const Term &b);
Term operator*(const Term &a, const Term &b);
Term operator/(const Term &a, const Term &b);
Term max(const Term &a, const Term &b);
Term min(const Term &a, const Term &b);
Term sqrt(const Term &a);
Term exp(const Term &a);
Term log(const Term &a);
Term floor(const Term &a);
/// The mean over all elements: one value.
Term mean(const Term &a);
/// a to the power of a number, for a of 0 or more; 0 gives 0 for a positive power.
Term pow(const Term &a, double power);
/// The cosine of pi * a, for a in 0..1.
Term cosPi(const Term &a);

} // namespace heter::optimizers

#endif // HETER_OPTIMIZERS_FORMULA_H
