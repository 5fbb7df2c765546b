// What an expression stands for while it is checked: a run-time value of the model, or something the compiler knows.
#ifndef HETER_FRONTEND_CHECK_VALUE_H
#define HETER_FRONTEND_CHECK_VALUE_H

#include "frontend/check/Model.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace heter::frontend {

struct Value;

/// The elements of a list; copies share them.
class Items {
public:
  Items() = default;
  explicit Items(std::vector<Value> values) : values_(std::make_shared<const std::vector<Value>>(std::move(values))) {}

  inline size_t size() const;
  inline const Value &operator[](size_t i) const;
  inline const Value *begin() const;
  inline const Value *end() const;
  bool empty() const { return size() == 0; }
  inline const Value &front() const;
  inline const Value &back() const;

private:
  std::shared_ptr<const std::vector<Value>> values_;
};

struct Value {
  enum class Kind {
    Poison, ///< Wrong, and reported: everything made of it is silent.
    Tensor, ///< At run time: `id` with `type`.
    Number,
    Flag, ///< `number` is 0 or 1.
    Text,
    List,
    Tuple ///< Several results of a function.
  };

  Kind kind = Kind::Poison;
  Type type;
  ValueId id = -1;
  double number = 0;
  std::string text;
  Items items;     ///< List and Tuple.
  int nesting = 0; ///< How many lists deep a list is.
  int label = -1;  ///< Index of a label input that the value depends on, or -1.
  /// Set for a scalar that an axis-less reduction made: its word ("sum") and place, for errors.
  std::string reduction;
  SourceRange reductionRange;

  bool isPoison() const { return kind == Kind::Poison; }
  bool isTensor() const { return kind == Kind::Tensor; }
  bool isNumber() const { return kind == Kind::Number; }
  bool isList() const { return kind == Kind::List; }
  /// Known to the compiler.
  bool isStatic() const { return kind != Kind::Poison && kind != Kind::Tensor; }

  static Value ofNumber(double number) {
    Value value;
    value.kind = Kind::Number;
    value.number = number;
    return value;
  }
  static Value ofFlag(bool flag) {
    Value value;
    value.kind = Kind::Flag;
    value.number = flag;
    return value;
  }
  static Value ofList(std::vector<Value> items) {
    Value value;
    value.kind = Kind::List;
    value.items = Items(std::move(items));
    return value;
  }
};

size_t Items::size() const { return values_ ? values_->size() : 0; }
const Value &Items::operator[](size_t i) const { return (*values_)[i]; }
const Value *Items::begin() const { return values_ ? values_->data() : nullptr; }
const Value &Items::front() const { return values_->front(); }
const Value &Items::back() const { return values_->back(); }
const Value *Items::end() const { return values_ ? values_->data() + values_->size() : nullptr; }

/// Whether two compile-time values are the same.
bool sameStatic(const Value &a, const Value &b);

/// A name in a scope.
struct Binding {
  enum class State { Bound, Partial, Conflict };
  Value value;
  SourceRange range;
  State state = State::Bound;
  std::string reason; ///< Partial and Conflict: what a use is told.
};

using Scope = std::map<std::string, Binding>;

} // namespace heter::frontend

#endif // HETER_FRONTEND_CHECK_VALUE_H
