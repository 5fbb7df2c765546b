// Saved models: any number of servers to any other, loads on threads, another model, and text dumps.
#include "runtime/base/Hash.h"
#include "runtime/base/ParallelFor.h"
#include "runtime/table/SparseTable.h"
#include "tests/runtime/table/CheckpointTesting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <unistd.h>

namespace heter::runtime {
namespace {

using namespace test;

TEST(Checkpoint, anyServersToAnyServersAndOn) {
  const package::PackageInfo info = makeModel();
  TestCluster reference(info, 1);
  trainSome(reference, 0, 2, 3);
  const std::vector<float> half = reference.everything();
  trainSome(reference, 2, 2, 3);
  const std::vector<float> whole = reference.everything();
  std::string text;
  for (const auto &[from, to] : std::vector<std::pair<int, int>>{{1, 3}, {3, 2}, {2, 1}, {3, 3}}) {
    FaultyFileSystem files;
    TestCluster before(info, from);
    trainSome(before, 0, 2, 3);
    ASSERT_OK(save(files, before, info, "dir"));
    TestCluster after(info, to, 7); // the save's seed counts
    ASSERT_OK(load(files, after, "dir"));
    EXPECT_TRUE(bitEqual(after.everything(), half)) << from << " to " << to;
    EXPECT_EQ(after.store(0).version(), 2);
    trainSome(after, 2, 2, 3); // makes new rows too
    EXPECT_TRUE(bitEqual(after.everything(), whole)) << from << " to " << to;
    const auto dumped = dump(files, "dir");
    ASSERT_TRUE(dumped.ok()) << dumped.status().message();
    EXPECT_TRUE(text.empty() || *dumped == text);
    text = *dumped;
  }
}

TEST(Checkpoint, worksOnRealFiles) {
  const auto files = makePosixFileSystem();
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("heter-checkpoint-" + std::to_string(getpid()));
  const std::string dir = folder.string() + "/a/b";
  const package::PackageInfo info = makeModel();
  TestCluster before(info, 2);
  trainSome(before, 0, 1, 2);
  ASSERT_OK(save(*files, before, info, dir));
  trainSome(before, 1, 1, 2);
  ASSERT_OK(save(*files, before, info, dir));
  EXPECT_EQ(files->list(dir)->size(), 5U); // the first save's files are gone
  TestCluster after(info, 1);
  ASSERT_OK(load(*files, after, dir));
  EXPECT_TRUE(bitEqual(after.everything(), before.everything()));
  std::filesystem::remove_all(folder);
}

/// A store that works on four threads.
struct ThreadedStore {
  explicit ThreadedStore(const package::PackageInfo &info) {
    StoreOptions options;
    options.parallelFor = [this](int64_t count, const auto &body) { parallelFor(*scheduler, count, body); };
    auto made = ParameterStore::create(info, resolveKernel, options);
    EXPECT_TRUE(made.ok());
    store = std::move(*made);
  }
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(4);
  std::unique_ptr<ParameterStore> store;
};

// Of more rows than memory is made ready for ahead: threads share blocks and memory, and the first error counts.
TEST(Checkpoint, aLoadOnThreadsIsTheSameAndFindsDamage) {
  package::PackageInfo info;
  info.model = "one table";
  info.tables = {makeTable("emb", {makePart("", 9, "uniform", 0.01, adagrad())})};
  const ThreadedStore before(info);
  const auto rows = int64_t{900000};
  std::vector<float> state(18);
  for (int64_t i = 0; i < rows; ++i) {
    state[0] = static_cast<float>(i);
    before.store->table(0).putRow({mixKey(static_cast<uint64_t>(i)), true, state});
  }
  FaultyFileSystem files;
  ASSERT_OK(test::saveCheckpoint(files, *before.store, "dir"));
  const ThreadedStore after(info);
  const auto loaded = [&] { return loadInto(files, *after.store, "dir").status(); };
  ASSERT_OK(loaded());
  EXPECT_EQ(after.store->table(0).rowCount(), rows);
  int64_t wrong = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const auto visit = [&](const RowImage &row) { wrong += row.state[0] != static_cast<float>(i); };
    ASSERT_OK(after.store->table(0).visitKey(mixKey(static_cast<uint64_t>(i)), visit));
  }
  EXPECT_EQ(wrong, 0);

