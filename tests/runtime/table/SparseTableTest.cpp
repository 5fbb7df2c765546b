// Tables against a std::map: random pulls, pushes, admission, decay, eviction and snapshots, under several policies.
#include "runtime/table/SparseTable.h"
#include "runtime/base/Random.h"
#include "runtime/table/TableSnapshot.h"
#include "tests/runtime/table/TestModel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>

namespace heter::runtime {
namespace {

using Policy = RowPolicy;

constexpr size_t weightDim = 1;
constexpr size_t vectorDim = 3;

/// A weight from the start, and a vector that keys have to earn if the policy says so.
TableSpec makeSpec(const Policy &policy) {
  TableSpec spec;
  spec.name = "emb";
  for (const auto &[name, dim] : {std::pair("weight", weightDim), {"vector", vectorDim}}) {
    PartSpec part;
    part.name = name;
    part.dim = static_cast<int64_t>(dim);
    part.seedName = std::string("emb.") + name;
    part.init = {InitializerSpec::Kind::Uniform, 0.5F};
    part.stateFloats = 2 * part.dim;
    part.wantsAdmission = !policy.admitsAll() && dim == vectorDim;
    part.optimizer = {"adagrad", test::resolveKernel("adagrad_kernel"), {"accumulator"}, {0.25F}, {}, {}};
    spec.parts.push_back(part);
  }
  spec.policy = policy;
  spec.layOut();
  return spec;
}

/// What a table should be, said plainly.
struct Model {
  struct ModelRow {
    bool whole = false;
    int64_t seen = 0;
    float shows = 0;
    float clicks = 0;
    std::map<int, std::vector<float>> parts; ///< Value, then sums.
    auto operator<=>(const ModelRow &) const = default;
  };

  explicit Model(const TableSpec &spec) : spec(spec) {}

  std::vector<float> first(int part, uint64_t key) const {
    const auto dim = static_cast<size_t>(spec.parts[static_cast<size_t>(part)].dim);
    std::vector<float> state(2 * dim, 0.25F);
    fillUniform(state.data(), static_cast<int64_t>(dim), philoxKey(42, part == 0 ? "emb.weight" : "emb.vector"), key, 0,
                0.5F);
    return state;
  }

  std::vector<float> value(int part, uint64_t key) const {
    const auto dim = static_cast<size_t>(spec.parts[static_cast<size_t>(part)].dim);
    const auto row = rows.find(key);
    if (part == 1 && !spec.policy.admitsAll() && (row == rows.end() || !row->second.whole))
      return std::vector<float>(dim);
    std::vector<float> state =
        row == rows.end() || !row->second.parts.contains(part) ? first(part, key) : row->second.parts.at(part);
    state.resize(dim);
    return state;
  }

  int64_t periodAt(int64_t step) const { return spec.policy.period > 0 ? step / spec.policy.period : 0; }

  void decay(ModelRow &row, int64_t step) const {
    for (int64_t i = row.seen; i < periodAt(step); ++i) {
      row.shows *= spec.policy.decay;
      row.clicks *= spec.policy.decay;
    }
  }
  float score(const ModelRow &row) const {
    return (row.shows - row.clicks) * spec.policy.showWeight + row.clicks * spec.policy.clickWeight;
  }

  /// A push of part 0, which is the one that counts.
  void count(uint64_t key, float shows, float clicks, int64_t step) {
    ModelRow &row = rows[key];
    if (row.parts.empty())
      row.parts[0] = first(0, key);
    else
      decay(row, step);
    row.seen = periodAt(step);
    row.shows += shows;
    row.clicks += clicks;
    if (row.whole)
      return;
    row.whole = spec.policy.admission == Policy::Admission::Always ||
                (spec.policy.admission == Policy::Admission::Count && row.shows >= spec.policy.admissionLimit) ||
                (spec.policy.admission == Policy::Admission::Score && score(row) >= spec.policy.admissionLimit);
    if (row.whole)
      row.parts[1] = first(1, key);
  }

  void update(int part, uint64_t key, const std::vector<float> &sum, float divisor) {
    ModelRow &row = rows.at(key);
    if (!row.parts.contains(part))
      return;
    std::vector<float> &state = row.parts.at(part);
    for (size_t d = 0; d < sum.size(); ++d) {
      const float g = sum[d] / divisor;
      float &accumulated = state[sum.size() + d];
      accumulated = accumulated + g * g;
      state[d] = state[d] - 0.05F * g / (std::sqrt(accumulated) + 1e-10F);
    }
  }

