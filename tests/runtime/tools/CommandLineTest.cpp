// Flags, their defaults, and what is said about wrong ones.
#include "runtime/tools/CommandLine.h"

#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::tools;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

TrainCommand run(std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"run", "m.pkg", "--data", "a"});
  Request request = parseCommandLine(flags);
  if (auto *answer = std::get_if<Answer>(&request)) {
    ADD_FAILURE() << answer->text;
    return {};
  }
  return std::get<RunRequest>(request).command;
}

std::string usageError(const std::vector<std::string> &arguments) {
  Request request = parseCommandLine(arguments);
  auto *answer = std::get_if<Answer>(&request);
  if (!answer) {
    ADD_FAILURE() << "the line was taken";
    return {};
  }
  EXPECT_EQ(answer->exitCode, exitUsage);
  return answer->text;
}

std::string runError(std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"run", "m.pkg", "--data", "a"});
  return usageError(flags);
}

PredictCommand predict(std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"predict", "m.pkg", "--load", "m", "--data", "a", "b.gz", "--out", "-"});
  Request request = parseCommandLine(flags);
  if (auto *answer = std::get_if<Answer>(&request)) {
    ADD_FAILURE() << answer->text;
    return {};
  }
  return std::get<PredictCommand>(request);
}

TEST(CommandLineTest, ExportAndPatch) {
  const Request plain = parseCommandLine({"export", "p", "--load", "m", "--out", "x"});
  const auto *whole = std::get_if<ExportCommand>(&plain);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->package, "p");
  EXPECT_EQ(whole->options.load, "m");
  EXPECT_EQ(whole->options.out, "x");
  EXPECT_EQ(whole->options.since, "");
  EXPECT_EQ(whole->options.coding, heter::runtime::exports::RowCoding::F32);
  const Request coded =
      parseCommandLine({"export", "p", "--load", "m", "--out", "x", "--rows", "int8", "--since", "s"});
  const auto *delta = std::get_if<ExportCommand>(&coded);
  ASSERT_TRUE(delta);
  EXPECT_EQ(delta->options.since, "s");
  EXPECT_EQ(delta->options.coding, heter::runtime::exports::RowCoding::Int8);
  EXPECT_THAT(usageError({"export", "p", "--load", "m", "--out", "x", "--rows", "int4"}), HasSubstr("int4"));
  const Request joined = parseCommandLine({"patch", "x", "1", "2", "--out", "y"});
  const auto *patch = std::get_if<PatchCommand>(&joined);
  ASSERT_TRUE(patch);
  EXPECT_EQ(patch->base, "x");
  EXPECT_EQ(patch->deltas, (std::vector<std::string>{"1", "2"}));
  EXPECT_THAT(usageError({"patch", "x", "--out", "y"}), HasSubstr("DELTA"));
}

TEST(CommandLineTest, Predict) {
  PredictCommand plain = predict({});
  EXPECT_EQ(plain.package, "m.pkg");
  EXPECT_EQ(plain.out, "-");
  EXPECT_TRUE(plain.options.predict);
  EXPECT_EQ(plain.options.loadFolder, "m");
  EXPECT_THAT(plain.options.dataFiles, ElementsAre("a", "b.gz"));
  EXPECT_EQ(plain.options.labels, Labels::Auto);
  PredictCommand full =
      predict({"--labels", "absent", "--lines", "3:9", "--batch-size", "7", "--heter-trainers", "gpu=2"});
  EXPECT_EQ(full.options.labels, Labels::Absent);
  EXPECT_EQ(full.options.lines.first, 3);
  EXPECT_EQ(full.options.batchSize, 7);
  EXPECT_EQ(full.options.heterTrainers.at("gpu"), 2);
  EXPECT_THAT(usageError({"predict", "p", "--data", "a", "--out", "-"}),
              HasSubstr("--load DIR|FILE is missing: The saved model"));
  EXPECT_THAT(usageError({"predict", "p", "--load", "m", "--out", "-"}), HasSubstr("--data FILES.. is missing"));
  EXPECT_THAT(usageError({"predict", "p", "--load", "m", "--data", "a"}), HasSubstr("--out FILE is missing"));
  EXPECT_THAT(usageError({"predict", "p", "--load", "m", "--data", "a", "--out", "-", "--labels", "absnt"}),
              HasSubstr("--labels: expected auto, present or absent, got `absnt`; did you mean `absent`?"));
}

