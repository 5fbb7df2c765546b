// A table larger than memory beside a twin that has all rows in memory.
#ifndef HETER_TESTS_RUNTIME_TABLE_TIEREDTESTING_H
#define HETER_TESTS_RUNTIME_TABLE_TIEREDTESTING_H

#include "runtime/table/SparseTable.h"
#include "tests/runtime/table/FaultyFileSystem.h"
#include "tests/runtime/table/TableRows.h"
#include "tests/runtime/table/TestModel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <random>
#include <span>
#include <vector>

namespace heter::runtime::test {

inline constexpr size_t tierDim = 5;

/// A table of one part that admits all keys; `rows` have room in memory.
inline TableSpec tieredSpec(int64_t rows) {
  TableSpec spec;
  spec.name = "emb";
  PartSpec part;
  part.dim = tierDim;
  part.seedName = "emb";
  part.init = {InitializerSpec::Kind::Uniform, 0.5F};
  part.stateFloats = 2 * tierDim;
  part.optimizer = {"adagrad", resolveKernel("adagrad_kernel"), {"accumulator"}, {0.25F}, {}, {}};
  spec.parts.push_back(part);
  spec.layOut();
  spec.policy.tiered = rows > 0;
  spec.policy.memoryBytes = rows * spec.rowMemory(false);
  return spec;
}

class TieredTable : public testing::Test {
protected:
  static constexpr int64_t budget = 8192; ///< Rows in memory.

  std::vector<uint64_t> someKeys(size_t count, uint64_t of) {
    std::vector<uint64_t> keys;
    for (size_t i = 0; i < count; ++i)
      keys.push_back(mixKey(random_() % of));
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
  }
  /// The same update of both tables.
  void update(const std::vector<uint64_t> &keys) {
    std::vector<float> gradients;
    for (size_t i = 0; i < keys.size() * tierDim; ++i)
      gradients.push_back(static_cast<float>(random_() % 1000) * 0.01F - 5);
    const RowGradients push{keys, gradients};
    table_.update(0, {&push, 1}, 2);
    twin_.update(0, {&push, 1}, 2);
  }
  static Status pull(SparseTable &table, std::span<const uint64_t> keys, std::vector<float> &out) {
    out.resize(keys.size() * tierDim);
    DiskRows onDisk(table.tier());
    table.pull(0, keys, out.data(), onDisk);
    return table.finishPull(0, onDisk, out.data());
  }
  /// Pulls `count` random keys of `of` and calls `then`, over and over, for a thread beside others.
  void pullUntil(const std::atomic<bool> &stop, uint64_t seed, int count, uint64_t of,
                 const std::function<void()> &then) {
    std::mt19937_64 random(seed);
    std::vector<float> out;
    while (!stop) {
      std::vector<uint64_t> keys;
      for (int i = 0; i < count; ++i)
        keys.push_back(mixKey(random() % of));
      EXPECT_TRUE(pull(table_, keys, out).ok());
      then();
    }
  }

  std::mt19937_64 random_{7};
  FaultyFileSystem files_;
  const TableSpec spec_ = tieredSpec(budget);
  const TableSpec twinSpec_ = tieredSpec(0);
  SparseTable table_{spec_, 42, 0, virtualShards, {}, {&files_, "tier", size_t{64} << 10}};
  SparseTable twin_{twinSpec_, 42, 0, virtualShards};
};

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_TABLE_TIEREDTESTING_H
