// Saves of what changed since others: with those they load as one, and they stay as long as they are needed.
#include "runtime/base/Log.h"
#include "runtime/table/CheckpointFiles.h"
#include "runtime/table/SparseTable.h"
#include "runtime/table/TableSnapshot.h"
#include "tests/runtime/table/CheckpointTesting.h"

#include <gtest/gtest.h>

namespace heter::runtime {
namespace {

using namespace test;

TEST(Checkpoint, aFullSaveAndIncrementsLoadAsOne) {
  const package::PackageInfo info = makeModel();
  FaultyFileSystem files;
  TestCluster cluster(info, 3);
  Saves saves(files, cluster, info);
  trainSome(cluster, 0, 2, 3);
  ASSERT_OK(saves.save(/*increment=*/false));
  for (int64_t step = 2; step < 6; ++step) {
    trainSome(cluster, step, 1, 3);
    ASSERT_OK(saves.save(/*increment=*/true));
    EXPECT_EQ(files.list("dir")->size(), static_cast<size_t>(1 + 3 * step + 3)) << "dense files of the newest alone";
    for (int servers : {1, 2, 3}) {
      TestCluster loaded(info, servers);
      for (int server = 0; server < servers; ++server) {
        const StatusOr<DataPosition> position = loadInto(files, loaded.store(server), "dir");
        ASSERT_TRUE(position.ok()) << position.status().message();
        EXPECT_EQ(position->lines, 100 * step) << "the number of the save";
      }
      EXPECT_TRUE(bitEqual(loaded.everything(), cluster.everything())) << servers;
    }
    FaultyFileSystem whole;
    ASSERT_OK(save(whole, cluster, info, "dir"));
    EXPECT_EQ(*dump(files, "dir"), *dump(whole, "dir"));
  }
  ASSERT_OK(saves.save(/*increment=*/false));
  EXPECT_EQ(files.list("dir")->size(), 7U) << "a full save needs no other";
}

TEST(Checkpoint, anIncrementIsAsLargeAsWhatChanged) {
  const package::PackageInfo info = smallModel();
  FaultyFileSystem files;
  TestCluster cluster(info, 1);
  Saves saves(files, cluster, info);
  std::vector<uint64_t> keys(20'000);
  for (size_t i = 0; i < keys.size(); ++i)
    keys[i] = i * 7919;
  cluster.pushRows({0, 0, 0, 0}, 1, 0, keys, std::vector<float>(2 * keys.size(), 1.0F));
  cluster.closeStep(0, {0}, 1);
  ASSERT_OK(saves.save(/*increment=*/false));
  const auto bytesOf = [&](int64_t save) {
    size_t bytes = 0;
    for (const auto &[path, contents] : files.contents())
      bytes += path.starts_with("dir/save-00000" + std::to_string(save)) ? contents.size() : 0;
    return bytes;
  };
  const size_t full = bytesOf(1);
  keys.resize(keys.size() / 100);
  cluster.pushRows({0, 1, 0, 0}, 1, 0, keys, std::vector<float>(2 * keys.size(), 1.0F));
  cluster.closeStep(1, {0}, 1);
  ASSERT_OK(saves.save(/*increment=*/true));
  EXPECT_LE(bytesOf(2), full * 3 / 100);
  TestCluster loaded(info, 2);
  ASSERT_OK(load(files, loaded, "dir"));
  EXPECT_TRUE(bitEqual(loaded.everything(), cluster.everything()));
}

// Rows of keys that are not admitted are short, and evicted keys are gone, in increments as in full files.
TEST(Checkpoint, shortRowsAndEvictedKeysAreInIncrements) {
  checkpoint::Manifest manifest;
  manifest.save = 3;
  TableSpec spec;
  spec.name = "t";
  for (const char *name : {"weight", "vector"}) {
    PartSpec part;
    part.name = name;
    part.dim = part.stateFloats = 1;
    part.seedName = std::string("t.") + name;
    part.wantsAdmission = part.name == "vector";
    part.optimizer = {"sgd", resolveKernel("sgd_kernel"), {}, {}, {}, {}};
    spec.parts.push_back(part);
  }
  spec.policy.admission = RowPolicy::Admission::Count;
  spec.policy.admissionLimit = 3;
  spec.policy.period = 10;
  spec.policy.unseenPeriods = 1;
  spec.layOut();
  manifest.schema.tables = {spec};
  SparseTable table(manifest.schema.tables[0], 42, 0, virtualShards);
  const auto push = [&](int64_t step, const std::vector<uint64_t> &keys) {
    const std::vector<float> gradients(keys.size(), 1.0F);
    const std::vector<RowGradients> pushes = {{keys, gradients}};
    table.update(0, pushes, 1, {step, 0});
  };
  FaultyFileSystem files;
  uint16_t since = 0;
  const auto save = [&](int64_t number, bool increment) {
    const std::string name = "save-" + std::to_string(number);
    TableSnapshot snapshot(table);
    auto out = checkpoint::BlockWriter::create(files, "dir", name);
    ASSERT_OK(out.status());
    checkpoint::BlockBuilder header;
    checkpoint::FileHeader{std::string(checkpoint::rowsMagic), number, 0, 1}.write(header);
    ASSERT_OK((*out)->append(header.bytes()));
    const StatusOr<int64_t> rows =
        checkpoint::writeRows(**out, snapshot, 0, increment ? since : uint16_t{0}, checkpoint::oneByOne);
    ASSERT_OK(rows.status());
    since = snapshot.epoch();
    StatusOr<CheckpointFile> file = (*out)->finish();
    ASSERT_OK(file.status());
    manifest.files.push_back({*file, number, false, 0, {*rows}});
  };
  using Saved = std::map<uint64_t, std::tuple<bool, uint16_t, std::vector<float>>>;
  const auto isSaved = [&] {
    Saved saved, expected;
    const Status read = checkpoint::readRows(files, "dir", manifest, 0, [&](size_t, const RowImage &row) {
      EXPECT_FALSE(saved.contains(row.key)) << "each row once";
      saved[row.key] = {row.admitted, row.seen, {row.state.begin(), row.state.end()}};
      return Status();
    });
    EXPECT_TRUE(read.ok()) << read.message();
    EXPECT_TRUE(table
                    .visitRows([&](const RowImage &row) {
                      expected[row.key] = {row.admitted, row.seen, {row.state.begin(), row.state.end()}};
                      return Status();
                    })
                    .ok());
    EXPECT_EQ(saved, expected);
    return expected;
  };
  for (int i = 0; i < 3; ++i)
    push(0, {1, 2});
  push(1, {3, 4, 5});
  save(1, /*increment=*/false);
  Saved first = isSaved();
  EXPECT_TRUE(std::get<0>(first.at(1)));
  EXPECT_FALSE(std::get<0>(first.at(3)));
  for (int i = 0; i < 2; ++i)
    push(25, {3, 6});
  EXPECT_EQ(table.shrinkAll({25, 0}), 4) << "1, 2, 4 and 5 were unseen for two periods";
  push(26, {2});
  save(2, /*increment=*/true);
  Saved second = isSaved();
  EXPECT_EQ(second.size(), 3U);
  EXPECT_TRUE(std::get<0>(second.at(3))) << "admitted since";
  EXPECT_FALSE(std::get<0>(second.at(2))) << "evicted and new";
  EXPECT_EQ(std::get<1>(second.at(2)), 2) << "its period";
  push(50, {7});
  EXPECT_EQ(table.shrinkAll({50, 0}), 3);
  save(3, /*increment=*/true);
  EXPECT_EQ(isSaved().size(), 1U);
}

TEST(Checkpoint, asManySavesStayAsAreKept) {
  const package::PackageInfo info = smallModel();
  FaultyFileSystem files;
  TestCluster cluster(info, 1);
  Saves saves(files, cluster, info);
  std::map<int64_t, std::vector<float>> states;
  const auto expectKept = [&](const std::vector<int64_t> &expected) {
    for (int64_t number = 1; number <= saves.last; ++number) {
      const std::string path = number == saves.last ? "dir" : "dir/save-00000" + std::to_string(number) + ".json";
      TestCluster loaded(info, 1);
      const Status status = load(files, loaded, path);
      const bool kept = std::count(expected.begin(), expected.end(), number) > 0;
      ASSERT_EQ(status.ok(), kept) << number << ": " << status.message();
      if (kept) {
        EXPECT_TRUE(bitEqual(loaded.everything(), states[number])) << number;
      }
    }
  };
  const std::vector<std::pair<bool, std::vector<int64_t>>> course = {
      {false, {1}}, {false, {1, 2}}, {true, {1, 2, 3}}, {true, {2, 3, 4}}, {false, {3, 4, 5}}, {false, {4, 5, 6}}};
  for (const auto &[increment, kept] : course) {
    trainSome(cluster, saves.last, 1, 1);
    ASSERT_OK(saves.save(increment, /*keep=*/3));
    states[saves.last] = cluster.everything();
    expectKept(kept);
  }
  trainSome(cluster, saves.last, 1, 1);
  ASSERT_OK(saves.save(/*increment=*/false));
  states[saves.last] = cluster.everything();
  expectKept({7});
  EXPECT_EQ(files.list("dir")->size(), 3U) << "the manifest and two data files";
}

TEST(Checkpoint, anIncrementNeedsItsBase) {
  const package::PackageInfo info = smallModel();
  FaultyFileSystem files;
  TestCluster cluster(info, 1);
  ShardWriter writer(files, cluster.store(0));
  ASSERT_OK(writer.write("dir", 1).status());
  const StatusOr<ShardInfo> increment = writer.write("dir", 2, 1);
  ASSERT_TRUE(increment.ok() && increment->increment);
  EXPECT_EQ(commitManifest(files, "dir", info, 2, {*increment}, {.base = 1}).code(), StatusCode::NotFound);
  ASSERT_OK(save(files, cluster, info, "dir")); // Number 3.
  const Status status = commitManifest(files, "dir", info, 2, {*increment}, {.base = 1});
  EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
  EXPECT_NE(status.message().find("the newest in dir is 3"), std::string::npos) << status.message();
  EXPECT_FALSE(ShardWriter(files, cluster.store(0)).write("dir", 4, 3)->increment) << "another writer knows no base";
}

} // namespace
} // namespace heter::runtime
