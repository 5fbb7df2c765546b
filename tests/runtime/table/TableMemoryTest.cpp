// Memory that a table has no use for any more is used again, or lent to the system.
#include "runtime/table/TableSnapshot.h"
#include "tests/runtime/table/PolicyTesting.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <optional>
#include <random>
#include <set>
#include <string>

namespace heter::runtime {
namespace {

using namespace test;

/// Bytes of this process that the system takes as soon as it needs memory; none if it does not say.
std::optional<int64_t> lentBytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("LazyFree:"))
      return std::stoll(line.substr(line.find(':') + 1)) << 10;
  return std::nullopt;
}

TEST(SparseTable, whatASnapshotSetAsideIsLentToTheSystemUntilTheNext) {
  if (!lentBytes())
    GTEST_SKIP() << "the system does not say what was lent to it";
  const TableSpec spec = policySpec({});
  SparseTable table(spec, 42, 0, virtualShards);
  std::vector<uint64_t> keys(300000);
  for (size_t i = 0; i < keys.size(); ++i)
    keys[i] = mixKey(i);
  const std::vector<float> gradients(keys.size(), 0.5F);
  const RowGradients push{keys, gradients};
  table.update(0, {&push, 1}, 1);
  const int64_t least = static_cast<int64_t>(keys.size()) * spec.rowFloats * 4;
  for (int round = 0; round < 3; ++round) {
    uint64_t before = 0, got = 0;
    const auto addTo = [](uint64_t &sum) {
      return [&sum](const RowImage &row) {
        sum += mixKey(row.key ^ hashBytes({reinterpret_cast<const char *>(row.state.data()), row.state.size_bytes()}));
        return Status();
      };
    };
    ASSERT_TRUE(table.visitRows(addTo(before)).ok());
    const int64_t lent = *lentBytes();
    {
      TableSnapshot snapshot(table);
      table.update(0, {&push, 1}, 1);
      EXPECT_LE(*lentBytes(), round == 0 ? lent : lent - least) << "it is in use";
      ASSERT_TRUE(snapshot.visit(0, addTo(got)).ok());
    }
    EXPECT_EQ(got, before);
    EXPECT_GE(*lentBytes(), least);
  }
}

TEST(SparseTable, memoryOfEvictedRowsIsUsedAgain) {
  Policy policy;
  policy.period = 1;
  policy.unseenPeriods = 1;
  const TableSpec spec = policySpec(policy);
  SparseTable table(spec, 42, 0, virtualShards);
  const std::vector<float> gradients(20000, 1.0F);
  int64_t bytes = 0;
  for (int64_t round = 0; round < 20; ++round) {
    std::vector<uint64_t> keys;
    for (uint64_t i = 0; i < 20000; ++i)
      keys.push_back(mixKey(static_cast<uint64_t>(round) * 20000 + i));
    const RowGradients push{keys, gradients};
    table.update(0, {&push, 1}, 1, {round * 10, 0});
    EXPECT_EQ(table.rowCount(), 20000);
    if (round == 1)
      bytes = table.memoryBytes();
    EXPECT_EQ(table.shrinkAll({round * 10 + 5, 0}), 20000);
  }
  EXPECT_LT(table.memoryBytes(), bytes + bytes / 10);
}

} // namespace
} // namespace heter::runtime
