// Both schedulers: order, timers, cancellation, destruction, that equal seeds give equal simulated runs, and loops over
// their threads.
#include "runtime/base/ParallelFor.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <sys/resource.h>
#include <thread>
#include <vector>

using namespace heter::runtime;
using namespace std::chrono_literals;

TEST(SimulatedScheduler, TimeMovesOnlyWhenNothingIsReady) {
  SimulatedScheduler scheduler(1);
  std::vector<int64_t> times;
  auto note = [&] { times.push_back(scheduler.now() / 1ms); };
  scheduler.postAt(20ms, [&] { note(); });
  scheduler.postAt(10ms, [&] {
    note();
    scheduler.post([&] { note(); });
    scheduler.postAt(15ms, [&] { note(); });
  });
  scheduler.post([&] { note(); });
  EXPECT_EQ(scheduler.runUntilIdle(), 5u);
  EXPECT_EQ(times, (std::vector<int64_t>{0, 10, 10, 15, 20}));
}

TEST(SimulatedScheduler, SystemSecondsAreThoseOfVirtualTime) {
  SimulatedScheduler scheduler(1);
  int64_t seconds = -1;
  scheduler.postAt(std::chrono::milliseconds(7900), [&] { seconds = scheduler.systemSeconds(); });
  scheduler.runUntilIdle();
  EXPECT_EQ(seconds, 7);
}

TEST(SimulatedScheduler, SeedDecidesTheOrder) {
  auto run = [](uint64_t seed) {
    SimulatedScheduler scheduler(seed);
    std::vector<int> order;
    for (int i = 0; i < 20; ++i)
      scheduler.post([&order, i] { order.push_back(i); });
    scheduler.runUntilIdle();
    return std::pair(order, scheduler.traceHash());
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1).first, run(2).first);
  EXPECT_NE(run(1).second, run(2).second);
}

TEST(SimulatedScheduler, CancelledTimersDoNotRun) {
  SimulatedScheduler scheduler(1);
  bool ran = false;
  uint64_t timer = scheduler.postAt(1ms, [&] { ran = true; });
  EXPECT_TRUE(scheduler.cancel(timer));
  EXPECT_FALSE(scheduler.cancel(timer));
  scheduler.runUntilIdle();
  EXPECT_FALSE(ran);
}

TEST(SimulatedScheduler, RunUntilStopsWhenDone) {
  SimulatedScheduler scheduler(1);
  int count = 0;
  std::function<void()> again = [&] {
    ++count;
    scheduler.post([&] { again(); });
  };
  scheduler.post([&] { again(); });
  EXPECT_TRUE(scheduler.runUntil([&] { return count == 5; }));
  EXPECT_EQ(count, 5);
}

TEST(ThreadedScheduler, RunsEverythingBeforeItEnds) {
  for (int threads : {1, 2, 3}) {
    std::atomic<int> count = 0;
    {
      auto scheduler = makeThreadedScheduler(threads);
      EXPECT_EQ(scheduler->concurrency(), threads);
      for (int i = 0; i < 1000; ++i)
        scheduler->post([&, raw = scheduler.get()] {
          ++count;
          raw->post([&] { ++count; });
          raw->postBlocking([&] { ++count; });
        });
    }
    EXPECT_EQ(count, 3000);
  }
}

/// Half of a number, reckoned when called.
float halfOf(float x) {
  volatile float half = 0.5F;
  volatile float of = x;
  return of * half;
}

TEST(ThreadedScheduler, TasksTakeSubnormalNumbersForZero) {
  constexpr float least = std::numeric_limits<float>::min(); // of the normal ones
  float result = -1, operand = -1, blocking = -1;
  {
    std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(1);
    scheduler->post([&] {
      result = halfOf(least);
      operand = halfOf(least / 4) * 1e30F;
    });
    scheduler->postBlocking([&] { blocking = halfOf(least); });
  }
  EXPECT_EQ(result, 0.0F);
  EXPECT_EQ(operand, 0.0F);
  EXPECT_EQ(blocking, 0.0F);
  SimulatedScheduler simulated(1);
  simulated.post([&] { operand = halfOf(least); });
  simulated.runUntilIdle();
  EXPECT_EQ(operand, 0.0F);
  EXPECT_GT(halfOf(least), 0.0F) << "outside, nothing changes";
}

TEST(ThreadedScheduler, SystemSecondsAreTheSystems) {
  const auto system = [] {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch().count();
  };
  const int64_t before = system();
  const int64_t seconds = makeThreadedScheduler(1)->systemSeconds();
  EXPECT_GE(seconds, before);
  EXPECT_LE(seconds, system());
}

TEST(ThreadedScheduler, AsManyWorkersAsAsked) {
  auto scheduler = makeThreadedScheduler(3);
  // Three tasks that wait for each other end only if three threads run them.
  std::atomic<int> arrived = 0;
  std::vector<std::future<void>> done;
  for (int i = 0; i < 3; ++i) {
    auto promise = std::make_shared<std::promise<void>>();
    done.push_back(promise->get_future());
    scheduler->post([&arrived, promise] {
      ++arrived;
      while (arrived < 3)
        std::this_thread::yield();
      promise->set_value();
    });
  }
  for (auto &future : done)
    ASSERT_EQ(future.wait_for(20s), std::future_status::ready);
}