  void evict(int64_t step) {
    std::erase_if(rows, [&](const auto &entry) {
      ModelRow row = entry.second;
      const int64_t age = periodAt(step) - row.seen;
      decay(row, step);
      return (spec.policy.unseenPeriods > 0 && age > spec.policy.unseenPeriods) ||
             (spec.policy.evictsByScore && score(row) < spec.policy.leastScore);
    });
  }

  const TableSpec &spec;
  std::map<uint64_t, ModelRow> rows;
};

/// `policy` for a table that has room in memory for about 80 rows.
Policy tiered(Policy policy) {
  policy.tiered = true;
  policy.memoryBytes = virtualShards;
  return policy;
}

/// Where tables that have a tier keep it.
TierPlace tierPlace() {
  static const std::unique_ptr<FileSystem> files = makePosixFileSystem();
  return {files.get(), testing::TempDir() + "/sparse-table-tier", 4096};
}

class Pair {
public:
  explicit Pair(const Policy &policy, uint64_t randomSeed)
      : spec(makeSpec(policy)), table(spec, 42, 0, virtualShards, {}, tierPlace()), model(spec), random(randomSeed) {
    EXPECT_TRUE(table.tierStatus().ok()) << table.tierStatus().message();
  }
  ~Pair() { EXPECT_TRUE(table.tierStatus().ok()) << table.tierStatus().message(); }

  uint64_t anyKey() { return mixKey(random() % 600); }

  /// A step of some micro-batches, each with pushes to both parts.
  void push() {
    const size_t microBatches = 1 + random() % 3;
    std::vector<std::vector<uint64_t>> keys(microBatches);
    std::array<std::vector<std::vector<float>>, 2> gradients;
    std::vector<std::vector<float>> shown(microBatches); // and clicked
    std::map<uint64_t, std::array<std::vector<float>, 2>> sums;
    std::map<uint64_t, std::pair<float, float>> counts;
    for (std::vector<std::vector<float>> &part : gradients)
      part.resize(microBatches);
    for (size_t m = 0; m < microBatches; ++m) {
      std::set<uint64_t> chosen;
      while (chosen.size() < 20)
        chosen.insert(anyKey());
      for (uint64_t key : chosen) {
        keys[m].push_back(key);
        const auto shows = static_cast<float>(1 + random() % 3), clicks = static_cast<float>(random() % 2);
        shown[m].insert(shown[m].end(), {shows, clicks});
        counts[key].first += shows;
        counts[key].second += clicks;
        for (size_t part = 0; part < 2; ++part)
          for (size_t d = 0; d < (part == 0 ? weightDim : vectorDim); ++d) {
            gradients[part][m].push_back(static_cast<float>(random() % 1000) * 0.01F - 5);
            std::vector<float> &sum = sums[key][part];
            if (sum.size() <= d)
              sum.push_back(gradients[part][m].back());
            else
              sum[d] += gradients[part][m].back();
          }
      }
    }
    std::array<std::vector<RowGradients>, 2> pushes;
    for (size_t part = 0; part < 2; ++part)
      for (size_t m = 0; m < microBatches; ++m)
        pushes[part].push_back({keys[m], gradients[part][m], shown[m]});
    const std::vector<PartGradients> parts = {{1, pushes[1]}, {0, pushes[0]}}; // in any order
    const SparseTable::Update update(table, parts, 2.0F, {step, 0});
    if (random() % 2 == 0) {
      EXPECT_TRUE(update.prepare().ok());
    }
    for (int piece = SparseTable::Update::pieces - 1; piece >= 0; --piece)
      update.run(piece);
    for (const auto &[key, of] : counts)
      model.count(key, of.first, of.second, step);
    for (const auto &[key, of] : sums)
      for (int part = 0; part < 2; ++part)
        model.update(part, key, of[static_cast<size_t>(part)], 2.0F);
    ++step;
    if (random() % 2 == 0)
      table.trim();
  }

