// The tiny model in every mode, and with graphs of regions, of lookups that share keys, of packed products and of
// an update inside a product.
#include "tests/fuzz/PackageSeeds.h"

#include "tests/runtime/role/TinyGraphs.h"
#include "tests/runtime/role/TinyModel.h"

namespace heter::fuzz {

using namespace runtime;
using namespace runtime::test;

namespace {

/// y = 0 < n ? x : x, then twice the same while i < n.
package::Graph nestedGraph() {
  GraphBuilder same, condition, body, b;
  same.graph.results = {same.argument("x", f32({-1}))};
  int ci = condition.argument("i", f32({}));
  condition.argument("v", f32({-1}));
  int cn = condition.argument("n", f32({})), less = condition.placed("less", boolean());
  condition.kernel("less", {ci, cn}, {less});
  condition.graph.results = {less};
  int bi = body.argument("i", f32({})), bv = body.argument("v", f32({-1})), bn = body.argument("n", f32({})),
      next = body.placed("next", f32({})), twice = body.placed("twice", f32({-1}));
  body.kernel("add", {bi, bn}, {next});
  body.kernel("double", {bv}, {twice});
  body.graph.results = {next, twice};

  int x = b.placed("x", f32({-1})), n = b.placed("n", f32({})), yes = b.placed("yes", boolean()),
      y = b.placed("y", f32({-1})), i = b.placed("i", f32({})), z = b.placed("z", f32({-1}));
  b.input("x", x);
  b.kernel("count", {x}, {n});
  b.kernel("less", {n, n}, {yes});
  int choose = b.node(NodeKind::IF, "choose", "", {yes, x}, {y});
  b.graph.nodes[choose].regions = std::vector<package::Graph>{same.graph, same.graph};
  int loop = b.node(NodeKind::WHILE, "loop", "", {n, y, n}, {i, z}, {{"limit", integer(8)}});
  b.graph.nodes[loop].regions = std::vector<package::Graph>{condition.graph, body.graph};
  b.predict("z", z);
  return b.graph;
}

/// One search for the keys of a tensor and a ragged list, one pull, a lookup of both, and the sum of their gradients.
package::Graph sharedGraph() {
  GraphBuilder b;
  const auto rows = [&](const std::string &name, int64_t dim) { return b.bound(name, f32({dim}), ValueKind::ROWS); };
  const int slots = b.placed("slots", i64({-1, slotCount})), recent = b.bound("recent", i64({}), ValueKind::RAGGED);
  b.input("slots", slots);
  b.input("recent", recent);
  const int some = rows("some", 0), all = rows("all", 0), slotPlaces = b.placed("slot places", i64({-1, slotCount})),
            recentPlaces = b.bound("recent places", i64({}), ValueKind::RAGGED), pulled = rows("pulled", rowDim),
            both = b.placed("both", f32({-1, 2 * rowDim})), sum = rows("sum", rowDim), part = rows("part", rowDim);
  const Attributes emb = {{"table", text("emb")}, {"part", text("")}};
  b.library("unique_keys", {slots, recent}, {some, all, slotPlaces, recentPlaces});
  b.node(NodeKind::PULL_ROWS, "emb", "", {all}, {pulled}, emb);
  b.library("lookup", {pulled, slotPlaces, pulled, recentPlaces}, {both}, {{"pools", text("sum mean")}});
  b.library("lookup_grad", {some, slotPlaces, both}, {part},
            {{"pools", text("sum")}, {"dim", integer(rowDim)}, {"begins", integers({rowDim})}});
  b.library("lookup_grad", {all, slotPlaces, both, recentPlaces, both}, {sum},
            {{"pools", text("sum mean")}, {"dim", integer(rowDim)}, {"begins", integers({0, rowDim})}});
  b.node(NodeKind::PUSH_ROWS, "emb", "", {sum}, {}, emb);
  return b.graph;
}

/// A matrix of bf16 with memory of its own in the frame. Extents are multiples of 32.
int packed(GraphBuilder &b, const std::string &name, std::vector<int64_t> shape, package::Packing::type packing) {
  const int made = b.placed(name, f32(std::move(shape)));
  package::TensorType &type = b.graph.values[static_cast<size_t>(made)].type;
  type.element = ElementType::BF16;
  type.packing = packing;
  b.graph.values[static_cast<size_t>(made)].bytes /= 2;
  return made;
}

/// relu(x a + bias) in f32, packed and summed, then its gradient by b.
package::Graph packedGraph() {
  using package::Packing;
  constexpr int64_t width = 32;
  GraphBuilder b;
  const int x = b.placed("x", f32({-1, width})), a = b.placed("a", f32({width, width})),
            bias = b.placed("bias", f32({width})), left = packed(b, "left", {-1, width}, Packing::LEFT),
            right = packed(b, "right", {width, width}, Packing::RIGHT),
            transposed = packed(b, "transposed", {width, width}, Packing::RIGHT_TRANSPOSED),
            h = b.placed("h", f32({-1, width})), active = packed(b, "active", {-1, width}, Packing::LEFT),
            turned = packed(b, "turned", {-1, width}, Packing::LEFT_TRANSPOSED), sums = b.placed("sums", f32({width})),
            down = packed(b, "down", {-1, width}, Packing::LEFT),
            factor = packed(b, "factor", {-1, width}, Packing::RIGHT),
            weights = b.placed("weights", f32({width, width}));
  b.kernel("make", {}, {x, a, bias});
  b.library("pack", {x}, {left, factor});
  b.library("pack", {a}, {right, transposed});
  b.library("product", {left, right, bias}, {h, active, turned, sums}, {{"activation", text("relu")}});
  b.library("product", {left, transposed, active}, {down}, {{"activation", text("relu_grad")}});
  b.library("product", {turned, factor}, {weights});
  b.predict("h", h);
  return b.graph;
}

/// x w, and the gradient of w, which the product that makes it may update.
package::Graph updatedGraph() {
  GraphBuilder b;
  const int x = b.placed("x", f32({-1, denseSize})), w = b.bound("w", f32({denseSize, 1})),
            y = b.placed("y", f32({-1, 1})), gradient = b.placed("gradient", f32({denseSize, 1}));
  b.kernel("make", {}, {x});
  const int pull = b.node(NodeKind::PULL_DENSE, "w", "", {}, {w}, {{"parameter", text("w")}}),
            multiply = b.library("matmul", {x, w}, {y});
  b.library("matmul", {x, y}, {gradient}, {{"transpose_a", flag(true)}});
  b.node(NodeKind::PUSH_DENSE, "w", "", {gradient}, {},
         {{"parameter", text("w")}, {"update_after", integers({pull, multiply})}});
  return b.graph;
}

package::Input inputOf(const std::string &name, ValueKind::type kind, package::TensorType type) {
  package::Input input;
  input.name = name;
  input.kind = kind;
  input.type = std::move(type);
  return input;
}

Sample tiny(const char *mode) {
  Package package = tinyPackage(mode);
  return {std::move(package.info), std::move(package.programs)};
}

} // namespace

std::vector<std::pair<std::string, Sample>> validPackages() {
  std::vector<std::pair<std::string, Sample>> result;
  for (const char *mode : {"local", "ps", "heter-ps"})
    result.emplace_back(mode, tiny(mode));
  result.emplace_back("sample", samplePackage());
  Sample nested = tiny("local");
  nested.info.inputs.push_back(inputOf("x", ValueKind::TENSOR, f32({})));
  nested.info.data.clear();
  nested.programs[0].infer = nestedGraph();
  result.emplace_back("nested", std::move(nested));
  Sample shared = tiny("local");
  shared.info.inputs.push_back(inputOf("recent", ValueKind::RAGGED, i64({})));
  shared.info.data.clear();
  shared.programs[0].train = sharedGraph();
  result.emplace_back("shared", std::move(shared));
  Sample products = tiny("local");
  products.programs[0].infer = packedGraph();
  result.emplace_back("packed", std::move(products));
  Sample updated = tiny("local");
  updated.info.parameters[0].shape = {denseSize, 1};
  updated.programs[0].train = updatedGraph();
  updated.programs[0].infer = updated.programs[0].predict = package::Graph();
  result.emplace_back("updated", std::move(updated));
  return result;
}

} // namespace heter::fuzz