// Timers that are due together run in any order: a busy machine may wake the timer thread after both.
TEST(ThreadedScheduler, TimersRunWhenDueAndCanBeCancelled) {
  auto scheduler = makeThreadedScheduler(1);
  std::promise<TimePoint> first, second;
  std::atomic<bool> cancelledRan = false;
  TimePoint start = scheduler->now();
  scheduler->postAt(start + 40ms, [&] { second.set_value(scheduler->now()); });
  uint64_t never = scheduler->postAt(start + 1s, [&] { cancelledRan = true; });
  scheduler->postAt(start + 10ms, [&] { first.set_value(scheduler->now()); });
  EXPECT_TRUE(scheduler->cancel(never));
  EXPECT_FALSE(scheduler->cancel(never));
  EXPECT_GE(first.get_future().get() - start, 10ms);
  EXPECT_GE(second.get_future().get() - start, 40ms);
  scheduler.reset();
  EXPECT_FALSE(cancelledRan);
}

TEST(ThreadedScheduler, DestructionDropsTimers) {
  std::atomic<bool> ran = false;
  auto owned = std::make_shared<int>(1);
  {
    auto scheduler = makeThreadedScheduler(1);
    scheduler->postAt(scheduler->now() + 1h, [&ran, owned] { ran = true; });
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(ParallelFor, RunsEachIndexOnceOnAnyScheduler) {
  for (int threads : {0, 1, 2, 4}) {
    SimulatedScheduler simulated(1);
    std::unique_ptr<Scheduler> threaded = threads > 0 ? makeThreadedScheduler(threads) : nullptr;
    for (int64_t count : {0, 1, 2, 3, 100}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
      parallelFor(threaded ? *threaded : simulated, count, [&](int64_t i) { ++runs[static_cast<size_t>(i)]; });
      for (const std::atomic<int> &times : runs)
        EXPECT_EQ(times, 1);
    }
    EXPECT_EQ(simulated.runUntilIdle(), 0u);
  }
}

// Longer than who waits for the last calls stays awake.
TEST(ParallelFor, WaitsForLongCalls) {
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(3);
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> ended = 0;
    const std::thread::id caller = std::this_thread::get_id();
    parallelFor(*scheduler, 3, [&](int64_t) {
      if (std::this_thread::get_id() != caller)
        std::this_thread::sleep_for(10ms);
      else
        std::this_thread::sleep_for(1ms); // for the others to begin
      ++ended;
    });
    EXPECT_EQ(ended, 3);
  }
}

TEST(ParallelFor, NeedsNoFreeThread) {
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(2);
  std::promise<void> first, second;
  std::atomic<int> calls = 0;
  for (std::promise<void> *ended : {&first, &second})
    scheduler->post([&, ended] {
      for (int round = 0; round < 200; ++round)
        parallelFor(*scheduler, 5, [&](int64_t) { ++calls; });
      ended->set_value();
    });
  first.get_future().wait();
  second.get_future().wait();
  EXPECT_EQ(calls, 2000);
}

/// Takes so much of the process's processor time, however long that takes.
static void beBusy(std::chrono::milliseconds time) {
  const std::clock_t until = std::clock() + CLOCKS_PER_SEC / 1000 * time.count();
  while (std::clock() < until) {
  }
}

/// How often this thread gave its processor up: sleeping does.
static long waits() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

TEST(UnhurriedFor, GoesInOrderAndTakesAPartOfAProcessorAtMost) {
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(1);
  std::vector<int64_t> order;
  Pace pace;
  const TimePoint begin = scheduler->now();
  unhurriedFor(*scheduler, pace, 4, [&](int64_t i) {
    order.push_back(i);
    beBusy(20ms);
  });
  // 80 ms of work, less what others of this process used, 2.6 times; up to 10 ms of rest may be left out.
  EXPECT_GE(scheduler->now() - begin, 188ms);
  EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2, 3}));
}

TEST(UnhurriedFor, RestsForWhatShortCallsOwe) {
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(1);
  Pace pace;
  const TimePoint begin = scheduler->now();
  for (int call = 0; call < 30; ++call)
    unhurriedFor(*scheduler, pace, 1, [](int64_t) { beBusy(3ms); });
  // 90 ms of work, 2.6 times; up to 10 ms of rest may be left out.
  EXPECT_GE(scheduler->now() - begin, 200ms);
}

TEST(UnhurriedFor, DoesNotRestAtFullPace) {
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(1);
  Pace pace;
  EXPECT_FALSE(pace.isFull());
  long before = 0;
  unhurriedFor(*scheduler, pace, 6, [&](int64_t i) {
    beBusy(20ms);
    if (i != 2)
      return;
    pace.full();
    before = waits();
  });
  EXPECT_EQ(waits(), before);
  EXPECT_TRUE(pace.isFull());
  pace.slow();
  EXPECT_FALSE(pace.isFull());
}

TEST(UnhurriedFor, DoesNotRestLaterForWhatItDidAtFullPace) {
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(1);
  Pace pace;
  pace.full();
  long before = 0;
  unhurriedFor(*scheduler, pace, 5, [&](int64_t i) {
    if (i < 4)
      return beBusy(20ms);
    pace.slow();
    before = waits();
  });
  EXPECT_EQ(waits(), before);
}

TEST(Pace, WhoRestsGoesOnWhenItIsFull) {
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(1);
  Pace pace;
  scheduler->postAt(scheduler->now() + 10ms, [&] { pace.full(); });
  pace.rest(std::chrono::hours(24));
  EXPECT_TRUE(pace.isFull());
  pace.rest(std::chrono::hours(24));
  pace.slow();
  pace.rest(1ms);
  EXPECT_FALSE(pace.isFull());
}

TEST(UnhurriedFor, DoesNotRestInVirtualTime) {
  SimulatedScheduler scheduler(1);
  Pace pace;
  int64_t calls = 0;
  const long before = waits();
  unhurriedFor(scheduler, pace, 10, [&](int64_t) {
    ++calls;
    beBusy(10ms);
  });
  EXPECT_EQ(waits(), before);
  EXPECT_EQ(calls, 10);
  EXPECT_EQ(scheduler.now(), TimePoint{});
}
