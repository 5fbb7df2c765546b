// A writer is alone, readers are together, and a writer has its turn however readers overlap.
#include "runtime/base/SharedMutex.h"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

using namespace heter::runtime;

namespace {

/// Two numbers that are equal whenever no writer is at work.
struct Pair {
  SharedMutex mutex;
  int64_t first HETER_GUARDED_BY(mutex) = 0;
  int64_t second HETER_GUARDED_BY(mutex) = 0;
};

TEST(SharedMutex, WritersAreAlone) {
  constexpr int64_t writers = 3, turns = 3000;
  Pair pair;
  std::atomic<int64_t> torn = 0;
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int reader = 0; reader < 2; ++reader)
    threads.emplace_back([&] {
      while (!stop) {
        ReaderLock lock(pair.mutex);
        torn += pair.first != pair.second ? 1 : 0;
      }
    });
  std::vector<std::thread> writing;
  for (int64_t writer = 0; writer < writers; ++writer)
    writing.emplace_back([&] {
      for (int64_t turn = 0; turn < turns; ++turn) {
        WriterLock lock(pair.mutex);
        const int64_t next = pair.first + 1;
        pair.first = next;
        if (turn % 100 == 0)
          std::this_thread::yield(); // where others may be let in by mistake
        pair.second = next;
      }
    });
  for (std::thread &thread : writing)
    thread.join();
  stop = true;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(torn, 0);
  ReaderLock lock(pair.mutex);
  EXPECT_EQ(pair.first, writers * turns);
  EXPECT_EQ(pair.second, writers * turns);
}

TEST(SharedMutex, ReadersAreTogether) {
  SharedMutex mutex;
  std::atomic<int> inside = 0, alone = 0;
  const auto read = [&] {
    ReaderLock lock(mutex);
    ++inside;
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (inside < 2 && std::chrono::steady_clock::now() < patience)
      std::this_thread::yield();
    alone += inside < 2 ? 1 : 0;
  };
  std::thread other(read);
  read();
  other.join();
  EXPECT_EQ(alone, 0) << "the other did not come in";
}

TEST(SharedMutex, AWriterHasItsTurnThoughReadersOverlap) {
  constexpr int64_t most = 1000000;
  SharedMutex mutex;
  std::atomic<int64_t> reads = 0;
  std::atomic<bool> stop = false;
  // Each stays until the other has come, or is kept out for long.
  const auto read = [&] {
    while (!stop && reads < most) {
      ReaderLock lock(mutex);
      const int64_t mine = ++reads;
      const auto patience = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
      while (!stop && reads == mine && std::chrono::steady_clock::now() < patience)
        std::this_thread::yield();
    }
  };
  std::thread one(read), two(read);
  while (reads < 10)
    std::this_thread::yield();
  for (int turn = 0; turn < 5; ++turn)
    const WriterLock lock(mutex);
  stop = true;
  one.join();
  two.join();
  EXPECT_LT(reads, most);
}

} // namespace
