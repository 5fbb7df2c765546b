// Packing, unpacking and the mailbox.
#include "runtime/role/Channels.h"

#include "tests/mutation/Mutation.h"

namespace heter::runtime {

WireValues packValues(const Frame &frame, const package::Node &node) {
  WireValues values;
  for (int input : node.inputs) {
    const TensorRef &value = frame.value(input);
    rpc::WireValue wire;
    wire.kind = value.kind;
    wire.element = value.element;
    wire.shape.assign(value.shape.span().begin(), value.shape.span().end());
    int64_t bytes = value.bytes;
    if (value.kind == package::ValueKind::RAGGED) {
      bytes = value.count * value.shape.elements() * elementBytes(value.element);
      wire.offsets.assign(reinterpret_cast<const char *>(value.offsets),
                          static_cast<size_t>(frame.info().examples + 1) * sizeof(int64_t));
    } else if (value.kind == package::ValueKind::ROWS) {
      bytes = value.count * value.shape.elements() * elementBytes(value.element);
      wire.keys.assign(reinterpret_cast<const char *>(value.keys), static_cast<size_t>(value.count) * sizeof(int64_t));
    }
    if (bytes > 0)
      wire.data.assign(static_cast<const char *>(value.data), static_cast<size_t>(bytes));
    values.push_back(std::move(wire));
  }
  return values;
}

namespace {

Status unpackOne(Frame &frame, int output, const rpc::WireValue &wire, const std::shared_ptr<const void> &owner) {
  const TensorRef &value = frame.value(output);
  bool fits = wire.kind == value.kind && wire.element == value.element &&
              std::equal(wire.shape.begin(), wire.shape.end(), value.shape.span().begin(), value.shape.span().end());
  if (!fits)
    return Status::invalidArgument("received a value of another type than '" +
                                   frame.graph().values[static_cast<size_t>(output)].name + "' has");
  auto bytes = static_cast<int64_t>(wire.data.size());
  int64_t itemBytes = value.shape.elements() * elementBytes(value.element);
  if (value.kind == package::ValueKind::TENSOR)
    return frame.deliver(output, wire.data.data(), bytes, owner);
  if (value.kind == package::ValueKind::ROWS) {
    int64_t count = static_cast<int64_t>(wire.keys.size() / sizeof(uint64_t));
    if (count * itemBytes != bytes)
      return Status::invalidArgument("received rows whose keys and values differ in number");
    return frame.bindRows(output, reinterpret_cast<const uint64_t *>(wire.keys.data()),
                          reinterpret_cast<const float *>(wire.data.data()), count, owner);
  }
  const auto *offsets = reinterpret_cast<const int64_t *>(wire.offsets.data());
  auto entries = static_cast<int64_t>(wire.offsets.size() / sizeof(int64_t));
  if (entries != frame.info().examples + 1 || offsets[0] != 0 || offsets[entries - 1] * itemBytes != bytes)
    return Status::invalidArgument("received a ragged value whose offsets do not fit");
  for (int64_t i = 1; i < entries; ++i)
    if (offsets[i] < offsets[i - 1])
      return Status::invalidArgument("received a ragged value whose offsets go back");
  return frame.bindRagged(output, offsets, wire.data.data(), owner);
}

} // namespace

Status unpackValues(Frame &frame, const package::Node &node, WireValuesPtr values) {
  if (values->size() != node.outputs.size())
    return Status::invalidArgument("received " + std::to_string(values->size()) + " values, expected " +
                                   std::to_string(node.outputs.size()));
  for (size_t i = 0; i < node.outputs.size(); ++i)
    HETER_RETURN_IF_ERROR(unpackOne(frame, node.outputs[i], (*values)[i], values));
  return Status();
}

rpc::FrameId frameId(const FrameInfo &info) {
  rpc::FrameId id;
  id.generation = info.key.generation;
  id.step = info.key.step;
  id.microBatch = info.key.microBatch;
  id.attempt = info.key.attempt;
  id.training = info.training;
  return id;
}

FrameInfo frameInfo(const rpc::FrameId &id) {
  FrameInfo info;
  info.key = {id.generation, id.step, id.microBatch, id.attempt};
  info.training = id.training;
  return info;
}

void Mailbox::put(const rpc::FrameId &frame, const std::string &channel, WireValuesPtr values) {
  MutexLock lock(mutex_);
  if (!closed_.ok())
    return;
  Slot &slot = slots_[keyOf(frame, channel)];
  if (!slot.waiting) {
    if (!slot.values || HETER_MUTATION("deduplication/channel-values"))
      slot.values = std::move(values);
    return;
  }
  scheduler_.post([done = std::move(slot.waiting), values = std::move(values)]() mutable { done(std::move(values)); });
  slots_.erase(keyOf(frame, channel));
}

void Mailbox::take(const rpc::FrameId &frame, const std::string &channel, WireValuesReceiver done) {
  StatusOr<WireValuesPtr> result = Status::internal("channel '" + channel + "' is received twice for one frame");
  {
    MutexLock lock(mutex_);
    if (closed_.ok()) {
      auto [slot, isNew] = slots_.try_emplace(keyOf(frame, channel));
      if (isNew) {
        slot->second.waiting = std::move(done);
        return;
      }
      if (slot->second.values) {
        result = std::move(slot->second.values);
        slots_.erase(slot);
      }
    } else {
      result = closed_;
    }
  }
  done(std::move(result));
}

void Mailbox::close(const Status &why) {
  std::map<Key, Slot> slots;
  {
    MutexLock lock(mutex_);
    if (closed_.ok())
      closed_ = why;
    slots.swap(slots_);
  }
  for (auto &[key, slot] : slots)
    if (slot.waiting)
      scheduler_.post([done = std::move(slot.waiting), why]() mutable { done(why); });
}

} // namespace heter::runtime
