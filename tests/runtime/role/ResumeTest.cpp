// Runs that are cut in two: what is saved midway and gone on with equals the run that was not interrupted, bit for bit,
// whatever number of servers and trainers goes on.
#include "tests/runtime/role/TinyRun.h"

#include "runtime/table/Checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace heter::runtime::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class ResumeTest : public testing::TestWithParam<const char *> {
protected:
  RunOptions options() const {
    RunOptions options = tinyOptions(data_);
    options.microBatches = 2;
    options.epochs = 3;
    options.saveFolder = data_.path("model");
    if (package_.info.mode != "local")
      options.servers = options.cpuTrainers = 2;
    return options;
  }
  Outcome run(const RunOptions &options) { return simulate(package_, options, 1, milliseconds(20)); }

  TinyData data_{200}; // 12.5 steps an epoch.
  Package package_ = tinyPackage(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Modes, ResumeTest, testing::Values("local", "ps", "heter-ps"), [](const auto &info) {
  std::string name = info.param;
  std::erase(name, '-');
  return name;
});

TEST_P(ResumeTest, TwoHalvesAreTheWhole) {
  RunOptions whole = options();
  whole.seed = 7; // Which the second half takes from the model.
  Outcome expected = run(whole);
  ASSERT_TRUE(expected.result.ok()) << expected.result.status().message();
  ASSERT_EQ(expected.result->steps, 39);
  for (int64_t steps : {1, 13, 20}) {
    RunOptions first = options();
    first.seed = 7;
    first.saveFolder = data_.path("half");
    // 13 steps are an epoch of 200 examples, the last with 8.
    first.maxExamples = steps < 13 ? 16 * steps : 200 + 16 * (steps - 13);
    Outcome half = run(first);
    ASSERT_TRUE(half.result.ok()) << half.result.status().message();
    ASSERT_EQ(half.result->steps, steps);
    RunOptions second = options();
    second.saveFolder = data_.path("second");
    second.loadFolder = first.saveFolder;
    if (package_.info.mode != "local") {
      second.servers = 3;
      second.cpuTrainers = 1;
    }
    Outcome rest = run(second);
    ASSERT_TRUE(rest.result.ok()) << rest.result.status().message();
    std::vector<double> joined = losses(half.result), tail = losses(rest.result);
    joined.insert(joined.end(), tail.begin(), tail.end());
    EXPECT_EQ(joined, losses(expected.result)) << steps;
    EXPECT_EQ(dump(second.saveFolder), dump(whole.saveFolder)) << steps;
  }
}

TEST_P(ResumeTest, PeriodicSavesDisturbNothingAndCanBeGoneOnWith) {
  RunOptions plain = options();
  Outcome expected = run(plain);
  ASSERT_TRUE(expected.result.ok());
  RunOptions saving = options();
  saving.saveFolder = data_.path("often");
  saving.saveEvery = 4;
  saving.keepCheckpoints = 5;
  saving.increments = 3;
  Outcome outcome = run(saving);
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.status().message();
  EXPECT_TRUE(outcome.result->saved);
  EXPECT_EQ(losses(outcome.result), losses(expected.result));
  EXPECT_EQ(dump(saving.saveFolder), dump(plain.saveFolder));
  // Saves 1 to 9 after steps 4 to 36, and 10 in the end.
  for (int save : {6, 7, 8, 9}) {
    RunOptions rest = options();
    rest.saveFolder = data_.path("rest");
    rest.loadFolder = saving.saveFolder + "/save-00000" + std::to_string(save) + ".json";
    Outcome resumed = run(rest);
    ASSERT_TRUE(resumed.result.ok()) << resumed.result.status().message();
    EXPECT_EQ(resumed.result->steps, 39 - 4 * save);
    EXPECT_EQ(dump(rest.saveFolder), dump(plain.saveFolder)) << save;
  }
  RunOptions old = options();
  old.loadFolder = saving.saveFolder + "/save-000005.json";
  EXPECT_THAT(run(old).result.status().message(), HasSubstr("there is no save-000005.json"));
}

