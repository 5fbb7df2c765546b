// Running one frame. A task takes a ready node, starts it and, when it ended, counts down its successors: the first
// that became ready is its next work, so a chain of nodes costs no scheduling; the others go to the frame's queue, from
// which this task and the helpers that it posts take them. A node that waits leaves the task; its completion posts a
// new one. After a failure nodes still count down, but are not started. What every node passes through is inline: a
// kernel whose memory is in place costs its call and a look at its successors; the only locked instruction is one for
// each successor that waits for others, too.
#include "runtime/graph/ActiveFrame.h"

#include <utility>

namespace heter::runtime {

using package::NodeKind;
using package::Space;

ActiveFrame::ActiveFrame(const GraphPlan &plan, const FrameContext &context)
    : Frame(plan.graph), plan_(plan), context_(context),
      watched_(context.options.poisonFreed || context.options.nodeTimer), segments_(plan.graph.segments.size()),
      own_(plan.graph.values.size()), words_(plan.wordCount), arguments_(plan.arguments.size()),
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
  for (size_t i = 0; i < arguments_.size(); ++i)
    arguments_[i] = words_.data() + plan.arguments[i];
  for (std::atomic<int32_t> &entry : queue_)
    entry.store(-1, std::memory_order_relaxed);
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
  for (int join : plan_.joins)
    waiting_[join].store(plan_.steps[join].predecessors, std::memory_order_relaxed);
  for (int32_t at = 0, used = queueEnd_.load(std::memory_order_relaxed); at < used; ++at)
    queue_[at].store(-1, std::memory_order_relaxed);
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

inline void ActiveFrame::makeReady(int node, Agenda &agenda) {
  if (plan_.steps[node].handled) {
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

/// Nothing of the frame may be touched afterwards: it may have ended and begun anew.
void ActiveFrame::leave(const Agenda &agenda) {
  if (gate_->countDown(agenda.ended + 1))
    end();
}

inline bool ActiveFrame::startNode(int node) {
  if (failed_.load(std::memory_order_acquire))
    return true;
  const NodeStep &step = plan_.steps[node];
  if (!step.direct || watched_)
    return startIndirect(node);
  step.direct(arguments_.data() + step.firstArgument);
  return true;
}

bool ActiveFrame::startIndirect(int node) {
  if (context_.options.nodeTimer)
    started_[node] = context_.scheduler.now();
  Status status = prepareNode(node);
  const NodePlan &plan = plan_.nodes[node];
  const bool isCall = plan.kind == NodeKind::KERNEL || plan.kind == NodeKind::LIBRARY;
  if (status.ok() && (!isCall || plan.onDevice)) {
    handoff_[node].store(Starting, std::memory_order_relaxed);
    startAsync(node, [this, node](Status outcome) { completeNode(node, std::move(outcome)); });
    if (handoff_[node].exchange(Left, std::memory_order_acq_rel) != Ended)
      return false;
    status = std::move(outcomes_[node]);
  } else if (status.ok()) {
    status = makeCall(node, operandsOf(node));
  }
  afterNode(node, std::move(status));
  return true;
}

Status ActiveFrame::prepareNode(int node) {
  if (context_.options.poisonFreed)
    HETER_RETURN_IF_ERROR(checkNotRead(node));
  if (!plan_.steps[node].handled && plan_.nodes[node].takenBy < 0)
    for (int v : graph_.nodes[node].outputs)
      HETER_RETURN_IF_ERROR(ensureOutput(v));
  return {};
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
    afterNode(node, std::move(outcomes_[node]));
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

void ActiveFrame::afterNode(int node, Status status) {
  if (failed_.load(std::memory_order_acquire) && status.ok())
    return;
  if (status.ok())
    status = checkOutputs(node);
  if (!status.ok())
    return fail(status.withContext(describeNode(graph_.nodes[node])));
  if (plan_.steps[node].handled)
    for (int v : graph_.nodes[node].outputs)
      describe(v);
  if (context_.options.nodeTimer)
    context_.options.nodeTimer(graph_.nodes[node], info_, started_[node], context_.scheduler.now());
  if (context_.options.poisonFreed)
    poisonUnused(node);
}

/// REQUIRES: afterNode() was called, or the node was no more than a call.
inline void ActiveFrame::finishNode(int node, Agenda &agenda) {
  const NodeStep &step = plan_.steps[node];
  for (int i = step.firstSuccessor; i < step.endSuccessor; ++i) {
    const int successor = plan_.successors[i];
    if (plan_.steps[successor].predecessors == 1 || waiting_[successor].fetch_sub(1, std::memory_order_acq_rel) == 1)
      makeReady(successor, agenda);
  }
  ++agenda.ended;
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

} // namespace heter::runtime
