// Philox against the published known answers (Random123's kat_vectors), and the fills against their definition.
#include "runtime/base/Random.h"
#include "runtime/base/Hash.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

using namespace heter::runtime;

TEST(Random, PhiloxKnownAnswers) {
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, KeyMixesSeedAndName) {
  uint64_t key = 5 ^ hashBytes("emb", 0);
  EXPECT_EQ(philoxKey(5, "emb")[0], static_cast<uint32_t>(key));
  EXPECT_EQ(philoxKey(5, "emb")[1], static_cast<uint32_t>(key >> 32));
}

TEST(Random, FillsDoNotDependOnHowTheyAreSplit) {
  auto key = philoxKey(1, "w");
  for (auto fill : {fillUniform, fillNormal}) {
    std::vector<float> whole(23), parts(23);
    fill(whole.data(), 23, key, 7, 0, 0.5f);
    for (int64_t at = 0, size = 1; at < 23; at += size, size = std::min<int64_t>(size + 1, 23 - at))
      fill(parts.data() + at, size, key, 7, at, 0.5f);
    EXPECT_EQ(whole, parts);
  }
}

TEST(Random, UniformFollowsItsDefinition) {
  auto key = philoxKey(3, "w");
  uint64_t row = 0x123456789abcdefULL;
  std::vector<float> values(9);
  fillUniform(values.data(), 9, key, row, 0, 0.01f);
  for (uint32_t c = 0; c < 9; ++c) {
    auto words = philox4x32({static_cast<uint32_t>(row), static_cast<uint32_t>(row >> 32), c / 4, 0}, key);
    EXPECT_EQ(values[c], (2 * uniformFloat(words[c % 4]) - 1) * 0.01f);
    EXPECT_LE(std::abs(values[c]), 0.01f);
  }
}

TEST(Random, NormalHasItsMoments) {
  std::vector<float> values(100000);
  fillNormal(values.data(), 100000, philoxKey(9, "n"), 0, 0, 2.0f);
  double sum = 0, squares = 0;
  for (float v : values) {
    sum += v;
    squares += double{v} * v;
  }
  EXPECT_NEAR(sum / 1e5, 0.0, 0.05);
  EXPECT_NEAR(squares / 1e5, 4.0, 0.1);
}