  void expectSameValues() {
    std::vector<uint64_t> keys(200);
    for (uint64_t &key : keys)
      key = anyKey();
    for (int part = 0; part < 2; ++part) {
      const size_t dim = part == 0 ? weightDim : vectorDim;
      std::vector<float> out(keys.size() * dim);
      DiskRows onDisk(table.tier());
      table.pull(part, keys, out.data(), onDisk);
      ASSERT_TRUE(table.finishPull(part, onDisk, out.data()).ok());
      for (size_t i = 0; i < keys.size(); ++i)
        ASSERT_EQ(std::vector<float>(out.begin() + static_cast<ptrdiff_t>(i * dim),
                                     out.begin() + static_cast<ptrdiff_t>((i + 1) * dim)),
                  model.value(part, keys[i]))
            << "part " << part << " key " << keys[i];
    }
  }

  /// A row's floats as the table lays them out.
  std::vector<float> stateOf(const Model::ModelRow &row) const {
    std::vector<float> state;
    if (spec.policy.statistics() > 0)
      state.push_back(row.shows);
    if (spec.policy.statistics() > 1)
      state.push_back(row.clicks);
    for (const auto &[part, floats] : row.parts)
      state.insert(state.end(), floats.begin(), floats.end());
    return state;
  }

  const TableSpec spec;
  SparseTable table;
  Model model;
  std::mt19937_64 random;
  int64_t step = 0;
};

std::vector<Policy> policies() {
  Policy always;
  Policy count;
  count.admission = Policy::Admission::Count;
  count.admissionLimit = 6;
  Policy unseen = count;
  unseen.period = 4;
  unseen.unseenPeriods = 2;
  Policy score;
  score.admission = Policy::Admission::Score;
  score.admissionLimit = 3;
  score.scored = true;
  score.showWeight = 0.25F;
  score.clickWeight = 1;
  score.decay = 0.5F;
  score.period = 3;
  score.evictsByScore = true;
  score.leastScore = 0.5F;
  return {always, count, unseen, score, tiered(always), tiered(count), tiered(unseen), tiered(score)};
}

TEST(SparseTable, doesWhatAMapDoes) {
  uint64_t seed = 0;
  for (const Policy &policy : policies()) {
    Pair pair(policy, ++seed);
    int64_t evicted = 0;
    for (int i = 0; i < 150; ++i) {
      pair.push();
      pair.expectSameValues();
      if (i % 7 == 6) {
        pair.model.evict(pair.step);
        evicted += pair.table.shrinkAll({pair.step, 0});
      }
      int64_t shortRows = 0;
      for (const auto &[key, row] : pair.model.rows)
        shortRows += row.whole ? 0 : 1;
      ASSERT_EQ(pair.table.rowCount(), static_cast<int64_t>(pair.model.rows.size()));
      ASSERT_EQ(pair.table.shortRowCount(), shortRows);
      if (policy.tiered) {
        pair.table.trim();
        const TierFigures figures = pair.table.tierFigures();
        ASSERT_LE(figures.rowsInMemory * pair.spec.rowMemory(true), policy.memoryBytes);
        ASSERT_EQ(figures.rowsInMemory + figures.rowsOnDisk, pair.table.rowCount());
      }
    }
    EXPECT_EQ(evicted > 100, policy.evicts()) << evicted;
  }
}

TEST(SparseTable, snapshotsAreOfOneInstantWhateverHappensMeanwhile) {
  uint64_t seed = 100;
  for (const Policy &policy : policies()) {
    Pair pair(policy, ++seed);
    for (int i = 0; i < 20; ++i)
      pair.push();
    for (int round = 0; round < 5; ++round) {
      const std::map<uint64_t, Model::ModelRow> expected = pair.model.rows;
      std::map<uint64_t, std::vector<float>> got;
      uint64_t last = 0;
      TableSnapshot snapshot(pair.table);
      const Status status = snapshot.visit(0, [&](const RowImage &row) {
        EXPECT_GE(mixKey(row.key), last);
        last = mixKey(row.key);
        EXPECT_EQ(row.admitted, expected.at(row.key).whole);
        EXPECT_TRUE(got.emplace(row.key, std::vector(row.state.begin(), row.state.end())).second);
        if (got.size() % 40 == 0) {
          pair.push();
          pair.table.shrinkAll({pair.step, 0});
          pair.model.evict(pair.step);
        }
        return Status();
      });
      ASSERT_TRUE(status.ok());
      ASSERT_EQ(got.size(), expected.size());
      for (const auto &[key, row] : expected)
        ASSERT_EQ(got.at(key), pair.stateOf(row)) << key;
      ASSERT_EQ(pair.table.rowCount(), static_cast<int64_t>(pair.model.rows.size()));
      pair.expectSameValues();
    }
  }
}

/// All rows of a table: key to state.
std::map<uint64_t, std::vector<float>> rowsOf(const SparseTable &table) {
  std::map<uint64_t, std::vector<float>> rows;
  EXPECT_TRUE(table
                  .visitRows([&](const RowImage &row) {
                    rows[row.key].assign(row.state.begin(), row.state.end());
                    return Status();
                  })
                  .ok());
  return rows;
}

TEST(SparseTable, threadsThatShareAnUpdateChangeNoBit) {
  const TableSpec spec = makeSpec({});
  SparseTable alone(spec, 42, 0, virtualShards), shared(spec, 42, 0, virtualShards);
  std::mt19937_64 random(5);
  for (int64_t step = 0; step < 20; ++step) {
    // Two parts; pushes of many keys, of few and of none.
    std::array<std::vector<std::vector<uint64_t>>, 2> keys;
    std::array<std::vector<std::vector<float>>, 2> gradients;
    std::array<std::vector<RowGradients>, 2> pushes;
    for (size_t part = 0; part < 2; ++part) {
      for (const size_t count : {size_t{5000} + random() % 2000, size_t{1024}, size_t{0}, size_t{7}}) {
        std::set<uint64_t> chosen;
        while (chosen.size() < count)
          chosen.insert(mixKey(random() % 20000));
        std::vector<uint64_t> order(chosen.begin(), chosen.end());
        std::shuffle(order.begin(), order.end(), random);
        keys[part].push_back(order);
        std::vector<float> &values = gradients[part].emplace_back(count * (part == 0 ? weightDim : vectorDim));
        for (float &value : values)
          value = static_cast<float>(random() % 1000) * 0.013F - 6;
      }
      for (size_t push = 0; push < keys[part].size(); ++push)
        pushes[part].push_back({keys[part][push], gradients[part][push]});
    }
    const std::vector<PartGradients> parts = {{1, pushes[1]}, {0, pushes[0]}};
    const SparseTable::Update one(alone, parts, 3.0F, {step, 0});
    for (int piece = 0; piece < SparseTable::Update::pieces; ++piece)
      one.run(piece);
    const SparseTable::Update many(shared, parts, 3.0F, {step, 0});
    std::atomic<int> next = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int piece = next++; piece < SparseTable::Update::pieces; piece = next++)
          many.run(piece);
      });
    for (std::thread &thread : threads)
      thread.join();
    ASSERT_EQ(rowsOf(shared), rowsOf(alone)) << step;
  }
}

