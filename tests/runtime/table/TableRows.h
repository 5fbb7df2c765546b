// All rows of a table, to compare.
#ifndef HETER_TESTS_RUNTIME_TABLE_TABLEROWS_H
#define HETER_TESTS_RUNTIME_TABLE_TABLEROWS_H

#include "runtime/table/SparseTable.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <vector>

namespace heter::runtime::test {

/// Key to state.
using TableRows = std::map<uint64_t, std::vector<float>>;

inline TableRows rowsOf(const SparseTable &table) {
  TableRows rows;
  EXPECT_TRUE(table
                  .visitRows([&](const RowImage &row) {
                    EXPECT_TRUE(rows.emplace(row.key, std::vector(row.state.begin(), row.state.end())).second);
                    return Status();
                  })
                  .ok());
  return rows;
}

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_TABLE_TABLEROWS_H
