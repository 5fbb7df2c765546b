// Data blocks from their text to the values of a line: what the front end decides and the reader does.
#include "SpecData.h"

#include "runtime/base/Hash.h"

using namespace heter::runtime;
using namespace heter::runtime::testing;
using ::testing::ElementsAre;

namespace {

int64_t hashed(const std::string &text, const std::string &salt) {
  return static_cast<int64_t>(hashBytes(text, hashBytes(salt, 0)));
}

std::string sample(const std::string &name) {
  std::ifstream stream(HETER_FRONTEND_MODELS "/" + name + ".heter");
  return {std::istreambuf_iterator<char>(stream), {}};
}

class DataBlocksTest : public ::testing::Test {
protected:
  BatchPtr read(const SpecData &data, const std::string &source, const std::string &lines) {
    return data.readWhole(source, {folder_.write("lines", lines)});
  }
  std::string error(const SpecData &data, const std::string &source, const std::string &lines) {
    std::string message = data.read(source, {folder_.write("lines", lines)}).status.message();
    return message.substr(message.rfind("/lines") + 1);
  }
  TempFolder folder_;
};

TEST_F(DataBlocksTest, WideAndDeep) {
  SpecData data(sample("wide_deep"));
  BatchPtr batch = read(data, "adult",
                        "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, "
                        "2174, 0, 40, United-States, <=50K\n\n"
                        "25, ?, 1, 11th, 7, Never-married, ?, Own-child, Black, Male, 0, 0, 40, ?, >50K.\n");
  EXPECT_THAT(data.tensor(*batch, "rich").floats, ElementsAre(0, 1));
  const std::vector<float> &numbers = data.tensor(*batch, "numbers").floats;
  EXPECT_EQ(numbers[0], static_cast<float>(39.0 / 100));
  EXPECT_EQ(numbers[2], static_cast<float>(std::log1p(2174.0) / 12));
  const std::vector<int64_t> &deep = data.tensor(*batch, "deep").integers, &wide = data.tensor(*batch, "wide").integers;
  ASSERT_EQ(deep.size(), 16u);
  EXPECT_EQ(deep[0], hashed("State-gov", "work"));
  EXPECT_EQ(deep[8], hashed("", "work"));
  ASSERT_EQ(wide.size(), 22u);
  EXPECT_EQ(std::vector<int64_t>(wide.begin(), wide.begin() + 8), std::vector<int64_t>(deep.begin(), deep.begin() + 8));
  EXPECT_EQ(wide[8], hashed("4", "bucket(age)"));
  EXPECT_EQ(wide[9], hashed("Bachelors\x1f"
                            "Adm-clerical",
                            "cross(school,job)"));
  EXPECT_EQ(wide[10], hashed("4\x1f"
                             "Bachelors\x1f"
                             "Adm-clerical",
                             "cross(bucket(age),school,job)"));
  EXPECT_EQ(wide[19], hashed("2", "bucket(age)"));
  EXPECT_EQ(wide[20], hashed("11th\x1f", "cross(school,job)"));
}

TEST_F(DataBlocksTest, HistoriesOfTargetAttention) {
  SpecData data(sample("din"));
  BatchPtr batch = read(data, "log", "1\tu1\ti9\tc3\ti1|i2\tc1|c2\n0\tu2\ti8\tc1\t\t\n");
  EXPECT_THAT(data.tensor(*batch, "items").offsets, ElementsAre(0, 2, 2));
  EXPECT_THAT(data.tensor(*batch, "items").integers, ElementsAre(hashed("i1", "item"), hashed("i2", "item")));
  EXPECT_THAT(data.tensor(*batch, "item").integers, ElementsAre(hashed("i9", "item"), hashed("i8", "item")));
  EXPECT_THAT(data.tensor(*batch, "user").integers, ElementsAre(hashed("u1", "user_id"), hashed("u2", "user_id")));
  EXPECT_EQ(error(data, "log", "1\tu1\ti9\tc3\ti1|i2\tc1\n"),
            "lines:1:1: `items` and `cats` share one length, but this line gives 2 and 1 values");
}

TEST_F(DataBlocksTest, TwoTowers) {
  SpecData data(sample("two_tower"));
  BatchPtr batch = read(data, "log", "1\tu\ti\ta|b\tg1|g2|g3\t0.5\n");
  EXPECT_THAT(data.tensor(*batch, "recent").integers, ElementsAre(hashed("a", "item"), hashed("b", "item")));
  EXPECT_EQ(data.tensor(*batch, "genres").integers.size(), 3u);
  EXPECT_THAT(data.tensor(*batch, "log_q").floats, ElementsAre(static_cast<float>(std::log(0.5))));
}

TEST_F(DataBlocksTest, WithoutABlockLinesAreSlotsKeyedByInputs) {
  SpecData data(sample("dien"));
  BatchPtr batch =
      read(data, "slot", "click:1 item:7 items:1 items:2 other:3 other:4\nother:6 items:5 item:8 click:0\n");
  EXPECT_THAT(data.tensor(*batch, "click").floats, ElementsAre(1, 0));
  EXPECT_THAT(data.tensor(*batch, "item").integers, ElementsAre(7, 8));
  EXPECT_THAT(data.tensor(*batch, "items").integers, ElementsAre(1, 2, 5));
  EXPECT_THAT(data.tensor(*batch, "other").offsets, ElementsAre(0, 2, 3));
  EXPECT_EQ(error(data, "slot", "click:1 items:1\n"), "lines:1:1: key item: expected 1 value, got none");
  SpecData fixed(specOf("dense : f32[3]", ""));
  EXPECT_THAT(fixed.tensor(*read(fixed, "slot", "dense:1 dense:2 click:1 dense:3\n"), "dense").floats,
              ElementsAre(1, 2, 3));
}

TEST_F(DataBlocksTest, KeysGiveAsManyValuesAsTheirInputHas) {
  SpecData data(specOf("x : f32[4]\ny : f32[2]\nids : id[3]\nages : id", R"(data d : slot {
    click = col["click"]
    x = [log1p(col["a"]) / 2, 7]
    y = col[5] * [1, 10]
    ids = hash([col["a"]])
    ages = hash(bucket(col["age"], [-10, 18, 30]), space: age)
  })"));
  BatchPtr batch = read(data, "d", "click:1 a:1 5:3 a:0 5:4 a:5 age:20\n");
  EXPECT_THAT(data.tensor(*batch, "x").floats,
              ElementsAre(static_cast<float>(std::log1p(1) / 2), 0, static_cast<float>(std::log1p(5) / 2), 7));
  EXPECT_THAT(data.tensor(*batch, "y").floats, ElementsAre(3, 40));
  EXPECT_THAT(data.tensor(*batch, "ids").integers, ElementsAre(hashed("1", "a"), hashed("0", "a"), hashed("5", "a")));
  EXPECT_THAT(data.tensor(*batch, "ages").integers, ElementsAre(hashed("2", "age")));
  EXPECT_EQ(error(data, "d", "click:1 a:1 5:3 a:0 a:5 age:20\n"), "lines:1:1: key 5: expected 2 values, got 1");
  EXPECT_EQ(error(data, "d", "click:1 a:1 5:3 5:4 a:0 a:5\n"), "lines:1:1: key age: expected 1 value, got none");
}

TEST_F(DataBlocksTest, SplitsOfAFixedNumber) {
  SpecData data(specOf("x : f32[3]\nids : id[2]", R"(data d : csv(separator: ";") {
    click = col[0]
    x = split(col[1], ",") / 2
    ids = id(split(col[2], ","))
  })"));
  BatchPtr batch = read(data, "d", "1;2,4,6;5,6\n");
  EXPECT_THAT(data.tensor(*batch, "x").floats, ElementsAre(1, 2, 3));
  EXPECT_THAT(data.tensor(*batch, "ids").integers, ElementsAre(5, 6));
  EXPECT_EQ(error(data, "d", "1;2,4;5,6\n"), "lines:1:1: col[1]: expected 3 values, got 2");
}

TEST_F(DataBlocksTest, NamesOfAHeaderAndOfColumns) {
  SpecData data(specOf("x : f32[2]\nids : id[2]", R"(
  data a : csv(header: true) { click = col["y"]; x = [col["a b"], col[0]]; ids = hash([col["a b"], col[0]]) }
  data b : csv(columns: [y, first], header: true) { click = y; x = [first, col["y"]]; ids = hash([first, col[1]]) })"));
  BatchPtr a = read(data, "a", "k,\"a b\",y\n1,2,3\n"), b = read(data, "b", "any,thing\n1,2\n");
  EXPECT_THAT(data.tensor(*a, "x").floats, ElementsAre(2, 1));
  EXPECT_THAT(data.tensor(*a, "click").floats, ElementsAre(3));
  EXPECT_THAT(data.tensor(*a, "ids").integers, ElementsAre(hashed("2", "a b"), hashed("1", "col[0]")));
  EXPECT_THAT(data.tensor(*b, "x").floats, ElementsAre(2, 1));
  EXPECT_THAT(data.tensor(*b, "ids").integers, ElementsAre(hashed("2", "first"), hashed("2", "col[1]")));
}

} // namespace
