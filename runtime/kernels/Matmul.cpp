// Matrix products: thin ones by loops (ThinProduct.h), others on the matrix tiles of CPUs that have them
// (TileProduct.h), else, or where a side is too short for tiles, through oneDNN (OneDnnProduct.h).
#include "runtime/base/ParallelFor.h"
#include "runtime/kernels/Bf16.h"
#include "runtime/kernels/OneDnnProduct.h"
#include "runtime/kernels/Prepare.h"
#include "runtime/kernels/ThinProduct.h"
#include "runtime/kernels/TileProduct.h"

#include <algorithm>

namespace heter::runtime {

using package::ElementType;
using package::TensorType;

namespace {

/// Whether tiles, whose blocks are 32 x 32 x 32, would not mostly multiply zeros. The extent that may be the number of
/// examples (the rows of a, or its columns where a is transposed, as in a weight's gradient) does not count: an
/// example's results must not depend on how many others are multiplied with it.
bool fillsTiles(const Product &product) {
  constexpr int64_t block = 32;
  return !product.batched && product.n >= block && (product.transposeA ? product.m : product.k) >= block;
}

/// By one of the ways that do all of it.
Status multiplyWhole(const MatrixProduct &product, bool thin, Scheduler *scheduler) {
  try {
    thin ? multiplyThin(product, scheduler) : multiplyTiles(product, scheduler);
    return {};
  } catch (const std::bad_alloc &) {
    return Status::resourceExhausted("no memory for a matrix product");
  }
}

/// Masks a result in memory and sums its columns.
void maskResult(const MatrixProduct &product, Scheduler *scheduler) {
  std::vector<float> partial(product.sums ? static_cast<size_t>(summedBlocks(product.m) * product.n) : 0);
  parallelFor(scheduler, summedBlocks(product.m),
              [&](int64_t block) { maskRows(product, block, product.sums ? partial.data() : nullptr); });
  if (product.sums)
    addPartialSums(product, partial.data());
}

MatrixProduct wholeOf(const Product &product, const float *a, const float *b, const float *bias, float *out) {
  return {product.m,
          product.n,
          product.k,
          a,
          b,
          product.strideA,
          product.strideB,
          product.strideOut,
          product.transposeA,
          product.transposeB,
          bias,
          product.relu,
          out,
          product.mask,
          product.sums};
}

/// How a product is computed whose extents are all above 0.
enum class Way { Thin, Tiles, OneDnn };

Way wayOf(const Product &product) {
  if (!product.batched && isThin(wholeOf(product, nullptr, nullptr, nullptr, nullptr)))
    return Way::Thin;
  return fillsTiles(product) && haveTiles() ? Way::Tiles : Way::OneDnn;
}

Status multiply(const Product &product, const float *a, const float *b, const float *bias, float *out,
                Scheduler *scheduler) {
  if (product.sums && product.m == 0)
    std::fill_n(product.sums, product.n, 0.0F);
  if (product.batch == 0 || product.m == 0 || product.n == 0)
    return {};
  const MatrixProduct whole = wholeOf(product, a, b, bias, out);
  if (product.k == 0) {
    for (int64_t i = 0; i < product.batch * product.m; ++i)
      for (int64_t j = 0; j < product.n; ++j)
        out[i * product.n + j] = product.bias && !(product.relu && bias[j] < 0) ? bias[j] : 0.0f;
  } else {
    const Way way = wayOf(product);
    if (way != Way::OneDnn)
      return multiplyWhole(whole, way == Way::Thin, scheduler);
    HETER_RETURN_IF_ERROR(multiplyByOneDnn(product, a, b, bias, out, scheduler));
  }
  if (product.mask)
    maskResult(whole, scheduler);
  return {};
}

/// A product that ends with nothing, whose result goes to `blocks`: from `memory` where it is not made by tiles.
Status multiplyToBlocks(const Product &product, const float *a, const float *b, std::vector<float> &memory,
                        MatrixBlocks &blocks, Scheduler *scheduler) {
  const MatrixProduct whole = wholeOf(product, a, b, nullptr, nullptr);
  try {
    if (product.m == 0 || product.n == 0 || product.k == 0 || wayOf(product) != Way::Tiles) {
      memory.resize(static_cast<size_t>(product.m * product.n));
      HETER_RETURN_IF_ERROR(multiply(product, a, b, nullptr, memory.data(), scheduler));
      giveRows(memory.data(), product.m, product.n, blocks, scheduler);
      return {};
    }
    multiplyTiles(whole, blocks, scheduler);
    return {};
  } catch (const std::bad_alloc &) {
    return Status::resourceExhausted("no memory for a matrix product");
  }
}

/// How a node's operands become one Product.
enum class Form {
  Shared,   ///< b is one matrix for all rows of a: a's leading extents are rows.
  Contract, ///< Sums over all leading extents of a and b, the batch included: out = a^T b.
  Batched,  ///< A product an example. A vector operand counts as a row (a) or a column (b).
};

int64_t leading(const TensorView &tensor) { return tensor.shape.product(0, tensor.shape.rank - 1); }
int64_t last(const TensorView &tensor) { return tensor.shape[tensor.shape.rank - 1]; }

/// What a node asks for.
struct Options {
  Form form = Form::Shared;
  bool transposeA = false, transposeB = false;
  bool relu = false;   ///< as the activation
  bool masks = false;  ///< where the third operand is not above 0
  bool rounds = false; ///< the operands to bf16
};

Product productOf(const Options &options, const LibraryCall &call) {
  const auto [form, transposeA, transposeB, relu, masks, rounds] = options;
  const TensorView &a = call.inputs[0], &b = call.inputs[1];
  Product product;
  product.bias = call.inputs.size() == 3 && !masks;
  product.transposeA = transposeA;
  product.transposeB = transposeB;
  product.relu = relu;
  if (form == Form::Batched) {
    product.batched = true;
    product.batch = a.shape[0];
    int64_t aRows = a.shape.rank == 3 ? a.shape[1] : 1, aColumns = last(a);
    int64_t bRows = b.shape[1], bColumns = b.shape.rank == 3 ? b.shape[2] : 1;
    product.m = transposeA ? aColumns : aRows;
    product.k = transposeA ? aRows : aColumns;
    product.n = transposeB ? bRows : bColumns;
    product.strideA = aColumns;
    product.strideB = bColumns;
    product.strideOut = product.n;
    return product;
  }
  product.m = transposeA ? last(a) : leading(a);
  product.k = transposeA ? leading(a) : last(a);
  product.n = transposeB ? leading(b) : last(b);
  product.strideA = last(a);
  product.strideB = last(b);
  product.strideOut = product.n;
  return product;
}

StatusOr<Form> formOf(const LibraryNode &node, bool transposeA, bool transposeB) {
  const TensorType &a = node.inputType(0), &b = node.inputType(1), &out = node.outputType(0);
  if (isBatch(a) && isBatch(b) && isBatch(out)) {
    size_t rankA = a.shape.size(), rankB = b.shape.size();
    if (rankA < 2 || rankB < 2 || rankA > 3 || rankB > 3 || (rankA == 2 && transposeA) || (rankB == 2 && transposeB))
      return Status::dataLoss("multiplies a vector or matrix an example with another");
    return Form::Batched;
  }
  if (isBatch(a) && isBatch(b)) {
    if (!transposeA || transposeB || a.shape.size() != b.shape.size() ||
        !std::equal(a.shape.begin(), a.shape.end() - 1, b.shape.begin()))
      return Status::dataLoss("summing over the batch wants transpose_a and equal leading extents");
    return Form::Contract;
  }
  if (isBatch(b) || b.shape.size() != 2 || a.shape.size() < 2 || (transposeA && (isBatch(a) || a.shape.size() != 2)))
    return Status::dataLoss("multiplies rows with one matrix");
  return Form::Shared;
}

/// The product of a call of so many examples; an error if the static extents do not agree.
StatusOr<Product> productFor(const LibraryNode &node, const Options &options, int64_t examples) {
  std::vector<TensorView> operands(node.inputCount() + 1);
  for (size_t i = 0; i < operands.size(); ++i) {
    const TensorType &type = i < node.inputCount() ? node.inputType(i) : node.outputType(0);
    operands[i].shape.rank = static_cast<int>(type.shape.size());
    std::transform(type.shape.begin(), type.shape.end(), operands[i].shape.dims.begin(),
                   [&](int64_t extent) { return extent < 0 ? examples : extent; });
  }
  Workspace workspace;
  std::span<TensorView> all(operands);
  LibraryCall call{all.first(node.inputCount()), all.subspan(node.inputCount()), examples, 0, 0, workspace};
  Product product = productOf(options, call);
  const TensorView &a = operands[0], &b = operands[1], &out = operands.back();
  bool fits = a.shape.elements() == product.batch * product.m * product.k &&
              b.shape.elements() == product.batch * product.k * product.n &&
              out.shape.elements() == product.batch * product.m * product.n &&
              (!product.bias || operands[2].shape.elements() == product.n);
  return fits ? StatusOr<Product>(product) : Status::dataLoss("the operands' extents do not agree");
}

/// What calls of the usual number of examples would make for themselves.
Status generateCode(const Product &product) {
  const bool nothing = product.batch == 0 || product.m == 0 || product.n == 0 || product.k == 0;
  return nothing || wayOf(product) != Way::OneDnn ? Status() : generateOneDnnCode(product);
}

/// `count` numbers rounded to bf16. Products of such numbers are exact in f32, so an f32 product of them is one of bf16
/// operands with sums in f32, on every processor.
const float *roundAll(float *to, const float *from, int64_t count) {
  std::transform(from, from + count, to, [](float number) { return widen(roundToBf16(number)); });
  return to;
}

/// Reads the node's attributes but those that say how the operands lie.
Status readEnd(const LibraryNode &node, Options &options) {
  if (node.node.attributes.contains("precision")) {
    HETER_ASSIGN_OR_RETURN(std::string precision, node.text("precision"));
    if (precision != "bf16")
      return Status::dataLoss("knows no precision `" + precision + "`, only `bf16`");
    options.rounds = true;
  }
  if (node.node.attributes.contains("activation")) {
    HETER_ASSIGN_OR_RETURN(std::string activation, node.text("activation"));
    options.relu = activation == "relu";
    options.masks = activation == "relu_grad";
    if (!options.relu && !options.masks)
      return Status::dataLoss("knows no activation `" + activation + "`, only `relu` and `relu_grad`");
  }
  return {};
}

/// Whether a masking product gets the activation, and its results are the matrix and perhaps the sums of its columns.
Status checkMask(const LibraryNode &node, const Options &options) {
  const TensorType &out = node.outputType(0);
  if (options.form == Form::Batched || out.shape.size() != 2)
    return Status::dataLoss("masks matrices only");
  if (node.inputCount() != 3 || !(node.inputType(2) == out))
    return Status::dataLoss("wants the activation, of the result's type, for `relu_grad`");
  if (node.node.outputs.size() < 2)
    return {};
  HETER_RETURN_IF_ERROR(node.expectElement(node.output(1), ElementType::F32));
  return node.outputType(1).shape == std::vector<int64_t>{out.shape[1]}
             ? Status()
             : Status::dataLoss("output `" + node.output(1).name + "` does not fit the result");
}

} // namespace

StatusOr<LibraryFunction> prepareMatmul(const LibraryNode &node) {
  Options options;
  HETER_RETURN_IF_ERROR(readEnd(node, options));
  HETER_RETURN_IF_ERROR(
      node.expectTensors(node.inputCount() == 3 ? 3 : 2, options.masks && node.node.outputs.size() == 2 ? 2 : 1));
  for (size_t i = 0; i < node.inputCount(); ++i)
    HETER_RETURN_IF_ERROR(node.expectElement(node.input(i), ElementType::F32));
  HETER_RETURN_IF_ERROR(node.expectElement(node.output(0), ElementType::F32));
  options.transposeA = node.flag("transpose_a");
  options.transposeB = node.flag("transpose_b");
  HETER_ASSIGN_OR_RETURN(options.form, formOf(node, options.transposeA, options.transposeB));
  constexpr int64_t anyCount = 1009; // of examples; no other extent is likely to be the same by chance
  HETER_RETURN_IF_ERROR(productFor(node, options, anyCount).status());
  if (options.masks)
    HETER_RETURN_IF_ERROR(checkMask(node, options));
  if (node.examples > 0) {
    HETER_ASSIGN_OR_RETURN(const Product usual, productFor(node, options, node.examples));
    HETER_RETURN_IF_ERROR(generateCode(usual));
  }
  return LibraryFunction([options](const LibraryCall &call) -> Status {
    Product product = productOf(options, call);
    if (options.masks) {
      product.mask = call.inputs[2].f32();
      product.sums = call.outputs.size() == 2 ? call.outputs[1].as<float>() : nullptr;
    }
    const float *a = call.inputs[0].f32(), *b = call.inputs[1].f32();
    if (options.rounds) {
      const int64_t countA = call.inputs[0].shape.elements(), countB = call.inputs[1].shape.elements();
      call.workspace.rows.resize(static_cast<size_t>(countA + countB));
      a = roundAll(call.workspace.rows.data(), a, countA);
      b = roundAll(call.workspace.rows.data() + countA, b, countB);
    }
    float *out = call.outputs[0].as<float>();
    if (call.blocks)
      return multiplyToBlocks(product, a, b, call.workspace.result, *call.blocks, call.scheduler);
    return multiply(product, a, b, product.bias ? call.inputs[2].f32() : nullptr, out, call.scheduler);
  });
}

Status multiplyMatrices(const float *a, const float *b, float *out, int64_t m, int64_t n, int64_t k,
                        Scheduler *scheduler) {
  Product product;
  product.m = m;
  product.n = product.strideB = product.strideOut = n;
  product.k = product.strideA = k;
  return multiply(product, a, b, nullptr, out, scheduler);
}

} // namespace heter::runtime
