// Kernels that rearrange the matrices of a tensor's last two extents: transpose, lower_triangle and its gradient.
#include "runtime/kernels/Prepare.h"

#include <algorithm>

namespace heter::runtime {

using package::ElementType;
using package::TensorType;

/// Checks that one f32 tensor becomes another with the same leading extents and, at their ends, these.
static Status expectMatrices(const LibraryNode &node, size_t inputRank, size_t outputRank) {
  HETER_RETURN_IF_ERROR(node.expectTensors(1, 1));
  HETER_RETURN_IF_ERROR(node.expectElement(node.input(0), ElementType::F32));
  HETER_RETURN_IF_ERROR(node.expectElement(node.output(0), ElementType::F32));
  const std::vector<int64_t> &in = node.inputType(0).shape, &out = node.outputType(0).shape;
  if (in.size() < inputRank || out.size() < outputRank || in.size() - inputRank != out.size() - outputRank ||
      !std::equal(in.begin(), in.end() - static_cast<std::ptrdiff_t>(inputRank), out.begin()))
    return Status::dataLoss("the leading extents of operand and result differ");
  return {};
}

/// Checks that the type ends in a square of n, and that n (n - 1) / 2 elements are left of its diagonal.
static Status expectTriangle(const TensorType &square, const TensorType &triangle) {
  int64_t n = square.shape.back();
  if (n < 2 || square.shape[square.shape.size() - 2] != n || triangle.shape.back() != n * (n - 1) / 2)
    return Status::dataLoss("a square and the elements left of its diagonal do not fit each other");
  return {};
}

StatusOr<LibraryFunction> prepareTranspose(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(expectMatrices(node, 2, 2));
  const std::vector<int64_t> &in = node.inputType(0).shape, &out = node.outputType(0).shape;
  int64_t rows = in[in.size() - 2], columns = in.back();
  if (rows < 0 || columns < 0 || out.back() != rows || out[out.size() - 2] != columns)
    return Status::dataLoss("the result is not the transposed operand");
  return LibraryFunction([rows, columns](const LibraryCall &call) -> Status {
    const float *from = call.inputs[0].f32();
    float *to = call.outputs[0].as<float>();
    const float *end = from + call.inputs[0].shape.elements();
    for (; from != end; from += rows * columns, to += rows * columns)
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t r = 0; r < rows; ++r)
          to[c * rows + r] = from[r * columns + c];
    return {};
  });
}

StatusOr<LibraryFunction> prepareLowerTriangle(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(expectMatrices(node, 2, 1));
  HETER_RETURN_IF_ERROR(expectTriangle(node.inputType(0), node.outputType(0)));
  return LibraryFunction([n = node.inputType(0).shape.back()](const LibraryCall &call) -> Status {
    const float *from = call.inputs[0].f32();
    float *to = call.outputs[0].as<float>();
    const float *end = from + call.inputs[0].shape.elements();
    for (; from != end; from += n * n)
      for (int64_t r = 1; r < n; ++r)
        to = std::copy_n(from + r * n, r, to);
    return {};
  });
}

StatusOr<LibraryFunction> prepareLowerTriangleGrad(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(expectMatrices(node, 1, 2));
  HETER_RETURN_IF_ERROR(expectTriangle(node.outputType(0), node.inputType(0)));
  return LibraryFunction([n = node.outputType(0).shape.back()](const LibraryCall &call) -> Status {
    const float *from = call.inputs[0].f32();
    float *to = call.outputs[0].as<float>();
    const float *end = to + call.outputs[0].shape.elements();
    for (; to != end; to += n * n)
      for (int64_t r = 0; r < n; ++r) {
        std::copy_n(from, r, to + r * n);
        std::fill(to + r * n + r, to + (r + 1) * n, 0.0f);
        from += r;
      }
    return {};
  });
}

} // namespace heter::runtime
