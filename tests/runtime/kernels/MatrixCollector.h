// Takes a matrix block by block and sees that each element comes once, in blocks that begin and end where they may.
#ifndef HETER_TESTS_RUNTIME_KERNELS_MATRIXCOLLECTOR_H
#define HETER_TESTS_RUNTIME_KERNELS_MATRIXCOLLECTOR_H

#include "runtime/kernels/Library.h"

#include <gtest/gtest.h>
#include <mutex>
#include <vector>

namespace heter::runtime::test {

class MatrixCollector final : public MatrixBlocks {
public:
  MatrixCollector(int64_t rows, int64_t columns)
      : values(static_cast<size_t>(rows * columns)), times(values.size()), rows_(rows), columns_(columns) {}

  void take(const Block &block, const float *from) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++blocks;
    EXPECT_TRUE(block.row % unit == 0 && block.column % unit == 0);
    EXPECT_TRUE(block.rows % unit == 0 || block.row + block.rows == rows_);
    EXPECT_TRUE(block.columns % unit == 0 || block.column + block.columns == columns_);
    for (int64_t i = 0; i < block.rows; ++i)
      for (int64_t j = 0; j < block.columns; ++j) {
        const auto at = static_cast<size_t>((block.row + i) * columns_ + block.column + j);
        values.at(at) = from[i * block.columns + j];
        ++times.at(at);
      }
  }

  std::vector<float> values;
  std::vector<int> times;
  int blocks = 0;

private:
  const int64_t rows_, columns_;
  std::mutex mutex_;
};

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_KERNELS_MATRIXCOLLECTOR_H
