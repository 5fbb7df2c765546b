// The executor: a task graph made ready to run many frames, several at once, on a scheduler and a device.
#ifndef HETER_RUNTIME_GRAPH_EXECUTABLE_H
#define HETER_RUNTIME_GRAPH_EXECUTABLE_H

#include "runtime/base/Scheduler.h"
#include "runtime/device/Device.h"
#include "runtime/graph/Frame.h"
#include "runtime/package/KernelObject.h"
#include "runtime/package/Package_types.h"

#include <functional>
#include <memory>

namespace heter::runtime {

/// Is told between which times a node ran, waiting included.
using NodeTimer = std::function<void(const package::Node &, const FrameInfo &, TimePoint start, TimePoint end)>;

struct ExecutableOptions {
  /// Checking mode: a value's memory is filled with 0xFF bytes (NaN, -1) as soon as its last user has ended, and all
  /// memory before a frame starts, so that a plan that lets a node read too early or too late shows in the results.
  bool poisonFreed = false;

  /// Nothing but a frame reads the dense parameters that it pulls, and its pushes are all of a step: products wait as
  /// their pushes' `update_after` says, and handlers may update meanwhile (NodeHandler::blocksFor).
  bool updates = false;

  /// Of most frames: what library calls of so many generate when they are first made is generated at once. 0 for none.
  int64_t examples = 0;

  /// If set, called after each node of each frame, on any thread.
  NodeTimer nodeTimer = nullptr;
};

/// Thread-safe. Frames are pooled: memory and counters are allocated for the first frames and for larger micro-batches;
/// after that a node that runs allocates nothing.
class Executable {
public:
  /// Looks up every kernel and prepares every library call. `graph`, `kernels`, `device` and `scheduler` outlive the
  /// executable. HOST nodes run as tasks; nodes with DEVICE values run through `device`.
  static StatusOr<std::unique_ptr<Executable>> create(const package::Graph &graph, const KernelObject &kernels,
                                                      Device &device, Scheduler &scheduler,
                                                      ExecutableOptions options = {});
  /// REQUIRES: no frame is running, and nothing that Frame::keep() gave is left.
  ~Executable();

  /// Starts a frame and returns. `done` is called once, as a task, when every node has ended, pushes and sends
  /// included: ok, or the first failure of a node with the node's name. After a failure no further node starts, and
  /// those that run are waited for. `handler` outlives the frame.
  void run(const FrameInfo &info, NodeHandler &handler, Completion done);

  /// The memory of all frames of the pool. REQUIRES: no frame is running.
  int64_t memoryBytes() const;

private:
  struct Impl;
  explicit Executable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_GRAPH_EXECUTABLE_H