TEST(CommandLineTest, Defaults) {
  TrainCommand command = run({});
  const RunOptions &options = command.options;
  EXPECT_EQ(command.package, "m.pkg");
  EXPECT_THAT(options.dataFiles, ElementsAre("a"));
  EXPECT_TRUE(options.testFiles.empty());
  EXPECT_EQ(options.epochs, 1);
  EXPECT_EQ(options.batchSize, 128);
  EXPECT_EQ(options.microBatches, 0);
  EXPECT_EQ(options.update, UpdateMode::Sync);
  EXPECT_FALSE(options.seed);
  EXPECT_EQ(options.servers, 1);
  EXPECT_EQ(options.cpuTrainers, 1);
  EXPECT_EQ(options.heterTrainersOf("gpu"), 1);
  EXPECT_EQ(options.deviceOf("gpu"), "cpu");
  EXPECT_FALSE(options.poisonFreed);
  EXPECT_TRUE(command.role.empty());
}

TEST(CommandLineTest, EveryFlag) {
  TrainCommand command = run({"b",
                              "--test",
                              "c",
                              "d",
                              "--epochs",
                              "2",
                              "--batch-size=64",
                              "--micro-batches",
                              "8",
                              "--update",
                              "async",
                              "--in-flight",
                              "16",
                              "--seed",
                              "7",
                              "--threads",
                              "3",
                              "--lines",
                              "1:8000",
                              "--test-lines",
                              "8001:10000",
                              "--max-examples",
                              "99",
                              "--save",
                              "S",
                              "--load",
                              "L",
                              "--summary",
                              "J",
                              "--losses",
                              "X",
                              "--profile",
                              "P",
                              "--servers",
                              "2",
                              "--cpu-trainers",
                              "4",
                              "--heter-trainers",
                              "gpu=1,xpu=2",
                              "--device",
                              "gpu=separate",
                              "--device",
                              "xpu=timed:20ms",
                              "--input",
                              "criteo",
                              "--poison-freed",
                              "--role",
                              "server",
                              "--index",
                              "1",
                              "--cluster",
                              "F"});
  const RunOptions &options = command.options;
  EXPECT_THAT(options.dataFiles, ElementsAre("a", "b"));
  EXPECT_THAT(options.testFiles, ElementsAre("c", "d"));
  EXPECT_EQ(options.epochs, 2);
  EXPECT_EQ(options.batchSize, 64);
  EXPECT_EQ(options.microBatches, 8);
  EXPECT_EQ(options.update, UpdateMode::Async);
  EXPECT_EQ(options.inFlight, 16);
  EXPECT_EQ(options.seed, 7u);
  EXPECT_EQ(options.threads, 3);
  EXPECT_EQ(options.lines.last, 8000);
  EXPECT_EQ(options.testLines.first, 8001);
  EXPECT_EQ(options.maxExamples, 99);
  EXPECT_EQ(options.saveFolder, "S");
  EXPECT_EQ(options.loadFolder, "L");
  EXPECT_EQ(command.summaryFile, "J");
  EXPECT_EQ(command.lossesFile, "X");
  EXPECT_EQ(command.profileFile, "P");
  EXPECT_EQ(options.servers, 2);
  EXPECT_EQ(options.cpuTrainers, 4);
  EXPECT_EQ(options.heterTrainersOf("xpu"), 2);
  EXPECT_EQ(options.deviceOf("gpu"), "separate");
  EXPECT_EQ(options.deviceOf("xpu"), "timed:20ms");
  EXPECT_EQ(options.input, "criteo");
  EXPECT_TRUE(options.poisonFreed);
  EXPECT_EQ(command.role, "server");
  EXPECT_EQ(command.index, 1);
  EXPECT_EQ(command.clusterFile, "F");
}

TEST(CommandLineTest, Staleness) {
  const RunOptions options = run({"--update", "half-async", "--staleness", "3"}).options;
  EXPECT_EQ(options.update, UpdateMode::HalfAsync);
  EXPECT_EQ(options.staleness, 3);
}

TEST(CommandLineTest, RowCache) {
  EXPECT_EQ(run({}).options.rowCacheBytes, std::nullopt);
  EXPECT_EQ(run({"--row-cache", "64MiB"}).options.rowCacheBytes, 64 << 20);
  EXPECT_EQ(run({"--row-cache", "0", "--update", "async"}).options.rowCacheBytes, 0);
  for (const char *wrong : {"64", "MiB", "-1MiB", "64MB", "9999999999GiB", "1 MiB"})
    EXPECT_THAT(runError({"--row-cache", wrong}),
                HasSubstr(std::string("--row-cache: expected a size like 64MiB (KiB, MiB, GiB or TiB), or 0, got `") +
                          wrong + "`"));
  EXPECT_THAT(runError({"--row-cache", "1MiB", "--update", "async"}),
              HasSubstr("--row-cache needs --update sync or half-async"));
}

