// The Criteo lines of HETER_TEST_DATA through the samples' binding. Skips without that folder.
#include "DataTesting.h"

#include "runtime/base/Hash.h"

#include <gmock/gmock.h>

#include <cmath>

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

} // namespace
