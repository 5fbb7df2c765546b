// Every check of marks of updates inside products, each with one edit that it must find.
#include "SamplePackage.h"

#include "runtime/package/VerifyGraph.h"

#include <functional>
#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

/// y = x w, an if that pulls w, too, and x^T y as the gradient of w, which is updated after nodes 1, 2 and 3.
struct Marked : GraphBuilder {
  int x, w, y, gradient, push;

  Marked() {
    x = bound("x", f32({-1, 4}));
    w = bound("w", f32({4, 4}));
    y = bound("y", f32({-1, 4}));
    gradient = bound("gradient", f32({4, 4}));
    input("x", x);
    pull(*this, w);
    library("matmul", {x, w}, {y});
    GraphBuilder region;
    pull(region, region.bound("w", f32({4, 4})));
    const int yes = bound("yes", boolean());
    node(NodeKind::IF, "if", "", {yes}, {});
    graph.nodes[3].regions = std::vector<package::Graph>{region.graph, package::Graph()};
    library("matmul", {x, y}, {gradient}, {{"transpose_a", flag(true)}});
    push = node(NodeKind::PUSH_DENSE, "push w", "", {gradient}, {},
                {{"parameter", text("w")}, {"update_after", integers({1, 2, 3})}});
  }

  static void pull(GraphBuilder &to, int value) {
    to.node(NodeKind::PULL_DENSE, "pull w", "", {}, {value}, {{"parameter", text("w")}});
  }
  package::Node &at(int node) { return graph.nodes[static_cast<size_t>(node)]; }
  void mark(std::vector<int64_t> after) { at(push).attributes["update_after"] = integers(std::move(after)); }
};

std::string errorOf(const std::function<void(Marked &)> &edit) {
  Marked marked;
  edit(marked);
  return std::string(verifyUpdates(marked.graph).message());
}

TEST(VerifyUpdates, AcceptsWhatWaitsForAllReaders) {
  EXPECT_EQ(errorOf([](Marked &) {}), "");
  EXPECT_EQ(errorOf([](Marked &m) { m.at(m.push).attributes.erase("update_after"); }), "") << "nothing is marked";
  EXPECT_EQ(errorOf([](Marked &m) { m.at(4).callee = "product"; }), "");
  const std::vector<UpdatingProduct> found = updatingProducts(Marked().graph);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].node, 4);
  EXPECT_EQ(found[0].push, 5);
  EXPECT_THAT(found[0].after, ElementsAre(1, 2, 3));
}

TEST(VerifyUpdates, NeedNoPlaceForWhatIsHandedOver) {
  Marked m;
  m.at(2).outputs[0] = m.placed("h", f32({16, 4}));
  const int gradient = m.at(4).outputs[0] = m.at(m.push).inputs[0] = m.placed("g", f32({4, 4}));
  m.placed("unused", f32({-1, 4}));
  EXPECT_EQ(m.graph.segments[0].bytes, 320);
  const package::Graph updating = whereProductsUpdate(m.graph);
  EXPECT_EQ(updating.segments[0].bytes, 256);
  EXPECT_EQ(updating.segments[1].bytes, 16);
  EXPECT_EQ(updating.values[static_cast<size_t>(gradient)].segment, -1);
  EXPECT_THAT(printGraph(m.graph),
              HasSubstr("segment 0 host: 320 bytes, 1.25 times what is alive at once at most\n"
                        "  where products update parameters: 256 bytes, 1.00 times what is alive at once at most\n"
                        "segment 1 "));
  m.at(m.push).attributes.erase("update_after");
  EXPECT_EQ(whereProductsUpdate(m.graph), m.graph);
  EXPECT_THAT(printGraph(m.graph), ::testing::Not(HasSubstr("where products update")));
}

TEST(VerifyUpdates, FindsWhatMayNotBeMarked) {
  EXPECT_THAT(errorOf([](Marked &m) { m.at(2).attributes["update_after"] = integers({}); }),
              HasSubstr("node 2 `matmul`: `update_after` is for push_dense alone, and not in regions"));
  EXPECT_THAT(errorOf([](Marked &m) {
                package::Graph &region = m.at(3).regions[0];
                region.nodes.push_back(m.at(m.push));
                region.nodes.back().attributes["parameter"] = text("v");
              }),
              HasSubstr("node 3 `if`: `update_after` is for push_dense alone, and not in regions"));
  EXPECT_THAT(errorOf([](Marked &m) { m.at(m.push).attributes["update_after"] = integer(1); }),
              HasSubstr("node 5 `push w`: `update_after` wants numbers of nodes"));
  EXPECT_THAT(
      errorOf([](Marked &m) { m.node(NodeKind::PUSH_DENSE, "again", "", {m.y}, {}, {{"parameter", text("w")}}); }),
      HasSubstr("its parameter is pushed more than once"));
  EXPECT_THAT(errorOf([](Marked &m) {
                package::Node push = m.at(m.push);
                push.attributes.erase("update_after");
                m.at(3).regions[0].nodes.push_back(push);
              }),
              HasSubstr("its parameter is pushed more than once"));
}