/// The keys of all rows of a saved model, as text.
std::string keysOf(const std::string &model) {
  std::istringstream lines(dump(model));
  std::string keys, line;
  while (std::getline(lines, line))
    if (line.starts_with("emb ")) // "emb KEY ..."
      keys += line.substr(0, line.find(' ', 4)) + '\n';
  return keys;
}

// What an asynchronous or half-asynchronous run saves amid training is an instant between two steps, too: a row comes
// into being with the first push of its key, so that the save holds exactly the keys of the examples before.
TEST_P(ResumeTest, PeriodicSavesOfAsyncRunsAreBetweenTwoSteps) {
  RunOptions sync = options();
  sync.epochs = 1;
  sync.saveEvery = 3;
  sync.keepCheckpoints = 10;
  ASSERT_TRUE(run(sync).result.ok());
  for (UpdateMode update : {UpdateMode::HalfAsync, UpdateMode::Async}) {
    RunOptions async = sync;
    async.update = update;
    async.staleness = update == UpdateMode::HalfAsync ? 2 : 0;
    async.saveFolder = data_.path(updateModeName(update));
    async.increments = 2;
    Outcome outcome = run(async);
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.status().message();
    EXPECT_EQ(outcome.result->steps, 13);
    std::string last;
    for (int save = 1; save <= 5; ++save) { // after 3, 6, 9, 12 steps and in the end
      const std::string name = save == 5 ? "" : "/save-00000" + std::to_string(save) + ".json";
      const std::string keys = keysOf(async.saveFolder + name);
      EXPECT_EQ(keys, keysOf(sync.saveFolder + name)) << save;
      EXPECT_GT(keys.size(), last.size());
      last = keys;
    }
    RunOptions rest = async;
    rest.saveFolder = data_.path(std::string("rest-") + updateModeName(update));
    rest.loadFolder = async.saveFolder + "/save-000002.json";
    rest.increments = 0;
    Outcome resumed = run(rest);
    ASSERT_TRUE(resumed.result.ok()) << resumed.result.status().message();
    EXPECT_EQ(resumed.result->steps, 7);
    EXPECT_EQ(resumed.result->examples, 200 - 6 * 16);
    EXPECT_EQ(keysOf(rest.saveFolder), last);
  }
}

TEST_P(ResumeTest, DataThatIsAtItsEndOrOtherIsSaid) {
  RunOptions first = options();
  first.maxExamples = 160;
  ASSERT_TRUE(run(first).result.ok());
  RunOptions same = first;
  same.loadFolder = first.saveFolder;
  EXPECT_THAT(run(same).result.status().message(), HasSubstr("has been trained on all of this data"));
  RunOptions other = options();
  other.loadFolder = first.saveFolder;
  other.lines = {1, 100};
  EXPECT_THAT(run(other).result.status().message(), HasSubstr("the model was saved amid other data"));
  other.restartData = true;
  other.epochs = 1;
  Outcome anew = run(other);
  ASSERT_TRUE(anew.result.ok()) << anew.result.status().message();
  EXPECT_EQ(anew.result->examples, 100);
  RunOptions next = options();
  next.loadFolder = next.saveFolder; // All of the lines were read, so a run with others begins at their start.
  next.lines = {150, 200};
  next.epochs = 1;
  Outcome after = run(next);
  ASSERT_TRUE(after.result.ok()) << after.result.status().message();
  EXPECT_EQ(after.result->examples, 51);
}

TEST_P(ResumeTest, FlagsThatDoNotFitAreRefused) {
  auto error = [&](auto edit) {
    RunOptions wrong = options();
    edit(wrong);
    return run(wrong).result.status().message();
  };
  EXPECT_EQ(error([](RunOptions &o) { o.saveFolder.clear(), o.saveEvery = 5; }), "--save-every needs --save DIR");
  EXPECT_EQ(error([](RunOptions &o) { o.increments = 5; }), "--increments needs --save-every STEPS");
  EXPECT_EQ(error([](RunOptions &o) { o.saveFolder.clear(), o.keepCheckpoints = 2; }),
            "--keep-checkpoints needs --save DIR");
  EXPECT_EQ(error([](RunOptions &o) { o.restartData = true; }), "--restart-data needs --load DIR");
}

} // namespace
} // namespace heter::runtime::test
