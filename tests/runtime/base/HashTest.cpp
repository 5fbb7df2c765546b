// Published and hand-computed values of the hashes that models depend on, and the nearest-word rule.
#include "runtime/base/Hash.h"
#include "runtime/base/Suggest.h"

#include <gtest/gtest.h>
#include <vector>

using namespace heter::runtime;

TEST(Hash, Xxh64KnownAnswers) {
  EXPECT_EQ(hashBytes(""), 0xef46db3751d8e999ULL);
  EXPECT_EQ(hashBytes("a"), 0xd24ec4f1a98c6e5bULL);
  EXPECT_NE(hashBytes("a", 1), hashBytes("a", 2));
}

TEST(Hash, MixerIsSplitmix64sFinaliser) {
  // splitmix64's first output from state 0 is the finaliser of its increment.
  EXPECT_EQ(mixKey(0x9e3779b97f4a7c15ULL), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(mixKey(0), 0u);
}

TEST(Hash, ShardsSpreadOverServers) {
  for (int servers : {1, 2, 3, 7}) {
    std::vector<int> keys(servers);
    for (uint64_t key = 0; key < 10000; ++key)
      ++keys.at(ownerOfShard(shardOf(key), servers));
    for (int count : keys)
      EXPECT_NEAR(count, 10000.0 / servers, 400);
  }
}

TEST(Suggest, TakesTheOneNearWord) {
  std::vector<std::string> words = {"hidden", "dense", "data", "date"};
  EXPECT_EQ(nearestWord("hiden", words), "hidden");
  EXPECT_EQ(nearestWord("dese", words), "dense");
  EXPECT_EQ(nearestWord("xyzzy", words), "");
  EXPECT_EQ(nearestWord("datz", words), "") << "a tie stays silent";
  EXPECT_EQ(didYouMean("hdiden", words), "; did you mean `hidden`?");
}
