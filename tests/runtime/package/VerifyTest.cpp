// Every check of the verifier, each with one edit that it must find.
#include "SamplePackage.h"

#include "runtime/package/VerifyGraph.h"

#include <functional>
#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::HasSubstr;

namespace {

struct Edit {
  const char *message;
  std::function<void(Sample &)> edit;
};

package::Graph &trainer(Sample &s) { return s.programs[0].train; }
package::Graph &heter(Sample &s) { return s.programs[1].train; }

package::Rule rule(const std::string &kind, std::map<std::string, double> numbers,
                   std::map<std::string, std::string> texts = {}) {
  package::Rule made;
  made.kind = kind;
  made.numbers = std::move(numbers);
  made.texts = std::move(texts);
  return made;
}
void addRule(Sample &s, package::Rule made) { s.info.tables[0].policy.push_back(std::move(made)); }
/// The sample's only part counts, being the first.
void countClicks(Sample &s) {
  s.info.inputs.push_back(s.info.inputs[0]);
  s.info.inputs[1].name = "click";
  s.info.inputs[1].label = true;
  addRule(s, rule("show_click", {{"show", 0.1}, {"click", 1}, {"decay", 1}}, {{"clicks", "click"}}));
}

const Edit edits[] = {
    // Rules
    {"table `emb`: rule `luck` is unknown", [](Sample &s) { addRule(s, rule("luck", {})); }},
    {"table `emb`: rule `unseen` has no number `periods`", [](Sample &s) { addRule(s, rule("unseen", {})); }},
    {"table `emb`: rule `period` has no number `steps` or `seconds`, or both",
     [](Sample &s) { addRule(s, rule("period", {{"steps", 1}, {"seconds", 1}})); }},
    {"table `emb`: rule `ssd` is there twice",
     [](Sample &s) {
       addRule(s, rule("ssd", {}));
       addRule(s, rule("ssd", {}));
     }},
    {"table `emb`: rule `show_click` names no label that counts clicks",
     [](Sample &s) { addRule(s, rule("show_click", {{"show", 0.1}, {"click", 1}, {"decay", 1}}, {{"clicks", "slots"}})); }},
    {"table part `emb.` counts shows and clicks, which its push lacks", countClicks},
    {"table part `emb.` counts no shows and clicks",
     [](Sample &s) { trainer(s).nodes[9].inputs.push_back(trainer(s).nodes[9].inputs[0]); }},
    // Across the package
    {"mode `magic` is none of", [](Sample &s) { s.info.mode = "magic"; }},
    {"role `server` is listed twice", [](Sample &s) { s.info.roles.push_back("server"); }},
    {"role `server` has no program", [](Sample &s) { s.programs.pop_back(); }},
    {"program of role `extra` is one too many", [](Sample &s) { s.programs[2].role = "extra"; }},
    {"names no device class", [](Sample &s) { s.programs[2].deviceClass = ""; }},
    {"input `slots` has no name or is declared twice", [](Sample &s) { s.info.inputs.push_back(s.info.inputs[0]); }},
    {"input `slots`: extent 0", [](Sample &s) { s.info.inputs[0].type.shape = {0}; }},
    {"input `slots`: is of bf16 without a packing",
     [](Sample &s) { s.info.inputs[0].type.element = package::ElementType::BF16; }},
    {"input `slots`: packing 9 is unknown",
     [](Sample &s) { s.info.inputs[0].type.packing = static_cast<package::Packing::type>(9); }},
    {"input `slots`: is packed and has 1 dimensions",
     [](Sample &s) {
       s.info.inputs[0].type.element = package::ElementType::BF16;
       s.info.inputs[0].type.packing = package::Packing::LEFT;
       s.info.inputs[0].type.shape = {4};
     }},
    {"input `slots` is packed",
     [](Sample &s) {
       s.info.inputs[0].type.element = package::ElementType::BF16;
       s.info.inputs[0].type.packing = package::Packing::LEFT;
       s.info.inputs[0].type.shape = {4, 4};
     }},
    {"carries a packed value",
     [](Sample &s) {
       package::TensorType &type = s.info.trainChannels[0].values[0].type;
       type.element = package::ElementType::BF16;
       type.packing = package::Packing::RIGHT;
       type.shape = {4, 4};
     }},
    {"takes or gives a packed value",
     [](Sample &s) {
       package::TensorType &type = trainer(s).values[trainer(s).nodes[0].outputs[0]].type;
       type.element = package::ElementType::BF16;
       type.packing = package::Packing::RIGHT;
       type.shape = {4, 4};
     }},
    {"input `slots` is neither", [](Sample &s) { s.info.inputs[0].kind = ValueKind::ROWS; }},
    {"table `emb` is declared twice", [](Sample &s) { s.info.tables.push_back(s.info.tables[0]); }},
    {"table `emb` has no name or no part", [](Sample &s) { s.info.tables[0].parts.clear(); }},
    {"table `emb` has dim 0", [](Sample &s) { s.info.tables[0].parts[0].dim = 0; }},
    {"initial value `magic`", [](Sample &s) { s.info.tables[0].parts[0].init.kind = "magic"; }},
    {"no name or no kernel", [](Sample &s) { s.info.parameters[0].optimizer.callee = ""; }},
    {"slots or scalars without", [](Sample &s) { s.info.parameters[0].optimizer.slots = {"sum"}; }},
    {"no slot `average`", [](Sample &s) { s.info.parameters[0].optimizer.averaged = "average"; }},
    {"parameter `w`: extent -1", [](Sample &s) { s.info.parameters[0].shape = {-1, 4}; }},
    {"channel `c0` has no name or is declared twice",
     [](Sample &s) { s.info.trainChannels.push_back(s.info.trainChannels[0]); }},
    {"ends at `nobody`", [](Sample &s) { s.info.trainChannels[0].receiver = "nobody"; }},
    {"equal ends", [](Sample &s) { s.info.trainChannels[0].receiver = "cpu-trainer"; }},
    {"value of unknown kind", [](Sample &s) { s.info.trainChannels[0].values[0].kind = ValueKind::type(9); }},
    {"binds `nothing`",
     [](Sample &s) {
       s.info.data.emplace_back();
       s.info.data[0].bindings.emplace_back();
       s.info.data[0].bindings[0].input = "nothing";
     }},
    // Names in graphs
    {"`click` is no input", [](Sample &s) { trainer(s).nodes[0].attributes["input"] = text("click"); }},
    {"but input `slots` is i64[?, 3]", [](Sample &s) { s.info.inputs[0].type = i64({3}); }},
    {"`cell.` is no table", [](Sample &s) { trainer(s).nodes[2].attributes["table"] = text("cell"); }},
    {"the table's dim is 3", [](Sample &s) { s.info.tables[0].parts[0].dim = 3; }},
    {"`b` is no parameter", [](Sample &s) { heter(s).nodes[1].attributes["parameter"] = text("b"); }},
    {"but parameter `w` is f32[2, 8]", [](Sample &s) { s.info.parameters[0].shape = {2, 8}; }},
    {"`c9` is no channel", [](Sample &s) { trainer(s).nodes[5].attributes["channel"] = text("c9"); }},
    {"not through this role", [](Sample &s) { trainer(s).nodes[5].attributes["channel"] = text("c1"); }},
    {"carries 1 values, the node has 0", [](Sample &s) { trainer(s).nodes[5].inputs.clear(); }},
    {"value 0 of channel `c0` is f32[?, 5]",
     [](Sample &s) { s.info.trainChannels[0].values[0].type = f32({-1, 5}); }},
    {"neither arguments nor results", [](Sample &s) { trainer(s).results = {0}; }},
    // Values and segments
    {"value kind 7", [](Sample &s) { trainer(s).values[0].kind = ValueKind::type(7); }},
    {"space 5", [](Sample &s) { trainer(s).values[0].space = Space::type(5); }},
    {"element type 9", [](Sample &s) { trainer(s).values[0].type.element = ElementType::type(9); }},
    {"9 dimensions", [](Sample &s) { trainer(s).values[0].type.shape.assign(9, 1); }},
    {"extent -1 in dimension 1", [](Sample &s) { trainer(s).values[0].type.shape = {-1, -1}; }},
    {"rows hold f32", [](Sample &s) { trainer(s).values[5].type.element = ElementType::I64; }},
    {"segment 4 does not exist", [](Sample &s) { trainer(s).values[1].segment = 4; }},
    {"segment 0 has a wrong size", [](Sample &s) { trainer(s).segments[0].bytes = -1; }},
    {"only tensors have a place", [](Sample &s) { trainer(s).values[5].segment = 0; }},
    {"segment of the other space", [](Sample &s) { trainer(s).segments[0].space = Space::DEVICE; }},
    {"leave its segment", [](Sample &s) { trainer(s).values[1].offset = 1000; }},
    {"leave its segment", [](Sample &s) { trainer(s).values[1].offset = INT64_MAX; }},
    {"needs more than its 4 bytes", [](Sample &s) { trainer(s).values[1].bytes = 4; }},
    {"needs more than", [](Sample &s) { trainer(s).values[1].type = f32({-1, 1LL << 20, 1LL << 20}); }},
    {"has more than 1099511627776 elements", [](Sample &s) { trainer(s).values[1].type = f32({-1, 1LL << 62, 4}); }},
    {"has more than 1099511627776 elements", [](Sample &s) { s.info.inputs[0].type = i64({1LL << 40, 1LL << 40}); }},
    {"segment 0 has a wrong size", [](Sample &s) { trainer(s).segments[0].bytes = 1LL << 62; }},
    {"grows with the batch", [](Sample &s) { trainer(s).segments[0].symbol = ""; }},
    {"no multiple of 64",
     [](Sample &s) {
       heter(s).segments[1].bytes += 1;
       heter(s).values[3].offset = 1;
     }},
    // Nodes
    {"node kind 99", [](Sample &s) { trainer(s).nodes[0].kind = NodeKind::type(99); }},
    {"input value 77 does not exist", [](Sample &s) { trainer(s).nodes[4].inputs = {77}; }},
    {"output value -2 does not exist", [](Sample &s) { trainer(s).nodes[4].outputs = {-2}; }},
    {"is not made before", [](Sample &s) { std::swap(trainer(s).nodes[2], trainer(s).nodes[4]); }},
    {"is made twice", [](Sample &s) { trainer(s).nodes[4].outputs = {1}; }},
    {"node 50, which does not exist", [](Sample &s) { trainer(s).nodes[4].after = {50}; }},
    {"a cycle or an illegal order", [](Sample &s) { trainer(s).nodes[4].after = {5}; }},
    {"a cycle or an illegal order", [](Sample &s) { trainer(s).nodes[4].after = {4}; }},
    {"library names no function", [](Sample &s) { trainer(s).nodes[4].callee = ""; }},
    {"library has no regions", [](Sample &s) { trainer(s).nodes[4].regions.emplace_back(); }},
    {"input has no text attribute `input`", [](Sample &s) { trainer(s).nodes[0].attributes.clear(); }},
    {"no text attribute `part`", [](Sample &s) { trainer(s).nodes[2].attributes.erase("part"); }},
    {"pull_rows takes keys (rows of dim 0), not i64[?, 2]", [](Sample &s) { trainer(s).nodes[2].inputs = {0}; }},
    {"pull_rows gives rows, not f32[?, 2, 2]",
     [](Sample &s) {
       trainer(s).nodes[2].outputs = {1};
       trainer(s).nodes[3].outputs = {7};
     }},
    {"no text attribute `channel`", [](Sample &s) { trainer(s).nodes[5].attributes.clear(); }},
    {"push_rows takes 1 and gives 0", [](Sample &s) { trainer(s).nodes[9].inputs.clear(); }},
    {"push_rows takes rows", [](Sample &s) { trainer(s).nodes[9].inputs = {1}; }},
    {"push_rows takes rows", [](Sample &s) { trainer(s).nodes[9].inputs.push_back(1); }},
    {"copy changes the type", [](Sample &s) { heter(s).nodes[2].outputs = {3}, heter(s).nodes[3].outputs = {2}; }},
    // Spaces
    {"a copy node is missing", [](Sample &s) { heter(s).nodes[4].inputs = {0, 3}; }},
    {"send touches a device value", [](Sample &s) { heter(s).nodes[6].inputs = {4}; }},
    {"copies within one space",
     [](Sample &s) {
       heter(s).values[2].space = Space::HOST;
       heter(s).values[2].segment = -1;
     }},
    // Predicting
    {"predict graph: node `update emb` does more than predict",
     [](Sample &s) {
       s.info.predictChannels = s.info.trainChannels;
       s.programs[0].predict = trainer(s);
     }},
    {"predict graph: node `slots` reads a label",
     [](Sample &s) {
       s.info.inputs[0].label = true;
       GraphBuilder b;
       b.input("slots", b.bound("slots", i64({-1, 2})));
       s.programs[0].predict = b.graph;
     }},
    {"`w` is f32[4, 4], which is no value of each example",
     [](Sample &s) {
       GraphBuilder b;
       int w = b.bound("w", f32({4, 4}));
       b.node(NodeKind::PULL_DENSE, "w", "", {}, {w}, {{"parameter", text("w")}});
       b.predict("w", w);
       s.programs[0].predict = b.graph;
     }},
    // Memory
    {"`rows` and 2 `flat` share memory", [](Sample &s) { trainer(s).values[2].offset = 0; }},
};

} // namespace