/// Bytes of this process that the system takes as soon as it needs memory; none if it does not say.
std::optional<int64_t> lentBytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("LazyFree:"))
      return std::stoll(line.substr(line.find(':') + 1)) << 10;
  return std::nullopt;
}

TEST(SparseTable, whatASnapshotSetAsideIsLentToTheSystemUntilTheNext) {
  if (!lentBytes())
    GTEST_SKIP() << "the system does not say what was lent to it";
  const TableSpec spec = makeSpec({});
  SparseTable table(spec, 42, 0, virtualShards);
  std::vector<uint64_t> keys(300000);
  for (size_t i = 0; i < keys.size(); ++i)
    keys[i] = mixKey(i);
  const std::vector<float> gradients(keys.size(), 0.5F);
  const RowGradients push{keys, gradients};
  table.update(0, {&push, 1}, 1);
  const int64_t least = static_cast<int64_t>(keys.size()) * spec.rowFloats * 4;
  for (int round = 0; round < 3; ++round) {
    uint64_t before = 0, got = 0;
    const auto addTo = [](uint64_t &sum) {
      return [&sum](const RowImage &row) {
        sum += mixKey(row.key ^ hashBytes({reinterpret_cast<const char *>(row.state.data()), row.state.size_bytes()}));
        return Status();
      };
    };
    ASSERT_TRUE(table.visitRows(addTo(before)).ok());
    const int64_t lent = *lentBytes();
    {
      TableSnapshot snapshot(table);
      table.update(0, {&push, 1}, 1);
      EXPECT_LE(*lentBytes(), round == 0 ? lent : lent - least) << "it is in use";
      ASSERT_TRUE(snapshot.visit(0, addTo(got)).ok());
    }
    EXPECT_EQ(got, before);
    EXPECT_GE(*lentBytes(), least);
  }
}

