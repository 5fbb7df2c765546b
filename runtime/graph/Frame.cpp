// How handlers bring memory into a frame: every binding is checked against the value's type and the example count.
#include "runtime/graph/Frame.h"

#include <cstring>

namespace heter::runtime {

Status Frame::checkBinding(int index, package::ValueKind::type kind) const {
  if (index < 0 || index >= static_cast<int>(values_.size()))
    return Status::internal("value " + std::to_string(index) + " does not exist");
  const package::Value &value = graph_.values[index];
  if (value.kind != kind)
    return Status::internal("value `" + value.name + "` is of another kind than what was brought");
  if (value.segment >= 0)
    return Status::internal("value `" + value.name + "` has its memory already");
  return {};
}

Status Frame::checkBytes(int index, int64_t bytes) const {
  const TensorRef &value = values_[index];
  int64_t expected = tensorBytes(value.element, value.shape);
  if (bytes == expected)
    return {};
  return Status::invalidArgument("value `" + graph_.values[index].name + "` has " + std::to_string(expected) +
                                 " bytes for " + std::to_string(info_.examples) + " examples, but " +
                                 std::to_string(bytes) + " were brought");
}

Status Frame::bind(int index, const void *data, int64_t bytes, std::shared_ptr<const void> owner) {
  HETER_RETURN_IF_ERROR(checkBinding(index, package::ValueKind::TENSOR));
  HETER_RETURN_IF_ERROR(checkBytes(index, bytes));
  TensorRef &value = values_[index];
  value.data = const_cast<void *>(data);
  value.bytes = bytes;
  value.owner = std::move(owner);
  bound_[index] = true;
  return {};
}

Status Frame::deliver(int index, const void *data, int64_t bytes, std::shared_ptr<const void> owner) {
  if (!hasMemory(index))
    return bind(index, data, bytes, std::move(owner));
  HETER_RETURN_IF_ERROR(checkBytes(index, bytes));
  if (bytes > 0)
    std::memcpy(values_[index].data, data, static_cast<size_t>(bytes));
  return {};
}

Status Frame::bindRagged(int index, const int64_t *offsets, const void *elements, std::shared_ptr<const void> owner) {
  HETER_RETURN_IF_ERROR(checkBinding(index, package::ValueKind::RAGGED));
  TensorRef &value = values_[index];
  for (int64_t i = 0; i < info_.examples; ++i)
    if (offsets[i] > offsets[i + 1])
      return Status::invalidArgument("the offsets of `" + graph_.values[index].name + "` decrease");
  if (offsets[0] != 0)
    return Status::invalidArgument("the offsets of `" + graph_.values[index].name + "` do not begin at 0");
  value.offsets = offsets;
  value.count = offsets[info_.examples];
  value.data = const_cast<void *>(elements);
  value.bytes = value.count * value.shape.elements() * elementBytes(value.element);
  value.owner = std::move(owner);
  bound_[index] = true;
  return {};
}

Status Frame::bindRows(int index, const uint64_t *keys, const float *rows, int64_t count,
                       std::shared_ptr<const void> owner) {
  HETER_RETURN_IF_ERROR(checkBinding(index, package::ValueKind::ROWS));
  TensorRef &value = values_[index];
  value.keys = keys;
  value.count = count;
  value.data = const_cast<float *>(rows);
  value.bytes = count * value.shape.elements() * 4;
  value.owner = std::move(owner);
  bound_[index] = true;
  return {};
}

const std::string &textAttribute(const package::Node &node, const std::string &name) {
  auto found = node.attributes.find(name);
  assert(found != node.attributes.end() && "the verifier lets no node pass without its attributes");
  return found->second.text;
}

} // namespace heter::runtime
