// What is exported reads as what was saved, and an export with its deltas is an export of the later save.
#include "tests/runtime/export/ExportTesting.h"

#include "runtime/export/ExportFile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace heter::runtime {
namespace {

using namespace test;
using exports::RowCoding;

class ExportTest : public ::testing::Test {
protected:
  /// Saves "first" after keys 0 .. 300, of which to 100 twice, and "second" after more, "third" after all.
  ExportTest() {
    trainKeys(cluster_, 0, 300);
    trainKeys(cluster_, 0, 100);
    save(files_, cluster_, "first");
    trainKeys(cluster_, 80, 120);
    trainKeys(cluster_, 400, 450);
    save(files_, cluster_, "second");
    trainKeys(cluster_, 100, 500);
    save(files_, cluster_, "third");
  }

  std::string bytes(const std::string &path) { return files_.contents().at(path); }

  FaultyFileSystem files_;
  TestCluster cluster_{exportModelInfo(), 1};
};

TEST_F(ExportTest, readsAsWhatWasSaved) {
  const ExportReport report = exportTo(files_, "third", "x.export");
  ASSERT_EQ(report.tables.size(), 3U);
  EXPECT_EQ(report.tables[0].rows, 301 + 200);
  EXPECT_EQ(report.tables[1].rows, 301 + 200);
  EXPECT_EQ(report.tables[2].rows, 301 + 51 - 0) << "only admitted keys have rows where all parts want admission";
  EXPECT_EQ(report.bytes, static_cast<int64_t>(bytes("x.export").size()));
  TestCluster one = loaded(files_, "x.export");
  // Keys above 500 were never trained, those from 451 on only once.
  EXPECT_TRUE(bitEqual(predicted(one, 600), predicted(cluster_, 600)));
  EXPECT_EQ(one.store(0).version(), cluster_.store(0).version());
}

TEST_F(ExportTest, averagesStandForValues) {
  exportTo(files_, "third", "x.export");
  TestCluster one = loaded(files_, "x.export");
  const auto newest = cluster_.store(0).denseVersion(DenseValues::Newest)->values(0);
  const auto averaged = cluster_.store(0).denseVersion(DenseValues::Averaged)->values(0);
  const auto got = one.store(0).denseVersion(DenseValues::Newest)->values(0);
  EXPECT_TRUE(bitEqual({got.begin(), got.end()}, {averaged.begin(), averaged.end()}));
  EXPECT_FALSE(bitEqual({got.begin(), got.end()}, {newest.begin(), newest.end()}));
}

TEST_F(ExportTest, anyNumberOfServersSavesAndLoads) {
  TestCluster three(exportModelInfo(), 3);
  trainKeys(three, 0, 300);
  trainKeys(three, 0, 100);
  save(files_, three, "of-three");
  exportTo(files_, "of-three", "of-three.export");
  exportTo(files_, "first", "first.export");
  // Only the name of the save differs, and the checksums that follow from it.
  const size_t length = bytes("first.export").size();
  ASSERT_EQ(bytes("of-three.export").size(), length);
  const size_t index = 1200;
  EXPECT_EQ(bytes("of-three.export").substr(index, length - index - 4),
            bytes("first.export").substr(index, length - index - 4));
  TestCluster two = loaded(files_, "of-three.export", 2);
  std::vector<uint64_t> keys;
  for (uint64_t key = 0; key < 600; ++key)
    keys.push_back(key);
  for (int part = 0; part < 4; ++part)
    EXPECT_TRUE(bitEqual(two.pull(part, keys), three.pull(part, keys))) << part;
}

TEST_F(ExportTest, quantisedRowsAreNear) {
  const std::vector<float> exact = predicted(cluster_, 600);
  for (const RowCoding coding : {RowCoding::F16, RowCoding::Int8}) {
    exportTo(files_, "third", "x.export", "", coding);
    TestCluster one = loaded(files_, "x.export");
    const std::vector<float> got = predicted(one, 600);
    ASSERT_EQ(got.size(), exact.size());
    size_t differ = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
      EXPECT_NEAR(got[i], exact[i], coding == RowCoding::F16 ? 0.001 : 0.01);
      differ += got[i] != exact[i];
    }
    EXPECT_GT(differ, 100U);
  }
}