void expectIncrementsAreTheWhole(const Policy &policy) {
  Pair pair(policy, 7);
  std::map<uint64_t, std::vector<float>> kept;
  uint16_t since = 0;
  size_t wholes = 0;
  size_t changes = 0;
  for (int round = 0; round < 12; ++round) {
    pair.push();
    pair.table.shrinkAll({pair.step, 0});
    pair.model.evict(pair.step);
    TableSnapshot snapshot(pair.table);
    for (uint64_t key : snapshot.erased(since))
      kept.erase(key);
    ASSERT_TRUE(snapshot
                    .visit(since,
                           [&](const RowImage &row) {
                             kept[row.key].assign(row.state.begin(), row.state.end());
                             ++changes;
                             return Status();
                           })
                    .ok());
    snapshot.forgetErased(since);
    since = snapshot.epoch();
    wholes += pair.model.rows.size();
    ASSERT_EQ(kept.size(), pair.model.rows.size());
    for (const auto &[key, row] : pair.model.rows)
      ASSERT_EQ(kept.at(key), pair.stateOf(row)) << key;
  }
  EXPECT_LT(changes, wholes);
}

TEST(SparseTable, aBaseAndWhatChangedSinceAreTheWhole) {
  for (const Policy &policy : {policies()[3], policies()[6], policies()[7]})
    expectIncrementsAreTheWhole(policy);
}

TEST(SparseTable, imagesPutIntoAnotherTableMakeItTheSame) {
  for (const Policy &policy : policies()) {
    Pair pair(policy, 55);
    for (int i = 0; i < 30; ++i)
      pair.push();
    SparseTable other(pair.spec, 42, 0, virtualShards, {}, tierPlace());
    other.putRow({pair.model.rows.begin()->first, true, std::vector<float>(static_cast<size_t>(pair.spec.rowFloats))});
    ASSERT_TRUE(pair.table
                    .visitRows([&](const RowImage &row) {
                      other.putRow(row);
                      return Status();
                    })
                    .ok());
    EXPECT_EQ(other.rowCount(), pair.table.rowCount());
    EXPECT_EQ(other.shortRowCount(), pair.table.shortRowCount());
    std::vector<uint64_t> keys;
    for (const auto &[key, row] : pair.model.rows)
      keys.push_back(key);
    std::vector<float> a(keys.size() * vectorDim);
    std::vector<float> b(a.size());
    for (const auto &[table, out] : {std::pair(&pair.table, a.data()), {&other, b.data()}}) {
      DiskRows onDisk(table->tier());
      table->pull(1, keys, out, onDisk);
      EXPECT_EQ(onDisk.empty(), !policy.tiered);
      EXPECT_TRUE(table->finishPull(1, onDisk, out).ok());
    }
    EXPECT_EQ(a, b);
  }
}

TEST(SparseTable, probabilityAdmitsItsShareOfPushesWhateverTheSharding) {
  Policy policy;
  policy.admission = Policy::Admission::Probability;
  policy.admissionLimit = 0.3;
  TableSpec spec = makeSpec(policy);
  spec.parts[0].wantsAdmission = true; // nothing is kept of keys that are not admitted
  spec.layOut();
  SparseTable whole(spec, 42, 0, virtualShards);
  SparseTable left(spec, 42, 0, 1000);
  SparseTable right(spec, 42, 1000, virtualShards);
  std::vector<uint64_t> keys;
  for (uint64_t i = 0; i < 5000; ++i)
    keys.push_back(mixKey(i));
  const std::vector<float> gradients(keys.size(), 1.0F);
  int64_t last = 0;
  for (int64_t step = 0; step < 3; ++step) {
    for (size_t i = 0; i < keys.size(); ++i) {
      const RowGradients one{{&keys[i], 1}, {&gradients[i], 1}};
      whole.update(0, {&one, 1}, 1, {step, 0});
      (left.owns(keys[i]) ? left : right).update(0, {&one, 1}, 1, {step, 0});
    }
    EXPECT_EQ(left.rowCount() + right.rowCount(), whole.rowCount());
    EXPECT_EQ(whole.shortRowCount(), 0);
    const double share = static_cast<double>(whole.rowCount() - last) / static_cast<double>(5000 - last);
    EXPECT_NEAR(share, 0.3, 0.04) << "step " << step;
    last = whole.rowCount();
  }
}

