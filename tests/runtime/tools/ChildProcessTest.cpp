// Starting and watching processes. A child is this test program again, running one of the disabled tests below.
#include "runtime/tools/ChildProcess.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace heter::runtime::tools;
using ::testing::HasSubstr;

namespace {

TEST(ChildRole, DISABLED_ExitsWith7) {
  std::puts("about to exit");
  std::fflush(stdout);
  std::_Exit(7);
}

TEST(ChildRole, DISABLED_Sleeps) { ::sleep(60); }

class ChildProcessTest : public ::testing::Test {
protected:
  ChildProcessTest() { ::close(::mkstemp(log_)); }
  ~ChildProcessTest() override { std::remove(log_); }

  heter::runtime::StatusOr<ChildProcess> start(const std::string &test) {
    return ChildProcess::start("role 0", {"--gtest_also_run_disabled_tests", "--gtest_filter=ChildRole." + test}, log_);
  }
  ChildExit wait(ChildProcess &child) {
    while (!child.poll())
      ::usleep(1000);
    return *child.poll();
  }
  char log_[32] = "/tmp/heter-child-XXXXXX";
};

TEST_F(ChildProcessTest, ExitCodeAndLog) {
  auto child = start("DISABLED_ExitsWith7");
  ASSERT_TRUE(child.ok()) << child.status().message();
  ChildExit exit = wait(*child);
  EXPECT_EQ(exit.code, 7);
  EXPECT_EQ(exit.text(), "exited with 7");
  std::stringstream text;
  text << std::ifstream(log_).rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("about to exit"));
}

TEST_F(ChildProcessTest, KilledBySignal) {
  auto child = start("DISABLED_Sleeps");
  ASSERT_TRUE(child.ok());
  EXPECT_FALSE(child->poll());
  child->signal(SIGKILL);
  ChildExit exit = wait(*child);
  EXPECT_EQ(exit.code, 137);
  EXPECT_EQ(exit.text(), "was killed by signal 9 (Killed)");
  child->signal(SIGKILL); // Of nobody: the process is gone.
}

TEST_F(ChildProcessTest, GoesWithItsObject) {
  auto child = start("DISABLED_Sleeps");
  ASSERT_TRUE(child.ok());
}

TEST_F(ChildProcessTest, ALogThatCannotBeWritten) {
  auto child = ChildProcess::start("role 0", {}, "/nowhere/log");
  EXPECT_THAT(child.status().message(), HasSubstr("cannot start role 0 with log /nowhere/log"));
}

TEST(WarningsTest, AreTheLinesThatWarn) {
  EXPECT_THAT(warnings("cpu-trainer 0: warning: one\nserver 0: 3 calls\n\ncpu-trainer 0: warning: two"),
              testing::ElementsAre("cpu-trainer 0: warning: one", "cpu-trainer 0: warning: two"));
  EXPECT_TRUE(warnings("").empty());
}

TEST(TailTest, LastLines) {
  EXPECT_EQ(tail("a\nb\nc\n", 2, "  "), "  b\n  c\n");
  EXPECT_EQ(tail("a\nb", 9, "> "), "> a\n> b\n");
  EXPECT_EQ(tail("", 3, ""), "");
  EXPECT_EQ(tail("\n\n", 3, ""), "");
}

} // namespace