TEST_F(ExportTest, onlyWhatPredictionsReadIsWritten) {
  exports::PredictionNeeds needs{{{"fm", "vector"}}, {"b"}};
  ASSERT_TRUE(exportModel(files_, schemaOf(exportModelInfo()), needs, {"third", "", "x.export"}).ok());
  TestCluster one(exportModelInfo(), 1, 7);
  ASSERT_TRUE(loadForPrediction(files_, one.store(0), needs, "x.export").ok());
  const std::vector<uint64_t> keys = {1, 90, 250, 455, 600};
  EXPECT_TRUE(bitEqual(one.pull(1, keys), cluster_.pull(1, keys)));
  EXPECT_TRUE(bitEqual(one.dense(1), cluster_.dense(1)));
  EXPECT_EQ(one.store(0).rowCount(0), 0);
  const Status status = loadForPrediction(files_, one.store(0), allNeeds(), "x.export");
  EXPECT_EQ(status.message(), "x.export: the export does not fit: it has no table `emb`");
}

//===--- Deltas ---------------------------------------------------------------------------------------------------===//

TEST_F(ExportTest, aBaseWithItsDeltaIsTheLaterExport) {
  for (const RowCoding coding : {RowCoding::F32, RowCoding::F16, RowCoding::Int8}) {
    exportTo(files_, "first", "first.export", "", coding);
    exportTo(files_, "second", "second.export", "", coding);
    const ExportReport delta = exportTo(files_, "second", "delta", "first", coding);
    EXPECT_EQ(delta.tables[0].rows, 41 + 51);
    EXPECT_EQ(delta.tables[0].removed, 0);
    const StatusOr<ExportReport> report = applyDeltas(files_, "first.export", {"delta"}, "new.export");
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_EQ(report->tables[0].rows, 301 + 51);
    EXPECT_TRUE(bytes("new.export") == bytes("second.export"));
  }
}

TEST_F(ExportTest, severalDeltasAreAppliedInOneGo) {
  exportTo(files_, "first", "now.export");
  exportTo(files_, "third", "third.export");
  exportTo(files_, "second", "1.delta", "first");
  exportTo(files_, "third", "2.delta", "second");
  ASSERT_TRUE(applyDeltas(files_, "now.export", {"1.delta", "2.delta"}, "now.export").ok());
  EXPECT_TRUE(bytes("now.export") == bytes("third.export"));
}

// Rows of the later save that are missing, short where they were whole, or new.
TEST_F(ExportTest, rowsThatAreGoneAreTakenOut) {
  TestCluster other(exportModelInfo(), 2);
  trainKeys(other, 50, 400);
  trainKeys(other, 90, 110);
  save(files_, other, "other");
  exportTo(files_, "first", "first.export");
  exportTo(files_, "other", "other.export");
  const ExportReport delta = exportTo(files_, "other", "delta", "first");
  EXPECT_EQ(delta.tables[0].removed, 50);
  EXPECT_EQ(delta.tables[1].removed, 90) << "50 rows are gone, and 40 keys are no longer admitted";
  ASSERT_TRUE(applyDeltas(files_, "first.export", {"delta"}, "new.export").ok());
  EXPECT_TRUE(bytes("new.export") == bytes("other.export"));
}

TEST_F(ExportTest, aDeltaHasWhatChanged) {
  exportTo(files_, "second", "full.export");
  exportTo(files_, "second", "none.delta", "second");
  EXPECT_LT(bytes("none.delta").size(), 3 * 4096 * 8 + 2000U);
  exportTo(files_, "second", "delta", "first");
  EXPECT_LT(bytes("delta").size(), bytes("full.export").size());
}

