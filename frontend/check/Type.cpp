// Printing and measuring types.
#include "frontend/check/Type.h"

#include <cmath>
#include <cstdio>

namespace heter::frontend {

int Type::raggedAxis() const {
  for (int axis = 0; axis < rank(); ++axis)
    if (shape[axis].isRagged())
      return axis;
  return -1;
}

std::optional<int64_t> Type::count() const {
  int64_t product = 1;
  for (const Dim &dim : shape) {
    if (!dim.isFixed())
      return std::nullopt;
    product *= dim.size;
  }
  return product;
}

std::string toString(Element element) {
  switch (element) {
  case Element::F32:
    return "f32";
  case Element::I64:
    return "i64";
  case Element::Bool:
    return "bool";
  case Element::Id:
    return "id";
  }
  return "?";
}

static std::string toString(const Dim &dim, const std::vector<Length> &lengths) {
  if (dim.isFixed())
    return std::to_string(dim.size);
  if (dim.kind == Dim::Kind::Batch)
    return "batch";
  std::string text = "*" + (dim.length >= 0 ? lengths[dim.length].name : "");
  if (dim.shift != 0)
    text += std::to_string(dim.shift);
  return text;
}

std::string toString(const Type &type, const std::vector<Length> &lengths) {
  if (type.isScalar())
    return type.element == Element::F32 ? "scalar" : "a " + toString(type.element) + " scalar";
  std::string text = toString(type.element);
  if (type.shape.empty())
    return text;
  text += "[";
  for (int axis = 0; axis < type.rank(); ++axis)
    text += (axis ? ", " : "") + toString(type.shape[axis], lengths);
  return text + "]";
}

std::string formatNumber(double number) {
  char buffer[40];
  if (number == std::floor(number) && std::fabs(number) < 1e15)
    std::snprintf(buffer, sizeof buffer, "%lld", static_cast<long long>(number));
  else
    std::snprintf(buffer, sizeof buffer, "%.6g", number);
  return buffer;
}

} // namespace heter::frontend
