// Kernels of one element or one row at a time: dropout, hash, argmax, cast, the example count.
#include "runtime/base/Hash.h"
#include "runtime/base/Random.h"
#include "runtime/kernels/Prepare.h"

#include <charconv>

namespace heter::runtime {

using package::ElementType;
using package::TensorType;
using package::ValueKind;

/// Keeps element e of global example n where the first word of Philox block (n, e) under (seed, path) says so.
StatusOr<LibraryFunction> prepareDropout(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(node.expectTensors(1, 1));
  HETER_RETURN_IF_ERROR(node.expectElement(node.input(0), ElementType::F32));
  HETER_ASSIGN_OR_RETURN(double rate, node.number("rate"));
  HETER_ASSIGN_OR_RETURN(std::string path, node.text("path"));
  if (node.inputType(0) != node.outputType(0) || !isBatch(node.inputType(0)) || !(rate >= 0 && rate < 1))
    return Status::dataLoss("takes and gives one batch of f32 and a rate in [0, 1)");
  return LibraryFunction([rate, path](const LibraryCall &call) -> Status {
    const TensorView &x = call.inputs[0];
    float *out = call.outputs[0].as<float>();
    std::array<uint32_t, 2> key = philoxKey(call.seed, path);
    float scale = 1.0f / (1.0f - static_cast<float>(rate));
    int64_t width = x.shape.product(1, x.shape.rank);
    for (int64_t i = 0; i < x.shape[0]; ++i) {
      auto n = static_cast<uint64_t>(call.firstExample + i);
      for (int64_t e = 0; e < width; ++e) {
        auto block = philox4x32({static_cast<uint32_t>(n), static_cast<uint32_t>(n >> 32), static_cast<uint32_t>(e),
                                 static_cast<uint32_t>(static_cast<uint64_t>(e) >> 32)},
                                key);
        out[i * width + e] = uniformFloat(block[0]) >= rate ? x.f32()[i * width + e] * scale : 0.0f;
      }
    }
    return {};
  });
}

StatusOr<LibraryFunction> prepareHash(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(node.expectTensors(1, 1));
  HETER_RETURN_IF_ERROR(node.expectElement(node.input(0), ElementType::I64));
  HETER_ASSIGN_OR_RETURN(std::string space, node.text("space"));
  if (node.inputType(0) != node.outputType(0))
    return Status::dataLoss("changes the shape");
  return LibraryFunction([salt = hashBytes(space, 0)](const LibraryCall &call) -> Status {
    int64_t *out = call.outputs[0].as<int64_t>();
    for (int64_t i = 0, n = call.inputs[0].shape.elements(); i < n; ++i) {
      char text[24];
      char *end = std::to_chars(text, text + sizeof text, call.inputs[0].i64()[i]).ptr;
      out[i] = static_cast<int64_t>(hashFeature({text, static_cast<size_t>(end - text)}, salt));
    }
    return {};
  });
}

/// The least index of the greatest element.
template <typename T> static void argmax(const TensorView &x, int axis, int64_t *out) {
  int64_t outer = x.shape.product(0, axis), length = x.shape[axis], inner = x.shape.product(axis + 1, x.shape.rank);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      const T *row = x.as<const T>() + o * length * inner + i;
      int64_t best = 0;
      for (int64_t k = 1; k < length; ++k)
        if (row[k * inner] > row[best * inner])
          best = k;
      out[o * inner + i] = best;
    }
}

StatusOr<LibraryFunction> prepareArgmax(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(node.expectTensors(1, 1));
  HETER_RETURN_IF_ERROR(node.expectElement(node.output(0), ElementType::I64));
  HETER_ASSIGN_OR_RETURN(int axis, node.axis());
  TensorType reduced = node.inputType(0);
  if (reduced.shape[axis] < 1 || reduced.element == ElementType::BOOL)
    return Status::dataLoss("takes numbers along an axis of known size");
  reduced.shape.erase(reduced.shape.begin() + axis);
  if (reduced.shape != node.outputType(0).shape)
    return Status::dataLoss("the result is not the input without the axis");
  bool integers = node.inputType(0).element == ElementType::I64;
  return LibraryFunction([axis, integers](const LibraryCall &call) -> Status {
    int64_t *out = call.outputs[0].as<int64_t>();
    integers ? argmax<int64_t>(call.inputs[0], axis, out) : argmax<float>(call.inputs[0], axis, out);
    return {};
  });
}

template <typename From, typename To> static void castElements(const TensorView &from, const TensorView &to) {
  for (int64_t i = 0, n = from.shape.elements(); i < n; ++i)
    to.as<To>()[i] = static_cast<To>(from.as<const From>()[i]);
}

StatusOr<LibraryFunction> prepareCast(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(node.expectTensors(1, 1));
  HETER_RETURN_IF_ERROR(node.expectElement(node.output(0), ElementType::F32));
  if (node.inputType(0).shape != node.outputType(0).shape || node.inputType(0).element == ElementType::F32)
    return Status::dataLoss("takes i64 or bool and gives as much f32");
  bool integers = node.inputType(0).element == ElementType::I64;
  return LibraryFunction([integers](const LibraryCall &call) -> Status {
    integers ? castElements<int64_t, float>(call.inputs[0], call.outputs[0])
             : castElements<uint8_t, float>(call.inputs[0], call.outputs[0]);
    return {};
  });
}

StatusOr<LibraryFunction> prepareExampleCount(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(node.expectTensors(0, 1));
  HETER_RETURN_IF_ERROR(node.expectElement(node.output(0), ElementType::F32));
  if (!node.outputType(0).shape.empty())
    return Status::dataLoss("gives a scalar");
  return LibraryFunction([](const LibraryCall &call) -> Status {
    *call.outputs[0].as<float>() = static_cast<float>(call.examples);
    return {};
  });
}

} // namespace heter::runtime
