// The model and its saves.
#include "tests/runtime/export/ExportTesting.h"

#include <gtest/gtest.h>

namespace heter::runtime::test {

package::PackageInfo exportModelInfo() {
  const auto admitted = [](package::Part part) {
    part.admit.kind = "count";
    part.admit.numbers["times"] = 2;
    return part;
  };
  package::Optimizer averaging = adam();
  averaging.averaged = "moment1";
  package::PackageInfo info;
  info.model = "exported";
  info.mode = "local";
  info.seed = 42;
  info.tables = {makeTable("emb", {makePart("", 6, "uniform", 0.01, adagrad())}),
                 makeTable("fm", {admitted(makePart("vector", 2, "normal", 0.5, adam())),
                                  makePart("weight", 1, "zeros", 0, sgd())}),
                 makeTable("late", {admitted(makePart("", 2, "uniform", 0.1, sgd()))})};
  info.parameters = {makeParameter("w", {2, 3}, "uniform", 0.1, averaging), makeParameter("b", {}, "zeros", 0, sgd())};
  return info;
}

exports::PredictionNeeds allNeeds() {
  return {{{"emb", ""}, {"fm", "weight"}, {"fm", "vector"}, {"late", ""}}, {"w", "b"}};
}

StoreSchema schemaOf(const package::PackageInfo &info) {
  StatusOr<StoreSchema> schema = StoreSchema::create(info, resolveKernel);
  EXPECT_TRUE(schema.ok()) << schema.status().message();
  return *schema;
}

void trainKeys(TestCluster &cluster, uint64_t first, uint64_t last) {
  const int64_t step = cluster.store(0).version();
  std::vector<uint64_t> keys;
  std::vector<float> gradients;
  for (uint64_t key = first; key <= last; ++key) {
    keys.push_back(key);
    for (int i = 0; i < 6; ++i)
      gradients.push_back(static_cast<float>((key * 7 + static_cast<uint64_t>(i + step)) % 11) - 5.0F);
  }
  for (int part = 0; part < cluster.store(0).partCount(); ++part) {
    std::vector<float> own = gradients;
    own.resize(keys.size() * static_cast<size_t>(cluster.store(0).partDim(part)));
    cluster.pushRows({0, step, 0, part}, 4, part, keys, own);
  }
  cluster.pushDense({0, step, 0, 10}, 4, 0, {1, 2, 3, 4, 5, static_cast<float>(step)});
  if (step % 2 == 0)
    cluster.pushDense({0, step, 0, 11}, 4, 1, {2});
  cluster.closeStep(step, {0}, 4);
}

void save(FaultyFileSystem &files, TestCluster &cluster, const std::string &dir) {
  std::vector<ShardInfo> shards;
  for (int server = 0; server < cluster.size(); ++server) {
    const StatusOr<ShardInfo> shard = writeShard(files, cluster.store(server), dir, 1);
    ASSERT_TRUE(shard.ok()) << shard.status().message();
    shards.push_back(*shard);
  }
  const Status status = commitManifest(files, dir, exportModelInfo(), 1, shards);
  ASSERT_TRUE(status.ok()) << status.message();
}

std::vector<float> predicted(TestCluster &cluster, uint64_t last) {
  std::vector<float> result;
  std::vector<uint64_t> keys;
  for (uint64_t key = 0; key <= last; ++key)
    keys.push_back(key);
  for (int part = 0; part < cluster.store(0).partCount(); ++part) {
    const std::vector<float> rows = cluster.pull(part, keys);
    result.insert(result.end(), rows.begin(), rows.end());
  }
  for (int server = 0; server < cluster.size(); ++server)
    for (int parameter = 0; parameter < cluster.store(server).parameterCount(); ++parameter) {
      const auto values = cluster.store(server).denseVersion(DenseValues::Averaged)->values(parameter);
      result.insert(result.end(), values.begin(), values.end());
    }
  return result;
}

ExportReport exportTo(FaultyFileSystem &files, const std::string &load, const std::string &out,
                      const std::string &since, exports::RowCoding coding) {
  const StatusOr<ExportReport> report =
      exportModel(files, schemaOf(exportModelInfo()), allNeeds(), {load, since, out, coding});
  EXPECT_TRUE(report.ok()) << report.status().message();
  return report.ok() ? *report : ExportReport();
}

TestCluster loaded(FaultyFileSystem &files, const std::string &path, int servers) {
  TestCluster cluster(exportModelInfo(), servers, /*seed=*/7); // The export's own seed is what counts.
  for (int server = 0; server < servers; ++server) {
    const Status status = loadForPrediction(files, cluster.store(server), allNeeds(), path);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  return cluster;
}

} // namespace heter::runtime::test
