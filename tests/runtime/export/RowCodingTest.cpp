// Codings of rows: the bounds that they promise, what they cannot hold, and their bytes.
#include "runtime/export/RowCoding.h"

#include "runtime/base/Random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace heter::runtime::exports {
namespace {

std::string encode(RowCoding coding, const std::vector<float> &values) {
  std::string bytes;
  EXPECT_TRUE(encodeValues(coding, values, bytes).ok());
  EXPECT_EQ(bytes.size(), codedBytes(coding, static_cast<int64_t>(values.size())));
  return bytes;
}

std::vector<float> thereAndBack(RowCoding coding, const std::vector<float> &values) {
  std::vector<float> result(values.size());
  decodeValues(coding, encode(coding, values), result);
  return result;
}

/// Rows of many sizes, some far from zero, some of one value.
template <typename Check> void forManyRows(const Check &check) {
  uint64_t row = 0;
  for (const float scale : {1e-9F, 1e-6F, 1e-4F, 0.01F, 1.0F, 30.0F, 3000.0F, 60000.0F})
    for (const float middle : {0.0F, 1e-5F, -0.3F, 7.0F, -2500.0F, 5000.0F})
      for (const int64_t dim : {1, 2, 5, 9, 64}) {
        std::vector<float> values(static_cast<size_t>(dim));
        fillUniform(values.data(), dim, {1, 2}, ++row, 0, scale);
        for (float &value : values)
          value += middle;
        check(values);
      }
}

TEST(RowCoding, f32IsExact) {
  const std::vector<float> values = {1, -0.0F, 1e-40F, std::numeric_limits<float>::infinity(), 3e38F};
  const std::vector<float> back = thereAndBack(RowCoding::F32, values);
  EXPECT_EQ(back, values);
  EXPECT_TRUE(std::signbit(back[1]));
}

TEST(RowCoding, f16IsOffByAPartIn2048) {
  forManyRows([](const std::vector<float> &values) {
    if (std::any_of(values.begin(), values.end(), [](float value) { return std::fabs(value) > 65504; }))
      return;
    const std::vector<float> back = thereAndBack(RowCoding::F16, values);
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_LE(std::fabs(double{back[i]} - values[i]), std::max(std::fabs(double{values[i]}) / 2048, 0x1p-25))
          << values[i];
  });
}

TEST(RowCoding, int8IsOffByHalfAStep) {
  double worst = 0;
  forManyRows([&](const std::vector<float> &values) {
    const auto [min, max] = std::minmax_element(values.begin(), values.end());
    if (*min < -65504 || *max > 65504)
      return;
    if (values.size() <= 4)
      return; // stored as f16
    const double step = (double{*max} - *min) / 254 + std::fabs(double{*min}) / 260000 + 1e-7;
    const std::vector<float> back = thereAndBack(RowCoding::Int8, values);
    for (size_t i = 0; i < values.size(); ++i) {
      const double error = std::fabs(double{back[i]} - values[i]);
      EXPECT_LE(error, step / 2 + std::fabs(double{values[i]}) * 0x1p-23) << values[i] << " from " << *min;
      worst = std::max(worst, error / step);
    }
  });
  EXPECT_GT(worst, 0.4) << "the bound promises too little";
}

TEST(RowCoding, theirBytes) {
  EXPECT_EQ(encode(RowCoding::F16, {1, -2}), std::string("\x00\x3c\x00\xc0", 4));
  // 2/255 is above 0x2004, so the scale is 0x2005; the offset is -1
  const std::string bytes = encode(RowCoding::Int8, {-1, 0, 1, 1, 1});
  EXPECT_EQ(bytes.substr(0, 4), std::string("\x05\x20\x00\xbc", 4));
  EXPECT_EQ(bytes.substr(4), std::string("\x00\x7f\xff\xff\xff", 5));
  EXPECT_EQ(encode(RowCoding::Int8, {1, -2}), encode(RowCoding::F16, {1, -2})) << "which is smaller";
  EXPECT_EQ(encode(RowCoding::Int8, {0.5F, 0.5F, 0.5F, 0.5F, 0.5F}),
            std::string("\x00\x00\x00\x38\x00\x00\x00\x00\x00", 9));
}

TEST(RowCoding, whatDoesNotFitIsRefused) {
  for (const RowCoding coding : {RowCoding::F16, RowCoding::Int8})
    for (const float bad :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(), 70000.0F}) {
      std::string bytes;
      const Status status = encodeValues(coding, std::vector<float>{1, bad}, bytes);
      EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
      EXPECT_NE(status.message().find(codingName(coding)), std::string::npos) << status.message();
    }
}

TEST(RowCoding, namesAreRead) {
  for (const RowCoding coding : {RowCoding::F32, RowCoding::F16, RowCoding::Int8})
    EXPECT_EQ(*parseCoding(codingName(coding)), coding);
  EXPECT_NE(parseCoding("int4").status().message().find("`int4`"), std::string::npos);
}

} // namespace
} // namespace heter::runtime::exports
