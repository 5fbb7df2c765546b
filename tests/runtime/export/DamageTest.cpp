// Damaged and truncated exports, and disks that fail at each operation.
#include "tests/runtime/export/ExportTesting.h"

#include "runtime/base/Hash.h"

#include <gtest/gtest.h>

namespace heter::runtime {
namespace {

using namespace test;

class ExportDamageTest : public ::testing::Test {
protected:
  ExportDamageTest() {
    TestCluster cluster(exportModelInfo(), 1);
    trainKeys(cluster, 0, 3);
    save(files_, cluster, "first");
    trainKeys(cluster, 2, 5);
    save(files_, cluster, "second");
    exportTo(files_, "first", "x.export");
    exportTo(files_, "second", "x.delta", "first");
    whole_ = files_.contents();
  }

  Status load(const std::string &bytes) {
    files_.setContents({{"x.export", bytes}});
    store_.store(0).reset(42, 0);
    return loadForPrediction(files_, store_.store(0), allNeeds(), "x.export");
  }

  FaultyFileSystem files_;
  TestCluster store_{exportModelInfo(), 1};
  std::map<std::string, std::string> whole_;
};

TEST_F(ExportDamageTest, everyFlippedByteIsFound) {
  const std::string good = whole_.at("x.export");
  ASSERT_TRUE(load(good).ok());
  // The directory is long, and one of its bytes like another.
  const size_t directory = good.size() - 3 * size_t{virtualShards} * 8 - 8;
  for (size_t at = 0; at < good.size(); at += at < directory || at > good.size() - 20 ? 1 : 97) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    const Status status = load(bad);
    EXPECT_FALSE(status.ok()) << "byte " << at;
    EXPECT_NE(status.message().find("x.export"), std::string::npos) << status.message();
    EXPECT_EQ(store_.store(0).rowCount(0), 0) << "byte " << at;
  }
}

TEST_F(ExportDamageTest, everyLengthIsFound) {
  const std::string good = whole_.at("x.export");
  for (size_t length = 0; length < good.size(); length += length < 3000 || length > good.size() - 20 ? 1 : 301) {
    const Status status = load(good.substr(0, length));
    EXPECT_FALSE(status.ok()) << length;
    EXPECT_NE(status.message().find("x.export"), std::string::npos) << status.message();
  }
  EXPECT_NE(load(good + "x").message().find("x.export"), std::string::npos);
}

TEST_F(ExportDamageTest, anotherVersionIsNamed) {
  std::string other = whole_.at("x.export");
  other[8] = 9;
  EXPECT_EQ(load(other).message(), "x.export has format version 9, and this program reads version 1");
}

TEST_F(ExportDamageTest, aDamagedDeltaLeavesTheOldExport) {
  for (const std::string name : {"x.export", "x.delta"})
    for (size_t at = 100; at < whole_.at(name).size(); at += 997) {
      std::map<std::string, std::string> contents = whole_;
      contents[name][at] = static_cast<char>(contents[name][at] ^ 1);
      contents["out"] = "old";
      files_.setContents(contents);
      const Status status = applyDeltas(files_, "x.export", {"x.delta"}, "out").status();
      EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
      EXPECT_EQ(files_.contents().at("out"), "old");
      EXPECT_FALSE(files_.contents().contains("out.partial"));
    }
}

/// Runs `write` with a fault at each of its file operations in turn; `path` must stay as it was, or be what it becomes.
template <typename Write>
void failEverywhere(FaultyFileSystem &files, const std::map<std::string, std::string> &before, const std::string &path,
                    const Write &write) {
  files.setContents(before);
  ASSERT_TRUE(write().ok());
  const std::string after = files.contents().at(path);
  for (const bool andAllAfter : {false, true})
    for (int64_t operation = 0;; ++operation) {
      files.heal();
      files.setContents(before);
      const int64_t first = files.operations();
      files.failAt(first + operation, andAllAfter);
      const Status status = write();
      const bool reached = files.operations() > first + operation;
      files.heal();
      files.loseUnsynced();
      const std::string found = files.contents().at(path);
      EXPECT_TRUE(found == before.at(path) || found == after) << "operation " << operation;
      if (!reached)
        break;
      EXPECT_FALSE(status.ok()) << "operation " << operation;
    }
}

TEST_F(ExportDamageTest, aDiskThatFailsLeavesTheOldExport) {
  failEverywhere(files_, whole_, "x.export", [&] {
    return exportModel(files_, schemaOf(exportModelInfo()), allNeeds(), {"second", "", "x.export"}).status();
  });
  failEverywhere(files_, whole_, "x.export",
                 [&] { return applyDeltas(files_, "x.export", {"x.delta"}, "x.export").status(); });
}

} // namespace
} // namespace heter::runtime
