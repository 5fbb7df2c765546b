// The types of the model language. A type never names the batch: `f32[13]` is thirteen values of each example.
#ifndef HETER_FRONTEND_CHECK_TYPE_H
#define HETER_FRONTEND_CHECK_TYPE_H

#include "frontend/syntax/Source.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace heter::frontend {

enum class Element { F32, I64, Bool, Id };

/// For whom there is a value.
enum class Spread {
  Example, ///< One for each example.
  Same,    ///< One for all examples: parameters and constants. Pairs with anything.
  Scalar   ///< One for the micro-batch; rank 0. Meets example values only through `each`.
};

/// A length of each example's own. Two ragged values pair only if they have the same one.
struct Length {
  std::string name;   ///< As written after `*`, or "".
  std::string symbol; ///< Unique in the model: the name, or the declaring input's name.
  SourceRange range;  ///< The input (or parameter) that declares it.
};

/// One axis' extent.
struct Dim {
  enum class Kind { Fixed, Ragged, Batch };
  Kind kind = Kind::Fixed;
  int64_t size = 0;  ///< Fixed.
  int length = -1;   ///< Ragged: index into Model::lengths.
  int64_t shift = 0; ///< Ragged: the extent is the length plus this (drop_first makes it -1).

  static Dim fixed(int64_t size) { return {Kind::Fixed, size, -1, 0}; }
  static Dim ragged(int length, int64_t shift = 0) { return {Kind::Ragged, 0, length, shift}; }
  static Dim batch() { return {Kind::Batch, 0, -1, 0}; }
  bool isFixed() const { return kind == Kind::Fixed; }
  bool isRagged() const { return kind == Kind::Ragged; }
  bool isOne() const { return isFixed() && size == 1; }
  bool operator==(const Dim &) const = default;
};

struct Type {
  Element element = Element::F32;
  Spread spread = Spread::Example;
  std::vector<Dim> shape;

  int rank() const { return static_cast<int>(shape.size()); }
  /// The ragged axis, or -1.
  int raggedAxis() const;
  bool isRagged() const { return raggedAxis() >= 0; }
  bool isScalar() const { return spread == Spread::Scalar; }
  bool isNumeric() const { return element == Element::F32 || element == Element::I64; }
  /// The number of values in an example if every axis is fixed.
  std::optional<int64_t> count() const;
  bool operator==(const Type &) const = default;
};

/// As a user writes it: `f32[26, 9]`, `id[*seen]`, `scalar`, `f32[batch, 32]`.
std::string toString(const Type &type, const std::vector<Length> &lengths);
std::string toString(Element element);

/// A number without needless digits.
std::string formatNumber(double number);

/// The most values that a fixed shape may have.
inline constexpr int64_t maxCount = int64_t(1) << 40;

} // namespace heter::frontend

#endif // HETER_FRONTEND_CHECK_TYPE_H
