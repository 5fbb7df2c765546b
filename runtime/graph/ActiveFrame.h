// The executor's side of a frame: its memory, its counters and the running of its nodes. Also runs the regions of IF
// and WHILE nodes, each as a frame of its own that belongs to the outer one.
#ifndef HETER_RUNTIME_GRAPH_ACTIVEFRAME_H
#define HETER_RUNTIME_GRAPH_ACTIVEFRAME_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/device/Device.h"
#include "runtime/graph/Executable.h"
#include "runtime/graph/Frame.h"
#include "runtime/graph/Plan.h"

#include <atomic>
#include <memory>
#include <span>
#include <vector>

namespace heter::runtime {

/// What all frames of an executable share.
struct FrameContext {
  Device &device;
  Scheduler &scheduler;
  const ExecutableOptions &options;
};

/// Counts the nodes of a run that have not ended and the tasks that are at work for it; the run is over when both are
/// none. Outlives the frame where tasks are left that have not begun.
class RunGate {
public:
  /// Begins another run. REQUIRES: none goes on.
  void open(size_t count) {
    const uint64_t next = (state_.load(std::memory_order_relaxed) >> 32) + 1;
    state_.store(next << 32 | count, std::memory_order_release);
  }
  /// The number of the run that goes on.
  uint32_t run() const { return static_cast<uint32_t>(state_.load(std::memory_order_relaxed) >> 32); }
  /// Counts a task, unless that run is over.
  bool enter(uint32_t run) {
    uint64_t state = state_.load(std::memory_order_acquire);
    while (static_cast<uint32_t>(state >> 32) == run && static_cast<uint32_t>(state) > 0)
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel))
        return true;
    return false;
  }
  /// REQUIRES: the run goes on.
  void countUp() { state_.fetch_add(1, std::memory_order_relaxed); }
  /// True if those were the last.
  bool countDown(uint32_t count) {
    return static_cast<uint32_t>(state_.fetch_sub(count, std::memory_order_acq_rel)) == count;
  }

private:
  std::atomic<uint64_t> state_ = 0; ///< The run's number in the upper half, the count in the lower.
};

