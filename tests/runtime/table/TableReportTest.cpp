// Statistics, rows and differences of saved tables, as text.
#include "runtime/table/TableReport.h"
#include "runtime/table/Checkpoint.h"
#include "tests/runtime/table/FaultyFileSystem.h"
#include "tests/runtime/table/TestModel.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace heter::runtime {
namespace {

using namespace test;

package::PackageInfo tinyModel() {
  package::PackageInfo info;
  info.model = "tiny";
  info.tables = {makeTable("a", {makePart("", 2, "zeros", 0, adagrad())}),
                 makeTable("b", {makePart("w", 1, "ones", 0, sgd()), makePart("v", 2, "zeros", 0, sgd())})};
  return info;
}

/// Saves in `first` and `second` of one model, between which a row changed and a row came.
class TableReport : public testing::Test {
protected:
  void SetUp() override {
    push(0, 0, {3, 5}, {1, 2, 0, 0});
    push(0, 1, {7}, {-20});
    cluster_.closeStep(0, {0}, 1);
    save("first");
    push(1, 0, {5, 9}, {4, 0, 1, 1});
    cluster_.closeStep(1, {0}, 1);
    save("second");
  }

  void push(int64_t step, int part, const std::vector<uint64_t> &keys, const std::vector<float> &gradients) {
    cluster_.pushRows({0, step, 0, 0}, 1, part, keys, gradients);
  }
  void save(const std::string &dir) { ASSERT_TRUE(saveCheckpoint(files_, cluster_.store(0), dir).ok()); }

  std::string print(const std::function<Status(OutputFile &)> &printer) {
    auto out = files_.openForWrite("x/out");
    const Status status = printer(**out);
    return status.ok() ? *files_.readFile("x/out") : "error: " + status.message();
  }

  FaultyFileSystem files_;
  TestCluster cluster_{tinyModel(), 1};
};

TEST_F(TableReport, statsCountRowsAndMeasureValues) {
  EXPECT_EQ(print([&](OutputFile &out) { return printTableStats(files_, "first", out); }),
            R"(model tiny, steps 1
table a: rows 2, bytes 48
  values: dim 2, adagrad, rows 2, all zero 1, mean length 0.03535534, largest magnitude 0.05 of key 3
table b: rows 1, bytes 20
  part w: dim 1, sgd, rows 1, all zero 0, mean length 3, largest magnitude 3 of key 7
  part v: dim 2, sgd, rows 1, all zero 1, mean length 0
)");
}

TEST_F(TableReport, statsTellOfValuesThatAreNoNumbers) {
  push(2, 1, {8}, {std::numeric_limits<float>::infinity()});
  cluster_.closeStep(2, {0}, 1);
  save("third");
  const std::string text = print([&](OutputFile &out) { return printTableStats(files_, "third", out); });
  EXPECT_NE(text.find("part w: dim 1, sgd, rows 2, all zero 0, not finite 1,"), std::string::npos) << text;
}

TEST_F(TableReport, rowsAreThoseOfTheDump) {
  const std::vector<uint64_t> keys = {7, 1};
  const std::string rows = print([&](OutputFile &out) { return printTableRows(files_, "first", "b", keys, out); });
  EXPECT_EQ(rows, "b 7 w.value 3 v.value 0 0\nb 1 has no row: it reads as its first value\n");
  const std::string dump = print([&](OutputFile &out) { return dumpCheckpoint(files_, "first", out); });
  EXPECT_NE(dump.find("\nb 7 w.value 3 v.value 0 0\n"), std::string::npos) << dump;
  const std::string all = print([&](OutputFile &out) { return printTable(files_, "first", "a", out); });
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 2);
  EXPECT_NE(all.find("a 5 value 0 0 accumulator 0 0\n"), std::string::npos) << all;
}

TEST_F(TableReport, diffsNameTheRowThatMovedMost) {
  bool equal = true;
  EXPECT_EQ(print([&](OutputFile &out) { return printTableDiff(files_, "first", "second", out, equal); }),
            R"(table a: equal 1, differ 1, only in the first 0, only in the second 1, most apart 16 at key 5
table b: equal 1, differ 0, only in the first 0, only in the second 0
)");
  EXPECT_FALSE(equal);
  EXPECT_EQ(print([&](OutputFile &out) { return printTableDiff(files_, "second", "first", out, equal); }),
            R"(table a: equal 1, differ 1, only in the first 1, only in the second 0, most apart 16 at key 5
table b: equal 1, differ 0, only in the first 0, only in the second 0
)");
  print([&](OutputFile &out) { return printTableDiff(files_, "first", "first", out, equal); });
  EXPECT_TRUE(equal);
}

TEST_F(TableReport, whatIsNotThereIsNamed) {
  EXPECT_EQ(print([&](OutputFile &out) { return printTable(files_, "first", "c", out); }),
            "error: the model in first has no table `c`: there is a, b");
  const std::string none = print([&](OutputFile &out) { return printTableStats(files_, "nowhere", out); });
  EXPECT_NE(none.find("nowhere"), std::string::npos) << none;
  TestCluster other(makeModel(), 1);
  ASSERT_TRUE(saveCheckpoint(files_, other.store(0), "other").ok());
  bool equal = true;
  const std::string text = print([&](OutputFile &out) { return printTableDiff(files_, "first", "other", out, equal); });
  EXPECT_NE(text.find("error: first beside other: "), std::string::npos) << text;
}

} // namespace
} // namespace heter::runtime