TEST(Verify, AcceptsTheSample) {
  Sample sample = samplePackage();
  Status status = verifyPackage(sample.info, sample.programs);
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(Verify, FindsEveryEdit) {
  for (const Edit &edit : edits) {
    Sample sample = samplePackage();
    edit.edit(sample);
    Status status = verifyPackage(sample.info, sample.programs);
    EXPECT_FALSE(status.ok()) << edit.message;
    EXPECT_THAT(status.message(), HasSubstr(edit.message));
  }
}

TEST(Verify, MessagesSayWhere) {
  Sample sample = samplePackage();
  trainer(sample).nodes[4].after = {50};
  EXPECT_THAT(verifyPackage(sample.info, sample.programs).message(),
              HasSubstr("role `cpu-trainer`, train graph: node 4 `reshape`: waits for node 50"));
}

namespace {

/// if c { y = x } else { y = x } with room for edits.
GraphBuilder ifGraph() {
  GraphBuilder region;
  region.graph.results = {region.argument("x", f32({-1}))};
  GraphBuilder b;
  int c = b.bound("c", boolean()), x = b.bound("x", f32({-1})), y = b.bound("y", f32({-1}));
  b.input("c", c);
  b.input("x", x);
  b.node(NodeKind::IF, "if", "", {c, x}, {y});
  b.graph.nodes.back().regions = std::vector<package::Graph>{region.graph, region.graph};
  return b;
}

GraphBuilder whileGraph() {
  GraphBuilder condition;
  int x = condition.argument("x", f32({-1})), c = condition.bound("c", boolean());
  condition.kernel("test", {x}, {c});
  condition.graph.results = {c};
  GraphBuilder body;
  body.graph.results = {body.argument("x", f32({-1}))};
  GraphBuilder b;
  int in = b.bound("in", f32({-1})), out = b.bound("out", f32({-1}));
  b.input("in", in);
  b.node(NodeKind::WHILE, "while", "", {in}, {out}, {{"limit", integer(3)}});
  b.graph.nodes.back().regions = std::vector<package::Graph>{condition.graph, body.graph};
  return b;
}

std::string errorOf(GraphBuilder builder, const std::function<void(package::Graph &, package::Node &)> &edit) {
  edit(builder.graph, builder.graph.nodes.back());
  Status status = verifyGraph(builder.graph);
  return status.ok() ? verifySpaces(builder.graph).message() : status.message();
}

using Graph = package::Graph;
using Node = package::Node;

} // namespace

TEST(Verify, RegionsFitTheirNodes) {
  EXPECT_EQ(errorOf(ifGraph(), [](Graph &, Node &) {}), "");
  EXPECT_EQ(errorOf(whileGraph(), [](Graph &, Node &) {}), "");
  EXPECT_THAT(errorOf(ifGraph(), [](Graph &, Node &n) { n.regions.pop_back(); }), HasSubstr("two regions"));
  EXPECT_THAT(errorOf(ifGraph(), [](Graph &g, Node &) { g.values[0].type = f32({}); }), HasSubstr("not bool"));
  EXPECT_THAT(errorOf(ifGraph(), [](Graph &, Node &n) { n.regions[1].arguments.clear(); }),
              HasSubstr("region 1: result value 0 `x` is not made"));
  EXPECT_THAT(errorOf(ifGraph(), [](Graph &, Node &n) { n.regions[0].values[0].type = f32({-1, 2}); }),
              HasSubstr("region 0: argument 0 does not match"));
  EXPECT_THAT(errorOf(ifGraph(), [](Graph &, Node &n) { n.regions[0].results.clear(); }),
              HasSubstr("region 0 has 0 results, not 1"));
  EXPECT_THAT(errorOf(ifGraph(), [](Graph &g, Node &) { g.values[2].type = f32({-1, 2}); }),
              HasSubstr("result 0 does not match"));
  EXPECT_THAT(errorOf(ifGraph(), [](Graph &g, Node &) { g.values[0].space = Space::DEVICE; }),
              HasSubstr("device value"));
  EXPECT_THAT(errorOf(whileGraph(), [](Graph &, Node &n) { n.attributes.clear(); }), HasSubstr("`limit`"));
  EXPECT_THAT(errorOf(whileGraph(), [](Graph &, Node &n) { n.regions[0].results = {0}; }), HasSubstr("gives no bool"));
  EXPECT_THAT(errorOf(whileGraph(), [](Graph &g, Node &) { g.values[1].type = f32({-1, 2}); }),
              HasSubstr("carried value 0 changes its type or space"));
  EXPECT_THAT(errorOf(whileGraph(),
                      [](Graph &g, Node &n) {
                        GraphBuilder body;
                        int x = body.argument("x", f32({-1})),
                            copy = body.bound("copy", f32({-1}), ValueKind::TENSOR, Space::DEVICE);
                        body.copy(x, copy);
                        body.graph.results = {copy};
                        n.regions[1] = body.graph;
                        g.values[1].space = Space::DEVICE;
                      }),
              HasSubstr("carried value 0 changes its type or space"));
  EXPECT_THAT(errorOf(whileGraph(), [](Graph &, Node &n) { n.regions[1].arguments = {1}; }),
              HasSubstr("argument 0 is not value 0"));
}

TEST(Verify, AKernelMayOverwriteTheInputThatItNames) {
  auto graph = [](std::vector<int32_t> after, bool says) {
    GraphBuilder b;
    int x = b.placed("x", f32({-1})), a = b.placed("a", f32({-1})), u = b.placed("u", f32({-1})),
        over = b.placedAt("over", a);
    b.input("x", x);                   // 0
    b.kernel("k", {x}, {a});           // 1
    b.kernel("k", {a}, {u});           // 2
    b.kernel("k", {a}, {over}, after); // 3
    if (says)
      b.graph.nodes[3].attributes["overwrites"] = integer(0);
    return b.graph;
  };
  EXPECT_TRUE(verifyMemory(graph({2}, true)).ok());
  EXPECT_EQ(mostLiveBytes(graph({2}, true)).front(), 2 * graph({}, true).values[0].bytes);
  EXPECT_THAT(verifyMemory(graph({2}, false)).message(), HasSubstr("`a` and 3 `over` share memory"));
  EXPECT_THAT(verifyMemory(graph({}, true)).message(), HasSubstr("`a` and 3 `over` share memory"));
  package::Graph elsewhere = graph({2}, true);
  elsewhere.nodes[3].inputs = {2};
  EXPECT_THAT(verifyGraph(elsewhere).message(), HasSubstr("does not lie where the input lies"));
  elsewhere.nodes[3].attributes["overwrites"] = integer(1);
  EXPECT_THAT(verifyGraph(elsewhere).message(), HasSubstr("wants the number of an input"));
  package::Graph library = graph({2}, true);
  library.nodes[3].kind = package::NodeKind::LIBRARY;
  EXPECT_THAT(verifyGraph(library).message(), HasSubstr("overwrites no input"));
}

TEST(Verify, SharedMemoryNeedsOrder) {
  auto graph = [](std::vector<int32_t> after, bool result) {
    GraphBuilder b;
    int x = b.placed("x", f32({-1})), a = b.placed("a", f32({-1})), u = b.placed("u", f32({-1})),
        v = b.placed("v", f32({-1})), shared = b.placedAt("shared", a);
    b.input("x", x);                     // 0
    b.kernel("k", {x}, {a});             // 1
    b.kernel("k", {a}, {u});             // 2
    b.kernel("k", {a}, {v});             // 3
    b.kernel("k", {u}, {shared}, after); // 4, after 2 by data
    if (result)
      b.graph.results = {a};
    return b.graph;
  };
  EXPECT_THAT(verifyMemory(graph({}, false)).message(), HasSubstr("values 1 `a` and 4 `shared` share memory"));
  EXPECT_TRUE(verifyMemory(graph({3}, false)).ok());
  EXPECT_FALSE(verifyMemory(graph({3}, true)).ok()) << "a result lives to the end";
}
