// Steps complete in order whatever the order of reports, and losses are folded by index.
#include "runtime/role/StepLedger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heter::runtime {
namespace {

FrameReport report(int64_t step, int32_t index, int32_t of, double loss, int64_t examples = 4) {
  FrameReport report;
  report.step = step;
  report.microBatch = index;
  report.stepMicroBatches = of;
  report.examples = examples;
  MetricReport metric;
  metric.metric = "loss";
  metric.value = loss;
  report.metrics = {metric};
  return report;
}

TEST(StepLedgerTest, CompletesStepsInOrder) {
  StepLedger ledger(10, false);
  EXPECT_TRUE(ledger.add(report(11, 0, 1, 3))->empty());
  EXPECT_TRUE(ledger.add(report(10, 1, 2, 2, 1))->empty());
  EXPECT_FALSE(ledger.checkComplete().ok());
  auto steps = ledger.add(report(10, 0, 2, 1, 3));
  ASSERT_TRUE(steps.ok());
  ASSERT_EQ(steps->size(), 2u);
  EXPECT_EQ((*steps)[0].step, 10);
  EXPECT_THAT((*steps)[0].microBatches, testing::ElementsAre(0, 1));
  EXPECT_EQ((*steps)[0].examples, 4);
  EXPECT_EQ((*steps)[0].loss, 1.25);
  EXPECT_EQ((*steps)[1].loss, 3);
  EXPECT_EQ(ledger.nextStep(), 12);
  EXPECT_TRUE(ledger.checkComplete().ok());
}

TEST(StepLedgerTest, ASecondReportChangesNothing) {
  StepLedger ledger(0, false);
  ASSERT_TRUE(ledger.add(report(0, 0, 2, 1)).ok());
  ASSERT_TRUE(ledger.add(report(0, 0, 2, 9)).ok());
  auto steps = ledger.add(report(0, 1, 2, 3));
  ASSERT_EQ(steps->size(), 1u);
  EXPECT_EQ(steps->at(0).loss, 2);
  EXPECT_TRUE(ledger.add(report(0, 1, 2, 9))->empty());
  EXPECT_EQ(ledger.examples(), 8);
}

TEST(StepLedgerTest, PredictionsCountOnceAndWhenAsked) {
  StepLedger ledger(0, false);
  FrameReport scored = report(0, 0, 1, 1);
  scored.metrics.insert(scored.metrics.begin(), {"auc", "auc", 0, {0.9F, 0.2F, 0.6F, 0.4F}, {1, 0, 0, 1}});
  auto steps = ledger.add(scored);
  ASSERT_EQ(steps->size(), 1u);
  EXPECT_EQ(steps->at(0).loss, 1);
  EXPECT_TRUE(ledger.aucs().empty());
  ledger.countPredictions();
  EXPECT_EQ(ledger.aucs().at("auc"), 0.75);
  scored.metrics[0].labels = {0, 1, 1, 0};
  EXPECT_TRUE(ledger.add(scored)->empty()) << "it was there";
  ledger.countPredictions();
  ledger.countPredictions();
  EXPECT_EQ(ledger.aucs().at("auc"), 0.75);
}

TEST(StepLedgerTest, RefusesReportsThatDisagree) {
  StepLedger ledger(0, false);
  ASSERT_TRUE(ledger.add(report(0, 0, 2, 1)).ok());
  EXPECT_FALSE(ledger.add(report(0, 1, 3, 1)).ok());
  EXPECT_FALSE(ledger.add(report(0, 2, 2, 1)).ok());
}

} // namespace
} // namespace heter::runtime
