// Levels, sinks and whole lines.
#include "runtime/base/Log.h"

#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

using namespace heter::runtime;

TEST(Log, SinkGetsWholeMessagesFromTheLevelUp) {
  std::vector<std::pair<LogLevel, std::string>> seen;
  setLogSink([&](LogLevel level, std::string_view message) { seen.emplace_back(level, message); });
  logDebug("hidden");
  logWarning("two\nlines");
  setLogLevel(LogLevel::Debug);
  logDebug("shown");
  setLogLevel(LogLevel::Info);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 100; ++i)
        logInfo("line");
    });
  for (std::thread &thread : threads)
    thread.join();
  setLogSink({});
  ASSERT_EQ(seen.size(), 402u);
  EXPECT_EQ(seen[0], std::pair(LogLevel::Warning, std::string("two lines")));
  EXPECT_EQ(seen[1], std::pair(LogLevel::Debug, std::string("shown")));
}

TEST(Log, StandardErrorCarriesPrefixAndLevel) {
  ::testing::internal::CaptureStderr();
  setLogPrefix("server 1: ");
  logInfo("listens");
  logError("lost its peer");
  setLogPrefix("");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "server 1: listens\nserver 1: error: lost its peer\n");
}
