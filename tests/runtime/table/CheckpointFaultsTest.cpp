// Saves that fail in their middle leave those before whole, and damage is noticed and named.
#include "runtime/base/Hash.h"
#include "runtime/base/Log.h"
#include "runtime/table/CheckpointFormat.h"
#include "tests/runtime/table/CheckpointTesting.h"

#include <gtest/gtest.h>

namespace heter::runtime {
namespace {

using namespace test;

// Whatever operation of a save fails, once or for good, with or without a power cut: the folder holds the old or the
// new save, whole; the new one if the save said ok; and the next save works.
TEST(Checkpoint, aFailedSaveLeavesThePreviousOneWhole) {
  const package::PackageInfo info = smallModel();
  TestCluster old(info, 2);
  trainSome(old, 0, 1, 2);
  TestCluster next(info, 2);
  trainSome(next, 0, 2, 2);
  const std::vector<float> oldState = old.everything();
  const std::vector<float> newState = next.everything();
  FaultyFileSystem start;
  ASSERT_OK(save(start, old, info, "dir"));
  setLogSink([](LogLevel, std::string_view) {}); // about old files that could not be removed
  int64_t failures = 0;
  bool reachedEnd = false;
  for (int64_t fault = 0; !reachedEnd; ++fault) {
    for (const bool rest : {false, true})
      for (const int powerCut : {0, 1, 2}) { // none; what is not synced is lost; only its bytes are
        FaultyFileSystem files;
        files.setContents(start.contents());
        files.failAt(fault, rest);
        const Status status = save(files, next, info, "dir");
        reachedEnd = files.operations() <= fault;
        files.heal();
        if (powerCut > 0)
          files.loseUnsynced(/*butNames=*/powerCut == 2);
        failures += !status.ok();
        TestCluster loaded(info, 1);
        ASSERT_OK(load(files, loaded, "dir").withContext("fault " + std::to_string(fault)));
        const std::vector<float> state = loaded.everything();
        ASSERT_TRUE(bitEqual(state, newState) || (!status.ok() && bitEqual(state, oldState))) << "fault " << fault;
        ASSERT_OK(save(files, next, info, "dir"));
        ASSERT_OK(load(files, loaded, "dir"));
        ASSERT_TRUE(bitEqual(loaded.everything(), newState));
        ASSERT_EQ(files.list("dir")->size(),
                  status.ok() || !files.contents().contains("dir/manifest.json.partial") ? 5U : 6U);
      }
  }
  setLogSink({});
  EXPECT_GT(failures, 100);
}

// The same while increments are written and older saves are kept.
TEST(Checkpoint, aFailedIncrementLeavesThePreviousSavesWhole) {
  const package::PackageInfo info = smallModel();
  setLogSink([](LogLevel, std::string_view) {});
  bool reachedEnd = false;
  for (int64_t fault = 0; !reachedEnd; ++fault)
    for (const int powerCut : {0, 1, 2}) {
      FaultyFileSystem files;
      TestCluster cluster(info, 2);
      Saves saves(files, cluster, info);
      trainSome(cluster, 0, 1, 2);
      ASSERT_OK(saves.save(/*increment=*/false, /*keep=*/2));
      const std::vector<float> first = cluster.everything();
      trainSome(cluster, 1, 1, 2);
      ASSERT_OK(saves.save(/*increment=*/true, /*keep=*/2));
      const std::vector<float> second = cluster.everything();
      trainSome(cluster, 2, 1, 2);
      const int64_t before = files.operations();
      files.failAt(before + fault, /*andAllAfter=*/true);
      const Status status = saves.save(/*increment=*/true, /*keep=*/2);
      reachedEnd = files.operations() <= before + fault;
      files.heal();
      if (powerCut > 0)
        files.loseUnsynced(/*butNames=*/powerCut == 2);
      TestCluster loaded(info, 1);
      ASSERT_OK(load(files, loaded, "dir").withContext("fault " + std::to_string(fault)));
      const std::vector<float> state = loaded.everything();
      const bool isNew = bitEqual(state, cluster.everything());
      ASSERT_TRUE(isNew || (!status.ok() && bitEqual(state, second))) << "fault " << fault;
      const std::string older = isNew ? "dir/save-000002.json" : "dir/save-000001.json";
      ASSERT_OK(load(files, loaded, older).withContext("fault " + std::to_string(fault)));
      ASSERT_TRUE(bitEqual(loaded.everything(), isNew ? second : first)) << "fault " << fault;
    }
  setLogSink({});
}

TEST(Checkpoint, everyDamagedByteIsNoticedAndNamed) {
  const package::PackageInfo info = smallModel();
  TestCluster cluster(info, 2);
  cluster.pushRows({0, 0, 0, 0}, 1, 0, {1, 2, 3, 4, 5, 6}, std::vector<float>(12, 1.0F));
  cluster.pushRows({0, 0, 0, 0}, 1, 2, {1, 2, 9}, std::vector<float>(6, 1.0F));
  cluster.closeStep(0, {0}, 1);
  FaultyFileSystem files;
  Saves saves(files, cluster, info);
  ASSERT_OK(saves.save(/*increment=*/false));
  cluster.pushRows({0, 1, 0, 0}, 1, 0, {3, 7}, std::vector<float>(4, 1.0F));
  cluster.closeStep(1, {0}, 1);
  ASSERT_OK(saves.save(/*increment=*/true));
  const std::map<std::string, std::string> good = files.contents();
  ASSERT_EQ(good.size(), 7U) << "the manifest; of each server its rows, what changed, and dense values";
  for (const auto &[path, bytes] : good)
    for (size_t at = 0; at < bytes.size(); ++at) {
      std::map<std::string, std::string> bad = good;
      bad[path][at] = static_cast<char>(bad[path][at] ^ (at % 2 ? 1 : 0x80));
      files.setContents(bad);
      TestCluster loaded(info, 1);
      const Status status = load(files, loaded, "dir");
      ASSERT_FALSE(status.ok()) << path << " byte " << at;
      ASSERT_EQ(status.code(), StatusCode::DataLoss) << status.message();
      ASSERT_NE(status.message().find(path), std::string::npos) << status.message();
      ASSERT_EQ(loaded.store(0).rowCount(0), 0);
      ASSERT_FALSE(dump(files, "dir").ok());
    }
}

TEST(Checkpoint, truncatedMissingAndForeignFilesAreNamed) {
  const package::PackageInfo info = smallModel();
  TestCluster cluster(info, 1);
  trainSome(cluster, 0, 1, 1);
  FaultyFileSystem files;
  ASSERT_OK(saveCheckpoint(files, cluster.store(0), "dir"));
  const std::map<std::string, std::string> good = files.contents();
  trainSome(cluster, 1, 1, 1);
  ASSERT_OK(saveCheckpoint(files, cluster.store(0), "dir"));
  const std::map<std::string, std::string> other = files.contents();
  const auto expectError = [&](const std::map<std::string, std::string> &contents, const std::string &path,
                               const std::string &reason) {
    files.setContents(contents);
    TestCluster loaded(info, 1);
    const Status status = load(files, loaded, "dir");
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.message().find(path), std::string::npos) << status.message();
    EXPECT_NE(status.message().find(reason), std::string::npos) << status.message();
  };
  for (const auto &[path, bytes] : good) {
    std::map<std::string, std::string> bad = good;
    bad[path] = bytes.substr(0, bytes.size() / 2);
    expectError(bad, path, "truncated");
    bad[path] = bytes + "x";
    expectError(bad, path, path.ends_with("json") ? "truncated" : "too long");
    bad.erase(path);
    expectError(bad, path.ends_with("json") ? "manifest.json" : path, path.ends_with("json") ? "no model" : "missing");
  }
  std::map<std::string, std::string> mixed = good;
  mixed["dir/save-000001.server-0-of-1.dense"] = other.at("dir/save-000002.server-0-of-1.dense");
  expectError(mixed, "save-000001.server-0-of-1.dense", "belongs to another save");
  mixed = good;
  mixed["dir/save-000001.server-0-of-1.rows"] = good.at("dir/save-000001.server-0-of-1.dense");
  expectError(mixed, "save-000001.server-0-of-1.rows", "the manifest says");
  TestCluster stranger(info, 1, /*seed=*/43);
  trainSome(stranger, 0, 1, 1);
  FaultyFileSystem strange;
  ASSERT_OK(saveCheckpoint(strange, stranger.store(0), "dir"));
  for (const char *name :
       {"save-000001.server-0-of-1.rows", "save-000001.server-0-of-1.dense"}) { // whole, and as large
    mixed = good;
    mixed[std::string("dir/") + name] = strange.contents().at(std::string("dir/") + name);
    expectError(mixed, name, "is not the file that the manifest means");
  }
}

} // namespace
} // namespace heter::runtime
