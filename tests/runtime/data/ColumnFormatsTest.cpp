// The readers of columns: tsv and csv with their options, and how every kind of malformed line is reported.
#include "ReaderTesting.h"

#include "runtime/base/Hash.h"

using namespace heter::runtime;
using namespace heter::runtime::testing;
using ::testing::ElementsAre;

namespace {

int64_t hashed(const std::string &text, const std::string &salt) {
  return static_cast<int64_t>(hashBytes(text, hashBytes(salt, 0)));
}

class CsvTest : public ReaderTest {
protected:
  CsvTest() { source_.format = "csv"; }

  /// Binds the texts of the first columns, as ids hashed with the salt "t".
  void bindTexts(int count) { bind(fixedIds("t", count), expression("hash", {columns(0, count - 1)}, {}, {"t"})); }
  /// What `bindTexts` gives for these texts.
  static std::vector<int64_t> texts(const std::vector<std::string> &all) {
    std::vector<int64_t> result;
    for (const std::string &text : all)
      result.push_back(hashed(text, "t"));
    return result;
  }
};

TEST_F(CsvTest, NumbersBetweenCommas) {
  bind(numbers("x", 3), columns(0, 2));
  EXPECT_THAT(floats("1,2,3\r\n4,,6\r\n7,8,9,10"), ElementsAre(1, 2, 3, 4, 0, 6, 7, 8, 9));
}

TEST_F(CsvTest, QuotedFields) {
  bindTexts(3);
  EXPECT_EQ(ids("\"a,b\",c,\"d\"\n"), texts({"a,b", "c", "d"}));
  EXPECT_EQ(ids("\"say \"\"hi\"\"\",\"\"\"\",\"\"\n"), texts({"say \"hi\"", "\"", ""}));
  EXPECT_EQ(ids("5\" pipe,a\"b\",c\n"), texts({"5\" pipe", "a\"b\"", "c"}));
  EXPECT_EQ(ids("a,\"b\",\"c\"\r\n"), texts({"a", "b", "c"}));
  EXPECT_EQ(ids("\xd0\xb6,\"\xe4\xb8\xad,\",c"), texts({"\xd0\xb6", "\xe4\xb8\xad,", "c"}));
  EXPECT_EQ(ids(std::string("a\0b,c,d\n", 8)), texts({std::string("a\0b", 3), "c", "d"}));
}

TEST_F(CsvTest, SpacesBelongToFieldsUnlessTrimmed) {
  bindTexts(2);
  EXPECT_EQ(ids(" a , b\n"), texts({" a ", " b"}));
  flag("trim", true);
  EXPECT_EQ(ids(" a b\t,  \"c \" \n"), texts({"a b", "c "}));
}

TEST_F(CsvTest, TheMissingText) {
  bind(numbers("x", 2), expression("add", {columns(0, 1), number(1)}));
  flag("trim", true);
  option("missing", "?");
  EXPECT_THAT(floats("1, ?\n?,2\n\"?\",3\n"), ElementsAre(2, 0, 0, 3, 0, 4));
  EXPECT_EQ(error("1,??\n"), "lines:1:3: col[1]: expected a number, got `??`");
}

TEST_F(CsvTest, AnotherSeparator) {
  bindTexts(2);
  option("separator", ";");
  EXPECT_EQ(ids("a,b;\"c;d\"\n"), texts({"a,b", "c;d"}));
  EXPECT_EQ(error("a,b\n"), "lines:1:1: expected at least 2 columns separated by semicolons, got 1");
  option("separator", "::");
  EXPECT_EQ(error("a\n"), "data `clicks`: the option `separator` of csv is unknown or has a wrong value");
}

TEST_F(CsvTest, MalformedQuotes) {
  bindTexts(2);
  EXPECT_EQ(error("a,b\nc,\"d\ne\",f\n"),
            "lines:2:3: the quote that opens here is not closed on this line; a quoted field cannot hold a line end");
  EXPECT_EQ(error("a,b,\"c\n"),
            "lines:1:5: the quote that opens here is not closed on this line; a quoted field cannot "
            "hold a line end");
  EXPECT_EQ(error("\"a\"b,c\n"), "lines:1:4: expected `,` or the end of the line after a quoted field, got `b,c`");
  EXPECT_EQ(error("\"a\" ,c\n"), "lines:1:4: expected `,` or the end of the line after a quoted field, got ` ,c`");
  EXPECT_EQ(error("\"a,b\"\n"), "lines:1:1: expected at least 2 columns separated by commas, got 1");
}

TEST_F(CsvTest, MalformedNumbers) {
  bind(numbers("x", 2), columns(0, 1));
  EXPECT_EQ(error("1,2\n3,1e999\n"), "lines:2:3: col[1]: expected a number, got `1e999`");
  EXPECT_EQ(error("nan,2\n"), "lines:1:1: col[0]: expected a number, got `nan`");
  EXPECT_EQ(error("-inf,2\n"), "lines:1:1: col[0]: expected a number, got `-inf`");
  EXPECT_EQ(error("1,0x10\n"), "lines:1:3: col[1]: expected a number, got `0x10`");
  EXPECT_EQ(error("1,+-2\n"), "lines:1:3: col[1]: expected a number, got `+-2`");
  EXPECT_EQ(error("-,2\n"), "lines:1:1: col[0]: expected a number, got `-`");
  EXPECT_EQ(error("1,\" 2\"\n"), "lines:1:3: col[1]: expected a number, got ` 2`");
  EXPECT_EQ(error(std::string("1,2\0\n", 5)), "lines:1:3: col[1]: expected a number, got `2\\x00`");
  EXPECT_EQ(error("1," + std::string(41, 'z') + "\n"),
            "lines:1:3: col[1]: expected a number, got `" + std::string(40, 'z') + "...`");
  EXPECT_EQ(error("1e39,2\n"), "lines:1:1: value 0 of `x` is not a finite number");
}

TEST_F(CsvTest, NumbersOfEveryForm) {
  bind(numbers("x", 2), columns(0, 1));
  std::string zeros(400, '0');
  EXPECT_THAT(floats("+1.5,-0\n1e-400,." + zeros + "1\n" + zeros + "7,0." + zeros + "\n12345678901234567890,1E2\n"),
              ElementsAre(1.5f, 0.0f, 0.0f, 0.0f, 7.0f, 0.0f, 12345678901234567890.0f, 100.0f));
}

TEST_F(CsvTest, VeryLongLines) {
  bindTexts(2);
  std::string field(3 << 20, 'x');
  EXPECT_EQ(ids(field + ",\"" + field + "\"\na,b"), texts({field, field, "a", "b"}));
}

TEST_F(CsvTest, AHeaderNamesColumnsAnewInEachFile) {
  flag("header", true);
  bind(numbers("x", 2), expression("list", {named("b"), named("a")}));
  bind(fixedIds("t", 1), expression("hash", {named("b")}));
  std::string first = folder_.write("1.csv", "a,b\n1,2\n3,4\n"),
              second = folder_.write("2.csv", "\"b\",c,a\r\n5,6,7\r\n");
  options_.files = {first, second};
  options_.epochs = 2;
  options_.batchSize = 3;
  ReadResult result = readAll(source_, inputs_, options_);
  ASSERT_EQ(result.batches.size(), 2u) << result.status.message();
  for (const BatchPtr &batch : result.batches) {
    EXPECT_THAT(batch->tensors[0].floats, ElementsAre(2, 1, 4, 3, 5, 7));
    EXPECT_THAT(batch->tensors[1].integers, ElementsAre(hashed("2", "b"), hashed("4", "b"), hashed("5", "b")));
  }
}

TEST_F(CsvTest, OneColumnUnderSeveralNames) {
  flag("header", true);
  bind(numbers("x", 2), expression("list", {column(1), named("b")}));
  EXPECT_THAT(floats("a,b\n1,2\n"), ElementsAre(2, 2));
}

TEST_F(CsvTest, AHeaderThatLacksAColumn) {
  flag("header", true);
  bind(number1("x"), named("click"));
  EXPECT_EQ(error("\n\nclik,b\n1,2\n"), "lines:3:1: the header line names no column `click`; did you mean `clik`?");
  EXPECT_EQ(error("click,b,click\n1,2,3\n"), "lines:1:1: the header line names column `click` twice");
  EXPECT_EQ(error("a,\"click\n1,2\n"), "lines:1:3: in the header line: the quote that opens here is not closed on this "
                                       "line; a quoted field cannot hold a line end");
  EXPECT_EQ(error("a,click\n1,x\n"), "lines:2:3: column click: expected a number, got `x`");
  EXPECT_EQ(error("a,click\n1\n"), "lines:2:1: expected at least 2 columns separated by commas, got 1");
  EXPECT_EQ(error("a,click\n"), "no examples: lines holds no line");
}

TEST_F(CsvTest, EmptyFilesAndBlankLines) {
  bind(number1("x"), column(0));
  EXPECT_EQ(error(""), "no examples: lines holds no line");
  EXPECT_EQ(error("\n\r\n"), "no examples: lines holds no line");
  EXPECT_THAT(floats("\n1,a\n\n\r\n2\n   \n"), ElementsAre(1, 2));
  EXPECT_EQ(error("\n1\n\nx\n"), "lines:4:1: col[0]: expected a number, got `x`");
}

TEST_F(CsvTest, LineNumbersOfARangeLeaveOutHeadersAndBlankLines) {
  flag("header", true);
  bind(number1("x"), named("a"));
  options_.lines = {2, 3};
  EXPECT_THAT(floats("a\n\n1\n2\n\n3\n4\n"), ElementsAre(2, 3));
}

class TsvTest : public ReaderTest {};

TEST_F(TsvTest, QuotesAndCommasMeanNothing) {
  bind(fixedIds("t", 2), expression("hash", {columns(0, 1)}, {}, {"t"}));
  EXPECT_THAT(ids("\"a,\t\"b\"\n"), ElementsAre(hashed("\"a,", "t"), hashed("\"b\"", "t")));
}

TEST_F(TsvTest, HeaderTrimAndMissing) {
  flag("header", true);
  flag("trim", true);
  option("missing", "NA");
  bind(numbers("x", 2), expression("list", {named("age"), named("hours")}));
  EXPECT_THAT(floats("name\thours \tage\nx\t 40\tNA\n"), ElementsAre(0, 40));
}

TEST_F(TsvTest, NamesOfColumnsInErrors) {
  bind(number1("x"), called(1, "age"));
  EXPECT_EQ(error("1\tx\n"), "lines:1:3: column age: expected a number, got `x`");
}

TEST_F(TsvTest, FieldsOfNoText) {
  bind(numbers("x", 3), columns(0, 2));
  EXPECT_THAT(floats("\t\t\n1\t\t\n\t\t3\r\n"), ElementsAre(0, 0, 0, 1, 0, 0, 0, 0, 3));
}

} // namespace
