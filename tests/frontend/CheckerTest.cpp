// Types, scopes, parameter paths and bounds, on small models.
#include "tests/frontend/CheckFixture.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace heter::frontend {
namespace {

constexpr const char *head = "model m\n"
                             "dense : f32[13]\n"
                             "slots : id[26]\n"
                             "user : id\n"
                             "items : id[*seen]\n"
                             "cats : id[*seen]\n"
                             "scene : i64\n"
                             "click : label\n"
                             "table emb { dim: 9 }\n";
constexpr const char *tail = "\nminimize mean(square(linear(dense, 1, name: last))) with sgd(lr: 0.1)\n";

/// The type of `probe` after the statements, or the errors.
std::string typeOf(const std::string &statements) {
  Checked checked(std::string(head) + statements + tail + "\npredict probe\n");
  return checked.model
             ? toString(checked.model->values[checked.model->predictions.at(0).value].type, checked.model->lengths)
             : checked.errors();
}

std::vector<std::string> paths(const std::string &statements) {
  Checked checked(std::string(head) + statements + tail);
  EXPECT_TRUE(checked.model) << checked.errors();
  std::vector<std::string> names;
  if (checked.model)
    for (const Parameter &parameter : checked.model->parameters)
      if (parameter.path != "last.weight" && parameter.path != "last.bias")
        names.push_back(parameter.path);
  return names;
}

std::string errors(const std::string &statements) { return Checked(std::string(head) + statements + tail).errors(); }

using Names = std::vector<std::string>;

TEST(Types, Builtins) {
  EXPECT_EQ(typeOf("probe = lookup(emb, slots)"), "f32[26, 9]");
  EXPECT_EQ(typeOf("probe = lookup(emb, user)"), "f32[9]");
  EXPECT_EQ(typeOf("probe = lookup(emb, items)"), "f32[*seen, 9]");
  EXPECT_EQ(typeOf("probe = lookup(emb, items, pool: mean)"), "f32[9]");
  EXPECT_EQ(typeOf("probe = lookup(emb, slots, pool: sum)"), "f32[9]");
  EXPECT_EQ(typeOf("probe = flatten(lookup(emb, slots))"), "f32[234]");
  EXPECT_EQ(typeOf("probe = concat(dense, dense[0..2], dense[5])"), "f32[17]");
  EXPECT_EQ(typeOf("probe = reshape(dense[0..11], [3, 4])"), "f32[3, 4]");
  EXPECT_EQ(typeOf("probe = slice(lookup(emb, slots), 2..4, axis: 1)"), "f32[26, 3]");
  EXPECT_EQ(typeOf("probe = dense[-1]"), "f32");
  EXPECT_EQ(typeOf("probe = stack([dense, dense * 2])"), "f32[2, 13]");
  EXPECT_EQ(typeOf("probe = linear(lookup(emb, slots), 4)"), "f32[26, 4]");
  EXPECT_EQ(typeOf("probe = matmul(dense, reshape(dense[0..12], [13, 1]))"), "f32[1]");
  EXPECT_EQ(typeOf("probe = argmax(lookup(emb, slots))"), "i64[26]");
  EXPECT_EQ(typeOf("probe = max(lookup(emb, slots), axis: [0, 1])"), "f32");
  EXPECT_EQ(typeOf("probe = softmax_cross_entropy(dense, scene)"), "f32");
  EXPECT_EQ(typeOf("probe = sigmoid_cross_entropy(dense[0..0], 1)"), "f32[1]");
  EXPECT_EQ(typeOf("probe = each(mean(dense)) + dense"), "f32[13]");
  EXPECT_EQ(typeOf("probe = across(dense)"), "f32[batch, 13]");
  EXPECT_EQ(typeOf("probe = f32(scene) + 1"), "f32");
  EXPECT_EQ(typeOf("probe = zeros(size(dense)) + dense"), "f32[13]");
}

TEST(Types, PairingIsStricterThanNumPys) {
  EXPECT_EQ(typeOf("probe = lookup(emb, slots) * dense[0..8]"), "f32[26, 9]");
  EXPECT_EQ(typeOf("probe = lookup(emb, slots) * 2"), "f32[26, 9]");
  EXPECT_EQ(typeOf("probe = lookup(emb, slots) * dense[0]"), "f32[26, 9]");
  EXPECT_EQ(typeOf("probe = dense[0..0] + dense"), "f32[13]");
  EXPECT_EQ(typeOf("probe = lookup(emb, items) + lookup(emb, cats)"), "f32[*seen, 9]");
  EXPECT_NE(errors("x = lookup(emb, slots) * dense").find("cannot pair"), std::string::npos);
  EXPECT_NE(errors("x = lookup(emb, slots) * dense[0..0]").find("cannot pair"), std::string::npos);
  EXPECT_NE(errors("x = drop_first(lookup(emb, items)) + lookup(emb, items)").find("one list is shorter"),
            std::string::npos);
}

TEST(Types, ScanCollectsAndCarries) {
  EXPECT_EQ(typeOf("h = zeros(9)\nprobe = scan e in lookup(emb, items) { h = h + e; yield h }"), "f32[*seen, 9]");
  EXPECT_EQ(typeOf("h = zeros(9)\nscan e in lookup(emb, items) { h = h + e }\nprobe = h"), "f32[9]");
}

TEST(Types, BranchesGiveOneType) {
  EXPECT_EQ(typeOf("if mean(dense) > 0 { probe = dense } else { probe = zeros(13) }"), "f32[13]");
  EXPECT_EQ(typeOf("probe = dense\nif dense[0] > 0 { probe = probe * 2 }"), "f32[13]");
  EXPECT_EQ(typeOf("switch scene { case 0 { probe = dense } case 1, 2 { probe = dense * 2 } else { probe = -dense } }"),
            "f32[13]");
}

TEST(Types, FunctionsBindSizes) {
  EXPECT_EQ(
      typeOf("fn f(x : f32[n, d], y : f32[d]) { return linear(x * y, n) }\nprobe = f(lookup(emb, slots), dense[0..8])"),
      "f32[26, 26]");
  EXPECT_EQ(typeOf("fn f(x, k = 3) = linear(x, k)\nprobe = f(dense)"), "f32[3]");
  EXPECT_EQ(typeOf("fn f(x, k = 3) = linear(x, k)\nprobe = f(dense, k: 4)"), "f32[4]");
  EXPECT_EQ(typeOf("fn f(x) { return x, x[0] }\na, probe = f(dense)"), "f32");
  EXPECT_EQ(typeOf("fn relu(x) = x[0]\nprobe = relu(dense)"), "f32") << "a function hides a built-in";
}

TEST(Types, ConstantsComeInAnyOrder) {
  EXPECT_EQ(typeOf("probe = linear(dense, n)\nconst n = m * 2\nconst m = 4"), "f32[8]");
  EXPECT_EQ(typeOf("if n == 4 { probe = dense } else { probe = nothing }\nconst n = 4"), "f32[13]");
}

TEST(Paths, FollowTheNamesBound) {
  EXPECT_EQ(paths("h = linear(dense, 3)"), (Names{"h.weight", "h.bias"}));
  EXPECT_EQ(paths("h = linear(dense, 3, bias: false)"), (Names{"h.weight"}));
  EXPECT_EQ(paths("h = relu(layer_norm(linear(dense, 3)))"), (Names{"h.weight", "h.bias", "h.scale", "h.shift"}));
  EXPECT_EQ(paths("h = dense\nfor w in [3, 4] { h = linear(h, w, bias: false) }"), (Names{"h.0.weight", "h.1.weight"}));
  EXPECT_EQ(paths("on gpu { h = linear(dense, 3, bias: false) }"), (Names{"h.weight"}));
  EXPECT_EQ(
      paths("fn f(x) { g = linear(x, 2, bias: false); return linear(g, 1, bias: false) }\np = f(dense)\nq = f(dense)"),
      (Names{"p.g.weight", "p.weight", "q.g.weight", "q.weight"}));
  EXPECT_EQ(paths("for i in 1..2 { for j in 1..2 { h = linear(dense, 1, bias: false) } }"),
            (Names{"h.0.0.weight", "h.0.1.weight", "h.1.0.weight", "h.1.1.weight"}));
  EXPECT_EQ(paths("if true { h = linear(dense, 1, bias: false) }"), (Names{"h.then.weight"}));
  EXPECT_EQ(paths("h = linear(dense, 13, bias: false)\nk = linear(h, 13, bias: false, share: h)"), (Names{"h.weight"}));
  EXPECT_EQ(paths("h = linear(dense, 3, name: first, bias: false)"), (Names{"first.weight"}));
  EXPECT_EQ(paths("w = param([3, 4], init: normal(0.1))"), (Names{"w"}));
  EXPECT_EQ(paths("h = dense\nwhile mean(h) > 1 limit 3 { h = linear(h, 13, bias: false) }"), (Names{"h.weight"}));
}

TEST(Paths, TheSamePathTwiceIsAnError) {
  EXPECT_NE(errors("h = linear(linear(dense, 3), 3)").find("parameter `h.weight` is made twice"), std::string::npos);
}

TEST(Bounds, EveryLimitIsOneError) {
  const char *wrong[] = {
      "a = [1]\nfor i in 1..100 { a = [a, a] }",
      "a = 1..10000\nfor i in 1..9999 { b = [j for j in a] }",
      "for i in 1..1e18 { }",
      "x = [1..10000 for i in 1..10000]",
      "h = dense\nfor i in 1..9999 { for j in 1..9999 { h = h + 1 } }",
      "x = linear(dense, 1e300)",
      "x = zeros([1e6, 1e6, 1e6, 1e6])",
      "x = concat(zeros(1e12), zeros(1e12))",
      "x = dense * 1e300",
  };
  for (const char *statements : wrong) {
    Checked checked(std::string(head) + statements + tail);
    EXPECT_EQ(checked.diagnostics.errors().size(), 1u) << statements << "\n" << checked.errors();
  }
}

TEST(Bounds, CallsThatDoubleEnd) {
  std::string text = "fn f0(x) = x + 1\n";
  for (int i = 1; i < 60; ++i) {
    std::string before = "f" + std::to_string(i - 1);
    text += "fn f" + std::to_string(i) + "(x) = " + before + "(x) + " + before + "(x)\n";
  }
  Checked checked(std::string(head) + text + "y = f59(dense)" + tail);
  EXPECT_EQ(checked.diagnostics.errors().size(), 1u) << checked.errors();
}

TEST(Bounds, LongChainsOfCallsEnd) {
  std::string text = "fn f0(x) = x + 1\n";
  for (int i = 1; i < 3000; ++i)
    text +=
        "fn f" + std::to_string(i) + "(x) { on gpu { on gpu { y = f" + std::to_string(i - 1) + "(x) } }; return y }\n";
  Checked checked(std::string(head) + text + "y = f2999(dense)" + tail);
  EXPECT_EQ(checked.diagnostics.errors().size(), 1u) << checked.errors();
}

TEST(Bounds, RecursionThroughAnotherFunction) {
  std::string text = errors("fn a(x) = b(x)\nfn b(x) = a(x)\ny = a(dense)");
  EXPECT_NE(text.find("`a` calls itself through `b`"), std::string::npos) << text;
}

class Imports : public testing::Test {
protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / "heter_imports";
    std::filesystem::create_directories(folder_ / "sub");
  }
  void write(const std::string &name, const std::string &text) { std::ofstream(folder_ / name) << text; }
  std::string check(const std::string &text) {
    Checked checked(std::string(head) + text + tail, (folder_ / "m.heter").string());
    return checked.errors();
  }
  std::filesystem::path folder_;
};

