// Runs one library kernel on given tensors, as a frame would.
#ifndef HETER_TESTS_RUNTIME_KERNELS_LIBRARYRUN_H
#define HETER_TESTS_RUNTIME_KERNELS_LIBRARYRUN_H

#include "runtime/kernels/Library.h"
#include "tests/runtime/support/GraphBuilder.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>

namespace heter::runtime::test {

/// An operand: its type with B in, and its elements.
struct Operand {
  package::TensorType type;
  std::vector<char> bytes;
  ValueKind::type kind = ValueKind::TENSOR;
  std::vector<int64_t> offsets = {}; ///< RAGGED
  std::vector<uint64_t> keys = {};   ///< ROWS
};

template <typename T> Operand operand(package::TensorType type, const std::vector<T> &elements) {
  Operand made{std::move(type), std::vector<char>(elements.size() * sizeof(T))};
  if (!elements.empty())
    std::memcpy(made.bytes.data(), elements.data(), made.bytes.size());
  return made;
}

inline TensorView viewOf(const Operand &operand, int64_t examples) {
  TensorView view;
  view.kind = operand.kind;
  view.element = operand.type.element;
  view.packing = operand.type.packing;
  view.shape.rank = static_cast<int>(operand.type.shape.size());
  for (int d = 0; d < view.shape.rank; ++d)
    view.shape.dims[d] = operand.type.shape[d] < 0 ? examples : operand.type.shape[d];
  view.data = const_cast<char *>(operand.bytes.data());
  view.bytes = static_cast<int64_t>(operand.bytes.size());
  view.examples = examples;
  view.offsets = operand.offsets.data();
  view.keys = operand.keys.data();
  view.count = operand.kind == ValueKind::RAGGED && !operand.offsets.empty()
                   ? operand.offsets.back()
                   : static_cast<int64_t>(operand.keys.size());
  return view;
}

struct LibraryRun {
  int64_t examples = 1;
  int64_t firstExample = 0;
  uint64_t seed = 0;
  Scheduler *scheduler = nullptr;
  MatrixBlocks *blocks = nullptr;
  package::TensorType second = {}; ///< Of a second result in f32, whose extents are static, if there is one.
  std::vector<float> secondResult = {};
  Workspace workspace = {};
  TensorView result = {}; ///< Of the last run; data in `memory` or `workspace`.
  std::vector<char> memory = {};

  /// Prepares and makes the call.
  Status run(const std::string &callee, const std::vector<Operand> &inputs, package::TensorType outType,
             Attributes attributes = {}, ValueKind::type outKind = ValueKind::TENSOR) {
    GraphBuilder b;
    std::vector<int32_t> operands;
    std::vector<TensorView> views;
    for (const Operand &input : inputs) {
      operands.push_back(b.bound("in", input.type, input.kind));
      views.push_back(viewOf(input, examples));
    }
    int out = b.bound("out", outType, outKind);
    std::vector<int32_t> results = {out};
    if (!second.shape.empty())
      results.push_back(b.bound("second", second));
    b.library(callee, operands, results, std::move(attributes));
    HETER_ASSIGN_OR_RETURN(LibraryFunction function, prepareLibraryCall(b.graph, b.graph.nodes[0]));
    Operand outOperand{outType, {}, outKind, {}, {}};
    result = viewOf(outOperand, examples);
    result.bytes = tensorBytes(result.element, result.shape);
    memory.assign(result.bytes + 1, '\x7f'); // one byte more, to see that it stays
    result.data = memory.data();
    std::vector<TensorView> outputs = {result};
    if (!second.shape.empty()) {
      outputs.push_back(viewOf(Operand{second, {}}, examples));
      secondResult.assign(static_cast<size_t>(outputs[1].shape.elements()), -7);
      outputs[1].data = secondResult.data();
    }
    Status status = function({views, outputs, examples, firstExample, seed, workspace, scheduler, blocks});
    result = outputs[0];
    EXPECT_EQ(memory.back(), '\x7f');
    return status;
  }

  template <typename T> std::vector<T> elements() const {
    std::vector<T> all(result.bytes / sizeof(T));
    if (!all.empty())
      std::memcpy(all.data(), result.data, all.size() * sizeof(T));
    return all;
  }
};

inline std::vector<float> randomFloats(std::mt19937 &random, int64_t count) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(count);
  for (float &value : values)
    value = uniform(random);
  return values;
}

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_KERNELS_LIBRARYRUN_H