TEST_F(ExportTest, deltasGoToTheirBaseOnly) {
  exportTo(files_, "first", "first.export");
  exportTo(files_, "second", "second.export");
  exportTo(files_, "third", "2.delta", "second");
  exportTo(files_, "second", "1.delta", "first", RowCoding::F16);
  const auto error = [&](const std::string &base, const std::vector<std::string> &deltas) {
    return applyDeltas(files_, base, deltas, "new.export").status().message();
  };
  EXPECT_NE(error("first.export", {"2.delta"}).find("2.delta does not continue it: it changes an export of save "),
            std::string::npos);
  EXPECT_EQ(error("first.export", {"1.delta"}),
            "1.delta does not continue it: its rows are f16 and those of first.export f32");
  EXPECT_NE(error("2.delta", {"2.delta"}).find("2.delta is a delta itself; apply it to an export of save "),
            std::string::npos);
  EXPECT_EQ(error("first.export", {"second.export"}), "second.export is a whole export, no delta; use it as it is");
  EXPECT_FALSE(files_.contents().contains("new.export"));
  TestCluster one(exportModelInfo(), 1);
  const Status status = loadForPrediction(files_, one.store(0), allNeeds(), "2.delta");
  EXPECT_NE(status.message().find("2.delta holds only what changed since save "), std::string::npos);
}

//===--- Other models ---------------------------------------------------------------------------------------------===//

TEST_F(ExportTest, anotherModelIsNamed) {
  exportTo(files_, "first", "x.export");
  const auto error = [&](const std::function<void(package::PackageInfo &)> &change) {
    package::PackageInfo info = exportModelInfo();
    change(info);
    auto store = makeStore(info);
    exports::PredictionNeeds needs = allNeeds();
    needs.parts.insert({"more", ""});
    needs.parameters.insert("v");
    return loadForPrediction(files_, *store, needs, "x.export").message();
  };
  const std::string start = "x.export: the export does not fit: ";
  EXPECT_EQ(error([](auto &info) { info.tables[0].parts[0].dim = 4; }),
            start + "dim of table `emb` is 6 there and 4 in this model");
  EXPECT_EQ(error([](auto &info) { info.tables[0].parts[0].init.scale = 0.5; }),
            start + "the initial value of table `emb` is uniform(0.009999999776482582) there and uniform(0.5) in this "
                    "model");
  EXPECT_EQ(error([](auto &info) { info.tables[2].parts[0].admit.kind = ""; }),
            start + "admission to table `late` is wanted there and not wanted in this model");
  EXPECT_EQ(error([](auto &info) { info.tables.push_back(makeTable("more", {makePart("", 1, "zeros", 0, sgd())})); }),
            start + "it has no table `more`");
  EXPECT_EQ(error([](auto &info) { info.parameters[0].shape = {3, 2}; }),
            start + "the shape of `w` is [2,3] there and [3,2] in this model");
  EXPECT_EQ(error([](auto &info) { info.parameters.push_back(makeParameter("v", {1}, "zeros", 0, sgd())); }),
            start + "it has no parameter `v`");
}

TEST_F(ExportTest, aSaveOfAnotherModelIsNotExported) {
  package::PackageInfo info = exportModelInfo();
  info.tables[0].parts[0].dim = 4;
  const Status status = exportModel(files_, schemaOf(info), allNeeds(), {"first", "", "x.export"}).status();
  EXPECT_NE(
      status.message().find("first: the saved model, of `exported`, does not fit: dim of table `emb` is 6 there and 4"),
      std::string::npos)
      << status.message();
}

TEST_F(ExportTest, valuesThatDoNotFitAreNamed) {
  TestCluster odd(exportModelInfo(), 1);
  odd.pushRows({0, 0, 0, 0}, 1, 2, {5}, {1e7F});
  odd.closeStep(0, {0}, 1);
  save(files_, odd, "odd");
  const Status status =
      exportModel(files_, schemaOf(exportModelInfo()), allNeeds(), {"odd", "", "x.export", RowCoding::Int8}).status();
  EXPECT_EQ(status.message(), "key 5 of table `fm`: the value -1e+06 does not fit into int8, which holds -65504 to "
                              "65504; export with --rows f32");
  EXPECT_FALSE(files_.contents().contains("x.export.partial"));
}

} // namespace
} // namespace heter::runtime
