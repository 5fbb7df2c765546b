// Kernels of the three optimizers and a cluster of stores without messages.
#include "tests/runtime/table/TestModel.h"

#include "runtime/table/OptimizerCall.h"
#include "runtime/table/SparseTable.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>

namespace heter::runtime::test {

namespace {
const KernelArgument &at(void *const *args, int i) { return *static_cast<const KernelArgument *>(args[i]); }
float *data(void *const *args, int i) { return at(args, i).aligned; }

// (value, gradient) -> (value)
void sgdKernel(void *const *args) {
  for (int64_t i = 0; i < at(args, 0).size; ++i)
    data(args, 2)[i] = data(args, 0)[i] - 0.1F * data(args, 1)[i];
}

// (value, accumulator, gradient) -> (value, accumulator)
void adagradKernel(void *const *args) {
  for (int64_t i = 0; i < at(args, 0).size; ++i) {
    const float g = data(args, 2)[i];
    const float sum = data(args, 1)[i] + g * g;
    data(args, 4)[i] = sum;
    data(args, 3)[i] = data(args, 0)[i] - 0.05F * g / (std::sqrt(sum) + 1e-10F);
  }
}

// (value, moment1, moment2, moment1_weight, moment2_weight, gradient) -> the first five anew
void adamKernel(void *const *args) {
  const float weight1 = *data(args, 3) * 0.9F + 0.1F;
  const float weight2 = *data(args, 4) * 0.999F + 0.001F;
  for (int64_t i = 0; i < at(args, 0).size; ++i) {
    const float g = data(args, 5)[i];
    const float m = 0.9F * data(args, 1)[i] + 0.1F * g;
    const float u = 0.999F * data(args, 2)[i] + 0.001F * g * g;
    data(args, 7)[i] = m;
    data(args, 8)[i] = u;
    data(args, 6)[i] = data(args, 0)[i] - 1e-3F * (m / weight1) / (std::sqrt(u / weight2) + 1e-8F);
  }
  *data(args, 9) = weight1;
  *data(args, 10) = weight2;
}

package::Optimizer optimizer(const std::string &name, std::vector<std::string> slots,
                             std::vector<std::string> scalars) {
  package::Optimizer result;
  result.name = name;
  result.callee = name + "_kernel";
  result.slotInit.assign(slots.size(), 0.0);
  result.scalarInit.assign(scalars.size(), 0.0);
  result.slots = std::move(slots);
  result.scalars = std::move(scalars);
  return result;
}
} // namespace

package::Optimizer sgd() { return optimizer("sgd", {}, {}); }
package::Optimizer adagrad() { return optimizer("adagrad", {"accumulator"}, {}); }
package::Optimizer adam() { return optimizer("adam", {"moment1", "moment2"}, {"moment1_weight", "moment2_weight"}); }

KernelFunction resolveKernel(const std::string &symbol) {
  static const std::map<std::string, KernelFunction> kernels = {
      {"sgd_kernel", sgdKernel}, {"adagrad_kernel", adagradKernel}, {"adam_kernel", adamKernel}};
  const auto found = kernels.find(symbol);
  return found == kernels.end() ? nullptr : found->second;
}

package::Part makePart(const std::string &name, int64_t dim, const std::string &init, double scale,
                       const package::Optimizer &optimizer) {
  package::Part part;
  part.name = name;
  part.dim = dim;
  part.init.kind = init;
  part.init.scale = scale;
  part.optimizer = optimizer;
  return part;
}

package::Table makeTable(const std::string &name, std::vector<package::Part> parts) {
  package::Table table;
  table.name = name;
  table.parts = std::move(parts);
  return table;
}

package::Parameter makeParameter(const std::string &name, std::vector<int64_t> shape, const std::string &init,
                                 double scale, const package::Optimizer &optimizer) {
  package::Parameter parameter;
  parameter.name = name;
  parameter.shape = std::move(shape);
  parameter.init.kind = init;
  parameter.init.scale = scale;
  parameter.optimizer = optimizer;
  return parameter;
}

package::PackageInfo makeModel() {
  package::PackageInfo info;
  info.model = "test_model";
  info.mode = "local";
  info.seed = 42;
  info.tables = {
      makeTable("emb", {makePart("", 9, "uniform", 0.01, adagrad())}),
      makeTable("fm", {makePart("weight", 1, "zeros", 0, sgd()), makePart("vector", 3, "uniform", 0.5, adam())})};
  info.parameters = {makeParameter("w", {3, 50000}, "uniform", 0.1, adam()), makeParameter("b", {5}, "zeros", 0, sgd()),
                     makeParameter("c", {7, 10}, "normal", 1.0, adagrad())};
  return info;
}

void addRule(package::PackageInfo &info, const std::string &kind, const std::map<std::string, double> &numbers) {
  package::Rule &rule = info.tables[1].policy.emplace_back();
  rule.kind = kind;
  rule.numbers = numbers;
}

std::unique_ptr<ParameterStore> makeStore(const package::PackageInfo &info, int server, int servers, uint64_t seed) {
  StoreOptions options;
  options.seed = seed;
  options.shardIndex = server;
  options.shardCount = servers;
  auto store = ParameterStore::create(info, resolveKernel, options);
  if (!store.ok()) {
    ADD_FAILURE() << store.status().message();
    std::abort();
  }
  return std::move(*store);
}

StatusOr<ShardInfo> writeShard(FileSystem &files, ParameterStore &store, const std::string &dir, int64_t saveNumber) {
  return ShardWriter(files, store).write(dir, saveNumber);
}

Status saveCheckpoint(FileSystem &files, ParameterStore &store, const std::string &dir) {
  ShardWriter writer(files, store);
  return runtime::saveCheckpoint(files, writer, store, dir).status();
}

bool bitEqual(const std::vector<float> &a, const std::vector<float> &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TestCluster::TestCluster(const package::PackageInfo &info, int servers, uint64_t seed) {
  for (int server = 0; server < servers; ++server)
    stores_.push_back(makeStore(info, server, servers, seed));
}

static void expectOk(const Status &status) { EXPECT_TRUE(status.ok()) << status.message(); }

void TestCluster::pushRows(const PushKey &key, int64_t examples, int part, const std::vector<uint64_t> &keys,
                           const std::vector<float> &gradients) {
  const auto dim = static_cast<size_t>(store(0).partDim(part));
  for (int server = 0; server < size(); ++server) {
    std::vector<uint64_t> ownKeys;
    std::vector<float> ownGradients;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (ownerOfKey(keys[i], size()) != server)
        continue;
      ownKeys.push_back(keys[i]);
      ownGradients.insert(ownGradients.end(), gradients.begin() + static_cast<ptrdiff_t>(i * dim),
                          gradients.begin() + static_cast<ptrdiff_t>((i + 1) * dim));
    }
    expectOk(store(server).stagePush(key, examples, PushRows{part, ownKeys, ownGradients}));
  }
}

void TestCluster::pushDense(const PushKey &key, int64_t examples, int parameter, const std::vector<float> &gradients) {
  for (int server = 0; server < size(); ++server) {
    const DenseLayout &layout = store(server).layout(parameter);
    std::vector<float> local(static_cast<size_t>(layout.localElements()));
    layout.gather(gradients.data(), local.data());
    expectOk(store(server).stagePush(key, examples, PushDense{parameter, local}));
  }
}

void TestCluster::closeStep(int64_t step, const std::vector<int32_t> &microBatches, int64_t totalExamples) {
  for (const auto &store : stores_)
    expectOk(store->closeStep(step, microBatches, totalExamples));
}

std::vector<float> TestCluster::pull(int part, const std::vector<uint64_t> &keys) {
  const auto dim = static_cast<size_t>(store(0).partDim(part));
  std::vector<float> result(keys.size() * dim);
  for (size_t i = 0; i < keys.size(); ++i)
    expectOk(store(ownerOfKey(keys[i], size())).pullRows(part, {&keys[i], 1}, &result[i * dim]));
  return result;
}

std::vector<float> TestCluster::dense(int parameter) {
  std::vector<float> whole(static_cast<size_t>(store(0).layout(parameter).elements()));
  for (const auto &store : stores_)
    store->layout(parameter).scatter(store->denseVersion()->values(parameter).data(), whole.data());
  return whole;
}

std::vector<float> TestCluster::everything() {
  std::vector<float> result;
  for (int p = 0; p < store(0).parameterCount(); ++p) {
    std::map<int64_t, std::vector<float>> blocks;
    for (const auto &store : stores_)
      for (size_t i = 0; i < store->layout(p).blocks().size(); ++i)
        store->readDenseState(p, static_cast<int64_t>(i), blocks[store->layout(p).blocks()[i].block]);
    for (const auto &[block, state] : blocks)
      result.insert(result.end(), state.begin(), state.end());
  }
  for (size_t t = 0; t < store(0).schema().tables.size(); ++t) {
    std::map<uint64_t, std::vector<float>> rows;
    for (const auto &store : stores_)
      expectOk(store->table(static_cast<int>(t)).visitRows([&](const RowImage &row) {
        rows[row.key].assign(row.state.begin(), row.state.end());
        return Status();
      }));
    for (const auto &[key, state] : rows)
      result.insert(result.end(), state.begin(), state.end());
  }
  return result;
}

static float madeUp(uint64_t a, uint64_t b) { return static_cast<float>(mixKey(a * 1000003 + b) >> 40) * 0x1p-20F - 8; }

static void pushMicroBatch(TestCluster &cluster, const PushKey &key, int64_t examples) {
  const auto number = static_cast<uint64_t>(key.step * 16 + key.microBatch);
  for (int part = 0; part < cluster.store(0).partCount(); ++part) {
    std::vector<uint64_t> keys;
    std::vector<float> gradients;
    for (uint64_t i = 0; i < 40; ++i) {
      keys.push_back(mixKey((number * 7 + i * i) % 97)); // unique in a push, shared between pushes
      if (std::count(keys.begin(), keys.end(), keys.back()) > 1)
        keys.pop_back();
    }
    for (size_t i = 0; i < keys.size() * static_cast<size_t>(cluster.store(0).partDim(part)); ++i)
      gradients.push_back(madeUp(number * 31 + static_cast<uint64_t>(part), i));
    cluster.pushRows(key, examples, part, keys, gradients);
  }
  for (int p = 0; p < cluster.store(0).parameterCount(); ++p) {
    std::vector<float> gradients(static_cast<size_t>(cluster.store(0).layout(p).elements()));
    for (size_t i = 0; i < gradients.size(); ++i)
      gradients[i] = madeUp(number * 57 + static_cast<uint64_t>(p), i);
    cluster.pushDense(key, examples, p, gradients);
  }
}

void trainSome(TestCluster &cluster, int64_t firstStep, int64_t steps, int32_t microBatches, bool backwards) {
  for (int64_t step = firstStep; step < firstStep + steps; ++step) {
    std::vector<int32_t> numbers;
    int64_t total = 0;
    for (int32_t i = 0; i < microBatches; ++i) {
      const int32_t microBatch = backwards ? microBatches - 1 - i : i;
      const int64_t examples = 5 + microBatch * 2;
      pushMicroBatch(cluster, {0, step, microBatch, 0}, examples);
      numbers.push_back(microBatch);
      total += examples;
    }
    cluster.closeStep(step, numbers, total);
  }
}

} // namespace heter::runtime::test