  auto contents = files.contents();
  std::string &bytes =
      std::find_if(contents.begin(), contents.end(), [](const auto &f) { return f.first.ends_with(".rows"); })->second;
  bytes[bytes.size() / 2] ^= 1;
  files.setContents(contents);
  const Status damaged = loaded();
  EXPECT_EQ(damaged.code(), StatusCode::DataLoss);
  EXPECT_NE(damaged.message().find("is damaged or was edited"), std::string::npos) << damaged.message();
  EXPECT_EQ(after.store->table(0).rowCount(), 0);
}

TEST(Checkpoint, anotherModelIsRefused) {
  TestCluster cluster(smallModel(), 1);
  FaultyFileSystem files;
  ASSERT_OK(saveCheckpoint(files, cluster.store(0), "dir"));
  const auto expectError = [&](auto edit, const std::string &reason) {
    package::PackageInfo info = smallModel();
    edit(info);
    TestCluster loaded(info, 1);
    const Status status = load(files, loaded, "dir");
    ASSERT_EQ(status.code(), StatusCode::FailedPrecondition);
    EXPECT_NE(status.message().find(reason), std::string::npos) << status.message();
  };
  expectError([](auto &info) { info.tables[0].parts[0].dim = 3; }, "dim of table `emb` is 2 there and 3 in this model");
  expectError([](auto &info) { info.tables[0].parts[0].optimizer = sgd(); },
              "the optimizer of table `emb` is `adagrad` there and `sgd` in this model");
  expectError([](auto &info) { info.tables[0].name = "embedding"; }, "it has no table `embedding`");
  expectError([](auto &info) { info.tables.pop_back(); }, "its table `fm` is not in this model");
  expectError([](auto &info) { info.parameters[0].shape = {5, 2}; }, "the shape of `w` is [2, 5] there and [5, 2]");
  expectError([](auto &info) { info.parameters.pop_back(); }, "its parameter `b` is not in this model");
  // The order of declarations is not part of a model.
  package::PackageInfo reordered = smallModel();
  std::swap(reordered.tables[0], reordered.tables[1]);
  std::swap(reordered.parameters[0], reordered.parameters[1]);
  TestCluster loaded(reordered, 1);
  ASSERT_OK(load(files, loaded, "dir"));
  ASSERT_OK(saveCheckpoint(files, loaded.store(0), "again"));
  EXPECT_EQ(*dump(files, "again"), *dump(files, "dir"));
}

TEST(Checkpoint, savesAreWholeInstants) {
  const package::PackageInfo info = smallModel();
  TestCluster cluster(info, 2);
  FaultyFileSystem files;
  const std::vector<float> gradient(10, 1.0F);
  const int owner = ownerOfBlock("w", 0, 2);
  ASSERT_OK(cluster.store(owner).stagePush({0, 0, 0, 0}, 1, PushDense{0, gradient}));
  EXPECT_EQ(writeShard(files, cluster.store(owner), "dir", 1)->version, 0) << "what is staged is of the next step";
  const std::vector<int32_t> first = {0};
  ASSERT_OK(cluster.store(owner).closeStep(0, first, 1));
  std::vector<ShardInfo> shards = {*writeShard(files, cluster.store(0), "dir", 1),
                                   *writeShard(files, cluster.store(1), "dir", 1)};
  EXPECT_EQ(commitManifest(files, "dir", info, 1, shards).code(), StatusCode::InvalidArgument); // steps differ
  EXPECT_EQ(commitManifest(files, "dir", info, 1, {shards[0]}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(commitManifest(files, "dir", info, 1, {shards[0], shards[0]}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(commitManifest(files, "dir", info, 1, {}).code(), StatusCode::InvalidArgument);
  EXPECT_FALSE(*files.exists("dir/manifest.json"));
}

// Whatever is trained between the instant of a save and its end is not in it; it is in the next increment.
TEST(Checkpoint, trainingGoesOnWhileSavesAreWritten) {
  const package::PackageInfo info = makeModel();
  FaultyFileSystem files;
  TestCluster cluster(info, 2);
  Saves saves(files, cluster, info);
  int64_t step = 0;
  const auto train = [&](int64_t steps) {
    trainSome(cluster, step, steps, 3);
    step += steps;
  };
  train(2);
  for (const bool increment : {false, true, true, false, true}) {
    for (auto &writer : saves.writers)
      writer->mark();
    TestCluster copy(info, 1);
    trainSome(copy, 0, step, 3);
    const int64_t markedStep = step;
    int64_t operations = 0;
    files.before([&] {
      if (operations++ % 3 == 0)
        train(1);
    });
    ASSERT_OK(saves.save(increment));
    files.before(nullptr);
    EXPECT_GT(step, markedStep + 5) << "it was trained meanwhile";
    TestCluster loaded(info, 3);
    ASSERT_OK(load(files, loaded, "dir"));
    EXPECT_EQ(loaded.store(0).version(), markedStep);
    EXPECT_TRUE(bitEqual(loaded.everything(), copy.everything()));
    EXPECT_FALSE(bitEqual(loaded.everything(), cluster.everything()));
    trainSome(loaded, markedStep, step - markedStep, 3);
    EXPECT_TRUE(bitEqual(loaded.everything(), cluster.everything())) << "and who goes on comes to the same";
  }
}

TEST(Checkpoint, latePushesAreStillDroppedAfterALoad) {
  const package::PackageInfo info = smallModel();
  TestCluster cluster(info, 1);
  trainSome(cluster, 0, 2, 1);
  FaultyFileSystem files;
  ASSERT_OK(saveCheckpoint(files, cluster.store(0), "dir"));
  TestCluster loaded(info, 1);
  ASSERT_OK(load(files, loaded, "dir"));
  loaded.pushRows({0, 1, 0, 0}, 1, 0, {1}, {5.0F, 5.0F});
  EXPECT_FALSE(loaded.store(0).hasStagedPushes());
  EXPECT_EQ(loaded.store(0).droppedPushes(), 1);
}

TEST(Checkpoint, dumpIsTextSortedByNameAndKey) {
  package::PackageInfo info;
  info.model = "tiny";
  info.tables = {makeTable("t", {makePart("a", 1, "zeros", 0, sgd()), makePart("b", 2, "ones", 0, adagrad())})};
  info.parameters = {makeParameter("z", {3, 3}, "constant", 0.1, sgd()), makeParameter("s", {}, "zeros", 0, adam())};
  TestCluster cluster(info, 2);
  cluster.pushRows({0, 0, 0, 0}, 1, 0, {18446744073709551615U, 3}, {1.0F, 2.0F});
  cluster.pushDense({0, 0, 0, 0}, 1, 1, {0.0F});
  cluster.closeStep(0, {0}, 1);
  FaultyFileSystem files;
  ASSERT_OK(save(files, cluster, info, "dir"));
  EXPECT_EQ(*dump(files, "dir"), R"(heter dump 1
model tiny
steps 1
parameter s shape optimizer adam
s value 0 0
s moment1 0 0
s moment2 0 0
s moment1_weight 0 0.1
s moment2_weight 0 0.001
parameter z shape 3 3 optimizer sgd
z value 0 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1
z value 8 0.1
table t part a dim 1 optimizer sgd part b dim 2 optimizer adagrad rows 2
t 3 a.value -0.2 b.value 1 1 b.accumulator 0 0
t 18446744073709551615 a.value -0.1 b.value 1 1 b.accumulator 0 0
)");
}

} // namespace
} // namespace heter::runtime
