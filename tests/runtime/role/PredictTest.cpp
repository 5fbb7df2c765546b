// Predicting with the tiny model in the three modes: the same text whatever the batches, roles and threads, labels or
// none, and nothing of the saved model changes.
#include "runtime/role/Predictions.h"
#include "runtime/role/Run.h"
#include "tests/runtime/role/TinyRun.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace heter::runtime::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

/// The files of a folder and what is in them.
std::map<std::string, std::string> contents(const std::string &folder) {
  std::map<std::string, std::string> result;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    result[entry.path().filename()] = text.str();
  }
  return result;
}

class PredictTest : public testing::Test {
protected:
  PredictTest() {
    RunOptions options = tinyOptions(data_);
    options.lines = {1, 120};
    options.saveFolder = model_;
    trained_ = simulate(tinyPackage("local"), options, 1).result;
  }

  RunOptions predictOptions() const {
    RunOptions options = tinyOptions(data_);
    options.predict = true;
    options.loadFolder = model_;
    return options;
  }

  /// The data without column 0, which is the label.
  std::string unlabelled() const {
    std::ifstream in(data_.file());
    std::ofstream out(data_.path("unlabelled.tsv"));
    for (std::string line; std::getline(in, line);)
      out << line.substr(line.find('\t') + 1) << '\n';
    return data_.path("unlabelled.tsv");
  }

  TinyData data_;
  std::string model_ = data_.path("model");
  StatusOr<RunResult> trained_{Status::internal("not trained")};
};

TEST_F(PredictTest, RunsOfAnyShapeGiveTheSameText) {
  ASSERT_TRUE(trained_.ok()) << trained_.status().message();
  Outcome expected = simulate(tinyPackage("local"), predictOptions(), 1);
  ASSERT_TRUE(expected.result.ok()) << expected.result.status().message();
  EXPECT_EQ(expected.result->examples, 200);
  EXPECT_EQ(std::count(expected.predictions.begin(), expected.predictions.end(), '\n'), 200);
  for (const char *mode : {"local", "ps", "heter-ps"})
    for (int64_t batch : {1, 7, 64, 1000}) {
      RunOptions options = predictOptions();
      options.batchSize = batch;
      options.servers = 2;
      options.cpuTrainers = 3;
      options.heterTrainers = {{"", 2}};
      Outcome outcome = simulate(tinyPackage(mode), options, 5, milliseconds(20));
      ASSERT_TRUE(outcome.result.ok()) << mode << ": " << outcome.result.status().message();
      EXPECT_EQ(outcome.predictions, expected.predictions) << mode << ", batches of " << batch;
      EXPECT_EQ(outcome.result->examples, 200);
      int64_t examples = 0;
      for (const RoleSummary &role : outcome.result->roles)
        examples += role.role == "cpu-trainer" || role.role == "local" ? role.examples : 0;
      EXPECT_EQ(examples, 200) << mode;
    }
}

TEST_F(PredictTest, ThreadsChangeNothing) {
  Outcome expected = simulate(tinyPackage("local"), predictOptions(), 1);
  for (const char *mode : {"local", "heter-ps"}) {
    std::string text;
    RunHooks hooks;
    hooks.predictions = [&](const std::string &lines) {
      text += lines;
      return Status();
    };
    RunOptions options = predictOptions();
    options.cpuTrainers = 2;
    StatusOr<RunResult> result = runThreaded(tinyPackage(mode), options, 4, {}, hooks);
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(text, expected.predictions) << mode;
  }
}

TEST_F(PredictTest, LinesWithoutLabelsPredictTheSame) {
  Outcome expected = simulate(tinyPackage("local"), predictOptions(), 1);
  for (Labels labels : {Labels::Auto, Labels::Absent}) {
    RunOptions options = predictOptions();
    options.dataFiles = {unlabelled()};
    options.labels = labels;
    options.cpuTrainers = 2;
    Outcome outcome = simulate(tinyPackage("ps"), options, 1);
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.status().message();
    EXPECT_EQ(outcome.predictions, expected.predictions);
  }
}

TEST_F(PredictTest, NothingChanges) {
  ASSERT_TRUE(trained_.ok());
  auto before = contents(model_);
  // All lines have more keys than the model was trained on.
  Outcome onAllLines = simulate(tinyPackage("local"), tinyOptions(data_), 1);
  ASSERT_TRUE(onAllLines.result.ok());
  ASSERT_GT(onAllLines.result->tables.at("emb"), trained_->tables.at("emb"));
  for (const char *mode : {"local", "ps", "heter-ps"}) {
    Outcome outcome = simulate(tinyPackage(mode), predictOptions(), 1);
    ASSERT_TRUE(outcome.result.ok()) << outcome.result.status().message();
    EXPECT_EQ(outcome.result->tables.at("emb"), trained_->tables.at("emb")) << mode;
  }
  EXPECT_EQ(contents(model_), before);
}

