// Terms: numbers are folded, everything else is kept as written.
#include "optimizers/Formula.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace heter::optimizers {

using Op = Term::Op;

/// The value of an operation on numbers.
static double evaluate(Op op, double a, double b) {
  switch (op) {
  case Op::Add:
    return a + b;
  case Op::Sub:
    return a - b;
  case Op::Mul:
    return a * b;
  case Op::Div:
    return a / b;
  case Op::Max:
    return std::max(a, b);
  case Op::Min:
    return std::min(a, b);
  case Op::Sqrt:
    return std::sqrt(a);
  case Op::Exp:
    return std::exp(a);
  case Op::Log:
    return std::log(a);
  case Op::Floor:
    return std::floor(a);
  case Op::Mean:
  case Op::Argument:
  case Op::Number:
    break;
  }
  return a;
}

Term::Term(double number) : Term(Node{Op::Number, number, 0, false, {}}) {}

Term Term::argument(int index, bool each) { return Term(Node{Op::Argument, 0, index, each, {}}); }

Term Term::make(Op op, std::vector<Term> inputs) {
  bool numbers = std::all_of(inputs.begin(), inputs.end(), [](const Term &t) { return t.op() == Op::Number; });
  if (numbers)
    return evaluate(op, inputs.front().number(), inputs.back().number());
  bool each = op != Op::Mean && std::any_of(inputs.begin(), inputs.end(), [](const Term &t) { return t.each(); });
  return Term(Node{op, 0, 0, each, std::move(inputs)});
}

Term operator+(const Term &a, const Term &b) { return Term::make(Op::Add, {a, b}); }
Term operator-(const Term &a, const Term &b) { return Term::make(Op::Sub, {a, b}); }
Term operator*(const Term &a, const Term &b) { return Term::make(Op::Mul, {a, b}); }
Term operator/(const Term &a, const Term &b) { return Term::make(Op::Div, {a, b}); }
Term max(const Term &a, const Term &b) { return Term::make(Op::Max, {a, b}); }
Term min(const Term &a, const Term &b) { return Term::make(Op::Min, {a, b}); }
Term sqrt(const Term &a) { return Term::make(Op::Sqrt, {a}); }
Term exp(const Term &a) { return Term::make(Op::Exp, {a}); }
Term log(const Term &a) { return Term::make(Op::Log, {a}); }
Term floor(const Term &a) { return Term::make(Op::Floor, {a}); }
Term mean(const Term &a) { return Term::make(Op::Mean, {a}); }

Term pow(const Term &a, double power) {
  if (power == 1)
    return a;
  if (power == 0.5)
    return sqrt(a);
  return exp(power * log(a));
}

// cos(pi a) = 1 - 2 sin(pi a / 2)^2, and the sine of 0 to pi/2 from its Taylor series, whose next term is below 6e-8.
Term cosPi(const Term &a) {
  Term x = std::numbers::pi / 2 * a, square = x * x;
  Term sine = x * (1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72 * (1 - square / 110)))));
  return 1 - 2 * sine * sine;
}

} // namespace heter::optimizers
