// Tables against a std::map: random pulls, pushes, admission, decay, eviction and snapshots, under several policies.
#include "runtime/table/SparseTable.h"
#include "runtime/base/Random.h"
#include "runtime/table/TableSnapshot.h"
#include "tests/runtime/table/PolicyTesting.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <random>
#include <set>

namespace heter::runtime {
namespace {

using namespace test;

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

/// Where tables that have a tier keep it.
TierPlace tierPlace() {
  static const std::unique_ptr<FileSystem> files = makePosixFileSystem();
  return {files.get(), testing::TempDir() + "/sparse-table-tier", 4096};
}

class Pair {
public:
  explicit Pair(const Policy &policy, uint64_t randomSeed)
      : spec(policySpec(policy)), table(spec, 42, 0, virtualShards, {}, tierPlace()), model(spec), random(randomSeed) {
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
      TableSnapshot snapshot(pair.table);
      const Status status = snapshot.visit(0, [&](const RowImage &row) {
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

} // namespace
} // namespace heter::runtime
