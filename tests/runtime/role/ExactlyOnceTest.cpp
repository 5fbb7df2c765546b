// Whole runs under bad weather: replies are lost, pushes doubled, a server stands still. Every loss, and every row and
// state of the saved model, equals that of the undisturbed run.
#include "tests/runtime/role/TinyRun.h"

#include "runtime/rpc/Codec.h"

#include <gtest/gtest.h>

namespace heter::runtime::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Loses every 7th reply, doubles every 11th push, and holds what goes to and from server 1 for 3 seconds.
struct Storm {
  SimulatedScheduler *scheduler = nullptr;
  MemoryNetwork::Weather delay;
  int replies = 0, pushes = 0, lost = 0, doubled = 0;

  MemoryNetwork::Fate operator()(const MemoryNetwork::Sent &sent) {
    MemoryNetwork::Fate fate = delay(sent);
    if (sent.frame.size == 0)
      return fate; // A link is closed.
    StatusOr<MessageReader> message = MessageReader::open(sent.frame);
    EXPECT_TRUE(message.ok());
    if (message->type() == MessageType::Reply) {
      if (++replies % 7 == 0) {
        ++lost;
        fate.copies = 0;
      }
    } else if (message->method() == "push" && ++pushes % 11 == 0) {
      ++doubled;
      fate.copies = 2;
    }
    TimePoint now = scheduler->now(), stops = milliseconds(400), resumes = stops + seconds(3);
    if ((sent.from == "server 1" || sent.to == "server 1") && now >= stops && now < resumes)
      fate.delay += resumes - now;
    return fate;
  }
};

struct Mode {
  const char *name, *mode;
  LooksUp looksUp = LooksUp::CpuTrainer;
  Package package() const { return tinyPackage(mode, looksUp); }
};
void PrintTo(const Mode &mode, std::ostream *out) { *out << mode.name; }

class ExactlyOnceTest : public testing::TestWithParam<Mode> {
protected:
  Outcome run(const Package &package, RunOptions options, uint64_t seed, Storm &storm) {
    Simulation simulation{.seed = seed, .weather = [&](const MemoryNetwork::Sent &sent) { return storm(sent); }};
    storm.delay = MemoryNetwork::randomDelay(seed, milliseconds(20));
    simulation.before = [&](InProcessRun &, SimulatedScheduler &scheduler) { storm.scheduler = &scheduler; };
    return simulate(package, options, std::move(simulation));
  }

  TinyData data_;
};

INSTANTIATE_TEST_SUITE_P(Modes, ExactlyOnceTest,
                         testing::Values(Mode{"Ps", "ps"}, Mode{"HeterPs", "heter-ps"},
                                         Mode{"HeterPsLookingUp", "heter-ps", LooksUp::HeterTrainer}),
                         [](const auto &info) { return info.param.name; });

TEST_P(ExactlyOnceTest, ASyncRunIsUndisturbed) {
  Package package = GetParam().package();
  RunOptions options = tinyOptions(data_);
  options.servers = options.cpuTrainers = 2;
  options.microBatches = 4;
  options.testFiles = {data_.file()};
  options.saveFolder = data_.path("calm");
  Outcome calm = simulate(package, options, 1);
  ASSERT_TRUE(calm.result.ok()) << calm.result.status().message();
  std::string expected = dump(options.saveFolder);
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    options.saveFolder = data_.path("stormy" + std::to_string(seed));
    Storm storm;
    Outcome stormy = run(package, options, seed, storm);
    ASSERT_TRUE(stormy.result.ok()) << "seed " << seed << ": " << stormy.result.status().message();
    EXPECT_GT(storm.lost, 20);
    EXPECT_GT(storm.doubled, 5);
    EXPECT_GT(stormy.end, seconds(3));
    EXPECT_EQ(losses(stormy.result), losses(calm.result)) << "seed " << seed;
    EXPECT_EQ(stormy.result->test->loss, calm.result->test->loss);
    EXPECT_EQ(stormy.result->tables, calm.result->tables);
    EXPECT_EQ(dump(options.saveFolder), expected) << "seed " << seed;
  }
}

// Asynchronous pushes are applied when they come, so only one frame at a time has one right result.
TEST_P(ExactlyOnceTest, AnAsyncRunOfOneFrameAtATimeIsUndisturbed) {
  Package package = GetParam().package();
  RunOptions options = tinyOptions(data_);
  options.servers = 2;
  options.inFlight = 1;
  options.update = UpdateMode::Async;
  options.epochs = 3; // Far enough for servers to be told to forget pushes.
  options.saveFolder = data_.path("calm");
  Outcome calm = simulate(package, options, 1);
  ASSERT_TRUE(calm.result.ok()) << calm.result.status().message();
  std::string expected = dump(options.saveFolder);
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    options.saveFolder = data_.path("stormy" + std::to_string(seed));
    Storm storm;
    Outcome stormy = run(package, options, seed, storm);
    ASSERT_TRUE(stormy.result.ok()) << "seed " << seed << ": " << stormy.result.status().message();
    EXPECT_GT(storm.doubled, 5);
    EXPECT_EQ(losses(stormy.result), losses(calm.result)) << "seed " << seed;
    EXPECT_EQ(dump(options.saveFolder), expected) << "seed " << seed;
  }
}

TEST_P(ExactlyOnceTest, FewCreditsChangeNothing) {
  Package package = GetParam().package();
  RunOptions options = tinyOptions(data_);
  options.cpuTrainers = 2;
  options.microBatches = 4;
  options.inFlight = 8;
  Outcome plenty = simulate(package, options, 1, milliseconds(20));
  options.creditBytes = 300; // About one message.
  Outcome few = simulate(package, options, 1, milliseconds(20));
  ASSERT_TRUE(few.result.ok()) << few.result.status().message();
  EXPECT_EQ(losses(few.result), losses(plenty.result));
  EXPECT_GT(few.end, plenty.end) << "messages wait for each other";
}

} // namespace
} // namespace heter::runtime::test