TEST(CommandLineTest, PrintedOptionsGiveTheSameOptions) {
  for (const std::vector<std::string> &flags :
       {std::vector<std::string>{},
        {"--test", "c", "--test-lines", "3:4", "--lines", "2:9", "--heter-trainers", "3", "--seed", "5", "--save", "S"},
        {"--heter-trainers", "gpu=1,xpu=2", "--device", "gpu=separate,xpu=cpu", "--update", "async", "--threads", "2",
         "--micro-batches", "4", "--input", "criteo", "--poison-freed", "--load", "L", "--max-examples", "5"},
        {"--update", "half-async", "--staleness", "2", "--row-cache", "3KiB"},
        {"--row-cache", "0"}}) {
    std::vector<std::string> printed = printOptions(run(flags).options);
    std::vector<std::string> line = {"run", "m.pkg"};
    line.insert(line.end(), printed.begin(), printed.end());
    Request again = parseCommandLine(line);
    ASSERT_TRUE(std::holds_alternative<RunRequest>(again)) << std::get<Answer>(again).text;
    EXPECT_EQ(printOptions(std::get<RunRequest>(again).command.options), printed);
  }
}

TEST(CommandLineTest, MisspeltFlagsAndCommands) {
  EXPECT_THAT(runError({"--epoch", "3"}), HasSubstr("there is no flag `--epoch`; did you mean `--epochs`?"));
  EXPECT_THAT(runError({"--bach-size=3"}), HasSubstr("there is no flag `--bach-size`; did you mean `--batch-size`?"));
  EXPECT_THAT(runError({"--zzz"}), HasSubstr("there is no flag `--zzz`\n"));
  EXPECT_THAT(runError({"--zzz"}), HasSubstr("run `heter run --help`"));
  EXPECT_THAT(usageError({"lunch", "m.pkg"}), HasSubstr("there is no command `lunch`; did you mean `launch`?"));
  EXPECT_THAT(usageError({"data", "syth"}), HasSubstr("there is no command `syth`; did you mean `synth`?"));
  EXPECT_THAT(usageError({"inspect", "a", "b"}), HasSubstr("`b` is one argument too many"));
}

TEST(CommandLineTest, WrongValues) {
  EXPECT_THAT(usageError({"run", "m.pkg"}), HasSubstr("heter: error: --data FILES.. is missing: Training files"));
  EXPECT_THAT(usageError({"run"}), HasSubstr("heter: error: PKG is missing: A package written by heterc\n"));
  EXPECT_THAT(runError({"--lines", "9"}), HasSubstr("--lines: expected lines A:B with 1 <= A <= B, got `9`"));
  EXPECT_THAT(runError({"--test-lines", "1:9"}), HasSubstr("--test-lines needs --test"));
  EXPECT_THAT(runError({"--batch-size", "0"}),
              HasSubstr("--batch-size: expected a whole number from 1 to 16777216, got `0`"));
  EXPECT_THAT(runError({"--epochs", "x"}), HasSubstr("--epochs"));
  EXPECT_THAT(runError({"--update", "asnc"}),
              HasSubstr("--update: expected sync, half-async or async, got `asnc`; did you mean `async`?"));
  EXPECT_THAT(runError({"--update", "half-async"}), HasSubstr("--update half-async needs --staleness STEPS"));
  EXPECT_THAT(runError({"--staleness", "2"}), HasSubstr("--staleness needs --update half-async"));
  EXPECT_THAT(runError({"--update", "half-async", "--staleness", "0"}),
              HasSubstr("--staleness: expected a whole number from 1 to 10000, got `0`"));
  EXPECT_THAT(runError({"--heter-trainers", "gpu=1,gpu=2"}),
              HasSubstr("--heter-trainers says the number of class `gpu` twice"));
  EXPECT_THAT(runError({"--device", "gpu=cpu", "--device", "gpu=separate"}),
              HasSubstr("--device says twice what runs class `gpu`"));
  EXPECT_THAT(runError({"--heter-trainers", "gpu="}), HasSubstr("--heter-trainers: expected N or CLASS=N"));
  EXPECT_THAT(runError({"--device", "cuda"}), HasSubstr("--device: expected CLASS=DEVICE"));
  EXPECT_THAT(runError({"--role", "server"}), HasSubstr("--role needs --cluster"));
  EXPECT_THAT(runError({"--cluster", "f"}), HasSubstr("--cluster needs --role"));
  EXPECT_THAT(runError({"--index", "1"}), HasSubstr("--index needs --role"));
  EXPECT_THAT(runError({"--max-examples", "0"}),
              HasSubstr("--max-examples: expected a whole number of at least 1, got `0`"));
  EXPECT_THAT(runError({"--seed", "-1"}), HasSubstr("--seed: expected a whole number of at least 0, got `-1`"));
  EXPECT_THAT(usageError({"launch", "m.pkg", "--data", "a", "--role", "server"}),
              HasSubstr("there is no flag `--role`"));
  EXPECT_THAT(usageError({"data", "synth", "--out", "f"}), HasSubstr("--examples"));
  EXPECT_THAT(usageError({"data", "synth", "--out", "f", "--examples", "1", "--zipf", "1"}),
              HasSubstr("--zipf needs --ids"));
  EXPECT_THAT(usageError({"data", "synth", "--out", "f", "--ids-in-turn"}), HasSubstr("--ids-in-turn needs --ids"));
  EXPECT_THAT(usageError({"data", "synth", "--out", "f", "--ids", "52", "--zipf", "1", "--ids-in-turn"}),
              HasSubstr("exclude each other"));
  EXPECT_THAT(usageError({"data", "synth", "--out", "f", "--ids", "52"}), HasSubstr("--examples"));
  EXPECT_THAT(usageError({"data", "synth", "--out", "f", "--ids", "25", "--examples", "1"}), HasSubstr("--ids"));
  EXPECT_THAT(usageError({"data", "synth", "--out", "f", "--ids", "26", "--zipf", "-1"}),
              HasSubstr("--zipf: expected a number from 0 to 10, got `-1`"));
  for (const char *wrong : {"nan", "1.5x", "", "10.1"})
    EXPECT_THAT(usageError({"data", "synth", "--out", "f", "--ids", "26", "--zipf=" + std::string(wrong)}),
                HasSubstr("--zipf"));
}

