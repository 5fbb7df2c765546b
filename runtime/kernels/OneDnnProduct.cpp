// oneDNN's matmul: primitives are made once a shape and thread, and their code once a shape, by oneDNN's own cache. The
// one place where oneDNN's exceptions show up.
#include "runtime/kernels/OneDnnProduct.h"

#include "runtime/base/ParallelFor.h"
#include "runtime/base/ScratchBuffer.h"
#include "runtime/base/Vectors.h"

#include <algorithm>
#include <array>
#include <dnnl.hpp>
#include <map>
#include <string>
#include <unordered_map>

extern "C" void omp_set_num_threads(int);

namespace heter::runtime {
namespace {

using Dims = dnnl::memory::dims;

dnnl::memory::desc matrix(const Product &product, int64_t rows, int64_t columns, bool transposed, int64_t stride) {
  Dims dims = {rows, columns}, strides = transposed ? Dims{1, stride} : Dims{stride, 1};
  if (product.batched) {
    dims.insert(dims.begin(), product.batch);
    strides.insert(strides.begin(), rows * columns);
  }
  return {dims, dnnl::memory::data_type::f32, strides};
}

/// What one thread keeps: its stream, its primitives, and their scratch memory.
class ThreadProducts {
public:
  static ThreadProducts &instance() {
    thread_local ThreadProducts products;
    return products;
  }

  void run(const Product &product, const float *a, const float *b, const float *bias, float *out) {
    Prepared &prepared = prepare(product);
    prepared.a.set_data_handle(const_cast<float *>(a));
    prepared.b.set_data_handle(const_cast<float *>(b));
    prepared.out.set_data_handle(out);
    if (product.bias)
      prepared.bias.set_data_handle(const_cast<float *>(bias));
    if (prepared.scratchBytes > 0)
      prepared.scratch.set_data_handle(scratch_.ensure(prepared.scratchBytes));
    prepared.matmul.execute(stream_, prepared.arguments);
    stream_.wait();
  }

  /// Makes the primitive and drops it; oneDNN's cache keeps its code.
  void generate(const Product &product) { make(product); }

private:
  /// A primitive and its operands, whose addresses are set before each call.
  struct Prepared {
    dnnl::matmul matmul;
    dnnl::memory a, b, out, bias, scratch;
    int64_t scratchBytes = 0;
    std::unordered_map<int, dnnl::memory> arguments;
  };

  ThreadProducts() : engine_(dnnl::engine::kind::cpu, 0) {
    // For this thread only: the scheduler's workers are the parallelism, and one thread gives one result.
    omp_set_num_threads(1);
    stream_ = dnnl::stream(engine_);
  }

  Prepared &prepare(const Product &product) {
    auto found = prepared_.find(product.key());
    if (found != prepared_.end())
      return found->second;
    if (prepared_.size() >= 512)
      prepared_.clear();
    return prepared_.emplace(product.key(), make(product)).first->second;
  }