TEST(VerifyUpdates, FindsGradientsThatNoProductGives) {
  const char *none = "no product that can give blocks makes `gradient`";
  EXPECT_THAT(errorOf([](Marked &m) { m.at(4).callee = "concat"; }), HasSubstr(none));
  EXPECT_THAT(errorOf([](Marked &m) { m.at(4).kind = NodeKind::KERNEL; }), HasSubstr(none));
  EXPECT_THAT(errorOf([](Marked &m) { m.at(4).inputs.push_back(m.bound("bias", f32({4}))); }), HasSubstr(none));
  EXPECT_THAT(errorOf([](Marked &m) {
                package::TensorType &type = m.graph.values[static_cast<size_t>(m.gradient)].type;
                type.element = ElementType::BF16;
                type.packing = package::Packing::RIGHT;
              }),
              HasSubstr(none));
  EXPECT_THAT(errorOf([](Marked &m) { m.at(4).attributes["activation"] = text("relu"); }), HasSubstr(none));
  EXPECT_THAT(errorOf([](Marked &m) { m.at(4).outputs.push_back(m.bound("more", f32({4}))); }), HasSubstr(none));
  EXPECT_THAT(errorOf([](Marked &m) { m.graph.values[static_cast<size_t>(m.gradient)].type.shape[0] = -1; }),
              HasSubstr(none));
  EXPECT_THAT(errorOf([](Marked &m) { m.graph.values[static_cast<size_t>(m.gradient)].space = Space::DEVICE; }),
              HasSubstr(none));
  const auto ofType = [](const package::TensorType &type) {
    return errorOf([&](Marked &m) { m.graph.values[static_cast<size_t>(m.gradient)].type = type; });
  };
  package::TensorType other = f32({4, 4});
  EXPECT_EQ(ofType(other), "");
  other.packing = package::Packing::LEFT;
  EXPECT_THAT(ofType(other), HasSubstr(none));
  other = f32({4, 4});
  other.element = package::ElementType::BF16;
  EXPECT_THAT(ofType(other), HasSubstr(none));
  EXPECT_THAT(ofType(f32({4, 4, 1})), HasSubstr(none));
  EXPECT_THAT(errorOf([](Marked &m) { m.at(4).outputs[0] = m.bound("else", f32({4, 4})); }), HasSubstr(none))
      << "nobody makes it";
  EXPECT_THAT(errorOf([](Marked &m) { m.kernel("norm", {m.gradient}, {m.bound("norm", f32({}))}); }),
              HasSubstr("others read `gradient`, too"));
  EXPECT_THAT(errorOf([](Marked &m) { m.graph.results = {m.gradient}; }), HasSubstr("others read `gradient`, too"));
}

TEST(VerifyUpdates, FindsReadersThatComeTooLateOrKeepWhatTheyRead) {
  EXPECT_THAT(errorOf([](Marked &m) { m.mark({1, 2, 3, 4}); }),
              HasSubstr("is updated after node 4, which does not come before the product, node 4 `matmul`"));
  EXPECT_THAT(errorOf([](Marked &m) { m.mark({-1, 1, 2, 3}); }), HasSubstr("is updated after node -1, which does not"));
  EXPECT_THAT(errorOf([](Marked &m) { m.mark({0, 1, 2, 3}); }),
              HasSubstr("is updated after node 0 `x`, which does not read the parameter"));
  EXPECT_THAT(errorOf([](Marked &m) { m.mark({2, 3}); }),
              HasSubstr("is updated without waiting for node 1 `pull w`, which reads the parameter"));
  EXPECT_THAT(errorOf([](Marked &m) { m.mark({1, 3}); }), HasSubstr("without waiting for node 2 `matmul`"));
  EXPECT_THAT(errorOf([](Marked &m) { m.mark({1, 2}); }), HasSubstr("without waiting for node 3 `if`"));
  EXPECT_THAT(errorOf([](Marked &m) { m.kernel("late", {m.w}, {m.bound("late", f32({}))}); }),
              HasSubstr("without waiting for node 6 `late 6`, which reads the parameter"));
  EXPECT_THAT(errorOf([](Marked &m) {
                m.at(2).kind = NodeKind::PUSH_DENSE;
                m.at(2).attributes["parameter"] = text("v");
              }),
              HasSubstr("node 2 `matmul` keeps the parameter's values"));
  for (const NodeKind::type kind : {NodeKind::SEND, NodeKind::PUSH_ROWS})
    EXPECT_THAT(errorOf([&](Marked &m) { m.at(2).kind = kind; }), HasSubstr("node 2 `matmul` keeps the"));
  EXPECT_THAT(errorOf([](Marked &m) {
                package::Node keeps = m.at(m.push);
                keeps.attributes = {{"parameter", text("v")}};
                m.at(3).regions[1].nodes.push_back(keeps);
              }),
              HasSubstr("node 3 `if` keeps the parameter's values"));
}

TEST(VerifyUpdates, AreOfLocalPackagesAndOfWhatIsVerified) {
  Sample sample = samplePackage();
  sample.info.mode = "ps";
  package::Graph &graph = sample.programs[1].train;
  graph = Marked().graph;
  graph.nodes.erase(graph.nodes.begin() + 3); // the if, whose condition nobody makes
  graph.nodes[4].attributes["update_after"] = integers({1, 2});
  graph.nodes[0] = package::Node(heterGraph().nodes[0]); // x comes over a channel
  EXPECT_THAT(std::string(verifyPackage(sample.info, sample.programs).message()),
              HasSubstr("updates parameters in products, which programs of mode local alone may"));
  graph.nodes[4].attributes["update_after"] = integers({1});
  EXPECT_THAT(std::string(verifyPackage(sample.info, sample.programs).message()),
              HasSubstr("without waiting for node 2 `matmul`"));
}

} // namespace
