// The library's `pack` and `product`: calls on packed matrices, whose results say by their types what they are.
#include "runtime/kernels/Packed.h"
#include "runtime/kernels/Prepare.h"

namespace heter::runtime {

using package::ElementType;
using package::Packing;
using package::TensorType;

namespace {

bool isPacked(const TensorType &type) { return type.packing != Packing::NONE; }

bool isMatrix(const TensorType &type) { return type.element == ElementType::F32 && type.shape.size() == 2; }

/// The outputs of a call that are packed.
PackedOutputs packedOutputs(const LibraryCall &call) {
  PackedOutputs to{};
  for (const TensorView &output : call.outputs)
    if (output.packing != Packing::NONE)
      to[output.packing] = output.as<uint16_t>();
  return to;
}

/// The factors as their packings have them: a transposed one stands for its transpose.
struct Factors {
  int64_t rows, leftDepth, rightDepth, columns;
};

Factors factorsOf(std::span<const int64_t> left, Packing::type leftPacking, std::span<const int64_t> right,
                  Packing::type rightPacking) {
  const bool a = leftPacking == Packing::LEFT_TRANSPOSED, b = rightPacking == Packing::RIGHT_TRANSPOSED;
  return {left[a ? 1 : 0], left[a ? 0 : 1], right[b ? 1 : 0], right[b ? 0 : 1]};
}

/// What the last operand and the activation are.
struct End {
  bool bias = false, relu = false, mask = false;
};

StatusOr<End> endOf(const LibraryNode &node) {
  End end;
  if (node.node.attributes.contains("activation")) {
    HETER_ASSIGN_OR_RETURN(std::string activation, node.text("activation"));
    end.relu = activation == "relu";
    end.mask = activation == "relu_grad";
    if (!end.relu && !end.mask)
      return Status::dataLoss("knows no activation `" + activation + "`, only `relu` and `relu_grad`");
  }
  if (end.mask && (node.inputCount() != 3 || node.inputType(2).packing != Packing::LEFT))
    return Status::dataLoss("wants the activation, packed as a left factor, for `relu_grad`");
  end.bias = node.inputCount() == 3 && !end.mask;
  return end;
}

/// Whether the types agree: each output is the result, packed or in f32, or, of rank 1, the sums of its columns.
Status checkProduct(const LibraryNode &node, const Factors &factors, const End &end) {
  if (factors.leftDepth != factors.rightDepth)
    return Status::dataLoss("the factors' extents do not agree");
  const std::vector<int64_t> result = {factors.rows, factors.columns}, row = {factors.columns};
  if (factors.columns < 0)
    return Status::dataLoss("the batch must be the rows of the result");
  if (end.mask && node.inputType(2).shape != result)
    return Status::dataLoss("the activation has another shape than the result");
  if (end.bias && (node.inputType(2).element != ElementType::F32 || node.inputType(2).shape != row))
    return Status::dataLoss("the bias does not fit the result");
  bool matrix = false, sums = false;
  for (size_t i = 0; i < node.node.outputs.size(); ++i) {
    const TensorType &type = node.outputType(i);
    bool &seen = isPacked(type) || type.shape.size() == 2 ? matrix : sums;
    if (type.shape != (type.shape.size() == 2 ? result : row) || (!isPacked(type) && std::exchange(seen, true)) ||
        (type.element != ElementType::F32 && !isPacked(type)))
      return Status::dataLoss("output `" + node.output(i).name + "` does not fit the result");
  }
  return {};
}

Status expectAllTensors(const LibraryNode &node) {
  return node.expectTensors(node.inputCount(), node.node.outputs.size());
}

} // namespace

StatusOr<LibraryFunction> preparePack(const LibraryNode &node) {
  HETER_RETURN_IF_ERROR(node.expectTensors(1, node.node.outputs.size()));
  if (!isMatrix(node.inputType(0)))
    return Status::dataLoss("packs matrices of f32");
  for (size_t i = 0; i < node.node.outputs.size(); ++i)
    if (!isPacked(node.outputType(i)) || node.outputType(i).shape != node.inputType(0).shape)
      return Status::dataLoss("output `" + node.output(i).name + "` is not the input, packed");
  const TileKernels tiles = TileKernels::of(node.kernels);
  return LibraryFunction([tiles](const LibraryCall &call) -> Status {
    const TensorView &from = call.inputs[0];
    packMatrix(tiles, from.f32(), from.shape[0], from.shape[1], packedOutputs(call), call.scheduler);
    return {};
  });
}

StatusOr<LibraryFunction> prepareProduct(const LibraryNode &node) {
  if (node.inputCount() < 2 || node.inputCount() > 3)
    return Status::dataLoss("takes two factors and perhaps a bias or an activation");
  HETER_RETURN_IF_ERROR(expectAllTensors(node));
  const TensorType &left = node.inputType(0), &right = node.inputType(1);
  if ((left.packing != Packing::LEFT && left.packing != Packing::LEFT_TRANSPOSED) ||
      (right.packing != Packing::RIGHT && right.packing != Packing::RIGHT_TRANSPOSED))
    return Status::dataLoss("multiplies a left and a right factor");
  HETER_ASSIGN_OR_RETURN(End end, endOf(node));
  HETER_RETURN_IF_ERROR(checkProduct(node, factorsOf(left.shape, left.packing, right.shape, right.packing), end));
  const TileKernels tiles = TileKernels::of(node.kernels);
  return LibraryFunction([tiles, end](const LibraryCall &call) -> Status {
    const TensorView &a = call.inputs[0], &b = call.inputs[1];
    const Factors factors = factorsOf(a.shape.span(), a.packing, b.shape.span(), b.packing);
    PackedProduct product;
    product.rows = factors.rows;
    product.columns = factors.columns;
    product.depth = factors.leftDepth;
    product.left = a.as<const uint16_t>();
    product.right = b.as<const uint16_t>();
    product.bias = end.bias ? call.inputs[2].f32() : nullptr;
    product.mask = end.mask ? call.inputs[2].as<const uint16_t>() : nullptr;
    product.relu = end.relu;
    product.packed = packedOutputs(call);
    product.blocks = call.blocks;
    for (const TensorView &output : call.outputs)
      if (output.packing == Packing::NONE)
        (output.shape.rank == 2 ? product.out : product.sums) = output.as<float>();
    return multiplyPacked(tiles, product, call.workspace.rows, call.scheduler);
  });
}

} // namespace heter::runtime