TEST(CommandLineTest, WrongKeys) {
  for (const char *wrong : {"abc", "1x", "1,2", "0x10", "1e3", "18446744073709551616", ""})
    EXPECT_THAT(
        usageError({"table", "get", "model", "emb", "3", wrong}),
        HasSubstr("KEYS: expected a whole number from 0 to 18446744073709551615, got `" + std::string(wrong) + "`"));
}

TEST(CommandLineTest, OtherCommands) {
  Request inspect = parseCommandLine({"inspect", "m.pkg", "--role", "server"});
  EXPECT_EQ(std::get<InspectCommand>(inspect).role, "server");
  Request dump = parseCommandLine({"dump", "model", "--out", "t"});
  EXPECT_EQ(std::get<DumpCommand>(dump).out, "t");
  Request get = parseCommandLine({"table", "get", "model", "emb", "3", "18446744073709551615"});
  EXPECT_EQ(std::get<TableCommand>(get).action, TableCommand::Action::Get);
  EXPECT_EQ(std::get<TableCommand>(get).table, "emb");
  EXPECT_EQ(std::get<TableCommand>(get).keys, (std::vector<uint64_t>{3, ~uint64_t{0}}));
  Request diff = parseCommandLine({"table", "diff", "monday", "tuesday"});
  EXPECT_EQ(std::get<TableCommand>(diff).action, TableCommand::Action::Diff);
  EXPECT_EQ(std::get<TableCommand>(diff).other, "tuesday");
  Request synth = parseCommandLine({"data", "synth", "--examples", "10", "--out", "f"});
  EXPECT_EQ(std::get<SynthCommand>(synth).examples, 10);
  EXPECT_EQ(std::get<SynthCommand>(synth).seed, 1u);
  EXPECT_EQ(std::get<SynthCommand>(synth).ids.distinct, 0);
  Request zipf =
      parseCommandLine({"data", "synth", "--examples", "10", "--out", "f", "--ids", "1000", "--zipf", "1.05"});
  EXPECT_EQ(std::get<SynthCommand>(zipf).ids.distinct, 1000);
  EXPECT_EQ(std::get<SynthCommand>(zipf).ids.zipf, 1.05);
  Request turn = parseCommandLine({"data", "synth", "--out", "f", "--ids", "1001", "--ids-in-turn"});
  EXPECT_TRUE(std::get<SynthCommand>(turn).ids.inTurn);
  EXPECT_EQ(std::get<SynthCommand>(turn).examples, 39) << "a line more than 1001 / 26";
}

TEST(CommandLineTest, Help) {
  for (const std::vector<std::string> &line : std::vector<std::vector<std::string>>{
           {"--help"}, {"run", "--help"}, {"launch", "--help"}, {"inspect", "-h"}, {"data", "synth", "--help"}}) {
    Request request = parseCommandLine(line);
    const auto &answer = std::get<Answer>(request);
    EXPECT_EQ(answer.exitCode, 0);
    EXPECT_THAT(answer.text, HasSubstr("usage: heter"));
  }
  EXPECT_THAT(std::get<Answer>(parseCommandLine({"run", "--help"})).text, HasSubstr("Examples:"));
  EXPECT_THAT(std::get<Answer>(parseCommandLine({"launch", "--help"})).text, Not(HasSubstr("--role")));
  EXPECT_THAT(std::get<Answer>(parseCommandLine({"--version"})).text, HasSubstr("heter 0"));
  EXPECT_EQ(std::get<Answer>(parseCommandLine({})).exitCode, exitUsage);
}

} // namespace
