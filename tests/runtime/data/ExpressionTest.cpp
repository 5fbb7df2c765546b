// Expressions of data bindings: values, missing fields, hashes, and the errors of wrong bindings and lines.
#include "DataTesting.h"

#include <gmock/gmock.h>

#include <cmath>

using namespace heter::runtime;
using namespace heter::runtime::testing;
using package::ElementType;
using package::ValueKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

class ExpressionTest : public ::testing::Test {
protected:
  ReadResult read(const std::string &text, const package::DataExpression &value, const package::Input &as) {
    DataOptions options;
    options.files = {folder_.write("lines.txt", text)};
    return readAll(source({{as.name, value}}), {as}, options);
  }
  std::vector<float> floats(const std::string &text, const package::DataExpression &value, int64_t count) {
    ReadResult result = read(text, value, input("x", ElementType::F32, {count}));
    EXPECT_TRUE(result.status.ok()) << result.status.message();
    return result.batches.empty() ? std::vector<float>() : result.batches[0]->tensors[0].floats;
  }
  std::string error(const std::string &text, const package::DataExpression &value, const package::Input &as) {
    return read(text, value, as).status.message();
  }
  TempFolder folder_;
};

TEST_F(ExpressionTest, NumbersAreExact) {
  EXPECT_THAT(floats("1\t-2\t0.1\t1e-3\n", columns(0, 3), 4), ElementsAre(1.0f, -2.0f, 0.1f, 1e-3f));
  EXPECT_THAT(floats("123456789012345\t-0\t1234567890123456789\n", columns(0, 2), 3),
              ElementsAre(123456789012345.0f, 0.0f, 1234567890123456789.0f));
}

TEST_F(ExpressionTest, ArithmeticIsInDoubleAndRoundedOnce) {
  auto third = expression("div", {column(0), number(3)});
  EXPECT_THAT(floats("1\n", expression("mul", {third, number(3)}), 1), ElementsAre(1.0f));
  EXPECT_THAT(floats("16777217\n", expression("sub", {column(0), number(16777216)}), 1), ElementsAre(1.0f));
  EXPECT_THAT(floats("5\t2\n",
                     expression("list", {expression("add", {column(0), column(1)}), expression("neg", {column(0)}),
                                         expression("min", {column(0), column(1)}), expression("log", {column(1)})}),
                     4),
              ElementsAre(7.0f, -5.0f, 2.0f, static_cast<float>(std::log(2.0))));
}

TEST_F(ExpressionTest, OneNumberMeetsEveryColumn) {
  auto dense = expression("log1p", {expression("max", {columns(0, 2), number(0)})});
  EXPECT_THAT(floats("-2\t0\t7\n", dense, 3), ElementsAre(0.0f, 0.0f, static_cast<float>(std::log1p(7.0))));
}

TEST_F(ExpressionTest, MissingStaysMissingAndEndsAsZero) {
  EXPECT_THAT(floats("\t3\n", expression("add", {columns(0, 1), number(5)}), 2), ElementsAre(0.0f, 8.0f));
  EXPECT_THAT(floats("\t3\n", expression("max", {columns(0, 1), number(5)}), 2), ElementsAre(0.0f, 5.0f));
  EXPECT_THAT(floats("\t3\n", expression("log", {column(0)}), 1), ElementsAre(0.0f));
}

TEST_F(ExpressionTest, HashIsXxh64SaltedWithTheColumn) {
  // Computed with libxxhash alone: XXH64("68fd1e64", XXH64("col[14]", 0)) and so on.
  auto result = read("68fd1e64\t80e26c9b\t\n",
                     expression("hash", {expression("column", {}, {0, 1, 2}, {"col[14]", "col[15]", "col[16]"})}),
                     input("ids", ElementType::I64, {3}));
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  EXPECT_THAT(result.batches.at(0)->tensors[0].integers,
              ElementsAre(-5507330970733796590, 7620826673413720305, 491942313614892049));
}

