// Colours: where they are put, and that nothing but a terminal gets them.
#include "cli/Terminal.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <unistd.h>

using namespace heter::cli;

namespace {

TEST(TerminalTest, AFileGetsNoColorAnd80Columns) {
  int descriptors[2];
  ASSERT_EQ(::pipe(descriptors), 0);
  EXPECT_FALSE(mayColor(descriptors[1]));
  EXPECT_EQ(columnsOf(descriptors[1]), 80);
  EXPECT_EQ(styled("x", Style::Error, false), "x");
  ::close(descriptors[0]);
  ::close(descriptors[1]);
}

TEST(TerminalTest, TheWordsThatMatterArePainted) {
  const std::string text = "m.heter:3:1: error: error: twice\n  x = y\n      ^~\n  help: z\nplain\n";
  EXPECT_EQ(paintErrors(text, false), text);
  EXPECT_EQ(paintErrors(text, true), "m.heter:3:1: \x1b[1;31merror:\x1b[0m error: twice\n  x = y\n"
                                     "\x1b[1;32m      ^~\x1b[0m\n  \x1b[36mhelp:\x1b[0m z\nplain\n");
  EXPECT_EQ(paintErrors("heter: error: no", true), "heter: \x1b[1;31merror:\x1b[0m no");
  EXPECT_EQ(paintErrors("an error: is in the middle", true), "an error: is in the middle");
}

} // namespace
