// Types and kinds of nodes in words, and which types there may be.
#include "runtime/package/Types.h"

namespace heter::runtime {

using package::ElementType;
using package::NodeKind;
using package::Packing;
using package::Space;
using package::TensorType;
using package::ValueKind;

/// So that sizes in bytes, of any number of examples that fits into memory, can be multiplied without overflow.
static constexpr int64_t mostElements = int64_t{1} << 40;

std::string typeText(const TensorType &type) {
  static constexpr const char *elements[] = {"", "f32", "i64", "bool", "bf16"};
  static constexpr const char *packings[] = {"", " left", " left_transposed", " right", " right_transposed"};
  std::string text = elements[type.element];
  if (type.shape.empty())
    return text;
  text += '[';
  for (size_t i = 0; i < type.shape.size(); ++i)
    text += (i ? ", " : "") + (type.shape[i] < 0 ? std::string("?") : std::to_string(type.shape[i]));
  return text + ']' + packings[type.packing];
}

std::string typeText(ValueKind::type kind, const TensorType &type) {
  return (kind == ValueKind::RAGGED ? "ragged " : kind == ValueKind::ROWS ? "rows " : "") + typeText(type);
}

std::string_view nodeKindName(NodeKind::type kind) {
  static constexpr std::string_view names[] = {"",           "input",  "pull_rows", "pull_dense", "push_rows",
                                               "push_dense", "send",   "recv",      "kernel",     "library",
                                               "copy",       "report", "predict",   "if",         "while"};
  return kind >= 1 && kind <= 14 ? names[kind] : "unknown";
}

std::string_view spaceName(Space::type space) { return space == Space::DEVICE ? "device" : "host"; }

Status verifyType(const TensorType &type, bool batch) {
  if (type.element < ElementType::F32 || type.element > ElementType::BF16)
    return Status::dataLoss("element type " + std::to_string(type.element) + " is unknown");
  if (type.packing < Packing::NONE || type.packing > Packing::RIGHT_TRANSPOSED)
    return Status::dataLoss("packing " + std::to_string(type.packing) + " is unknown");
  if ((type.element == ElementType::BF16) != (type.packing != Packing::NONE))
    return Status::dataLoss("is of bf16 without a packing, or packed and of something else");
  if (type.packing != Packing::NONE && type.shape.size() != 2)
    return Status::dataLoss("is packed and has " + std::to_string(type.shape.size()) + " dimensions, not 2");
  if (type.shape.size() > 8)
    return Status::dataLoss("has " + std::to_string(type.shape.size()) + " dimensions; 8 are the most");
  int64_t elements = 1;
  for (size_t i = 0; i < type.shape.size(); ++i) {
    if (batch && i == 0 && type.shape[i] == -1)
      continue;
    if (type.shape[i] <= 0)
      return Status::dataLoss("extent " + std::to_string(type.shape[i]) + " in dimension " + std::to_string(i) +
                              " is not allowed");
    if (elements > mostElements / type.shape[i])
      return Status::dataLoss("has more than " + std::to_string(mostElements) + " elements");
    elements *= type.shape[i];
  }
  return {};
}

} // namespace heter::runtime
