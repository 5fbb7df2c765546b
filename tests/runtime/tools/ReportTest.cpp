// Progress, tables, summaries and losses as text.
#include "runtime/tools/Report.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

using namespace heter::runtime;
using namespace heter::runtime::tools;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

RunProgress someProgress() {
  RunProgress progress;
  progress.examples = 123456;
  progress.seconds = 30;
  progress.examplesPerSecond = 4115.2;
  progress.loss = 0.45678;
  progress.aucs = {{"auc", 0.8}};
  progress.fraction = 0.25;
  return progress;
}

TEST(ProgressTest, OneLine) {
  EXPECT_EQ(progressLine(someProgress()), "train  123,456 examples  25 %  1:30 left  loss 0.4568  AUC 0.8000  4,115/s");
  EXPECT_EQ(progressLine(someProgress(), 50), "train  123,456 examples  25 %  1:30 left");
  EXPECT_EQ(progressLine(someProgress(), 9), "train  12");
  RunProgress bare;
  bare.testing = true;
  EXPECT_EQ(progressLine(bare), "test   0 examples");
  RunProgress slow = someProgress();
  slow.seconds = 3600;
  EXPECT_THAT(progressLine(slow), HasSubstr("3:00:00 left"));
}

TEST(ProgressTest, ATerminalGetsOneLiveLineThatFits) {
  ProgressDisplay display(true, 20);
  EXPECT_EQ(display.render(someProgress()), "\r\x1b[Ktrain  123,456 exam");
  RunProgress test = someProgress();
  test.testing = true;
  EXPECT_EQ(display.render(test).front(), '\n') << "the last training line stays";
}

TEST(ProgressTest, OthersGetAPlainLineEveryFewSeconds) {
  ProgressDisplay display(false, 80);
  RunProgress progress = someProgress();
  int lines = 0;
  for (int quarter = 1; quarter <= 80; ++quarter) {
    progress.seconds = quarter * 0.25;
    std::string text = display.render(progress);
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    lines += text.empty() ? 0 : 1;
  }
  EXPECT_EQ(lines, 4);
}

RunResult someResult() {
  RunResult result;
  result.mode = "heter-ps";
  result.update = "sync";
  result.examples = 8000;
  result.seconds = 2.5;
  result.examplesPerSecond = 3200;
  result.cpuSeconds = 4.75;
  result.peakRssBytes = 1 << 30;
  result.memory = MemoryUse{100, 190, 50, 20, 10};
  result.train = {0.1, {{"auc", 0.75}}, 8000};
  result.test = PhaseResult{0.47, {{"auc", 0.7312}}, 2000};
  result.tables = {{"emb", 31337}};
  result.bytesSent = 10;
  result.bytesReceived = 20;
  result.rowCache = {900, 80, 20};
  result.losses = {{0, 0.6931471824645996}, {1, 0.1}};
  result.roles = {{"server", 0, 63, 8000, 2048, 1536, 1.5, 1 << 20}, {"heter-trainer.gpu", 1, 1, 128, 0, 0, 0, 0}};
  return result;
}

TEST(SummaryTest, IsTheJsonThatIsPromised) {
  EXPECT_EQ(summaryJson(someResult()), R"({
  "mode": "heter-ps",
  "update": "sync",
  "interrupted": false,
  "examples": 8000,
  "bad_lines": 0,
  "seconds": 2.5,
  "examples_per_second": 3200,
  "cpu_seconds": 4.75,
  "peak_rss_bytes": 1073741824,
  "memory": {"resident_bytes_at_start": 100, "resident_bytes_at_end": 190, "frame_bytes": 50, "reader_bytes": 20, "version_bytes": 10},
  "train": {"loss": 0.1, "auc": 0.75, "reports": {"auc": 0.75}},
  "test": {"loss": 0.47, "auc": 0.7312, "reports": {"auc": 0.7312}, "examples": 2000},
  "tables": {"emb": 31337},
  "wire": {"bytes_sent": 10, "bytes_received": 20},
  "row_cache": {"hits": 900, "misses": 80, "stale": 20}
}
)");
}

