#include "runtime/base/PageMapping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

namespace heter::runtime {
namespace {

using Pages = PageMapping::Pages;

bool isZero(const PageMapping &memory) {
  return std::all_of(memory.begin(), memory.end(), [](char byte) { return byte == 0; });
}

TEST(PageMapping, IsWholeHugePagesOfZeros) {
  for (const Pages pages : {Pages::Ordinary, Pages::Huge})
    for (const size_t bytes : {size_t{1}, hugePage, hugePage + 1}) {
      const PageMapping memory(bytes, pages);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.begin()) % hugePage, 0U);
      EXPECT_EQ(memory.size(), bytes > hugePage ? 2 * hugePage : hugePage);
      EXPECT_TRUE(isZero(memory));
    }
}

TEST(PageMapping, ClearsWhatWasWritten) {
  PageMapping memory(hugePage, Pages::Ordinary);
  std::fill(memory.begin(), memory.end(), 'x');
  memory.ask(Pages::Huge);
  EXPECT_EQ(memory.end()[-1], 'x');
  memory.clear();
  EXPECT_TRUE(isZero(memory));
}

TEST(PageMapping, Moves) {
  PageMapping memory(1, Pages::Ordinary), none;
  char *const begin = memory.begin();
  begin[0] = 'x';
  const PageMapping moved = std::move(memory);
  EXPECT_EQ(moved.begin(), begin);
  EXPECT_EQ(moved.begin()[0], 'x');
  EXPECT_EQ(none.size(), 0U);
  EXPECT_EQ(none.begin(), nullptr);
}

TEST(PageMapping, NoMemoryIsBadAlloc) { EXPECT_THROW(PageMapping(size_t{1} << 60, Pages::Huge), std::bad_alloc); }

} // namespace
} // namespace heter::runtime
