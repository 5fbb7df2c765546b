// oneDNN with packed operands, a piece of the rows a thread; and our kernels.
#include "bench/bound/Products.h"

#include "runtime/base/ParallelFor.h"
#include "runtime/kernels/Bf16.h"
#include "runtime/kernels/ThinProduct.h"
#include "runtime/kernels/TileProduct.h"

#include <algorithm>
#include <dnnl.hpp>
#include <omp.h>
#include <stdexcept>
#include <vector>

namespace heter::bench {

using namespace heter::runtime;

namespace {

constexpr float element = 0.01F;

class DnnlProduct final : public BoundProduct {
public:
  DnnlProduct(const ProductKind &kind, const Extents &extents, bool wide) : kind_(kind) {
    const int64_t pieces = std::min<int64_t>(kind.threads, extents.rows);
    for (int64_t i = 0; i < pieces; ++i)
      pieces_.push_back(makePiece(
          {extents.rows * (i + 1) / pieces - extents.rows * i / pieces, extents.columns, extents.depth}, wide));
  }

  void run() override {
    parallelFor(kind_.scheduler, static_cast<int64_t>(pieces_.size()), [&](int64_t i) {
      omp_set_num_threads(1); // of the thread that this runs on
      thread_local dnnl::stream stream(engine());
      pieces_[static_cast<size_t>(i)].matmul.execute(stream, pieces_[static_cast<size_t>(i)].arguments);
      stream.wait();
    });
  }
  std::string name() const override { return "oneDNN"; }

private:
  struct Piece {
    dnnl::matmul matmul;
    std::unordered_map<int, dnnl::memory> arguments;
  };

  static const dnnl::engine &engine() {
    static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
    return cpu;
  }

  dnnl::memory filled(const dnnl::memory::desc &desc) {
    dnnl::memory memory(desc, engine());
    const size_t bytes = desc.get_size();
    if (desc.data_type() == dnnl::memory::data_type::f32)
      std::fill_n(static_cast<float *>(memory.get_data_handle()), bytes / sizeof(float), element);
    else
      std::fill_n(static_cast<uint16_t *>(memory.get_data_handle()), bytes / sizeof(uint16_t), roundToBf16(element));
    return memory;
  }

  Piece makePiece(const Extents &extents, bool wide) {
    using Memory = dnnl::memory;
    omp_set_num_threads(1);
    const auto number = kind_.bf16 ? Memory::data_type::bf16 : Memory::data_type::f32;
    const auto any = Memory::format_tag::any;
    const Memory::desc left({extents.rows, extents.depth}, number, any),
        right({extents.depth, extents.columns}, number, any),
        out({extents.rows, extents.columns}, wide ? Memory::data_type::f32 : number, any);
    const dnnl::matmul::primitive_desc how(dnnl::matmul::desc(left, right, out), engine());
    // Pieces of equal extents read the same right operand.
    const bool shares =
        !pieces_.empty() && pieces_.front().arguments.at(DNNL_ARG_WEIGHTS).get_desc() == how.weights_desc();
    Memory weights = shares ? pieces_.front().arguments.at(DNNL_ARG_WEIGHTS) : filled(how.weights_desc());
    return {
        dnnl::matmul(how),
        {{DNNL_ARG_SRC, filled(how.src_desc())}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, filled(how.dst_desc())}}};
  }

  const ProductKind kind_;
  std::vector<Piece> pieces_;
};

/// f32 on operands as they lie.
class PlainProduct : public BoundProduct {
public:
  PlainProduct(const ProductKind &kind, const Extents &extents)
      : kind_(kind), left_(extents.rows * extents.depth, element), right_(extents.depth * extents.columns, element),
        out_(extents.rows * extents.columns) {
    product_.m = extents.rows;
    product_.n = product_.strideB = product_.strideOut = extents.columns;
    product_.k = product_.strideA = extents.depth;
    product_.a = left_.data();
    product_.b = right_.data();
    product_.out = out_.data();
  }

protected:
  const ProductKind kind_;
  std::vector<float> left_, right_, out_;
  MatrixProduct product_;
};

/// f32 on tiles, which splits and packs its operands as it goes.
class TilesProduct final : public PlainProduct {
public:
  using PlainProduct::PlainProduct;
  void run() override { multiplyTiles(product_, &kind_.scheduler); }
  std::string name() const override { return "ours, packing"; }
};

class ThinBoundProduct final : public PlainProduct {
public:
  using PlainProduct::PlainProduct;
  bool fits() const override { return isThin(product_); }
  void run() override { multiplyThin(product_, &kind_.scheduler); }
  std::string name() const override { return "ours, thin"; }
};

/// By the package's kernels, all packed beforehand.
class PackedBoundProduct final : public BoundProduct {
public:
  PackedBoundProduct(const ProductKind &kind, const Extents &extents, bool wide) : kind_(kind) {
    const auto packed = [](int64_t rows, int64_t columns) {
      return std::vector<uint16_t>(static_cast<size_t>(roundToPacked(rows) * roundToPacked(columns)),
                                   roundToBf16(element));
    };
    left_ = packed(extents.rows, extents.depth);
    right_ = packed(extents.depth, extents.columns);
    product_ = {extents.rows, extents.columns, extents.depth, left_.data(), right_.data()};
    if (wide) {
      wide_.resize(static_cast<size_t>(extents.rows * extents.columns));
      product_.out = wide_.data();
    } else {
      out_ = packed(extents.rows, extents.columns);
      product_.packed[package::Packing::LEFT] = out_.data();
    }
  }
  void run() override {
    if (Status status = multiplyPacked(kind_.tiles, product_, scratch_, &kind_.scheduler); !status.ok())
      throw std::runtime_error(status.message());
  }
  std::string name() const override { return "ours"; }

private:
  const ProductKind kind_;
  std::vector<uint16_t> left_, right_, out_;
  std::vector<float> wide_, scratch_;
  PackedProduct product_;
};

} // namespace

std::vector<std::unique_ptr<BoundProduct>> waysOf(const ProductKind &kind, const Extents &extents, bool wide) {
  std::vector<std::unique_ptr<BoundProduct>> all;
  all.push_back(std::make_unique<DnnlProduct>(kind, extents, wide));
  if (kind.bf16 && kind.tiles.product)
    all.push_back(std::make_unique<PackedBoundProduct>(kind, extents, wide));
  if (!kind.bf16 && kind.tiles.product) // Six products of parts, as runtime/kernels/TileProduct.h says, side by side.
    all.push_back(
        std::make_unique<PackedBoundProduct>(kind, Extents{extents.rows, extents.columns, 6 * extents.depth}, true));
  if (!kind.bf16 && haveTiles())
    all.push_back(std::make_unique<TilesProduct>(kind, extents));
  if (!kind.bf16)
    all.push_back(std::make_unique<ThinBoundProduct>(kind, extents));
  std::erase_if(all, [](const auto &product) { return !product->fits(); });
  return all;
}

} // namespace heter::bench
