// Every model that the language was designed on is accepted, with the types, parameter names and bindings it should
// have.
#include "tests/frontend/CheckFixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace heter::frontend {
namespace {

struct Loaded {
  SourceManager sources;
  DiagnosticEngine diagnostics{sources};
  std::optional<Model> model;

  explicit Loaded(const std::string &path) { model = checkFile(path, sources, diagnostics); }
  std::string errors() const {
    std::ostringstream os;
    diagnostics.print(os);
    return os.str();
  }
};

std::vector<std::string> paths(const Model &model) {
  std::vector<std::string> names;
  for (const Parameter &parameter : model.parameters)
    names.push_back(parameter.path);
  return names;
}

class Samples : public testing::TestWithParam<std::string> {};

TEST_P(Samples, IsAccepted) {
  Loaded loaded(std::string(HETER_FRONTEND_TESTS "/models/") + GetParam() + ".heter");
  EXPECT_TRUE(loaded.model.has_value()) << loaded.errors();
}

INSTANTIATE_TEST_SUITE_P(Models, Samples,
                         testing::Values("lr", "ctr_dnn", "wide_deep", "deepfm", "dcn_v2", "dlrm", "din", "dien",
                                         "mmoe", "esmm", "two_tower", "control", "two_classes", "feed"),
                         [](const auto &info) { return info.param; });

TEST(Samples, ShippedSamplesAreAccepted) {
  int count = 0;
  for (const auto &entry : std::filesystem::directory_iterator(HETER_SAMPLES)) {
    if (entry.path().extension() != ".heter")
      continue;
    Loaded loaded(entry.path().string());
    EXPECT_TRUE(loaded.model.has_value()) << entry.path() << "\n" << loaded.errors();
    ++count;
  }
  EXPECT_GE(count, 6);
}

Model accepted(const std::string &name) {
  Loaded loaded(std::string(HETER_FRONTEND_TESTS "/models/") + name + ".heter");
  EXPECT_TRUE(loaded.model.has_value()) << loaded.errors();
  return loaded.model ? std::move(*loaded.model) : Model();
}

TEST(Samples, CtrDnnNamesItsParameters) {
  EXPECT_EQ(paths(accepted("ctr_dnn")),
            (std::vector<std::string>{"deep.0.weight", "deep.0.bias", "deep.1.weight", "deep.1.bias", "deep.2.weight",
                                      "deep.2.bias", "logit.weight", "logit.bias"}));
}

TEST(Samples, FunctionsAndComprehensionsNameTheirParameters) {
  std::vector<std::string> names = paths(accepted("mmoe"));
  EXPECT_EQ(names.size(), 28u);
  for (const char *name : {"experts.0.x.0.weight", "experts.3.x.1.bias", "p_click.gate.weight", "p_click.h.x.0.weight",
                           "p_click.weight", "p_buy.bias"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
}

TEST(Samples, LoopsNameTheirParameters) {
  std::vector<std::string> names = paths(accepted("dcn_v2"));
  for (const char *name : {"cross.0.v.weight", "cross.0.weight", "cross.0.bias", "cross.2.bias", "deep.1.weight"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  EXPECT_EQ(std::count(names.begin(), names.end(), "cross.0.v.bias"), 0);
}

TEST(Samples, BranchesNameTheirParametersAndLoopsShareOne) {
  std::vector<std::string> names = paths(accepted("control"));
  for (const char *name : {"h.case_0.weight", "h.case_1_2.weight", "h.case_1_2.scale", "m.else.weight", "h.else.weight",
                           "sure.weight", "refine.weight"})
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
}

TEST(Samples, LinearStartsUniformByItsInputs) {
  Model model = accepted("ctr_dnn");
  ASSERT_FALSE(model.parameters.empty());
  const Parameter &weight = model.parameters[0], &bias = model.parameters[1];
  EXPECT_EQ(weight.init.kind, "uniform");
  EXPECT_NEAR(weight.init.scale, 1 / std::sqrt(247.0), 1e-12);
  EXPECT_EQ(bias.init.kind, "uniform");
  EXPECT_NEAR(bias.init.scale, 1 / std::sqrt(247.0), 1e-12);
}

TEST(Samples, DataBindingsAreResolved) {
  Model model = accepted("ctr_dnn");
  ASSERT_EQ(model.data.size(), 2u);
  const DataSource &criteo = model.data[0];
  EXPECT_EQ(criteo.format, "tsv");
  ASSERT_EQ(criteo.bindings.size(), 3u);
  EXPECT_EQ(criteo.bindings[0].input, "dense");
  EXPECT_EQ(criteo.bindings[0].expression.op, "log1p");
  EXPECT_EQ(criteo.bindings[0].expression.arguments[0].op, "max");
  const DataExpression &hash = criteo.bindings[1].expression;
  EXPECT_EQ(hash.op, "hash");
  ASSERT_EQ(hash.arguments.size(), 1u);
  EXPECT_EQ(hash.arguments[0].op, "column");
  EXPECT_EQ(hash.arguments[0].numbers.size(), 26u);
  EXPECT_EQ(hash.arguments[0].numbers.front(), 14);
  EXPECT_EQ(hash.arguments[0].texts.front(), "col[14]");
}

TEST(Samples, MarksAreKept) {
  Model model = accepted("two_classes");
  ASSERT_EQ(model.marks.size(), 2u);
  EXPECT_EQ(model.marks[0].deviceClass, "gpu");
  EXPECT_EQ(model.marks[1].deviceClass, "xpu");
  for (const Op &op : model.ops) {
    if (op.name == "argmax") {
      EXPECT_EQ(op.mark, 0);
    } else if (op.name == "hash") {
      EXPECT_EQ(op.mark, -1);
    }
  }
}

} // namespace
} // namespace heter::frontend
