// Saved models: any number of servers to any other, damage, faults in the middle of a save, and text dumps.
#include "runtime/table/Checkpoint.h"
#include "runtime/base/Hash.h"
#include "runtime/base/Log.h"
#include "runtime/base/ParallelFor.h"
#include "runtime/table/CheckpointFiles.h"
#include "runtime/table/CheckpointFormat.h"
#include "runtime/table/SparseTable.h"
#include "runtime/table/TableSnapshot.h"
#include "tests/runtime/table/FaultyFileSystem.h"
#include "tests/runtime/table/TestModel.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <unistd.h>

namespace heter::runtime {
namespace {

using namespace test;

/// Small enough to damage every byte of.
package::PackageInfo smallModel() {
  package::PackageInfo info;
  info.model = "small";
  info.tables = {
      makeTable("emb", {makePart("", 2, "uniform", 0.01, adagrad())}),
      makeTable("fm", {makePart("weight", 1, "zeros", 0, sgd()), makePart("vector", 2, "uniform", 0.5, adam())})};
  info.parameters = {makeParameter("w", {2, 5}, "uniform", 0.1, adam()), makeParameter("b", {1}, "zeros", 0, sgd())};
  return info;
}

Status save(FileSystem &files, TestCluster &cluster, const package::PackageInfo &info, const std::string &dir) {
  HETER_ASSIGN_OR_RETURN(const int64_t number, nextSaveNumber(files, dir));
  std::vector<ShardInfo> shards;
  for (int server = cluster.size() - 1; server >= 0; --server) { // in any order
    HETER_ASSIGN_OR_RETURN(ShardInfo shard, writeShard(files, cluster.store(server), dir, number));
    shards.push_back(std::move(shard));
  }
  return commitManifest(files, dir, info, number, shards);
}

Status load(FileSystem &files, TestCluster &cluster, const std::string &dir) {
  for (int server = 0; server < cluster.size(); ++server)
    HETER_RETURN_IF_ERROR(loadInto(files, cluster.store(server), dir).status());
  return {};
}

StatusOr<std::string> dump(FileSystem &files, const std::string &dir) {
  FaultyFileSystem text;
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> out, text.openForWrite("x/dump"));
  HETER_RETURN_IF_ERROR(dumpCheckpoint(files, dir, *out));
  return text.readFile("x/dump");
}

#define ASSERT_OK(expr)                                                                                                \
  do {                                                                                                                 \
    const Status okStatus = (expr);                                                                                    \
    ASSERT_TRUE(okStatus.ok()) << okStatus.message();                                                                  \
  } while (false)

/// Several saves of a cluster into one folder by the same writers.
struct Saves {
  Saves(FileSystem &files, TestCluster &cluster, const package::PackageInfo &info)
      : files(files), cluster(cluster), info(info) {
    for (int server = 0; server < cluster.size(); ++server)
      writers.push_back(std::make_unique<ShardWriter>(files, cluster.store(server)));
  }
  Status save(bool increment, int keep = 1, const std::string &dir = "dir") {
    HETER_ASSIGN_OR_RETURN(const int64_t number, nextSaveNumber(files, dir));
    std::vector<ShardInfo> shards;
    for (auto &writer : writers) {
      HETER_ASSIGN_OR_RETURN(ShardInfo shard, writer->write(dir, number, increment ? last : 0));
      EXPECT_EQ(shard.increment, increment);
      shards.push_back(std::move(shard));
    }
    DataPosition position{.data = 77, .epoch = number, .lines = 100 * number, .ended = number % 2 == 0};
    HETER_RETURN_IF_ERROR(commitManifest(files, dir, info, number, shards,
                                         {.position = position, .base = increment ? last : 0, .keep = keep}));
    last = number;
    return {};
  }

  FileSystem &files;
  TestCluster &cluster;
  const package::PackageInfo &info;
  std::vector<std::unique_ptr<ShardWriter>> writers;
  int64_t last = 0;
};

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
