// For the files of this room: the signature of a preparing function, and access to the node that it prepares.
#ifndef HETER_RUNTIME_KERNELS_PREPARE_H
#define HETER_RUNTIME_KERNELS_PREPARE_H

#include "runtime/kernels/Library.h"

namespace heter::runtime {

/// A LIBRARY node with its operands' types.
struct LibraryNode {
  const package::Graph &graph;
  const package::Node &node;
  const KernelObject *kernels = nullptr;
  int64_t examples = 0; ///< Of most calls; 0 where nobody knows.

  size_t inputCount() const { return node.inputs.size(); }
  const package::Value &input(size_t i) const { return graph.values[node.inputs[i]]; }
  const package::Value &output(size_t i) const { return graph.values[node.outputs[i]]; }
  const package::TensorType &inputType(size_t i) const { return input(i).type; }
  const package::TensorType &outputType(size_t i) const { return output(i).type; }

  /// The attribute, or an error that names it.
  StatusOr<int64_t> integer(const char *name) const;
  StatusOr<double> number(const char *name) const;
  StatusOr<std::string> text(const char *name) const;
  StatusOr<std::vector<int64_t>> integers(const char *name) const;
  bool flag(const char *name) const; ///< False if it is not there.

  /// An error unless there are so many operands, all of them tensors.
  Status expectTensors(size_t inputs, size_t outputs) const;
  Status expectElement(const package::Value &value, package::ElementType::type element) const;
  /// "axis", counted from the front; an error unless input 0 has it.
  StatusOr<int> axis() const;
};

/// Whether the first extent is the example count.
inline bool isBatch(const package::TensorType &type) { return !type.shape.empty() && type.shape.front() == -1; }

StatusOr<LibraryFunction> prepareMatmul(const LibraryNode &node);
/// out (m x n) = a (m x k) * b (k x n), row-major, in f32. `scheduler` may be null.
Status multiplyMatrices(const float *a, const float *b, float *out, int64_t m, int64_t n, int64_t k,
                        Scheduler *scheduler);
StatusOr<LibraryFunction> prepareConcat(const LibraryNode &node);
StatusOr<LibraryFunction> prepareSlice(const LibraryNode &node);
StatusOr<LibraryFunction> preparePack(const LibraryNode &node);
StatusOr<LibraryFunction> prepareProduct(const LibraryNode &node);
StatusOr<LibraryFunction> preparePad(const LibraryNode &node);
StatusOr<LibraryFunction> prepareReshape(const LibraryNode &node);
StatusOr<LibraryFunction> prepareTranspose(const LibraryNode &node);
StatusOr<LibraryFunction> prepareLowerTriangle(const LibraryNode &node);
StatusOr<LibraryFunction> prepareLowerTriangleGrad(const LibraryNode &node);
StatusOr<LibraryFunction> prepareDropout(const LibraryNode &node);
StatusOr<LibraryFunction> prepareHash(const LibraryNode &node);
StatusOr<LibraryFunction> prepareArgmax(const LibraryNode &node);
StatusOr<LibraryFunction> prepareCast(const LibraryNode &node);
StatusOr<LibraryFunction> prepareExampleCount(const LibraryNode &node);
StatusOr<LibraryFunction> prepareUniqueKeys(const LibraryNode &node);
StatusOr<LibraryFunction> prepareLookup(const LibraryNode &node);
StatusOr<LibraryFunction> prepareLookupGrad(const LibraryNode &node);
StatusOr<LibraryFunction> prepareAddRows(const LibraryNode &node);

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_PREPARE_H