TEST_F(PredictTest, AFailedWriteEndsTheRun) {
  for (const char *mode : {"local", "ps"}) {
    RunHooks hooks;
    int writes = 0;
    hooks.predictions = [&](const std::string &) {
      ++writes;
      return Status::resourceExhausted("cannot write `p`: No space left on device");
    };
    StatusOr<RunResult> result = runThreaded(tinyPackage(mode), predictOptions(), 2, {}, hooks);
    ASSERT_FALSE(result.ok()) << mode;
    EXPECT_THAT(result.status().message(), HasSubstr("No space left on device"));
    EXPECT_EQ(writes, 1);
  }
}

TEST_F(PredictTest, WrongRunsSayWhy) {
  auto error = [](const Package &package, const RunOptions &options) {
    return simulate(package, options, 1).result.status().message();
  };
  RunOptions options = predictOptions();
  options.loadFolder.clear();
  EXPECT_THAT(error(tinyPackage("local"), options), HasSubstr("--load"));
  Package mute = tinyPackage("ps");
  for (package::RoleProgram &program : mute.programs)
    program.predict = {};
  EXPECT_THAT(error(mute, predictOptions()),
              HasSubstr("model `tiny` predicts nothing: add a line such as `predict sigmoid(logit)`"));
  Package other = tinyPackage("local");
  other.info.parameters[0].shape = {5};
  EXPECT_THAT(
      error(other, predictOptions()),
      HasSubstr("the saved model, of `tiny`, does not fit: the shape of `w` is [3] there and [5] in this model"));
}

TEST(Predictions, ASlowReaderIsWaitedFor) {
  SimulatedScheduler scheduler(1);
  auto strand = std::make_shared<Strand>(scheduler);
  std::string written;
  PredictionOutput::Write write = [&](const std::string &lines) {
    written += lines;
    return Status();
  };
  auto output = std::make_shared<PredictionOutput>(scheduler, strand, write);
  int ready = 0;
  auto add = [&](size_t bytes) {
    EXPECT_TRUE(output->add(std::string(bytes, 'x')).ok());
    output->whenReady([&](Status status) { ready += status.ok(); });
  };
  add(5 << 20); // Goes to the writer.
  EXPECT_EQ(ready, 1);
  add(3 << 20);
  EXPECT_EQ(ready, 2);
  add(3 << 20);
  EXPECT_EQ(ready, 2) << "6 MiB wait to be written";
  scheduler.runUntilIdle();
  EXPECT_EQ(ready, 3);
  bool ended = false;
  output->finish([&](Status status) { ended = status.ok(); });
  scheduler.runUntilIdle();
  EXPECT_TRUE(ended);
  EXPECT_EQ(written.size(), size_t{11} << 20);
}

TEST(Predictions, LinesHaveAllColumns) {
  auto bytes = [](const auto &values) {
    const char *begin = reinterpret_cast<const char *>(values.data());
    return std::vector<char>(begin, begin + values.size() * sizeof(values[0]));
  };
  PredictedValue p{package::ElementType::F32, bytes(std::vector<float>{0.1f, NAN, -INFINITY})};
  PredictedValue u{package::ElementType::F32, bytes(std::vector<float>{1, 2, 3, 4, 1e-20f, 16777216.0f})};
  PredictedValue k{package::ElementType::I64, bytes(std::vector<int64_t>{-1, INT64_MAX, 7})};
  PredictedValue b{package::ElementType::BOOL, {1, 0, 1}};
  EXPECT_EQ(predictionLines({p, u, k, b}, 3), "0.100000001\t1\t2\t-1\t1\n"
                                              "nan\t3\t4\t9223372036854775807\t0\n"
                                              "-inf\t9.99999968e-21\t16777216\t7\t1\n");
}

TEST(Predictions, ColumnsAreNamed) {
  Package package = tinyPackage("local");
  EXPECT_EQ(*predictionColumns(package), std::vector<std::string>{"p"});
  package::Graph &graph = package.programs[0].predict;
  int p = graph.nodes.back().inputs[0];
  graph.values[static_cast<size_t>(p)].type.shape = {-1, 2};
  EXPECT_EQ(*predictionColumns(package), (std::vector<std::string>{"p.0", "p.1"}));
}

} // namespace
} // namespace heter::runtime::test
