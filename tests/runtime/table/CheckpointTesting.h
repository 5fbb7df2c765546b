// What the tests of saved models share: a small model, and saves of a whole cluster.
#ifndef HETER_TESTS_RUNTIME_TABLE_CHECKPOINTTESTING_H
#define HETER_TESTS_RUNTIME_TABLE_CHECKPOINTTESTING_H

#include "runtime/table/Checkpoint.h"
#include "tests/runtime/table/FaultyFileSystem.h"
#include "tests/runtime/table/TestModel.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace heter::runtime::test {

/// Small enough to damage every byte of.
inline package::PackageInfo smallModel() {
  package::PackageInfo info;
  info.model = "small";
  info.tables = {
      makeTable("emb", {makePart("", 2, "uniform", 0.01, adagrad())}),
      makeTable("fm", {makePart("weight", 1, "zeros", 0, sgd()), makePart("vector", 2, "uniform", 0.5, adam())})};
  info.parameters = {makeParameter("w", {2, 5}, "uniform", 0.1, adam()), makeParameter("b", {1}, "zeros", 0, sgd())};
  return info;
}

/// A save of all of a cluster's servers.
inline Status save(FileSystem &files, TestCluster &cluster, const package::PackageInfo &info, const std::string &dir) {
  HETER_ASSIGN_OR_RETURN(const int64_t number, nextSaveNumber(files, dir));
  std::vector<ShardInfo> shards;
  for (int server = cluster.size() - 1; server >= 0; --server) { // in any order
    HETER_ASSIGN_OR_RETURN(ShardInfo shard, writeShard(files, cluster.store(server), dir, number));
    shards.push_back(std::move(shard));
  }
  return commitManifest(files, dir, info, number, shards);
}

/// Loads the newest save of the folder into every server.
inline Status load(FileSystem &files, TestCluster &cluster, const std::string &dir) {
  for (int server = 0; server < cluster.size(); ++server)
    HETER_RETURN_IF_ERROR(loadInto(files, cluster.store(server), dir).status());
  return {};
}

inline StatusOr<std::string> dump(FileSystem &files, const std::string &dir) {
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

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_TABLE_CHECKPOINTTESTING_H
