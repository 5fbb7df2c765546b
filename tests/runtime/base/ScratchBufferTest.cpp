// Scratch memory: kept from one use to the next, and lent to one call at a time.
#include "runtime/base/ScratchBuffer.h"

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>

namespace heter::runtime {
namespace {

TEST(ScratchBuffer, StaysWhereItIsUntilItGrows) {
  ScratchBuffer buffer;
  char *small = buffer.ensure(100);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(small) % 64, 0U);
  std::memset(small, 1, 100);
  EXPECT_EQ(buffer.ensure(50), small);
  char *large = buffer.ensure(int64_t{5} << 20);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(large) % 64, 0U);
  std::memset(large, 1, size_t{5} << 20);
  EXPECT_EQ(buffer.ensure(100), large) << "it never shrinks";
}

TEST(ScratchPool, LendsTheSameAgainAndNeverToTwo) {
  ScratchPool pool;
  char *first = nullptr;
  {
    ScratchPool::Lent lent(pool);
    first = lent->ensure(1000);
  }
  ScratchPool::Lent again(pool), another(pool);
  EXPECT_EQ(again->ensure(1000), first);
  EXPECT_NE(another->ensure(1000), first);
}

} // namespace
} // namespace heter::runtime
