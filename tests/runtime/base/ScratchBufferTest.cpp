// Scratch memory: kept from one use to the next, and lent to one call at a time.
#include "runtime/base/ScratchBuffer.h"

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

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

TEST(SharedPages, GivesEachItsOwnMemory) {
  SharedPages pages;
  const int64_t sizes[] = {1, 100, 65535, 65536, 640064, 395264, 640064, 640064, 1 << 20, (1 << 20) + 1, 5 << 20};
  std::vector<unsigned char *> taken;
  for (int64_t size : sizes) {
    taken.push_back(static_cast<unsigned char *>(pages.take(size)));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(taken.back()) % 64, 0U);
    std::memset(taken.back(), static_cast<int>(taken.size()), static_cast<size_t>(size));
  }
  for (size_t i = 0; i < taken.size(); ++i)
    for (int64_t at : {int64_t{0}, sizes[i] - 1})
      EXPECT_EQ(taken[i][at], i + 1) << i << " at " << at;
}

TEST(SharedPages, PutsThoseOfAMediumSizeIntoOneLargePage) {
  constexpr uintptr_t page = uintptr_t{2} << 20;
  SharedPages pages;
  const auto first = reinterpret_cast<uintptr_t>(pages.take(640064));
  EXPECT_EQ(first % page, 0U);
  pages.take(1000); // not among them
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pages.take(640064)) / page, first / page);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pages.take(640064)) / page, first / page);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pages.take(640064)) % page, 0U) << "no fourth has room";
}

} // namespace
} // namespace heter::runtime