TEST_F(Imports, GiveFunctionsAndConstants) {
  write("blocks.heter", "const width = 4\nfn layer(x, n = width) = relu(linear(x, n))\n");
  EXPECT_EQ(check("import \"blocks.heter\" as b\nh = b.layer(dense)\nk = linear(h, b.width)"), "");
  EXPECT_EQ(check("import \"blocks.heter\"\nh = layer(dense)\nk = linear(h, width)"), "");
  write("sub/more.heter", "import \"../blocks.heter\" as b\nfn two(x) = b.layer(x)\n");
  EXPECT_EQ(check("import \"sub/more.heter\" as s\nh = s.two(dense)"), "");
}

TEST_F(Imports, Errors) {
  write("a.heter", "import \"b.heter\" as b\nfn f(x) = x\n");
  write("b.heter", "import \"a.heter\" as a\nfn g(x) = x\n");
  EXPECT_NE(check("import \"a.heter\" as a").find("imports itself"), std::string::npos);
  write("steps.heter", "x = 1\n");
  EXPECT_NE(check("import \"steps.heter\" as s").find("holds functions and constants only"), std::string::npos);
  write("other.heter", "model other\n");
  EXPECT_NE(check("import \"other.heter\" as o").find("this one is a model"), std::string::npos);
  write("emb.heter", "fn emb(x) = x\n");
  EXPECT_NE(check("import \"emb.heter\"").find("`emb` is declared twice"), std::string::npos);
  write("blocks.heter", "fn layer(x) = x\n");
  EXPECT_NE(check("import \"blocks.heter\" as b\nh = b.layer2(dense)").find("did you mean `b.layer`?"),
            std::string::npos);
}

