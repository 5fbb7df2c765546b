// The memory of a frame: its segments, what lies outside them, and the checking mode that fills what is no longer read.
#include "runtime/base/ScratchBuffer.h"
#include "runtime/graph/ActiveFrame.h"
#include "runtime/package/Package.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace heter::runtime {

using package::Space;
using package::ValueKind;

StatusOr<void *> FrameBuffer::ensure(Device *device, int64_t bytes) {
  if (memory_ && bytes <= capacity_ && device == device_)
    return memory_;
  release();
  bytes = std::max<int64_t>((bytes + 63) / 64 * 64, 64);
  if (device) {
    HETER_ASSIGN_OR_RETURN(memory_, device->allocate(bytes));
  } else {
    try {
      memory_ = allocateAligned(bytes);
    } catch (const std::bad_alloc &) {
      return Status::resourceExhausted("no memory for a frame's " + std::to_string(bytes) + " bytes");
    }
  }
  device_ = device;
  capacity_ = bytes;
  return memory_;
}

void FrameBuffer::release() {
  if (device_)
    device_->release(memory_);
  else
    std::free(memory_);
  memory_ = nullptr;
  device_ = nullptr;
  capacity_ = 0;
}

Status ActiveFrame::placeSegments() {
  int64_t units = (std::max<int64_t>(info_.examples, 1) + 63) / 64 * 64;
  for (size_t s = 0; s < segments_.size(); ++s) {
    const package::Segment &segment = graph_.segments[s];
    int64_t bytes = plan_.segmentBytes[s] * (segment.symbol.empty() ? 1 : units);
    HETER_RETURN_IF_ERROR(segments_[s].ensure(deviceOf(segment.space), bytes).status());
  }
  for (size_t v = 0; v < values_.size(); ++v) {
    const package::Value &value = graph_.values[v];
    TensorRef &ref = values_[v];
    for (int d = 0; d < ref.shape.rank; ++d)
      ref.shape.dims[d] = value.type.shape[d] < 0 ? info_.examples : value.type.shape[d];
    ref.examples = info_.examples;
    bound_[v] = plan_.placed[v];
    if (!plan_.placed[v])
      continue;
    int64_t scale = graph_.segments[value.segment].symbol.empty() ? 1 : units;
    ref.data = static_cast<char *>(segments_[value.segment].memory()) + value.offset * scale;
    ref.bytes = tensorBytes(ref.element, ref.shape);
    describe(static_cast<int>(v));
  }
  return {};
}

Status ActiveFrame::fillMemory() {
  for (size_t s = 0; s < segments_.size(); ++s) {
    if (Device *device = deviceOf(graph_.segments[s].space))
      HETER_RETURN_IF_ERROR(device->fill(segments_[s].memory(), 0xff, segments_[s].capacity()));
    else
      std::memset(segments_[s].memory(), 0xff, static_cast<size_t>(segments_[s].capacity()));
  }
  return {};
}

Status ActiveFrame::prepare(std::span<const TensorRef *const> arguments) {
  HETER_RETURN_IF_ERROR(placeSegments());
  for (size_t i = 0; i < arguments.size(); ++i) {
    static_cast<TensorView &>(values_[i]) = *arguments[i];
    bound_[i] = true;
    describe(static_cast<int>(i));
  }
  if (!context_.options.poisonFreed)
    return {};
  for (size_t v = 0; v < users_.size(); ++v)
    users_[v].store(plan_.users[v], std::memory_order_relaxed);
  return fillMemory();
}

Status ActiveFrame::allocateOutput(int value) {
  TensorRef &ref = values_[value];
  if (ref.kind != ValueKind::TENSOR)
    return {};
  ref.bytes = tensorBytes(ref.element, ref.shape);
  HETER_ASSIGN_OR_RETURN(ref.data, own_[value].ensure(deviceOf(graph_.values[value].space), ref.bytes));
  bound_[value] = true;
  describe(value);
  return {};
}

/// An output that somebody takes block by block has no memory.
Status ActiveFrame::prepareTaken(int value, const MatrixBlocks *taker) {
  if (!taker)
    return ensureOutput(value);
  values_[value].data = nullptr;
  values_[value].bytes = 0;
  bound_[value] = true;
  return {};
}

void ActiveFrame::releaseOwners() {
  for (TensorRef &value : values_)
    value.owner.reset();
}

int64_t ActiveFrame::memoryBytes() const {
  int64_t bytes = 0;
  const auto add = [&](const std::vector<FrameBuffer> &buffers) {
    for (const FrameBuffer &buffer : buffers)
      bytes += buffer.capacity();
  };
  add(segments_);
  add(own_);
  for (const Workspace &workspace : workspaces_)
    bytes += workspace.memoryBytes();
  for (const RegionState &region : regions_) {
    for (const std::unique_ptr<ActiveFrame> &frame : region.frames)
      bytes += frame ? frame->memoryBytes() : 0;
    for (const std::vector<FrameBuffer> &slots : region.slots)
      add(slots);
  }
  return bytes;
}

void ActiveFrame::poison(int value) {
  const TensorRef &ref = values_[value];
  if (!plan_.placed[value] || ref.bytes == 0)
    return;
  if (Device *device = deviceOf(graph_.values[value].space)) {
    if (Status status = device->fill(ref.data, 0xff, ref.bytes); !status.ok())
      fail(std::move(status));
  } else {
    std::memset(ref.data, 0xff, static_cast<size_t>(ref.bytes));
  }
}

void ActiveFrame::poisonUnused(int node) {
  for (int v : plan_.nodes[node].distinctInputs)
    if (users_[v].fetch_sub(1, std::memory_order_acq_rel) == 1 && v != overwrittenValue(graph_.nodes[node]))
      poison(v);
  for (int v : graph_.nodes[node].outputs)
    if (plan_.users[v] == 0)
      poison(v);
}

} // namespace heter::runtime
