// Statistics, rows and differences of saved tables, as text.
#include "runtime/table/TableReport.h"
#include "runtime/table/Checkpoint.h"
#include "runtime/table/TableSource.h"
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

  /// What a printer prints of saves.
  std::string printOf(const std::vector<std::string> &saves,
                      const std::function<Status(std::vector<std::unique_ptr<TableSource>> &, OutputFile &)> &printer) {
    return print([&](OutputFile &out) -> Status {
      std::vector<std::unique_ptr<TableSource>> sources;
      for (const std::string &save : saves) {
        HETER_ASSIGN_OR_RETURN(std::unique_ptr<TableSource> source, openSavedTables(files_, save));
        sources.push_back(std::move(source));
      }
      return printer(sources, out);
    });
  }

  FaultyFileSystem files_;
  TestCluster cluster_{tinyModel(), 1};
};

TEST_F(TableReport, statsCountRowsAndMeasureValues) {
  EXPECT_EQ(printOf({"first"}, [&](auto &of, auto &out) { return printTableStats(*of[0], out); }),
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
  const std::string text = printOf({"third"}, [&](auto &of, auto &out) { return printTableStats(*of[0], out); });
  EXPECT_NE(text.find("part w: dim 1, sgd, rows 2, all zero 0, not finite 1,"), std::string::npos) << text;
}

TEST_F(TableReport, rowsAreThoseOfTheDump) {
  const std::vector<uint64_t> keys = {7, 1};
  const std::string rows =
      printOf({"first"}, [&](auto &of, auto &out) { return printTableRows(*of[0], "b", keys, out); });
  EXPECT_EQ(rows, "b 7 w.value 3 v.value 0 0\nb 1 has no row: it reads as its first value\n");
  const std::string dump = print([&](OutputFile &out) { return dumpCheckpoint(files_, "first", out); });
  EXPECT_NE(dump.find("\nb 7 w.value 3 v.value 0 0\n"), std::string::npos) << dump;
  const std::string all = printOf({"first"}, [&](auto &of, auto &out) { return printTable(*of[0], "a", out); });
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 2);
  EXPECT_NE(all.find("a 5 value 0 0 accumulator 0 0\n"), std::string::npos) << all;
}

TEST_F(TableReport, diffsNameTheRowThatMovedMost) {
  bool equal = true;
  EXPECT_EQ(
      printOf({"first", "second"}, [&](auto &of, auto &out) { return printTableDiff(*of[0], *of[1], out, equal); }),
      R"(table a: equal 1, differ 1, only in the first 0, only in the second 1, most apart 16 at key 5
table b: equal 1, differ 0, only in the first 0, only in the second 0
)");
  EXPECT_FALSE(equal);
  EXPECT_EQ(
      printOf({"second", "first"}, [&](auto &of, auto &out) { return printTableDiff(*of[0], *of[1], out, equal); }),
      R"(table a: equal 1, differ 1, only in the first 1, only in the second 0, most apart 16 at key 5
table b: equal 1, differ 0, only in the first 0, only in the second 0
)");
  printOf({"first", "first"}, [&](auto &of, auto &out) { return printTableDiff(*of[0], *of[1], out, equal); });
  EXPECT_TRUE(equal);
}

TEST_F(TableReport, whatIsNotThereIsNamed) {
  EXPECT_EQ(printOf({"first"}, [&](auto &of, auto &out) { return printTable(*of[0], "c", out); }),
            "error: the model in first has no table `c`: there is a, b");
  const std::string none = printOf({"nowhere"}, [&](auto &of, auto &out) { return printTableStats(*of[0], out); });
  EXPECT_NE(none.find("nowhere"), std::string::npos) << none;
  TestCluster other(makeModel(), 1);
  ASSERT_TRUE(saveCheckpoint(files_, other.store(0), "other").ok());
  bool equal = true;
  const std::string text =
      printOf({"first", "other"}, [&](auto &of, auto &out) { return printTableDiff(*of[0], *of[1], out, equal); });
  EXPECT_NE(text.find("error: first beside other: "), std::string::npos) << text;
}

} // namespace
} // namespace heter::runtime
