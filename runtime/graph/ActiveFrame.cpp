// Running one frame. A task takes a ready node, starts it and, when it ended, counts down its successors: the first
// that became ready is its next work, so a chain of nodes costs no scheduling; the others go to the frame's queue, from
// which this task and the helpers that it posts take them. A node that waits leaves the task; its completion posts a
// new one. After a failure nodes still count down, but are not started.
#include "runtime/graph/ActiveFrame.h"

#include "runtime/package/Package.h"

#include <utility>

namespace heter::runtime {

using package::Node;
using package::NodeKind;
using package::Space;
using package::ValueKind;

ActiveFrame::ActiveFrame(const GraphPlan &plan, const FrameContext &context)
    : Frame(plan.graph), plan_(plan), context_(context), segments_(plan.graph.segments.size()),
      own_(plan.graph.values.size()), words_(plan.wordCount), arguments_(plan.operandCount),
      operands_(plan.operandCount), views_(plan.operandCount), workspaces_(plan.workspaceCount),
      regions_(plan.nodes.size()), waiting_(plan.nodes.size()), users_(plan.graph.values.size()),
      handoff_(plan.nodes.size()), nextHandled_(plan.nodes.size()), queue_(plan.nodes.size()),
      outcomes_(plan.nodes.size()), started_(plan.nodes.size()) {
  for (size_t v = 0; v < values_.size(); ++v) {
    const package::Value &value = graph_.values[v];
    values_[v].kind = value.kind;
    values_[v].element = value.type.element;
    values_[v].packing = value.type.packing;
    values_[v].shape.rank = static_cast<int>(value.type.shape.size());
  }
}

Device *ActiveFrame::deviceOf(Space::type space) const { return space == Space::DEVICE ? &context_.device : nullptr; }

//===--- Order ----------------------------------------------------------------------------------------------------===//

void ActiveFrame::start(const FrameInfo &info, NodeHandler &handler, std::span<const TensorRef *const> arguments,
                        Completion done) {
  info_ = info;
  handler_ = &handler;
  done_ = std::move(done);
  failed_.store(false, std::memory_order_relaxed);
  {
    MutexLock lock(failureMutex_);
    failure_ = {};
  }
  if (Status status = prepare(arguments); !status.ok())
    fail(std::move(status));
  for (size_t n = 0; n < plan_.nodes.size(); ++n) {
    waiting_[n].store(plan_.nodes[n].predecessors, std::memory_order_relaxed);
    queue_[n].store(-1, std::memory_order_relaxed);
  }
  queueBegin_.store(0, std::memory_order_relaxed);
  queueEnd_.store(0, std::memory_order_relaxed);
  helpers_.store(0, std::memory_order_relaxed);
  gate_->open(plan_.nodes.size() + 1); // One for this task.
  Agenda agenda;
  for (int root : plan_.roots)
    makeReady(root, agenda);
  run(agenda);
  leave(agenda);
}

void ActiveFrame::makeReady(int node, Agenda &agenda) {
  if (plan_.nodes[node].isHandled()) {
    nextHandled_[node] = -1;
    (agenda.handled < 0 ? agenda.handled : nextHandled_[agenda.lastHandled]) = node;
    agenda.lastHandled = node;
  } else if (agenda.other < 0) {
    agenda.other = node;
  } else {
    const int32_t at = queueEnd_.fetch_add(1, std::memory_order_acq_rel);
    queue_[at].store(node, std::memory_order_release);
    postHelper();
  }
}

/// Unless enough are posted or at work. Whoever queues a node comes back to the queue itself, so none is forgotten.
void ActiveFrame::postHelper() {
  const int32_t enough = std::max(context_.scheduler.concurrency() - 1, 1);
  int32_t helpers = helpers_.load(std::memory_order_relaxed);
  do {
    if (helpers >= enough)
      return;
  } while (!helpers_.compare_exchange_weak(helpers, helpers + 1, std::memory_order_relaxed));
  // It may come late, when the run has ended, even when the frame is gone; then the gate is shut.
  context_.scheduler.post([this, gate = gate_, run = gate_->run()] {
    if (!gate->enter(run))
      return;
    Agenda agenda;
    this->run(agenda);
    helpers_.fetch_sub(1, std::memory_order_relaxed);
    leave(agenda);
  });
}

/// A queued node, or -1 if there is none (or its queuing is not over, after which that task looks itself).
int ActiveFrame::takeQueued() {
  int32_t at = queueBegin_.load(std::memory_order_relaxed);
  while (at < queueEnd_.load(std::memory_order_acquire)) {
    const int node = queue_[at].load(std::memory_order_acquire);
    if (node < 0)
      return -1;
    if (queueBegin_.compare_exchange_weak(at, at + 1, std::memory_order_acq_rel))
      return node;
  }
  return -1;
}

void ActiveFrame::run(Agenda &agenda) {
  while (true) {
    int node = agenda.handled;
    if (node >= 0)
      agenda.handled = nextHandled_[node];
    else if (node = std::exchange(agenda.other, -1); node < 0)
      node = takeQueued();
    if (node < 0)
      return;
    if (startNode(node))
      finishNode(node, agenda);
  }
}

/// Nothing of the frame may be touched afterwards: it may have ended and begun anew.
void ActiveFrame::leave(const Agenda &agenda) {
  if (gate_->countDown(agenda.ended + 1))
    end();
}

bool ActiveFrame::startNode(int node) {
  outcomes_[node] = {};
  if (failed_.load(std::memory_order_acquire))
    return true;
  if (context_.options.nodeTimer)
    started_[node] = context_.scheduler.now();
  const NodePlan &plan = plan_.nodes[node];
  if (context_.options.poisonFreed)
    if (Status status = checkNotRead(node); !status.ok()) {
      outcomes_[node] = std::move(status);
      return true;
    }
  if (!plan.isHandled() && plan.takenBy < 0)
    for (int v : graph_.nodes[node].outputs)
      if (Status status = ensureOutput(v); !status.ok()) {
        outcomes_[node] = std::move(status);
        return true;
      }
  if ((plan.kind == NodeKind::KERNEL || plan.kind == NodeKind::LIBRARY) && !plan.onDevice) {
    outcomes_[node] = makeCall(node, operandsOf(node));
    return true;
  }
  handoff_[node].store(Starting, std::memory_order_relaxed);
  startAsync(node, [this, node](Status status) { completeNode(node, std::move(status)); });
  return handoff_[node].exchange(Left, std::memory_order_acq_rel) == Ended;
}

void ActiveFrame::startAsync(int node, Completion done) {
  switch (plan_.nodes[node].kind) {
  case NodeKind::KERNEL:
  case NodeKind::LIBRARY:
    return context_.device.launch(
        operandsOf(node), [this, node](std::span<const Operand> operands) { return makeCall(node, operands); },
        std::move(done));
  case NodeKind::COPY:
    return startCopy(node, std::move(done));
  case NodeKind::IF:
    return startIf(node, std::move(done));
  case NodeKind::WHILE:
    return startWhile(node, std::move(done));
  default:
    return handler_->start(*this, node, std::move(done));
  }
}

void ActiveFrame::completeNode(int node, Status status) {
  outcomes_[node] = std::move(status);
  // Whoever comes second goes on: the starting task itself, or a new one.
  if (handoff_[node].exchange(Ended, std::memory_order_acq_rel) == Starting)
    return;
  context_.scheduler.post([this, node] {
    gate_->countUp(); // The node has not ended, so the run has not.
    Agenda agenda;
    finishNode(node, agenda);
    run(agenda);
    leave(agenda);
  });
}

Status ActiveFrame::checkOutputs(int node) const {
  for (int v : graph_.nodes[node].outputs)
    if (!bound_[v])
      return Status::internal("output `" + graph_.values[v].name + "` was not filled");
  return {};
}

/// In the checking mode: whether a node that is going to update a parameter comes too early.
Status ActiveFrame::checkNotRead(int node) const {
  for (int v : plan_.nodes[node].updated)
    if (!bound_[v] || users_[v].load(std::memory_order_acquire) > 0)
      return Status::internal("`" + graph_.values[v].name + "` is still read while it is updated");
  return {};
}

void ActiveFrame::afterNode(int node) {
  Status status = std::move(outcomes_[node]);
  if (failed_.load(std::memory_order_acquire) && status.ok())
    return;
  if (status.ok())
    status = checkOutputs(node);
  if (!status.ok())
    return fail(status.withContext(describeNode(graph_.nodes[node])));
  if (context_.options.nodeTimer)
    context_.options.nodeTimer(graph_.nodes[node], info_, started_[node], context_.scheduler.now());
  if (context_.options.poisonFreed)
    poisonUnused(node);
}

void ActiveFrame::finishNode(int node, Agenda &agenda) {
  afterNode(node);
  for (int successor : plan_.nodes[node].successors)
    if (plan_.nodes[successor].predecessors == 1 || waiting_[successor].fetch_sub(1, std::memory_order_acq_rel) == 1)
      makeReady(successor, agenda);
  ++agenda.ended;
}

void ActiveFrame::fail(Status status) {
  {
    MutexLock lock(failureMutex_);
    if (!failure_.ok())
      return;
    failure_ = status;
    failed_.store(true, std::memory_order_release);
  }
  handler_->failed(status);
}

void ActiveFrame::end() {
  Status status;
  {
    MutexLock lock(failureMutex_);
    status = failure_;
  }
  Completion done = std::move(done_);
  done(std::move(status));
}

//===--- Calls ----------------------------------------------------------------------------------------------------===//

std::span<Operand> ActiveFrame::operandsOf(int node) {
  const Node &n = graph_.nodes[node];
  Operand *first = operands_.data() + plan_.nodes[node].firstOperand, *next = first;
  for (const std::vector<int32_t> *list : {&n.inputs, &n.outputs})
    for (int32_t v : *list)
      *next++ = {values_[v].data, values_[v].bytes};
  return {first, next};
}

Status ActiveFrame::makeCall(int node, std::span<const Operand> operands) {
  if (plan_.nodes[node].kind == NodeKind::LIBRARY)
    return callLibrary(node, operands);
  callKernel(node, operands);
  return {};
}

/// Each argument is a memref descriptor: base, aligned, offset, sizes, strides.
void ActiveFrame::callKernel(int node, std::span<const Operand> operands) {
  const NodePlan &plan = plan_.nodes[node];
  const Node &n = graph_.nodes[node];
  void **arguments = arguments_.data() + plan.firstOperand;
  int64_t *word = words_.data() + plan.firstWord;
  size_t i = 0;
  for (const std::vector<int32_t> *list : {&n.inputs, &n.outputs})
    for (int32_t v : *list) {
      const Shape &shape = values_[v].shape;
      arguments[i] = word;
      word[0] = word[1] = static_cast<int64_t>(reinterpret_cast<intptr_t>(operands[i].pointer));
      word[2] = 0;
      int64_t stride = 1;
      for (int d = shape.rank - 1; d >= 0; --d) {
        word[3 + d] = shape.dims[d];
        word[3 + shape.rank + d] = stride;
        stride *= shape.dims[d];
      }
      word += 3 + 2 * shape.rank;
      ++i;
    }
  plan.kernel(arguments);
}

Status ActiveFrame::callLibrary(int node, std::span<const Operand> operands) {
  const NodePlan &plan = plan_.nodes[node];
  const Node &n = graph_.nodes[node];
  MatrixBlocks *blocks = nullptr;
  if (plan.takenBy >= 0) {
    HETER_ASSIGN_OR_RETURN(blocks, handler_->blocksFor(*this, plan.takenBy));
    HETER_RETURN_IF_ERROR(prepareTaken(n.outputs[0], blocks));
    operands = operandsOf(node);
  }
  std::span<TensorView> views(views_.data() + plan.firstOperand, operands.size());
  for (size_t i = 0; i < operands.size(); ++i) {
    views[i] = values_[i < n.inputs.size() ? n.inputs[i] : n.outputs[i - n.inputs.size()]];
    views[i].data = operands[i].pointer;
  }
  LibraryCall call{views.first(n.inputs.size()),
                   views.subspan(n.inputs.size()),
                   info_.examples,
                   info_.firstExample,
                   info_.seed,
                   workspaces_[plan.workspace],
                   &context_.scheduler,
                   blocks};
  HETER_RETURN_IF_ERROR(plan.library(call));
  for (size_t i = 0; i < n.outputs.size(); ++i)
    if (values_[n.outputs[i]].kind != ValueKind::TENSOR) {
      static_cast<TensorView &>(values_[n.outputs[i]]) = call.outputs[i];
      bound_[n.outputs[i]] = true;
    }
  return {};
}

void ActiveFrame::startCopy(int node, Completion done) {
  const Node &n = graph_.nodes[node];
  const TensorRef &from = values_[n.inputs[0]], &to = values_[n.outputs[0]];
  if (from.kind != ValueKind::TENSOR)
    return done(Status::unimplemented("copies of ragged values and rows are not supported yet"));
  if (graph_.values[n.outputs[0]].space == Space::DEVICE)
    return context_.device.copyToDevice(to.data, from.data, from.bytes, std::move(done));
  context_.device.copyToHost(to.data, from.data, from.bytes, std::move(done));
}

} // namespace heter::runtime
