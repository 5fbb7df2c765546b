// What a run says of its flags before it begins.
#include "runtime/tools/Advice.h"

#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::tools;
using ::testing::HasSubstr;

namespace {

package::PackageInfo adaptive(const std::string &mode) {
  package::PackageInfo info;
  info.mode = mode;
  package::Parameter parameter;
  parameter.optimizer.name = "adam";
  parameter.optimizer.slots = {"moment1"};
  info.parameters = {parameter};
  return info;
}

TEST(DelayTest, AdvisesWhereEarlyTrainingIsAtStake) {
  RunOptions options;
  options.inFlight = 4;
  EXPECT_EQ(delayWarning(options, adaptive("ps")), "") << "sync";
  options.update = UpdateMode::Async;
  EXPECT_THAT(delayWarning(options, adaptive("ps")),
              HasSubstr("about 3 updates old, and early training with adam suffers from that: use fewer frames"));
  EXPECT_EQ(delayWarning(options, package::PackageInfo()), "") << "nothing that keeps state";
  options.inFlight = 1;
  EXPECT_EQ(delayWarning(options, adaptive("ps")), "") << "one frame in flight: nothing is stale";
  options.inFlight = 2;
  EXPECT_THAT(delayWarning(options, adaptive("ps")), HasSubstr("about 1 update old"));
  options.cpuTrainers = 2;
  EXPECT_THAT(delayWarning(options, adaptive("ps")), HasSubstr("--in-flight 2 and 2 cpu-trainers computes"));
  EXPECT_THAT(delayWarning(options, adaptive("local")), HasSubstr("about 1 update old"))
      << "a local run has one trainer";
  options.update = UpdateMode::HalfAsync;
  options.inFlight = 8;
  options.staleness = 3;
  EXPECT_THAT(delayWarning(options, adaptive("ps")), HasSubstr("--update half-async with --in-flight 8"));
  EXPECT_THAT(delayWarning(options, adaptive("ps")), HasSubstr("about 3 updates old")) << "as many as are allowed";
  options.microBatches = 8;
  EXPECT_THAT(delayWarning(options, adaptive("ps")), HasSubstr("about 1 update old")) << "16 frames are two steps";
  options.loadFolder = "model";
  EXPECT_EQ(delayWarning(options, adaptive("ps")), "") << "it goes on from a save";
}

TEST(RolesTest, WarnsOfRolesThatAPackageLacks) {
  RunOptions options;
  EXPECT_EQ(rolesWarning(options, "local"), "");
  options.cpuTrainers = 2;
  EXPECT_THAT(rolesWarning(options, "local"), HasSubstr("have no effect; compile it with --mode=ps"));
  EXPECT_EQ(rolesWarning(options, "ps"), "");
  options.cpuTrainers = 1;
  options.devices = {{"heter", "cpu"}};
  EXPECT_THAT(rolesWarning(options, "local"), HasSubstr("--heter-trainers and --device have no effect"));
  EXPECT_EQ(rolesWarning(options, "ps"), "the package is compiled without heter-trainers, so --heter-trainers and "
                                         "--device have no effect; compile it with --mode=heter-ps");
  options.devices.clear();
  options.heterTrainers = {{"", 2}};
  EXPECT_THAT(rolesWarning(options, "ps"), HasSubstr("without heter-trainers"));
  EXPECT_EQ(rolesWarning(options, "heter-ps"), "");
}

TEST(TierTest, WarnsOfAFolderThatNoTableUses) {
  package::PackageInfo info;
  info.model = "m";
  info.tables.resize(1);
  RunOptions options;
  EXPECT_EQ(tierWarning(options, info), "");
  options.tierFolder = "ssd";
  EXPECT_EQ(tierWarning(options, info), "no table of model `m` has `beyond: ssd`, so --tier-dir has no effect");
  EXPECT_EQ(warningsOf(options, info), std::vector<std::string>{tierWarning(options, info)});
  info.tables[0].policy.resize(1);
  info.tables[0].policy[0].kind = "ssd";
  EXPECT_EQ(tierWarning(options, info), "");
  EXPECT_TRUE(warningsOf(options, info).empty());
}

} // namespace