TEST(SparseTable, aMemoryBudgetKeepsTheRowsThatScoreMost) {
  Policy policy = policies()[3];
  policy.evictsByScore = false;
  policy.memoryBytes = 600000;
  const TableSpec spec = makeSpec(policy);
  SparseTable table(spec, 42, 0, virtualShards);
  std::vector<uint64_t> keys;
  std::vector<float> shows;
  for (uint64_t i = 0; i < 100000; ++i) {
    keys.push_back(mixKey(i));
    shows.insert(shows.end(), {i % 10 == 0 ? 100.0F : 1.0F, 0.0F});
  }
  const std::vector<float> gradients(keys.size(), 1.0F);
  const RowGradients push{keys, gradients, shows};
  table.update(0, {&push, 1}, 1);
  const int64_t evicted = table.shrinkAll({});
  EXPECT_EQ(table.rowCount() + evicted, 100000);
  EXPECT_LT(table.rowCount() * (12 + 4 * spec.shortFloats), policy.memoryBytes);
  EXPECT_GT(table.rowCount() * (9 + 12 + 4 * spec.rowFloats), policy.memoryBytes / 3);
  int64_t often = 0;
  ASSERT_TRUE(table
                  .visitRows([&](const RowImage &row) {
                    often += row.state[0] == 100.0F;
                    return Status();
                  })
                  .ok());
  EXPECT_GT(often, table.rowCount() * 6 / 10); // a tenth of all keys
  EXPECT_EQ(table.shrinkAll({}), 0);
}

// Shards that have no room give rows up at the end of the step in which they grew, each by itself: however the table is
// spread, the same rows stay, and they are those that score most in their shard.
TEST(SparseTable, noShardHasMoreThanItsPartOfTheMemory) {
  Policy policy = policies()[3];
  policy.evictsByScore = false;
  policy.memoryBytes = 1000000;
  policy.period = 1 << 20; // no turn comes
  const TableSpec spec = makeSpec(policy);
  const int64_t room = policy.memoryBytes / virtualShards;
  std::map<uint64_t, std::vector<float>> expected;
  for (const int cut : {virtualShards, 1300}) {
    SparseTable left(spec, 42, 0, cut), right(spec, 42, cut, virtualShards);
    int64_t evicted = 0;
    for (int64_t step = 0; step < 6; ++step) {
      for (SparseTable *table : {&left, &right}) {
        std::vector<uint64_t> keys;
        std::vector<float> shows;
        std::mt19937_64 draw(static_cast<uint64_t>(step));
        for (uint64_t i = 0; i < 8000; ++i) {
          const uint64_t key = mixKey(static_cast<uint64_t>(step) * 8000 + i);
          const auto shown = static_cast<float>(draw() % 100);
          if (!table->owns(key))
            continue;
          keys.push_back(key);
          shows.insert(shows.end(), {shown, 0.0F});
        }
        if (keys.empty())
          continue;
        const std::vector<float> gradients(keys.size(), 1.0F);
        const RowGradients push{keys, gradients, shows};
        table->update(0, {&push, 1}, 1, {step, 0});
        evicted += table->shrink({step, 0}, {step + 1, 0});
      }
      std::map<int, int64_t> bytes;
      for (const SparseTable *table : {&left, &right})
        ASSERT_TRUE(table
                        ->visitRows([&](const RowImage &row) {
                          bytes[shardOf(row.key)] += spec.rowMemory(!row.admitted);
                          return Status();
                        })
                        .ok());
      for (const auto &[shard, taken] : bytes)
        EXPECT_LE(taken, room) << "shard " << shard << " after step " << step;
    }
    EXPECT_GT(evicted, 10000);
    std::map<uint64_t, std::vector<float>> rows;
    for (const SparseTable *table : {&left, &right})
      ASSERT_TRUE(table
                      ->visitRows([&](const RowImage &row) {
                        rows[row.key].assign(row.state.begin(), row.state.end());
                        return Status();
                      })
                      .ok());
    if (expected.empty())
      expected = rows;
    EXPECT_EQ(rows, expected);
  }
}