TEST(DataBlocks, HashOptionsReachTheExpression) {
  auto hashOf = [](const std::string &options) {
    Checked checked("model m\nslots : id[2]\nclick : label\ntable emb { dim: 1 }\nconst many = 1000001\n"
                    "x = sum(lookup(emb, slots), axis: 0)\n"
                    "minimize mean(sigmoid_cross_entropy(x, click)) with adam(lr: 1e-3)\n"
                    "data c : tsv { click = col[0]; slots = hash(col[14..15]" +
                    options + ") }\n");
    EXPECT_EQ(checked.errors(), "");
    return checked.model ? checked.model->data.at(0).bindings.at(0).expression : DataExpression();
  };
  using Texts = std::vector<std::string>;
  using Numbers = std::vector<double>;
  EXPECT_EQ(hashOf("").texts, Texts());
  EXPECT_EQ(hashOf(", space: item").texts, Texts({"item"}));
  DataExpression paddle = hashOf(", kind: python2, buckets: many");
  EXPECT_EQ(paddle.texts, Texts({"python2", ""}));
  EXPECT_EQ(paddle.numbers, Numbers({1000001}));
  DataExpression spaced = hashOf(", buckets: 10, space: item");
  EXPECT_EQ(spaced.texts, Texts({"item"}));
  EXPECT_EQ(spaced.numbers, Numbers({10}));
}

TEST(Files, AMissingFileIsAnError) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  EXPECT_FALSE(checkFile("/nowhere/m.heter", sources, diagnostics));
  ASSERT_EQ(diagnostics.errors().size(), 1u);
  EXPECT_FALSE(checkFile("/", sources, diagnostics));
}

} // namespace
} // namespace heter::frontend