TEST_F(ExpressionTest, ColumnsDifferAndASpaceMakesThemEqual) {
  auto ids = [&](const package::DataExpression &value) {
    return read("abc\tabc\n", value, input("ids", ElementType::I64, {2})).batches.at(0)->tensors[0].integers;
  };
  auto byColumn = ids(expression("hash", {columns(0, 1)}));
  EXPECT_NE(byColumn[0], byColumn[1]);
  auto bySpace = ids(expression("hash", {columns(0, 1)}, {}, {"item"}));
  EXPECT_EQ(bySpace[0], bySpace[1]);
  EXPECT_EQ(bySpace, ids(expression("hash", {columns(0, 1)}, {}, {"", "item"})));
  EXPECT_NE(bySpace[0], byColumn[0]);
}

TEST_F(ExpressionTest, Python2HashAndBuckets) {
  auto ids = [&](const std::string &text, int64_t count, const package::DataExpression &value) {
    ReadResult result = read(text, value, input("ids", ElementType::I64, {count}));
    EXPECT_TRUE(result.status.ok()) << result.status.message();
    return result.batches.empty() ? std::vector<int64_t>() : result.batches[0]->tensors[0].integers;
  };
  // hash("a") and hash("abc") of Python 2, computed from its definition alone.
  EXPECT_THAT(ids("\tbc\n", 2, expression("hash", {columns(0, 1)}, {}, {"python2", "a"})),
              ElementsAre(12416037344, 1453079729188098211));
  EXPECT_THAT(ids("\tbc\n", 2, expression("hash", {columns(0, 1)}, {1000001}, {"python2", "a"})),
              ElementsAre(24928, 822102));
  auto whole = ids("x\n", 1, expression("hash", {column(0)}));
  EXPECT_THAT(ids("x\n", 1, expression("hash", {column(0)}, {1000})),
              ElementsAre(static_cast<int64_t>(static_cast<uint64_t>(whole.at(0)) % 1000)));
  auto as = input("ids", ElementType::I64);
  EXPECT_THAT(error("x\n", expression("hash", {column(0)}, {0.5}), as),
              HasSubstr("m.heter:9:1: `buckets` is a whole number from 1 to 2^53"));
  EXPECT_THAT(error("x\n", expression("hash", {column(0)}, {}, {"crc", ""}), as),
              HasSubstr("`hash` of the kind `crc` is not supported yet"));
}

TEST_F(ExpressionTest, IdsAreTakenAsTheyStand) {
  auto result =
      read("18446744073709551615\t-3\t\n", expression("id", {columns(0, 2)}), input("ids", ElementType::I64, {3}));
  EXPECT_THAT(result.batches.at(0)->tensors[0].integers, ElementsAre(-1, -3, 0));
}

TEST_F(ExpressionTest, ListOfVaryingLengthDropsMissing) {
  auto result = read("a\t\tc\n\t\t\nx\ty\tz\n", expression("hash", {columns(0, 2)}),
                     input("ids", ElementType::I64, {}, ValueKind::RAGGED));
  ASSERT_EQ(result.batches.size(), 1u);
  EXPECT_THAT(result.batches[0]->tensors[0].offsets, ElementsAre(0, 2, 2, 5));
  EXPECT_EQ(result.batches[0]->tensors[0].integers.size(), 5u);
}

TEST_F(ExpressionTest, NamedLengthsMustAgree) {
  DataOptions options;
  options.files = {folder_.write("lines.txt", "1\t2\t3\t4\n1\t\t3\t4\n")};
  auto ragged = [](const char *name) { return input(name, ElementType::I64, {}, ValueKind::RAGGED, "seen"); };
  auto result =
      readAll(source({{"items", expression("id", {columns(0, 1)})}, {"cats", expression("id", {columns(2, 3)})}}),
              {ragged("items"), ragged("cats")}, options);
  EXPECT_THAT(result.status.message(), HasSubstr("lines.txt:2:1: `items` and `cats` share one length"));
}

TEST_F(ExpressionTest, MalformedFieldIsNamed) {
  EXPECT_THAT(error("1\t2\n3\tabc\n", columns(0, 1), input("x", ElementType::F32, {2})),
              HasSubstr("lines.txt:2:3: col[1]: expected a number, got `abc`"));
  EXPECT_THAT(error("nan\n", column(0), input("x", ElementType::F32)), HasSubstr("expected a number, got `nan`"));
  EXPECT_THAT(error("1 \n", column(0), input("x", ElementType::F32)), HasSubstr("expected a number, got `1 `"));
  EXPECT_THAT(error("-1\n", expression("log", {column(0)}), input("x", ElementType::F32)),
              HasSubstr("`x` is not a finite number"));
  EXPECT_THAT(error("1.5\n", expression("id", {column(0)}), input("x", ElementType::I64)),
              HasSubstr("expected a whole number of 64 bits, got `1.5`"));
}

