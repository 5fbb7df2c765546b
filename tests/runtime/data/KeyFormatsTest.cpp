// The readers of keys and values: slot and libsvm form.
#include "ReaderTesting.h"

#include "runtime/base/Hash.h"

using namespace heter::runtime;
using namespace heter::runtime::testing;
using ::testing::ElementsAre;

namespace {

int64_t hashed(const std::string &text, const std::string &salt) {
  return static_cast<int64_t>(hashBytes(text, hashBytes(salt, 0)));
}

class SlotTest : public ReaderTest {
protected:
  SlotTest() { source_.format = "slot"; }
};

TEST_F(SlotTest, KeysInAnyOrderAndOthersBetweenThem) {
  bind(number1("click"), spread(keyed("click"), 1));
  bind(numbers("dense", 2), spread(keyed("dense"), 2));
  bind(fixedIds("slots", 2), expression("id", {columns(1, 2)}));
  auto result = batch("click:1 dense:0.5 dense:2 1:7 2:8\n2:9 x:y 1:6 dense:3 dense:4 click:0\r\n  click:1\t1:5  2:4 "
                      "dense:1 dense:2 ");
  EXPECT_THAT(result->tensors[0].floats, ElementsAre(1, 0, 1));
  EXPECT_THAT(result->tensors[1].floats, ElementsAre(0.5f, 2, 3, 4, 1, 2));
  EXPECT_THAT(result->tensors[2].integers, ElementsAre(7, 8, 6, 9, 5, 4));
}

TEST_F(SlotTest, ListsOfVaryingLength) {
  bind(idList("items"), expression("id", {keyed("items")}));
  bind(idList("both"), expression("hash", {expression("list", {keyed("items"), keyed("5")})}, {}, {"s"}));
  auto result = batch("items:1 items:2 5:x\n5:y\nitems: items:3 items:\n");
  EXPECT_THAT(result->tensors[0].integers, ElementsAre(1, 2, 3));
  EXPECT_THAT(result->tensors[0].offsets, ElementsAre(0, 2, 2, 3));
  EXPECT_THAT(result->tensors[1].offsets, ElementsAre(0, 3, 4, 5));
  EXPECT_THAT(result->tensors[1].integers,
              ElementsAre(hashed("1", "s"), hashed("2", "s"), hashed("x", "s"), hashed("y", "s"), hashed("3", "s")));
}

TEST_F(SlotTest, HashesAreSaltedWithTheKeyAsWritten) {
  bind(idList("a"), expression("hash", {keyed("user")}));
  bind(idList("b"), expression("hash", {expression("key", {}, {7}, {"col[7]"})}));
  bind(idList("c"), expression("hash", {expression("key", {}, {7}, {"col[7]"})}, {}, {"python2", ""}));
  auto result = batch("user:u 7:a:b\n");
  EXPECT_THAT(result->tensors[0].integers, ElementsAre(hashed("u", "user")));
  EXPECT_THAT(result->tensors[1].integers, ElementsAre(hashed("a:b", "col[7]")));
  // hash("7a:b") of Python 2, computed from its definition alone.
  EXPECT_THAT(result->tensors[2].integers, ElementsAre(7140001292845425860));
}

TEST_F(SlotTest, CountsAreChecked) {
  bind(number1("click"), spread(keyed("click"), 1));
  bind(numbers("dense", 3), spread(keyed("dense_feature"), 3));
  bind(fixedIds("slots", 1), expression("id", {column(1)}));
  EXPECT_EQ(error("click:0 dense_feature:1 dense_feature:2 1:5\n"),
            "lines:1:1: key dense_feature: expected 3 values, got 2");
  EXPECT_EQ(error("click:0 dense_feature:1 dense_feature:2 dense_feature:3 dense_feature:44 1:5\n"),
            "lines:1:71: key dense_feature: expected 3 values, got 4");
  EXPECT_EQ(error("dense_feature:1 dense_feature:2 dense_feature:3 1:5\n"),
            "lines:1:1: key click: expected 1 value, got none");
  EXPECT_EQ(error("click:0 dense_feature:1 dense_feature:2 dense_feature:3 1:5 1:6\n"),
            "lines:1:63: key 1: expected 1 value, got 2");
}

TEST_F(SlotTest, MalformedLines) {
  bind(number1("click"), spread(keyed("click"), 1));
  bind(idList("items"), expression("id", {keyed("items")}));
  EXPECT_EQ(error("click:0 items\n"), "lines:1:9: expected KEY:VALUE, as in a slot line, got `items`");
  EXPECT_EQ(error("click:0\nclick:1 :5\n"), "lines:2:9: expected KEY:VALUE, as in a slot line, got `:5`");
  EXPECT_EQ(error("click:x\n"), "lines:1:7: key click: expected a number, got `x`");
  EXPECT_EQ(error("click:1 items:1 items:b\n"), "lines:1:23: key items: expected a whole number of 64 bits, got `b`");
  EXPECT_EQ(error("click:1 items:99999999999999999999\n"),
            "lines:1:15: key items: expected a whole number of 64 bits, got `99999999999999999999`");
  EXPECT_EQ(error(std::string("click:1\0 items:1\n", 17)), "lines:1:7: key click: expected a number, got `1\\x00`");
  EXPECT_EQ(error(""), "no examples: lines holds no line");
}

TEST_F(SlotTest, AnEmptyValueIsMissing) {
  bind(numbers("dense", 2), spread(keyed("dense"), 2));
  EXPECT_THAT(floats("dense: dense:2\n\n"), ElementsAre(0, 2));
}

TEST_F(SlotTest, HasNoOptions) {
  bind(number1("click"), spread(keyed("click"), 1));
  flag("header", true);
  EXPECT_EQ(error("click:1\n"), "data `clicks`: the format `slot` has no options, got `header`");
}

class LibsvmTest : public ReaderTest {
protected:
  LibsvmTest() { source_.format = "libsvm"; }
};

TEST_F(LibsvmTest, LabelIndicesAndValues) {
  bind(number1("click"), named("label"));
  bind(numbers("dense", 3), columns(1, 3));
  bind(idList("indices"), expression("id", {keyed("index")}));
  bind(idList("values"), expression("id", {keyed("value")}));
  auto result = batch("+1 1:5 3:7\n-1\n0 003:2\t2:1 # a comment: here\n");
  EXPECT_THAT(result->tensors[0].floats, ElementsAre(1, -1, 0));
  EXPECT_THAT(result->tensors[1].floats, ElementsAre(5, 0, 7, 0, 0, 0, 0, 1, 2));
  EXPECT_THAT(result->tensors[2].integers, ElementsAre(1, 3, 3, 2));
  EXPECT_THAT(result->tensors[2].offsets, ElementsAre(0, 2, 2, 4));
  EXPECT_THAT(result->tensors[3].integers, ElementsAre(5, 7, 2, 1));
}

TEST_F(LibsvmTest, LibfmIsTheSameForm) {
  source_.format = "libfm";
  bind(number1("click"), expression("max", {named("label"), number(0)}));
  bind(fixedIds("slots", 2), expression("id", {spread(keyed("index"), 2)}));
  auto result = batch("1 266:1 1244:1\n-1 138:1 1296:1\n");
  EXPECT_THAT(result->tensors[0].floats, ElementsAre(1, 0));
  EXPECT_THAT(result->tensors[1].integers, ElementsAre(266, 1244, 138, 1296));
  EXPECT_EQ(error("1 5:1\n"), "lines:1:1: index: expected 2 values, got 1");
}

TEST_F(LibsvmTest, Queries) {
  bind(number1("click"), named("label"));
  bind(fixedIds("query", 1), expression("id", {named("qid")}));
  EXPECT_THAT(ids("1 qid:7 1:0.5\n0 qid:8\n", 1), ElementsAre(7, 8));
  EXPECT_EQ(error("1 1:0.5\n"), "lines:1:1: qid: expected 1 value, got none");
}

TEST_F(LibsvmTest, ALabelThatNobodyReadsMayBeAbsent) {
  bind(idList("indices"), expression("id", {keyed("index")}));
  EXPECT_THAT(ids("1:1 2:1\n0 3:1\n"), ElementsAre(1, 2, 3));
}

TEST_F(LibsvmTest, MalformedLines) {
  bind(number1("click"), named("label"));
  bind(numbers("dense", 2), columns(1, 2));
  EXPECT_EQ(error("1 1:2\n1:0.5 2:1\n"), "lines:2:1: expected a label, got `1:0.5`");
  EXPECT_EQ(error("1,2 1:0.5\n"), "lines:1:1: label: expected a number, got `1,2`");
  EXPECT_EQ(error("1 1:0.5 x:1\n"), "lines:1:9: expected INDEX:VALUE, got `x:1`");
  EXPECT_EQ(error("1 1:0.5 7\n"), "lines:1:9: expected INDEX:VALUE, got `7`");
  EXPECT_EQ(error("1 1:a\n"), "lines:1:5: index 1: expected a number, got `a`");
  EXPECT_EQ(error("1 2:1 2:3\n"), "lines:1:9: index 2: expected 1 value, got 2");
}

} // namespace
