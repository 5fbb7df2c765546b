// What a frame hands to kernels, library functions and devices. A kernel's arguments are memref descriptors, a value's
// written when the value gets its memory, so that a node whose outputs have places is run by a call and nothing else.
#include "runtime/graph/ActiveFrame.h"

#include <algorithm>

namespace heter::runtime {

using package::Node;
using package::NodeKind;
using package::Space;
using package::ValueKind;

static void setAddress(int64_t *descriptor, const void *address) {
  descriptor[0] = descriptor[1] = static_cast<int64_t>(reinterpret_cast<intptr_t>(address));
}

void ActiveFrame::describe(int value) {
  if (plan_.descriptors[value] < 0)
    return;
  const Shape &shape = values_[value].shape;
  int64_t *descriptor = words_.data() + plan_.descriptors[value];
  setAddress(descriptor, values_[value].data);
  descriptor[2] = 0;
  int64_t stride = 1;
  for (int d = shape.rank - 1; d >= 0; --d) {
    descriptor[3 + d] = shape.dims[d];
    descriptor[3 + shape.rank + d] = stride;
    stride *= shape.dims[d];
  }
}

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

/// Kernels on the host get the descriptors that belong to the values; one on a device gets its own, with the addresses
/// that the device has put in.
void ActiveFrame::callKernel(int node, std::span<const Operand> operands) {
  const NodePlan &plan = plan_.nodes[node];
  const Node &n = graph_.nodes[node];
  const int first = plan_.steps[node].firstArgument;
  for (size_t i = 0; plan.onDevice && i < operands.size(); ++i) {
    const int v = i < n.inputs.size() ? n.inputs[i] : n.outputs[i - n.inputs.size()];
    int64_t *own = words_.data() + plan_.arguments[first + static_cast<int>(i)];
    std::copy_n(words_.data() + plan_.descriptors[v], descriptorWords(values_[v].shape.rank), own);
    setAddress(own, operands[i].pointer);
  }
  plan.kernel(arguments_.data() + first);
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
