// The Criteo lines of HETER_TEST_DATA through the samples' binding, and through Paddle's transforms. Skips without that
// folder.
#include "DataTesting.h"

#include "runtime/base/Hash.h"

#include <gmock/gmock.h>

#include <cmath>
#include <sstream>

using namespace heter::runtime;
using namespace heter::runtime::testing;

namespace {

class CriteoDataTest : public ::testing::Test {
protected:
  void SetUp() override {
    const char *folder = std::getenv("HETER_TEST_DATA");
    if (!folder || !*folder)
      GTEST_SKIP() << "CriteoDataTest: HETER_TEST_DATA names no folder with criteo/raw_first10000.txt";
    options_.files = {std::string(folder) + "/criteo/raw_first10000.txt"};
    if (!std::filesystem::exists(options_.files[0]))
      GTEST_SKIP() << "CriteoDataTest: " << options_.files[0] << " does not exist";
  }
  DataOptions options_;
};

TEST_F(CriteoDataTest, TrainAndTestLines) {
  options_.lines = {1, 8000};
  ReadResult train = readAll(criteoSource(), criteoInputs(), options_);
  ASSERT_TRUE(train.status.ok()) << train.status.message();
  ASSERT_EQ(train.batches.size(), 63u);
  EXPECT_EQ(train.batches.back()->examples, 64);
  options_.lines = {8001, 10000};
  ReadResult test = readAll(criteoSource(), criteoInputs(), options_);
  ASSERT_EQ(test.batches.size(), 16u);
  EXPECT_EQ(test.batches.back()->examples, 80);
  double clicks = 0;
  for (const ReadResult *part : {&train, &test})
    for (const BatchPtr &batch : part->batches)
      for (float click : batch->tensors[2].floats)
        clicks += click;
  EXPECT_NEAR(clicks / 10000, 0.218, 0.0005);
}

/// An independent, slow parse of the same lines gives the same values.
TEST_F(CriteoDataTest, AgreesWithAPlainParser) {
  options_.lines = {1, 500};
  ReadResult result = readAll(criteoSource(), criteoInputs(), options_);
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  std::ifstream file(options_.files[0]);
  std::string line;
  int64_t number = 0;
  for (const BatchPtr &batch : result.batches)
    for (int64_t example = 0; example < batch->examples; ++example, ++number) {
      ASSERT_TRUE(std::getline(file, line));
      std::vector<std::string> fields(1);
      for (char c : line) {
        if (c == '\t')
          fields.emplace_back();
        else
          fields.back().push_back(c);
      }
      ASSERT_EQ(fields.size(), 40u);
      for (size_t i = 0; i < 13; ++i) {
        double value = fields[i + 1].empty() ? 0 : std::log1p(std::max(std::stod(fields[i + 1]), 0.0));
        ASSERT_EQ(batch->tensors[0].floats[static_cast<size_t>(example) * 13 + i], static_cast<float>(value));
      }
      for (size_t i = 0; i < 26; ++i) {
        uint64_t salt = hashBytes("col[" + std::to_string(i + 14) + "]", 0);
        ASSERT_EQ(static_cast<uint64_t>(batch->tensors[1].integers[static_cast<size_t>(example) * 26 + i]),
                  hashBytes(fields[i + 14], salt));
      }
    }
  EXPECT_EQ(number, 500);
}

/// Paddle's own conversion of raw lines, written as a data block, gives Paddle's own numbers.
TEST(PaddleDataTest, RawLinesThroughTransformsEqualTheConvertedOnes) {
  const char *folder = std::getenv("HETER_TEST_DATA");
  std::string criteo = folder && *folder ? std::string(folder) + "/criteo/" : "";
  if (criteo.empty() || !std::filesystem::exists(criteo + "slot_paddle.txt"))
    GTEST_SKIP() << "PaddleDataTest: HETER_TEST_DATA names no folder with criteo/slot_paddle.txt";
  auto numbers = [](std::vector<double> values) { return expression("number", {}, std::move(values)); };
  auto dense =
      expression("div", {expression("sub", {columns(1, 13), numbers({0, -3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})}),
                         numbers({20, 603, 100, 50, 64000, 500, 100, 50, 500, 10, 10, 10, 50})});
  auto slots = expression("hash", {columns(14, 39)}, {1000001}, {"python2", ""});
  DataOptions options;
  options.files = {criteo + "raw_paddle.txt"};
  options.batchSize = 1000;
  ReadResult raw = readAll(source({{"dense", dense}, {"slots", slots}, {"click", column(0)}}), criteoInputs(), options);
  ASSERT_TRUE(raw.status.ok()) << raw.status.message();
  ASSERT_EQ(raw.batches.size(), 1u);
  const Batch &batch = *raw.batches[0];
  std::ifstream lines(criteo + "slot_paddle.txt"), rows(criteo + "slot_paddle.rows.txt");
  std::string line;
  size_t row = 0, count = 0;
  for (; std::getline(lines, line) && rows >> row; ++count) {
    ASSERT_LE(row, static_cast<size_t>(batch.examples));
    --row;
    std::istringstream fields(line);
    std::string field;
    size_t seen = 0;
    while (fields >> field) {
      size_t colon = field.find(':');
      std::string key = field.substr(0, colon), value = field.substr(colon + 1);
      if (key == "click")
        EXPECT_EQ(batch.tensors[2].floats[row], std::stof(value));
      else if (key == "dense_feature")
        EXPECT_EQ(batch.tensors[0].floats[row * 13 + seen++], static_cast<float>(std::stod(value))) << line;
      else
        EXPECT_EQ(batch.tensors[1].integers[row * 26 + std::stoul(key) - 1], std::stoll(value)) << line;
    }
    EXPECT_EQ(seen, 13u);
  }
  EXPECT_EQ(count, 100u);
}

} // namespace