/// Memory that grows when more is asked for and is otherwise kept. What it held is lost when it grows.
class FrameBuffer {
public:
  FrameBuffer() = default;
  FrameBuffer(FrameBuffer &&other) noexcept { *this = std::move(other); }
  FrameBuffer &operator=(FrameBuffer &&other) noexcept {
    std::swap(device_, other.device_);
    std::swap(memory_, other.memory_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~FrameBuffer() { release(); }

  /// At least `bytes` (and never null), on `device`, or on the host if it is null.
  StatusOr<void *> ensure(Device *device, int64_t bytes);
  int64_t capacity() const { return capacity_; }
  void *memory() const { return memory_; }

private:
  void release();

  Device *device_ = nullptr;
  void *memory_ = nullptr;
  int64_t capacity_ = 0;
};

class ActiveFrame final : public Frame {
public:
  ActiveFrame(const GraphPlan &plan, const FrameContext &context);

  /// Runs the graph once. `arguments` are the values of a region's arguments, alive until `done` is called; `done` is
  /// called in the task that ends the frame, after which the frame may be started again. REQUIRES: not running.
  void start(const FrameInfo &info, NodeHandler &handler, std::span<const TensorRef *const> arguments, Completion done);

  /// What handlers get from keep() in the next run. REQUIRES: not running.
  void setKeeper(std::shared_ptr<const void> keeper) { keeper_ = std::move(keeper); }
  /// Lets go of memory that handlers brought. REQUIRES: not running.
  void releaseOwners();
  /// What its values and calls, and those of its regions, have memory for. REQUIRES: not running.
  int64_t memoryBytes() const;

private:
  enum Handoff : uint8_t { Starting, Left, Ended };

  /// What a task has to do next: handled nodes first, then one other node, then what is queued.
  struct Agenda {
    int handled = -1; ///< The first of a list through nextHandled_; the list's last is `lastHandled`.
    int lastHandled = -1;
    int other = -1;
    uint32_t ended = 0; ///< Nodes that this task has ended, not counted down yet.
  };

  /// The regions of an IF or WHILE node, and the two slots of each carried value.
  struct RegionState {
    std::unique_ptr<ActiveFrame> frames[2];
    std::vector<FrameBuffer> slots[2];
    std::vector<TensorRef> carried;
    int64_t rounds = 0;
    Completion done;
  };

  Status prepare(std::span<const TensorRef *const> arguments);
  Status placeSegments();
  Status fillMemory();
  Device *deviceOf(package::Space::type space) const;
  /// The output's memory in its segment, or memory of the frame's own.
  Status ensureOutput(int value) { return bound_[value] ? Status() : allocateOutput(value); }
  Status allocateOutput(int value);
  Status prepareTaken(int value, const MatrixBlocks *taker);

  void run(Agenda &agenda);
  void leave(const Agenda &agenda);
  void postHelper();
  int takeQueued();
  void makeReady(int node, Agenda &agenda);
  /// True if the node has ended, false if completeNode will be called later.
  bool startNode(int node);
  /// Where there is more to it than the call of a kernel.
  bool startIndirect(int node);
  Status prepareNode(int node);
  void startAsync(int node, Completion done);
  void completeNode(int node, Status status);
  void afterNode(int node, Status status);
  void finishNode(int node, Agenda &agenda);
  Status checkOutputs(int node) const;
  Status checkNotRead(int node) const;
  void fail(Status status);
  void poisonUnused(int node);
  void poison(int value);
  void end();

  // Calls (Calls.cpp)
  /// Writes what kernels read of a value, if any do. REQUIRES: it has its memory, and nothing that uses it runs.
  void describe(int value);
  std::span<Operand> operandsOf(int node);
  Status makeCall(int node, std::span<const Operand> operands);
  void callKernel(int node, std::span<const Operand> operands);
  Status callLibrary(int node, std::span<const Operand> operands);
  void startCopy(int node, Completion done);

  // Regions (ControlFlow.cpp)
  void startIf(int node, Completion done);
  void startWhile(int node, Completion done);
  void startRound(int node);
  void startBody(int node);
  void finishRound(int node);
  void finishWhile(int node);
  ActiveFrame &regionFrame(int node, int region);
  void runRegion(int node, int region, std::span<const TensorRef *const> arguments, Completion done);
  struct Move {
    const TensorRef *from;
    void *to;
    package::Space::type space;
  };
  void copyAll(std::span<const Move> moves, Completion done);
  void copyToOutputs(int node, std::span<const TensorRef *const> from, Completion done);

  const GraphPlan &plan_;
  const FrameContext &context_;
  const bool watched_; ///< Something is to be done at each node's start and end: no node is just called.
  NodeHandler *handler_ = nullptr;
  Completion done_;

  std::vector<FrameBuffer> segments_;
  std::vector<FrameBuffer> own_;  ///< For outputs of compute nodes that have no segment.
  std::vector<int64_t> words_;    ///< Memref descriptors.
  std::vector<void *> arguments_; ///< Of all kernels: pointers to descriptors, which stay where they are.
  std::vector<Operand> operands_;
  std::vector<TensorView> views_;
  std::vector<Workspace> workspaces_;
  std::vector<RegionState> regions_; ///< An entry a node, used by IF and WHILE.

  std::vector<std::atomic<int32_t>> waiting_; ///< Predecessors that have not ended; kept for nodes with several.
  std::vector<std::atomic<int32_t>> users_;   ///< Users that have not ended, a value. Kept only when poisoning.
  std::vector<std::atomic<uint8_t>> handoff_;
  std::vector<int> nextHandled_;
  std::vector<std::atomic<int32_t>> queue_; ///< Ready nodes, each at most once a run; -1 where none is yet.
  alignas(64) std::atomic<int32_t> queueBegin_ = 0;
  alignas(64) std::atomic<int32_t> queueEnd_ = 0;
  std::atomic<int32_t> helpers_ = 0; ///< Posted or at work.
  const std::shared_ptr<RunGate> gate_ = std::make_shared<RunGate>();
  std::vector<Status> outcomes_; ///< Of nodes that completed, until the task that goes on takes them.
  std::vector<TimePoint> started_;
  std::atomic<bool> failed_ = false;
  Mutex failureMutex_;
  Status failure_ HETER_GUARDED_BY(failureMutex_);
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_GRAPH_ACTIVEFRAME_H