TEST_F(ExpressionTest, ALabelIsNeverMissing) {
  package::Input label = input("click", ElementType::F32);
  label.label = true;
  EXPECT_THAT(error("1\n\t2\n", expression("max", {column(0), number(0)}), label),
              HasSubstr("lines.txt:2:1: `click` is missing, and it is a label"));
  DataOptions options;
  options.files = {folder_.write("lines.txt", "1 2:1\n0 3:1\n")};
  package::DataSource sparse = source({{"click", column(2)}});
  sparse.format = "libsvm"; // which leaves zeros out
  auto result = readAll(sparse, {label}, options);
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  EXPECT_THAT(result.batches.at(0)->tensors[0].floats, ElementsAre(1, 0));
}

TEST_F(ExpressionTest, NumbersWithinARange) {
  const auto bounded = expression("within", {columns(0, 1)}, {0, 2}, {"seen", "softmax_cross_entropy"});
  auto result = read("0\t2\n1.5\t\n", bounded, input("seen", ElementType::F32, {2}));
  EXPECT_THAT(result.batches.at(0)->tensors[0].floats, ElementsAre(0, 2, 1.5f, 0));
  EXPECT_THAT(error("0\t2\n1\t2.5\n", bounded, input("seen", ElementType::F32, {2})),
              HasSubstr("lines.txt:2:1: `seen` is 2.5, and `softmax_cross_entropy` takes 0 to 2"));
  EXPECT_THAT(error("-1\t2\n", bounded, input("seen", ElementType::I64, {2})),
              HasSubstr("`seen` is -1, and `softmax_cross_entropy` takes 0 to 2"));
  EXPECT_THAT(error("1\n", expression("within", {column(0)}, {0}, {"x", "y"}), input("x", ElementType::F32)),
              HasSubstr("`within` wants one argument, two numbers and two texts"));
}

TEST_F(ExpressionTest, TooFewColumns) {
  EXPECT_THAT(error("1\t2\t3\n1\t2\n", columns(0, 2), input("x", ElementType::F32, {3})),
              HasSubstr("lines.txt:2:1: expected at least 3 columns separated by tabs, got 2"));
  EXPECT_THAT(error("1\n", columns(0, 2), input("x", ElementType::F32, {3})), HasSubstr("got 1"));
}

TEST_F(ExpressionTest, WrongBindings) {
  auto x = input("x", ElementType::F32, {3});
  EXPECT_THAT(error("1\n", columns(0, 1), x),
              HasSubstr("m.heter:9:1: `x` has 3 values an example, but a line gives 2"));
  EXPECT_THAT(error("1\n", expression("floor", {column(0)}), x),
              HasSubstr("m.heter:9:1: `floor` in a data binding is not supported"));
  EXPECT_THAT(error("1\n", expression("column", {}, {-1}, {"click"}), input("x", ElementType::F32)),
              HasSubstr("data `clicks`: column `click` has no number, and the files have no header line"));
  EXPECT_THAT(error("1\n", expression("hash", {column(0)}), x), HasSubstr("ids cannot be used as numbers"));
  EXPECT_THAT(error("1\n", expression("max", {column(0)}), x), HasSubstr("`max` wants 2 arguments, got 1"));
  EXPECT_THAT(error("1\n", expression("add", {columns(0, 1), columns(0, 2)}), x),
              HasSubstr("cannot pair 2 values with 3"));
}

TEST_F(ExpressionTest, OtherFormatsAndForgottenInputs) {
  DataOptions options;
  options.files = {folder_.write("lines.txt", "1\n")};
  package::DataSource parquet = source({{"x", column(0)}});
  parquet.format = "parquet";
  auto x = input("x", ElementType::F32);
  EXPECT_THAT(readAll(parquet, {x}, options).status.message(),
              HasSubstr("data `clicks` has the format `parquet`, which is not supported; tsv, csv, slot"));
  EXPECT_THAT(readAll(source({{"y", column(0)}}), {x}, options).status.message(),
              HasSubstr("data `clicks` does not bind input `x`"));
}

} // namespace
