// Paddle's converted Criteo lines against the raw lines that they were made from: the slot reader and the language's
// own transforms give the same numbers, dense values equal bit for bit and ids equal.
#include "SpecData.h"

using namespace heter::runtime;
using namespace heter::runtime::testing;

namespace {

const char spec[] = R"(
model paddle

dense : f32[13]
slots : id[26]
click : label

bias = param([1], init: zeros)
minimize mean(sigmoid_cross_entropy(bias, click)) with adam(lr: 1e-3)

data raw : tsv {
  click = col[0]
  dense = (col[1..13] - [0, -3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) /
          [20, 603, 100, 50, 64000, 500, 100, 50, 500, 10, 10, 10, 50]
  slots = hash(col[14..39], kind: python2, buckets: 1000001)
}

data converted : slot {
  click = col["click"]
  dense = col["dense_feature"]
  slots = id(col[1..26])
}
)";

template <typename T> std::vector<T> slice(const std::vector<T> &all, size_t row, size_t width) {
  return {all.begin() + static_cast<std::ptrdiff_t>(row * width),
          all.begin() + static_cast<std::ptrdiff_t>((row + 1) * width)};
}

TEST(SlotPaddleTest, EveryLineEqualsTheRawLineItWasMadeFrom) {
  HETER_REAL_FILE(slotFile, "criteo/slot_paddle.txt");
  HETER_REAL_FILE(rawFile, "criteo/raw_paddle.txt");
  HETER_REAL_FILE(rowsFile, "criteo/slot_paddle.rows.txt");
  SpecData data(spec);
  BatchPtr raw = data.readWhole("raw", {rawFile}), converted = data.readWhole("converted", {slotFile});
  ASSERT_TRUE(raw && converted);
  ASSERT_EQ(converted->examples, 100);
  std::ifstream rows(rowsFile);
  for (size_t line = 0, row = 0; line < 100; ++line) {
    ASSERT_TRUE(rows >> row);
    ASSERT_TRUE(row >= 1 && row <= static_cast<size_t>(raw->examples));
    EXPECT_EQ(slice(data.tensor(*converted, "click").floats, line, 1),
              slice(data.tensor(*raw, "click").floats, row - 1, 1))
        << "line " << line + 1;
    EXPECT_EQ(slice(data.tensor(*converted, "dense").floats, line, 13),
              slice(data.tensor(*raw, "dense").floats, row - 1, 13))
        << "line " << line + 1;
    EXPECT_EQ(slice(data.tensor(*converted, "slots").integers, line, 26),
              slice(data.tensor(*raw, "slots").integers, row - 1, 26))
        << "line " << line + 1;
  }
}

} // namespace
