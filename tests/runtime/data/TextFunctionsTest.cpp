// bucket, cross, split and starts_with: their values, their salts and what they do with missing texts.
#include "ReaderTesting.h"

#include "runtime/base/Hash.h"

using namespace heter::runtime;
using namespace heter::runtime::testing;
using ::testing::ElementsAre;

namespace {

int64_t hashed(const std::string &text, const std::string &salt) {
  return static_cast<int64_t>(hashBytes(text, hashBytes(salt, 0)));
}

class TextFunctionsTest : public ReaderTest {
protected:
  static Expression hash(Expression value, std::vector<std::string> texts = {}) {
    return expression("hash", {std::move(value)}, {}, std::move(texts));
  }
  static Expression bucket(Expression value, std::vector<double> bounds) {
    return expression("bucket", {std::move(value)}, std::move(bounds));
  }
  static Expression split(Expression value, const std::string &separator) {
    return expression("split", {std::move(value)}, {}, {separator});
  }
};

TEST_F(TextFunctionsTest, ABucketBeginsAtItsBound) {
  bind(fixedIds("b", 1), hash(bucket(called(0, "age"), {18, 25.5, 40})));
  std::vector<int64_t> expected;
  for (const char *text : {"0", "0", "1", "1", "2", "3", "3", ""})
    expected.push_back(hashed(text, "bucket(age)"));
  EXPECT_EQ(ids("-5\tx\n17.9\tx\n18\tx\n25\tx\n25.5\tx\n40\tx\n1e9\tx\n\tx\n"), expected);
}

TEST_F(TextFunctionsTest, ABucketIsAlsoANumberAndMissingStaysMissing) {
  bind(numbers("b", 2), expression("add", {bucket(column(0), {10, 20}), expression("list", {number(1), number(2)})}));
  bind(idList("ids"), hash(bucket(column(0), {10, 20})));
  auto result = batch("15\tx\n\tx\n");
  EXPECT_THAT(result->tensors[0].floats, ElementsAre(2, 3, 0, 0));
  EXPECT_THAT(result->tensors[1].integers, ElementsAre(hashed("1", "bucket(col[0])")));
}

TEST_F(TextFunctionsTest, ABucketOfArithmeticIsSaltedWithIt) {
  bind(fixedIds("b", 1), hash(bucket(expression("div", {column(0), number(10)}), {1, 2})));
  EXPECT_THAT(ids("15\n"), ElementsAre(hashed("1", "bucket(div(col[0],10))")));
}

TEST_F(TextFunctionsTest, ACrossJoinsTexts) {
  auto decade = bucket(called(0, "age"), {18, 25});
  bind(fixedIds("c", 2),
       hash(expression("list", {expression("cross", {called(1, "school"), called(2, "job")}),
                                expression("cross", {decade, called(1, "school"), called(2, "job")})})));
  EXPECT_THAT(ids("20\tMSc\tclerk\n\t\tclerk\n"), ElementsAre(hashed("MSc\x1f"
                                                                     "clerk",
                                                                     "cross(school,job)"),
                                                              hashed("1\x1fMSc\x1f"
                                                                     "clerk",
                                                                     "cross(bucket(age),school,job)"),
                                                              hashed("\x1f"
                                                                     "clerk",
                                                                     "cross(school,job)"),
                                                              hashed("\x1f\x1f"
                                                                     "clerk",
                                                                     "cross(bucket(age),school,job)")));
}

TEST_F(TextFunctionsTest, CrossesOfDifferentTextsDiffer) {
  bind(fixedIds("c", 2), hash(expression("list", {expression("cross", {column(0), column(1)}),
                                                  expression("cross", {column(0), column(0)})}),
                              {"s"}));
  std::vector<int64_t> values = ids("ab\tc\na\tbc\n");
  ASSERT_EQ(values.size(), 4u);
  EXPECT_NE(values[0], values[2]);
  EXPECT_EQ(values[1], hashed("ab\x1f"
                              "ab",
                              "s"));
}

TEST_F(TextFunctionsTest, SplitGivesAListSaltedWithItsColumn) {
  bind(idList("items"), hash(split(called(0, "item_list"), "|")));
  auto result = batch("a|b||c\tx\n\tx\nd\tx\n|\tx\n");
  EXPECT_THAT(result->tensors[0].offsets, ElementsAre(0, 3, 3, 4, 4));
  EXPECT_THAT(result->tensors[0].integers, ElementsAre(hashed("a", "item_list"), hashed("b", "item_list"),
                                                       hashed("c", "item_list"), hashed("d", "item_list")));
}

TEST_F(TextFunctionsTest, SplitByAWordAndIntoAFixedNumber) {
  bind(numbers("x", 2), spread(split(column(0), ", "), 2));
  EXPECT_THAT(floats("1, 2\n3, \n"), ElementsAre(1, 2, 3, 0));
  EXPECT_EQ(error("1, 2\n1, 2, 3\n"), "lines:2:7: col[0]: expected 2 values, got 3");
  EXPECT_EQ(error("4, x\n"), "lines:1:4: col[0]: expected a number, got `x`");
}

TEST_F(TextFunctionsTest, SplitIdsAreParsed) {
  bind(idList("items"), expression("id", {split(column(1), ",")}));
  EXPECT_THAT(ids("a\t5,-6,18446744073709551615\n"), ElementsAre(5, -6, -1));
  EXPECT_EQ(error("a\t5,b\n"), "lines:1:5: col[1]: expected a whole number of 64 bits, got `b`");
}

TEST_F(TextFunctionsTest, ListsOfOneLengthMustAgreeValueByValue) {
  bind(idList("items", "seen"), hash(split(column(0), "|"), {"item"}));
  bind(idList("cats", "seen"), hash(split(column(1), "|"), {"cat"}));
  EXPECT_THAT(batch("a|b\tx|y\n\t\na||c\tx||y\n")->tensors[1].offsets, ElementsAre(0, 2, 2, 4));
  EXPECT_EQ(error("a|b\tx\n"), "lines:1:1: `items` and `cats` share one length, but this line gives 2 and 1 values");
  EXPECT_EQ(error("a||c\tx|y|\n"),
            "lines:1:1: `items` and `cats` share one length, but values at different places are missing");
}

TEST_F(TextFunctionsTest, StartsWith) {
  bind(number1("rich"), expression("starts_with", {column(0)}, {}, {">50K"}));
  EXPECT_THAT(floats(">50K\tx\n>50K.\tx\n<=50K\tx\n\tx\n>5\tx\n"), ElementsAre(1, 1, 0, 0, 0));
}

TEST_F(TextFunctionsTest, WrongExpressions) {
  auto errorOf = [&](package::Input as, Expression value) {
    source_.bindings.clear();
    inputs_.clear();
    bind(std::move(as), std::move(value));
    return error("1\t2\n");
  };
  auto one = fixedIds("x", 1);
  EXPECT_EQ(errorOf(one, hash(bucket(column(0), {}))),
            "m.heter:9:1: `bucket` wants one column and bounds that increase");
  EXPECT_EQ(errorOf(one, hash(bucket(column(0), {2, 2}))),
            "m.heter:9:1: `bucket` wants one column and bounds that increase");
  EXPECT_EQ(errorOf(one, hash(bucket(columns(0, 1), {2}))), "m.heter:9:1: `bucket` wants one column");
  EXPECT_EQ(errorOf(one, hash(expression("cross", {column(0)}))), "m.heter:9:1: `cross` wants two columns or more");
  EXPECT_EQ(errorOf(one, hash(expression("cross", {columns(0, 1), column(1)}))),
            "m.heter:9:1: `cross` wants one column");
  EXPECT_EQ(errorOf(one, expression("id", {expression("cross", {column(0), column(1)})})),
            "m.heter:9:1: `id` wants columns that hold whole numbers");
  EXPECT_EQ(errorOf(number1("x"), expression("cross", {column(0), column(1)})),
            "m.heter:9:1: a `cross` is a text, no number");
  EXPECT_EQ(errorOf(one, hash(number(1))), "m.heter:9:1: `hash` wants columns, `bucket` or `cross`");
  EXPECT_EQ(errorOf(one, hash(split(column(0), ""))), "m.heter:9:1: `split` wants a text that is not empty");
  EXPECT_EQ(errorOf(one, hash(split(column(0), "|"))),
            "m.heter:9:1: `x` has 1 values an example, but a line gives a list of varying length");
  EXPECT_EQ(
      errorOf(one, hash(bucket(column(0), {2}), {"python2", ""})),
      "m.heter:9:1: `hash` with `kind: python2` salts with the column's number, and `bucket(col[0])` has none; give "
      "it a `space`");
  EXPECT_EQ(errorOf(one, hash(spread(column(0), 2))), "m.heter:9:1: `spread` wants one list of varying length");
  EXPECT_EQ(errorOf(one, hash(keyed("a"))), "m.heter:9:1: `key` wants one key of a slot, libsvm or libfm line");
}

} // namespace