TEST(InterruptedTest, SaysWhatBecameOfTheModel) {
  RunResult result = someResult();
  result.steps = 1200;
  EXPECT_EQ(interruptedLine(result, ""), "heter: interrupted after 1,200 steps\n");
  EXPECT_EQ(interruptedLine(result, "model"),
            "heter: interrupted after 1,200 steps; nothing was saved, model is as it was\n");
  result.saved = true;
  EXPECT_EQ(interruptedLine(result, "model"), "heter: interrupted after 1,200 steps; the model is saved in model\n");
  result.interrupted = true;
  EXPECT_THAT(summaryJson(result), HasSubstr("\"interrupted\": true"));
}

TEST(SummaryTest, WhatIsUnknownIsNull) {
  RunResult result = someResult();
  result.train = {std::nan(""), {}, 0};
  result.test.reset();
  std::string text = summaryJson(result);
  EXPECT_THAT(text, HasSubstr("\"train\": {\"loss\": null, \"auc\": null, \"reports\": {}}"));
  EXPECT_THAT(text, HasSubstr("\"test\": null"));
}

TEST(SummaryTest, SeveralReportsHaveTheirNames) {
  RunResult result = someResult();
  result.test = PhaseResult{0.5, {{"buy", std::nullopt}, {"click", 0.75}}, 2000};
  EXPECT_THAT(summaryJson(result), HasSubstr("\"auc\": null, \"reports\": {\"buy\": null, \"click\": 0.75}"));
  EXPECT_THAT(resultTable(result), HasSubstr("loss 0.5000, click 0.7500\n"));
}

TEST(LossesTest, RoundTrip) {
  EXPECT_EQ(lossesText(someResult()), "0 0.6931471824645996\n1 0.1\n");
  RunResult result;
  result.losses = {{3, 1.0 / 3}};
  EXPECT_EQ(std::strtod(lossesText(result).c_str() + 2, nullptr), 1.0 / 3);
}

TEST(TableTest, SaysWhatEachRoleDid) {
  std::string text = resultTable(someResult());
  EXPECT_THAT(text, HasSubstr("role                         work     sent  received    cpu   memory\n"
                              "server 0                 63 calls  2.0 KiB   1.5 KiB  1.5 s  1.0 MiB\n"
                              "heter-trainer.gpu 1  128 examples        -         -      -        -\n\n"
                              "trained on 8,000 examples in 2.5 s, 3,200 examples/s\n"
                              "        loss 0.1000, AUC 0.7500\n"
                              "        4.8 cpu seconds, 1.0 GiB of memory at most\n"
                              "tested  on 2,000 examples\n"
                              "        loss 0.4700, AUC 0.7312\n"
                              "rows    1,000 looked up by heter-trainers, 90.0 % of them kept, 20 kept too old\n"
                              "table   emb: 31,337 rows\n"));
  EXPECT_THAT(resultTable(someResult(), true), HasSubstr("\x1b[1mtrained\x1b[0m on"));
}

TEST(TableTest, CountsMalformedLines) {
  RunResult result = someResult();
  EXPECT_THAT(resultTable(result), Not(HasSubstr("malformed")));
  result.badLines = 1234;
  EXPECT_THAT(resultTable(result), HasSubstr("examples/s\n        1,234 malformed lines passed over\n        loss"));
  EXPECT_THAT(predictionTable(result), HasSubstr("1,234 malformed lines passed over\n"));
  EXPECT_THAT(summaryJson(result), HasSubstr("\"bad_lines\": 1234,"));
  result.badLines = 1;
  EXPECT_THAT(resultTable(result), HasSubstr("        1 malformed line passed over\n"));
}

TEST(TableTest, OneRoleNeedsNoTableAndEmptyColumnsGo) {
  RunResult result = someResult();
  result.roles.resize(1);
  EXPECT_EQ(resultTable(result).find("trained"), 0u);
  result.roles = {{"cpu-trainer", 0, 63, 8000, 2048, 1536, 0, 0}, {"server", 0, 63, 0, 2048, 1536, 0, 0}};
  EXPECT_THAT(resultTable(result), HasSubstr("role                     work     sent  received\n"));
}

TEST(TableTest, OfARunThatPredicted) {
  EXPECT_THAT(predictionTable(someResult()), HasSubstr("predicted 8,000 examples in 2.5 s, 3,200 examples/s\n"));
  RunProgress progress = someProgress();
  progress.predicting = true;
  EXPECT_THAT(progressLine(progress), HasSubstr("predict  123,456 examples"));
}

TEST(GroupedTest, Thousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
}

} // namespace
