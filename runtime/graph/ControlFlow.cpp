// IF and WHILE nodes: their regions run as frames of their own, kept for the outer frame's next run. A region's end is
// posted as a task, so that rounds never pile up on a stack.
#include "runtime/graph/ActiveFrame.h"

#include <cstring>

namespace heter::runtime {

using package::Node;
using package::Space;

ActiveFrame &ActiveFrame::regionFrame(int node, int region) {
  std::unique_ptr<ActiveFrame> &frame = regions_[node].frames[region];
  if (!frame)
    frame = std::make_unique<ActiveFrame>(*plan_.nodes[node].regions[region], context_);
  return *frame;
}

void ActiveFrame::runRegion(int node, int region, std::span<const TensorRef *const> arguments, Completion done) {
  regionFrame(node, region).start(info_, *handler_, arguments, [this, done = std::move(done)](Status status) mutable {
    context_.scheduler.post(
        [status = std::move(status), done = std::move(done)]() mutable { done(std::move(status)); });
  });
}

void ActiveFrame::copyAll(std::span<const Move> moves, Completion done) {
  // Host copies are made at once; device copies count down, this function holding one count itself.
  struct Countdown {
    std::atomic<int> left = 1;
    std::atomic<bool> failed = false;
    Status status; ///< Written by the first failure.
    Completion done;
    void arrive(Status outcome) {
      if (!outcome.ok() && !failed.exchange(true))
        status = std::move(outcome);
      if (left.fetch_sub(1, std::memory_order_acq_rel) == 1)
        done(std::move(status));
    }
  };
  auto countdown = std::make_shared<Countdown>();
  countdown->done = std::move(done);
  for (const Move &move : moves) {
    if (move.from->bytes == 0)
      continue;
    if (move.space == Space::HOST) {
      std::memcpy(move.to, move.from->data, static_cast<size_t>(move.from->bytes));
      continue;
    }
    countdown->left.fetch_add(1, std::memory_order_relaxed);
    context_.device.copyOnDevice(move.to, move.from->data, move.from->bytes,
                                 [countdown](Status status) { countdown->arrive(std::move(status)); });
  }
  countdown->arrive({});
}

void ActiveFrame::copyToOutputs(int node, std::span<const TensorRef *const> from, Completion done) {
  const Node &n = graph_.nodes[node];
  std::vector<Move> moves;
  moves.reserve(from.size());
  for (size_t i = 0; i < from.size(); ++i)
    moves.push_back({from[i], values_[n.outputs[i]].data, graph_.values[n.outputs[i]].space});
  copyAll(moves, std::move(done));
}

/// The values of a region's results.
static std::vector<const TensorRef *> resultsOf(const Frame &frame) {
  std::vector<const TensorRef *> results;
  for (int32_t v : frame.graph().results)
    results.push_back(&frame.value(v));
  return results;
}

void ActiveFrame::startIf(int node, Completion done) {
  const Node &n = graph_.nodes[node];
  int region = *values_[n.inputs[0]].as<const uint8_t>() ? 0 : 1;
  std::vector<const TensorRef *> arguments;
  for (size_t i = 1; i < n.inputs.size(); ++i)
    arguments.push_back(&values_[n.inputs[i]]);
  regions_[node].done = std::move(done);
  runRegion(node, region, arguments, [this, node, region](Status status) {
    Completion whenDone = std::move(regions_[node].done);
    if (!status.ok())
      return whenDone(std::move(status));
    ActiveFrame &frame = regionFrame(node, region);
    copyToOutputs(node, resultsOf(frame), [&frame, whenDone = std::move(whenDone)](Status copied) mutable {
      frame.releaseOwners();
      whenDone(std::move(copied));
    });
  });
}

void ActiveFrame::startWhile(int node, Completion done) {
  const Node &n = graph_.nodes[node];
  RegionState &state = regions_[node];
  state.done = std::move(done);
  state.rounds = 0;
  state.carried.resize(n.outputs.size());
  for (size_t i = 0; i < n.outputs.size(); ++i)
    static_cast<TensorView &>(state.carried[i]) = values_[n.inputs[i]];
  for (std::vector<FrameBuffer> &slots : state.slots)
    slots.resize(n.outputs.size());
  startRound(node);
}

/// The carried values as they are now, then the captured ones.
static std::vector<const TensorRef *> loopArguments(const Node &node, const std::vector<TensorRef> &carried,
                                                    const std::vector<TensorRef> &values) {
  std::vector<const TensorRef *> arguments;
  arguments.reserve(node.inputs.size());
  for (const TensorRef &value : carried)
    arguments.push_back(&value);
  for (size_t i = carried.size(); i < node.inputs.size(); ++i)
    arguments.push_back(&values[node.inputs[i]]);
  return arguments;
}

void ActiveFrame::startRound(int node) {
  RegionState &state = regions_[node];
  if (state.rounds == plan_.nodes[node].limit)
    return finishWhile(node);
  runRegion(node, 0, loopArguments(graph_.nodes[node], state.carried, values_), [this, node](Status status) {
    if (!status.ok())
      return std::exchange(regions_[node].done, {})(std::move(status));
    ActiveFrame &condition = regionFrame(node, 0);
    bool goOn = *condition.value(condition.graph().results[0]).as<const uint8_t>() != 0;
    condition.releaseOwners();
    goOn ? startBody(node) : finishWhile(node);
  });
}

void ActiveFrame::startBody(int node) {
  RegionState &state = regions_[node];
  runRegion(node, 1, loopArguments(graph_.nodes[node], state.carried, values_), [this, node](Status status) {
    if (!status.ok())
      return std::exchange(regions_[node].done, {})(std::move(status));
    finishRound(node);
  });
}

/// Copies the body's results into the slots that the values it read do not lie in.
void ActiveFrame::finishRound(int node) {
  RegionState &state = regions_[node];
  ActiveFrame &body = regionFrame(node, 1);
  std::vector<Move> moves;
  moves.reserve(state.carried.size());
  std::vector<FrameBuffer> &slots = state.slots[state.rounds % 2];
  for (size_t i = 0; i < state.carried.size(); ++i) {
    const TensorRef &result = body.value(body.graph().results[i]);
    Space::type space = graph_.values[graph_.nodes[node].outputs[i]].space;
    StatusOr<void *> memory = slots[i].ensure(deviceOf(space), result.bytes);
    if (!memory.ok())
      return std::exchange(state.done, {})(memory.status());
    moves.push_back({&result, *memory, space});
  }
  copyAll(moves, [this, node](Status status) {
    RegionState &after = regions_[node];
    if (!status.ok())
      return std::exchange(after.done, {})(std::move(status));
    regionFrame(node, 1).releaseOwners();
    for (size_t i = 0; i < after.carried.size(); ++i)
      after.carried[i].data = after.slots[after.rounds % 2][i].memory();
    ++after.rounds;
    startRound(node);
  });
}

void ActiveFrame::finishWhile(int node) {
  RegionState &state = regions_[node];
  std::vector<const TensorRef *> results;
  results.reserve(state.carried.size());
  for (const TensorRef &value : state.carried)
    results.push_back(&value);
  copyToOutputs(node, results, std::exchange(state.done, {}));
}

} // namespace heter::runtime
