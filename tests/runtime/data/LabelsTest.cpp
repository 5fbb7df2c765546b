// Lines with and without label columns: how they are told apart, and that both give the same values.
#include "DataTesting.h"

#include "runtime/data/Labels.h"

#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::testing;
using package::ElementType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace {

class LabelsTest : public ::testing::Test {
protected:
  /// x = col[0], click = col[1], buy = col[3], id = hash(col[2], col[4]) twice, salted by column in both ways.
  LabelsTest() {
    source_ = source({{"x", column(0)},
                      {"click", column(1)},
                      {"buy", column(3)},
                      {"id", expression("hash", {column(2), column(4)})},
                      {"old", expression("hash", {column(2), column(4)}, {}, {"python2", ""})}});
    inputs_ = {input("x", ElementType::F32), input("click", ElementType::F32), input("buy", ElementType::F32),
               input("id", ElementType::I64, {2}), input("old", ElementType::I64, {2})};
    inputs_[1].label = inputs_[2].label = true;
    options_.batchSize = 2;
    options_.labels = Labels::Auto;
  }

  ReadResult read(const std::string &text) {
    options_.files = {folder_.write("lines", text)};
    return readAll(source_, inputs_, options_);
  }
  std::string error(const std::string &text) {
    std::string message = read(text).status.message();
    std::string path = folder_.path("lines");
    return message.starts_with(path) ? message.substr(path.size()) : "elsewhere: " + message;
  }
  static std::vector<int64_t> integers(const ReadResult &result, size_t input) {
    std::vector<int64_t> all;
    for (const BatchPtr &batch : result.batches)
      all.insert(all.end(), batch->tensors[input].integers.begin(), batch->tensors[input].integers.end());
    return all;
  }

  package::DataSource source_;
  std::vector<package::Input> inputs_;
  DataOptions options_;
  TempFolder folder_;
};

TEST_F(LabelsTest, FindsTheColumnsOfLabelsAlone) {
  EXPECT_THAT(labelColumns(source_, inputs_), ElementsAre(1, 3));
  source_.bindings[0].expression = column(3); // A feature reads column 3 as well.
  EXPECT_THAT(labelColumns(source_, inputs_), ElementsAre(1));
  source_.format = "slot";
  EXPECT_THAT(labelColumns(source_, inputs_), IsEmpty());
}

TEST_F(LabelsTest, LinesWithAndWithoutGiveTheSameValues) {
  const std::string with = "1\t0\ta\t1\tb\n2\t1\tc\t0\td\n3\t0\te\t1\tf\n", without = "1\ta\tb\n2\tc\td\n3\te\tf\n",
                    empty = "1\t\ta\t\tb\n2\tnone\tc\t?\td\n3\t\te\t\tf\n";
  options_.labels = Labels::Read;
  ReadResult expected = read(with);
  ASSERT_EQ(expected.batches.size(), 2u) << expected.status.message();
  EXPECT_THAT(expected.batches[0]->tensors[1].floats, ElementsAre(0, 1));
  for (const auto &[text, labels] :
       {std::pair(with, Labels::Auto), std::pair(with, Labels::Present), std::pair(empty, Labels::Auto),
        std::pair(without, Labels::Auto), std::pair(without, Labels::Absent)}) {
    options_.labels = labels;
    ReadResult result = read(text);
    ASSERT_EQ(result.batches.size(), 2u) << result.status.message();
    EXPECT_THAT(result.batches[0]->tensors[0].floats, ElementsAre(1, 2));
    EXPECT_THAT(result.batches[0]->tensors[1].floats, IsEmpty());
    EXPECT_THAT(result.batches[0]->tensors[2].floats, IsEmpty());
    EXPECT_EQ(integers(result, 3), integers(expected, 3));
    EXPECT_EQ(integers(result, 4), integers(expected, 4));
  }
}

TEST_F(LabelsTest, EachFileHasAFormOfItsOwn) {
  options_.files = {folder_.write("with", "1\t0\ta\t1\tb\n"), folder_.write("without", "1\ta\tb\n"),
                    folder_.write("more", "1\t0\ta\t1\tb\n")};
  options_.batchSize = 3;
  ReadResult result = readAll(source_, inputs_, options_);
  ASSERT_EQ(result.batches.size(), 1u) << result.status.message();
  std::vector<int64_t> ids = integers(result, 3);
  ASSERT_EQ(ids.size(), 6u);
  EXPECT_EQ(ids[2], ids[0]);
  EXPECT_EQ(ids[3], ids[1]);
  EXPECT_EQ(ids[4], ids[0]);
}

TEST_F(LabelsTest, WideLinesNeedToBeTold) {
  // Without labels, but two columns wider than the block uses: only --labels can tell.
  options_.labels = Labels::Absent;
  ReadResult result = read("1\ta\tb\tmore\tcolumns\n");
  ASSERT_EQ(result.batches.size(), 1u) << result.status.message();
  options_.labels = Labels::Read;
  EXPECT_EQ(integers(result, 3), integers(read("1\t0\ta\t0\tb\n"), 3));
}

TEST_F(LabelsTest, LabelsBehindAllFeaturesMakeNoDifference) {
  source_ = source({{"x", column(0)}, {"click", column(1)}});
  inputs_.erase(inputs_.begin() + 2, inputs_.end());
  EXPECT_THAT(read("5\n6\t1\n").batches.at(0)->tensors[0].floats, ElementsAre(5, 6));
}

package::DataExpression named(const std::string &name) { return expression("column", {}, {-1}, {name}); }

package::DataSource withHeader(package::DataSource source) {
  source.format = "csv";
  source.options["header"].__set_flag(true);
  return source;
}

TEST_F(LabelsTest, HeadersNeedNoLabel) {
  source_ = withHeader(source({{"x", named("age")}, {"click", named("clicked")}}));
  inputs_.erase(inputs_.begin() + 2, inputs_.end());
  EXPECT_THAT(read("clicked,age\n1,5\n?,6\n").batches.at(0)->tensors[0].floats, ElementsAre(5, 6));
  EXPECT_THAT(read("age\n5\n6\n").batches.at(0)->tensors[0].floats, ElementsAre(5, 6));
  options_.labels = Labels::Read;
  EXPECT_THAT(error("age\n5\n"), HasSubstr("names no column `clicked`"));
}

TEST_F(LabelsTest, NumberedColumnsNeedTheLabelsOfTheHeader) {
  source_ = withHeader(source({{"x", column(1)}, {"click", named("clicked")}}));
  inputs_.erase(inputs_.begin() + 2, inputs_.end());
  EXPECT_THAT(read("clicked,age\n,5\n?,6\n").batches.at(0)->tensors[0].floats, ElementsAre(5, 6));
  for (Labels labels : {Labels::Auto, Labels::Present, Labels::Absent}) {
    options_.labels = labels;
    EXPECT_EQ(
        error("sex,age\n1,5\n"),
        ":1:1: the header line names no column `clicked`; the model counts other columns with this label, so it must "
        "be there, with empty fields if need be");
  }
}

TEST_F(LabelsTest, QuotedColumnsCountOnce) {
  source_.format = "csv";
  std::string with = "1,0,\"a,b\",1,c\n", without = "1,\"a,b\",c\n";
  std::vector<int64_t> ids = integers(read(with), 3);
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_EQ(integers(read(without), 3), ids);
}

TEST_F(LabelsTest, KeysNeedNoLabel) {
  source_ = source({{"x", named("7")}, {"click", named("label")}});
  inputs_.erase(inputs_.begin() + 2, inputs_.end());
  source_.format = "libsvm";
  EXPECT_THAT(read("1 7:5\n7:6\n").batches.at(0)->tensors[0].floats, ElementsAre(5, 6));
  source_ = source({{"x", named("age")}, {"click", named("click")}});
  source_.format = "slot";
  EXPECT_THAT(read("click:1 age:5\nage:6\n").batches.at(0)->tensors[0].floats, ElementsAre(5, 6));
}

TEST_F(LabelsTest, ErrorsSayWhatWasExpected) {
  EXPECT_EQ(error("1\ta\n"),
            ":1:1: expected at least 5 columns, or 3 without the label, got 2; --labels present or absent "
            "says what the lines have");
  EXPECT_EQ(error("1\ta\tb\n1\t0\ta\t0\tb\n"),
            ":2:1: expected 3 columns, as in the first line read of this file, which lacks the label, got 5");
  EXPECT_EQ(error("1\t0\ta\t0\tb\n1\ta\tb\n"), ":2:1: expected at least 5 columns separated by tabs, got 3");
  options_.labels = Labels::Absent;
  EXPECT_EQ(error("1\ta\n"), ":1:1: expected at least 3 columns separated by tabs, got 2");
  // Columns are called as the model counts them.
  source_.bindings[0].expression = column(4);
  EXPECT_EQ(error("1\ta\tb\n"), ":1:5: col[4]: expected a number, got `b`");
}

TEST(LabelsNames, Parse) {
  EXPECT_EQ(*parseLabels("absent"), Labels::Absent);
  EXPECT_STREQ(labelsName(Labels::Present), "present");
  EXPECT_THAT(parseLabels("absnt").status().message(), HasSubstr("did you mean `absent`"));
}

} // namespace
