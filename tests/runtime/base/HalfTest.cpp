// f16: every number there and back, and the nearest of two for what lies between.
#include "runtime/base/Half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace heter::runtime {
namespace {

TEST(Half, everyNumberComesBack) {
  for (uint32_t half = 0; half < 65536; ++half) {
    const float value = fromHalf(static_cast<uint16_t>(half));
    const bool isNan = (half & 0x7c00) == 0x7c00 && (half & 0x3ff) != 0;
    EXPECT_EQ(std::isnan(value), isNan);
    if (!isNan) {
      EXPECT_EQ(toHalf(value), half) << value;
    }
  }
}

TEST(Half, knownNumbers) {
  EXPECT_EQ(fromHalf(0x3c00), 1.0F);
  EXPECT_EQ(fromHalf(0xc000), -2.0F);
  EXPECT_EQ(fromHalf(0x7bff), largestHalf);
  EXPECT_EQ(fromHalf(0x0001), 0x1p-24F);
  EXPECT_EQ(fromHalf(0x0400), 0x1p-14F);
  EXPECT_EQ(toHalf(1e-30F), 0);
  EXPECT_EQ(toHalf(-0.0F), 0x8000);
  EXPECT_EQ(toHalf(65519.0F), 0x7bff);
  EXPECT_EQ(toHalf(65520.0F), 0x7c00);
  EXPECT_EQ(toHalf(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_TRUE(std::isnan(fromHalf(toHalf(std::numeric_limits<float>::quiet_NaN()))));
}

// Between two neighbours: a quarter goes down, three quarters up, the half to the even one; and rounding down never up.
TEST(Half, whatLiesBetweenIsRounded) {
  for (uint16_t half = 0; half < 0x7bff; ++half) {
    const float low = fromHalf(half), high = fromHalf(half + 1), step = high - low;
    EXPECT_EQ(toHalf(low + step / 4), half);
    EXPECT_EQ(toHalf(low + 3 * step / 4), half + 1);
    EXPECT_EQ(toHalf(low + step / 2), half % 2 == 0 ? half : half + 1);
    EXPECT_EQ(toHalf(-(low + 3 * step / 4)), (half + 1) | 0x8000);
    for (const float part : {0.25F, 0.5F, 0.75F}) {
      EXPECT_EQ(toHalfBelow(low + part * step), half);
      EXPECT_EQ(toHalfBelow(-(low + part * step)), (half + 1) | 0x8000);
    }
    EXPECT_EQ(toHalfBelow(low), half);
  }
}

} // namespace
} // namespace heter::runtime