  Prepared make(const Product &product) const {
    dnnl::memory::desc a = matrix(product, product.m, product.k, product.transposeA, product.strideA),
                       b = matrix(product, product.k, product.n, product.transposeB, product.strideB),
                       out = matrix(product, product.m, product.n, false, product.strideOut), bias;
    if (product.bias)
      bias =
          product.batched
              ? dnnl::memory::desc(Dims{1, 1, product.n}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::abc)
              : dnnl::memory::desc(Dims{1, product.n}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::ab);
    auto desc = product.bias ? dnnl::matmul::desc(a, b, bias, out) : dnnl::matmul::desc(a, b, out);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::matmul::primitive_desc way(desc, attributes, engine_);
    Prepared made;
    made.matmul = dnnl::matmul(way);
    made.a = dnnl::memory(a, engine_, nullptr);
    made.b = dnnl::memory(b, engine_, nullptr);
    made.out = dnnl::memory(out, engine_, nullptr);
    made.arguments = {{DNNL_ARG_SRC, made.a}, {DNNL_ARG_WEIGHTS, made.b}, {DNNL_ARG_DST, made.out}};
    if (product.bias) {
      made.bias = dnnl::memory(bias, engine_, nullptr);
      made.arguments.emplace(DNNL_ARG_BIAS, made.bias);
    }
    made.scratchBytes = static_cast<int64_t>(way.scratchpad_desc().get_size());
    if (made.scratchBytes > 0) {
      made.scratch = dnnl::memory(way.scratchpad_desc(), engine_, nullptr);
      made.arguments.emplace(DNNL_ARG_SCRATCHPAD, made.scratch);
    }
    return made;
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  ScratchBuffer scratch_; ///< What is packed; oneDNN itself would keep half a megabyte a primitive.
  std::map<decltype(Product().key()), Prepared> prepared_;
};

/// How the longer side of a product's result is cut: into pieces of whole cache lines, with enough work in each to be
/// worth a task, and not so narrow or many that packing their common operand anew for each would show.
struct Cut {
  static constexpr int64_t mostPieces = 8;

  explicit Cut(const Product &product) : product(product), byRows(product.m >= product.n) {
    constexpr int64_t workOfPiece = int64_t{1} << 24, narrowest = 256;
    const int64_t length = byRows ? product.m : product.n;
    const int64_t most = std::clamp<int64_t>(length / narrowest, 1, mostPieces);
    const int64_t wanted =
        product.batched ? 1 : std::clamp<int64_t>(product.m * product.n * product.k / workOfPiece, 1, most);
    size = std::min(length, ((length + wanted - 1) / wanted + 63) / 64 * 64);
    pieces = (length + size - 1) / size;
  }

  Product piece(int64_t i) const {
    Product piece = product;
    int64_t &extent = byRows ? piece.m : piece.n;
    extent = std::min(size, extent - i * size);
    return piece;
  }

  const Product &product;
  bool byRows;
  int64_t size = 0, pieces = 0; ///< The last piece may be smaller.
};

Status failed(const std::exception &error) { return Status::internal(std::string("oneDNN: ") + error.what()); }

Status multiplyPiece(const Product &product, const float *a, const float *b, const float *bias, float *out) {
  try {
    ThreadProducts::instance().run(product, a, b, bias, out);
    // While the piece is in a cache nearby.
    for (int64_t i = 0; product.relu && i < product.batch * product.m; ++i)
      reluFloats(out + i * product.strideOut, product.n);
    return {};
  } catch (const std::exception &error) {
    return failed(error);
  }
}

} // namespace

Status multiplyByOneDnn(const Product &product, const float *a, const float *b, const float *bias, float *out,
                        Scheduler *scheduler) {
  const Cut cut(product);
  if (cut.pieces == 1)
    return multiplyPiece(product, a, b, bias, out);
  std::array<Status, Cut::mostPieces> outcomes;
  parallelFor(scheduler, cut.pieces, [&](int64_t i) {
    const int64_t first = i * cut.size;
    const bool byRows = cut.byRows;
    const float *pieceA = byRows ? a + first * (product.transposeA ? 1 : product.strideA) : a;
    const float *pieceB = byRows ? b : b + first * (product.transposeB ? product.strideB : 1);
    const float *pieceBias = byRows || !bias ? bias : bias + first;
    outcomes[static_cast<size_t>(i)] =
        multiplyPiece(cut.piece(i), pieceA, pieceB, pieceBias, out + first * (byRows ? product.strideOut : 1));
  });
  for (const Status &outcome : outcomes)
    HETER_RETURN_IF_ERROR(outcome);
  return {};
}

Status generateOneDnnCode(const Product &product) {
  const Cut cut(product);
  try {
    ThreadProducts::instance().generate(cut.piece(0));
    ThreadProducts::instance().generate(cut.piece(cut.pieces - 1));
    return {};
  } catch (const std::exception &error) {
    return failed(error);
  }
}

} // namespace heter::runtime
