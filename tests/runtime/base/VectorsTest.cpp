// Vector loops against plain ones, bit for bit, at every length around the widest vectors.
#include "runtime/base/Vectors.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace heter::runtime;

namespace {

std::vector<float> someFloats(unsigned seed, int64_t count) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-3, 3);
  std::vector<float> result(static_cast<size_t>(count));
  for (float &value : result)
    value = uniform(random);
  return result;
}

} // namespace

TEST(Vectors, GiveTheBitsOfPlainLoops) {
  for (int64_t count = 0; count < 70; ++count) {
    const std::vector<float> a = someFloats(1, count), b = someFloats(2, count);
    std::vector<float> sum = a, quotient(a.size()), expectedSum = a, expectedQuotient(a.size());
    volatile float divisor = 513; // Volatile: the expected quotients are divided one by one.
    for (size_t i = 0; i < a.size(); ++i) {
      expectedSum[i] += b[i];
      expectedQuotient[i] = a[i] / divisor;
    }
    addFloats(sum.data(), b.data(), count);
    divideFloats(quotient.data(), a.data(), divisor, count);
    EXPECT_EQ(sum, expectedSum) << count;
    EXPECT_EQ(quotient, expectedQuotient) << count;
    std::vector<float> positive = a, expectedPositive = a;
    for (float &value : expectedPositive)
      value = value < 0 ? 0 : value;
    reluFloats(positive.data(), count);
    EXPECT_EQ(positive, expectedPositive) << count;
    std::vector<float> inPlace = a;
    divideFloats(inPlace.data(), inPlace.data(), divisor, count);
    EXPECT_EQ(inPlace, expectedQuotient) << count;
  }
}

TEST(Vectors, ReluKeepsNaN) {
  std::vector<float> values(20, std::nanf(""));
  reluFloats(values.data(), 20);
  for (float value : values)
    EXPECT_TRUE(std::isnan(value));
}
