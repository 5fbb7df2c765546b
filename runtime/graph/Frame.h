// A frame: one execution of a role's graph for one micro-batch. Node handlers (of the roles) see frames through this
// header; the executor behind it is in Executable.h.
#ifndef HETER_RUNTIME_GRAPH_FRAME_H
#define HETER_RUNTIME_GRAPH_FRAME_H

#include "runtime/base/Scheduler.h"
#include "runtime/kernels/Library.h"
#include "runtime/kernels/Tensor.h"
#include "runtime/package/Package_types.h"

#include <compare>
#include <cstdint>
#include <memory>
#include <vector>

namespace heter::runtime {

/// Which micro-batch, and which try of it.
struct FrameKey {
  int64_t generation = 0;
  int64_t step = 0;
  int32_t microBatch = 0; ///< Its index within the step.
  int32_t attempt = 0;
  auto operator<=>(const FrameKey &) const = default;
};

struct FrameInfo {
  FrameKey key;
  int64_t examples = 0;     ///< B; may be 0 and may differ from frame to frame.
  int64_t firstExample = 0; ///< The running number, over the whole run, of the micro-batch's first example.
  bool training = true;
  uint64_t seed = 0;
};

/// One running graph, or one running region of an IF or WHILE node. A handler that was given a frame may use it, from
/// any one thread at a time, until it calls its node's completion: it reads the node's inputs and fills its outputs.
class Frame {
public:
  Frame(const Frame &) = delete;
  Frame &operator=(const Frame &) = delete;

  const FrameInfo &info() const { return info_; }

  /// The graph that node and value indices refer to; lives as long as the executable.
  const package::Graph &graph() const { return graph_; }
  const package::Node &node(int index) const { return graph_.nodes[index]; }

  /// The value's kind, shape and, once it is made, memory. An output that has a segment has its memory already: the
  /// handler writes `bytes` bytes to `data`. Input memory may be read until the node's completion is called.
  const TensorRef &value(int index) const { return values_[index]; }

  /// Whether an output has its memory in the frame already.
  bool hasMemory(int index) const { return graph_.values[index].segment >= 0; }

  /// Brings the memory of a TENSOR output without a segment. `data` stays alive and unchanged while `owner` lives (if
  /// `owner` is null: until the frame ended). Fails if `bytes` is not the size that the value's type and B give.
  Status bind(int index, const void *data, int64_t bytes, std::shared_ptr<const void> owner = nullptr);

  /// What keeps an input of a PUSH or SEND node as it is beyond the frame's end: its own memory's owner, or what keeps
  /// the frame's memory from other frames. Null where that cannot be promised: then copy.
  std::shared_ptr<const void> keep(int index) const { return values_[index].owner ? values_[index].owner : keeper_; }

  /// Fills a TENSOR output either way: copies into its segment, or binds `data` if it has none.
  Status deliver(int index, const void *data, int64_t bytes, std::shared_ptr<const void> owner = nullptr);

  /// Brings a RAGGED output: `offsets` has info().examples + 1 entries, `elements` offsets.back() elements.
  Status bindRagged(int index, const int64_t *offsets, const void *elements,
                    std::shared_ptr<const void> owner = nullptr);

  /// Brings a ROWS output: `count` different keys and as many rows.
  Status bindRows(int index, const uint64_t *keys, const float *rows, int64_t count,
                  std::shared_ptr<const void> owner = nullptr);

protected:
  explicit Frame(const package::Graph &graph)
      : graph_(graph), values_(graph.values.size()), bound_(graph.values.size()) {}
  ~Frame() = default;

  Status checkBinding(int index, package::ValueKind::type kind) const;
  Status checkBytes(int index, int64_t bytes) const;

  const package::Graph &graph_;
  FrameInfo info_;
  std::vector<TensorRef> values_;
  std::shared_ptr<const void> keeper_;
  std::vector<uint8_t> bound_; ///< Whether a value has its memory. Bytes, so that nodes may write theirs at once.
};

/// Runs the nodes that touch the world: INPUT, PULL_ROWS, PULL_DENSE, PUSH_ROWS, PUSH_DENSE, SEND, RECV, REPORT,
/// PREDICT.
class NodeHandler {
public:
  virtual ~NodeHandler() = default;

  /// Starts node `node` of frame.graph(). Called as a task, possibly for several nodes at once; must not block. The
  /// outputs are filled before `done` is called; `done` is called exactly once, inside this call or later, on any
  /// thread. A failed status ends the frame with it.
  virtual void start(Frame &frame, int node, Completion done) = 0;

  /// Called before a LIBRARY node runs whose result PUSH_DENSE node `push` alone reads, and when all nodes that read
  /// the parameter have ended: who takes the result block by block, until that node starts; null: the result goes to
  /// memory.
  virtual StatusOr<MatrixBlocks *> blocksFor(Frame &frame, int push) { return nullptr; }

  /// The frame is going to end with `why`; called at its first failure, on any thread. Other nodes may still wait, for
  /// what then perhaps never comes.
  virtual void failed(const Status &why) {}
};

/// A text attribute of a node. REQUIRES: it is there (the verifier has checked it).
const std::string &textAttribute(const package::Node &node, const std::string &name);

} // namespace heter::runtime

#endif // HETER_RUNTIME_GRAPH_FRAME_H
