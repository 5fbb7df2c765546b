// Kernels that move elements without computing: concat, slice, pad, reshape. All see a tensor as outer x axis x inner.
#include "runtime/kernels/Prepare.h"

#include <cstring>

namespace heter::runtime {

using package::TensorType;

/// Whether two types agree in element, rank and every extent but `axis`.
static bool agreeBesides(const TensorType &a, const TensorType &b, int axis) {
  if (a.element != b.element || a.shape.size() != b.shape.size())
    return false;
  for (size_t i = 0; i < a.shape.size(); ++i)
    if (static_cast<int>(i) != axis && a.shape[i] != b.shape[i])
      return false;
  return true;
}

static void copyBytes(char *to, const char *from, int64_t bytes) {
  if (bytes > 0)
    std::memcpy(to, from, static_cast<size_t>(bytes));
}

/// Bytes of one index step along `axis`.
static int64_t stepBytes(const TensorView &tensor, int axis) {
  return tensor.shape.product(axis + 1, tensor.shape.rank) * elementBytes(tensor.element);
}

StatusOr<LibraryFunction> prepareConcat(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(node.expectTensors(node.inputCount(), 1));
  if (node.inputCount() == 0)
    return Status::dataLoss("joins nothing");
  HETER_ASSIGN_OR_RETURN(int axis, node.axis());
  int64_t total = 0;
  for (size_t i = 0; i < node.inputCount(); ++i) {
    if (!agreeBesides(node.inputType(i), node.outputType(0), axis) || node.inputType(i).shape[axis] < 0)
      return Status::dataLoss("operand " + std::to_string(i) + " does not fit the result");
    total += node.inputType(i).shape[axis];
  }
  if (total != node.outputType(0).shape[axis])
    return Status::dataLoss("the operands do not add up to the result");
  return LibraryFunction([axis](const LibraryCall &call) -> Status {
    const TensorView &out = call.outputs[0];
    int64_t outer = out.shape.product(0, axis), outRow = out.shape[axis] * stepBytes(out, axis), at = 0;
    for (const TensorView &in : call.inputs) {
      int64_t row = in.shape[axis] * stepBytes(in, axis);
      for (int64_t o = 0; o < outer; ++o)
        copyBytes(out.as<char>() + o * outRow + at, in.as<char>() + o * row, row);
      at += row;
    }
    return {};
  });
}

StatusOr<LibraryFunction> prepareSlice(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(node.expectTensors(1, 1));
  HETER_ASSIGN_OR_RETURN(int axis, node.axis());
  HETER_ASSIGN_OR_RETURN(int64_t begin, node.integer("begin"));
  HETER_ASSIGN_OR_RETURN(int64_t end, node.integer("end"));
  if (!agreeBesides(node.inputType(0), node.outputType(0), axis) || begin < 0 || end < begin ||
      end > node.inputType(0).shape[axis] || node.outputType(0).shape[axis] != end - begin)
    return Status::dataLoss("[" + std::to_string(begin) + ", " + std::to_string(end) + ") does not fit its types");
  return LibraryFunction([axis, begin](const LibraryCall &call) -> Status {
    const TensorView &in = call.inputs[0], &out = call.outputs[0];
    int64_t step = stepBytes(in, axis), inRow = in.shape[axis] * step, row = out.shape[axis] * step;
    for (int64_t o = 0, outer = out.shape.product(0, axis); o < outer; ++o)
      copyBytes(out.as<char>() + o * row, in.as<char>() + o * inRow + begin * step, row);
    return {};
  });
}

StatusOr<LibraryFunction> preparePad(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(node.expectTensors(1, 1));
  HETER_ASSIGN_OR_RETURN(int axis, node.axis());
  HETER_ASSIGN_OR_RETURN(int64_t low, node.integer("low"));
  HETER_ASSIGN_OR_RETURN(int64_t high, node.integer("high"));
  int64_t inner = node.inputType(0).shape[axis];
  if (!agreeBesides(node.inputType(0), node.outputType(0), axis) || inner < 0 || low < 0 || high < 0 ||
      node.outputType(0).shape[axis] != inner + low + high)
    return Status::dataLoss("low " + std::to_string(low) + ", high " + std::to_string(high) + " do not fit its types");
  return LibraryFunction([axis, low](const LibraryCall &call) -> Status {
    const TensorView &in = call.inputs[0], &out = call.outputs[0];
    int64_t step = stepBytes(in, axis), row = in.shape[axis] * step, outRow = out.shape[axis] * step;
    for (int64_t o = 0, outer = out.shape.product(0, axis); o < outer; ++o) {
      char *to = out.as<char>() + o * outRow;
      std::memset(to, 0, static_cast<size_t>(low * step));
      copyBytes(to + low * step, in.as<char>() + o * row, row);
      std::memset(to + low * step + row, 0, static_cast<size_t>(outRow - row - low * step));
    }
    return {};
  });
}

StatusOr<LibraryFunction> prepareReshape(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(node.expectTensors(1, 1));
  const TensorType &in = node.inputType(0), &out = node.outputType(0);
  auto unit = [](const TensorType &type) {
    int64_t n = 1;
    for (int64_t extent : type.shape)
      n *= extent < 0 ? 1 : extent;
    return n;
  };
  if (in.element != out.element || isBatch(in) != isBatch(out) || unit(in) != unit(out))
    return Status::dataLoss("changes the element type or count");
  return LibraryFunction([](const LibraryCall &call) -> Status {
    copyBytes(call.outputs[0].as<char>(), call.inputs[0].as<char>(), call.outputs[0].bytes);
    return {};
  });
}

} // namespace heter::runtime