TEST(SparseTable, everyRowHasItsTurnOnceAPeriodWhateverTheSharding) {
  Policy policy = policies()[1];
  policy.unseenPeriods = 1;
  for (const int64_t period : {int64_t{10}, int64_t{4096}, int64_t{10000}}) {
    policy.period = period;
    const TableSpec spec = makeSpec(policy);
    SparseTable whole(spec, 42, 0, virtualShards);
    SparseTable part(spec, 42, 77, 2077);
    std::vector<uint64_t> all;
    std::vector<uint64_t> some;
    for (uint64_t i = 0; i < 4000; ++i) {
      all.push_back(mixKey(i));
      if (part.owns(all.back()))
        some.push_back(all.back());
    }
    const std::vector<float> gradients(all.size(), 1.0F);
    const RowGradients pushAll{all, gradients};
    const RowGradients pushSome{some, {gradients.data(), some.size()}};
    whole.update(0, {&pushAll, 1}, 1);
    part.update(0, {&pushSome, 1}, 1);
    const int64_t first = 2 * period - 1; // unseen for two periods after this step
    for (int64_t step = 0; step < first; ++step)
      ASSERT_EQ(whole.shrink({step, 0}, {step + 1, 0}), 0) << step;
    EXPECT_EQ(part.shrink({0, 0}, {first, 0}), 0); // a longer time makes no second turn
    for (int64_t step = first; step < first + period; ++step) {
      whole.shrink({step, 0}, {step + 1, 0});
      part.shrink({step, 0}, {step + 1, 0});
      if (step % (period / 5) != 0)
        continue;
      int64_t among = 0;
      ASSERT_TRUE(whole
                      .visitRows([&](const RowImage &row) {
                        among += part.owns(row.key);
                        return Status();
                      })
                      .ok());
      ASSERT_EQ(among, part.rowCount());
    }
    EXPECT_EQ(whole.rowCount(), 0);
    EXPECT_EQ(part.rowCount(), 0);
  }
}

TEST(SparseTable, memoryOfEvictedRowsIsUsedAgain) {
  Policy policy;
  policy.period = 1;
  policy.unseenPeriods = 1;
  const TableSpec spec = makeSpec(policy);
  SparseTable table(spec, 42, 0, virtualShards);
  const std::vector<float> gradients(20000, 1.0F);
  int64_t bytes = 0;
  for (int64_t round = 0; round < 20; ++round) {
    std::vector<uint64_t> keys;
    for (uint64_t i = 0; i < 20000; ++i)
      keys.push_back(mixKey(static_cast<uint64_t>(round) * 20000 + i));
    const RowGradients push{keys, gradients};
    table.update(0, {&push, 1}, 1, {round * 10, 0});
    EXPECT_EQ(table.rowCount(), 20000);
    if (round == 1)
      bytes = table.memoryBytes();
    EXPECT_EQ(table.shrinkAll({round * 10 + 5, 0}), 20000);
  }
  EXPECT_LT(table.memoryBytes(), bytes + bytes / 10);
}

TEST(SparseTable, pullsUpdatesEvictionAndSnapshotsRunBesideEachOther) {
  Policy policy = policies()[2];
  const TableSpec spec = makeSpec(policy);
  SparseTable table(spec, 42, 0, virtualShards);
  std::vector<uint64_t> keys;
  for (uint64_t i = 0; i < 3000; ++i)
    keys.push_back(mixKey(i));
  const std::vector<float> gradients(keys.size() * vectorDim, 1.0F);
  std::atomic<bool> stop{false};
  std::thread puller([&] {
    std::vector<float> out(keys.size() * vectorDim);
    while (!stop) {
      table.pull(1, keys, out.data());
      for (size_t i = 0; i < keys.size(); ++i) // equal gradients: whole rows show equal steps
        EXPECT_TRUE(std::isfinite(out[i * vectorDim]));
    }
  });
  std::thread shrinker([&] {
    for (int64_t step = 0; !stop; ++step)
      table.shrink({step, 0}, {step + 1, 0});
  });
  for (int64_t step = 0; step < 30; ++step) {
    const RowGradients push{keys, {gradients.data(), keys.size()}};
    table.update(0, {&push, 1}, 1, {step, 0});
    const RowGradients vectors{keys, gradients};
    table.update(1, {&vectors, 1}, 1, {step, 0});
  }
  stop = true;
  puller.join();
  shrinker.join();
  EXPECT_LE(table.rowCount(), 3000);
  EXPECT_EQ(table.rowCount(), [&] {
    int64_t rows = 0;
    EXPECT_TRUE(table.visitRows([&](const RowImage &) { return ++rows, Status(); }).ok());
    return rows;
  }());
}

} // namespace
} // namespace heter::runtime
