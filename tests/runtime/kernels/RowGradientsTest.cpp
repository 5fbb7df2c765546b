// Gradients of lookups, summed by key, against maps and loops in double precision.
#include "tests/runtime/kernels/RowsTesting.h"

#include "runtime/base/Random.h"
#include "runtime/base/Scheduler.h"

#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>
#include <map>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

TEST(Rows, LookupGradSumsByKey) {
  std::mt19937 random(2);
  for (const LookupCase &c : lookupCases)
    for (int64_t examples : {0, 1, 23}) {
      constexpr int64_t dim = 4, width = 5, begin = 3, behind = 2;
      const test::Operand ids = randomIds(random, examples, width, c.ragged);
      std::vector<int64_t> listOf, lengths;
      lists(ids, c.pool, listOf, lengths);
      const int64_t perExample = c.pool == std::string("none") ? width * dim : dim,
                    stride = begin + perExample + behind;
      const std::vector<float> dy = randomFloats(random, examples * stride);
      const auto *id = reinterpret_cast<const int64_t *>(ids.bytes.data());
      std::map<uint64_t, std::vector<double>> expected;
      std::vector<uint64_t> order;
      for (size_t i = 0; i < listOf.size(); ++i) {
        auto [sum, fresh] = expected.try_emplace(static_cast<uint64_t>(id[i]), std::vector<double>(dim));
        if (fresh)
          order.push_back(sum->first);
        const int64_t at = listOf[i] * dim;
        for (int64_t d = 0; d < dim; ++d)
          sum->second[d] += dy[at / perExample * stride + begin + at % perExample + d] /
                            (c.pool == std::string("mean") ? double(lengths[listOf[i]]) : 1.0);
      }
      const FoundKeys keys = keysOf(ids, examples);
      const std::vector<test::Operand> inputs = {keys.keys, keys.places, operand(f32({-1, stride}), dy)};
      LibraryRun run{.examples = examples};
      Status status =
          run.run("lookup_grad", inputs, f32({dim}),
                  {{"pools", text(c.pool)}, {"dim", integer(dim)}, {"begins", integers({begin})}}, ValueKind::ROWS);
      ASSERT_TRUE(status.ok()) << status.message();
      ASSERT_EQ(std::vector<uint64_t>(run.result.keys, run.result.keys + run.result.count), order);
      for (int64_t r = 0; r < run.result.count; ++r)
        for (int64_t d = 0; d < dim; ++d)
          ASSERT_NEAR(run.result.f32()[r * dim + d], expected[order[r]][d], 1e-5);
    }
}

TEST(Rows, GradientsDoNotDependOnThreads) {
  std::mt19937 random(4);
  constexpr int64_t examples = 700, width = 26, dim = 9;
  std::vector<int64_t> ids(examples * width), places(ids.size());
  for (int64_t &id : ids)
    id = static_cast<int64_t>(random() % 9000);
  UniqueKeys index;
  index.build(ids, places.data());
  const test::Operand of = operand(i64({-1, width}), places);
  const std::vector<float> dy = randomFloats(random, examples * width * dim);
  const auto count = static_cast<int64_t>(index.keys().size());
  std::vector<float> alone(count * dim), helped(count * dim, NAN);
  const TensorView view = viewOf(of, examples);
  const LookupGradient gradients[] = {{&view, dy.data(), width * dim, Pool::None},
                                      {&view, dy.data() + dim, width * dim, Pool::Sum}};
  EXPECT_TRUE(sumRowGradients(gradients, count, dim, alone.data(), nullptr));
  const std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(3);
  EXPECT_TRUE(sumRowGradients(gradients, count, dim, helped.data(), scheduler.get()));
  EXPECT_EQ(alone, helped);
  // Keys that have numbers in another order than that in which they come first.
  auto *place = const_cast<int64_t *>(view.i64());
  std::transform(place, place + ids.size(), place, [&](int64_t of) { return count - 1 - of; });
  EXPECT_TRUE(sumRowGradients(gradients, count, dim, helped.data(), scheduler.get()));
  for (int64_t key = 0; key < count; ++key)
    for (int64_t d = 0; d < dim; ++d)
      ASSERT_EQ(helped[(count - 1 - key) * dim + d], alone[key * dim + d]);
}

/// One addition after another, in the order of the ids; a key's first gradient is taken as it is.
struct SumInOrder {
  int64_t dim;
  std::vector<float> sums;
  std::vector<bool> seen;

  SumInOrder(int64_t count, int64_t dim) : dim(dim), sums(count * dim), seen(count) {}
  void add(const test::Operand &places, const std::vector<int64_t> &listOf, const std::vector<int64_t> &lengths,
           const std::vector<float> &dy, bool mean) {
    const auto *place = reinterpret_cast<const int64_t *>(places.bytes.data());
    for (size_t i = 0; i < listOf.size(); ++i, ++place) {
      for (int64_t d = 0; d < dim; ++d) {
        const float of = dy[listOf[i] * dim + d], share = mean ? of / static_cast<float>(lengths[listOf[i]]) : of;
        float &sum = sums[*place * dim + d];
        sum = seen[*place] ? sum + share : share;
      }
      seen[*place] = true;
    }
  }
};

TEST(Rows, GradientsAreAddedInTheOrderOfTheirIds) {
  std::mt19937 random(6);
  constexpr int64_t examples = 300;
  const std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(3);
  for (const LookupCase &c : lookupCases)
    for (int64_t dim : {1, 9, 18, 64}) {
      const test::Operand ids = randomIds(random, examples, 5, c.ragged);
      std::vector<int64_t> listOf, lengths;
      lists(ids, c.pool, listOf, lengths);
      std::vector<float> dy = randomFloats(random, std::ssize(lengths) * dim);
      const FoundKeys keys = keysOf(ids, examples);
      const auto *place = reinterpret_cast<const int64_t *>(keys.places.bytes.data());
      for (size_t i = 0; i < listOf.size(); ++i) // one key's stay below zero
        if (place[i] == 0)
          std::fill_n(dy.begin() + listOf[i] * dim, dim, -0.0f);
      const auto count = std::ssize(keys.keys.keys);
      SumInOrder expected(count, dim);
      expected.add(keys.places, listOf, lengths, dy, c.pool == std::string("mean"));
      const TensorView places = viewOf(keys.places, examples);
      const LookupGradient of{&places, dy.data(), std::ssize(lengths) / examples * dim, parsePool(c.pool)};
      for (Scheduler *helper : {static_cast<Scheduler *>(nullptr), scheduler.get()}) {
        std::vector<float> sums(count * dim, NAN);
        EXPECT_TRUE(sumRowGradients({&of, 1}, count, dim, sums.data(), helper));
        EXPECT_EQ(std::memcmp(sums.data(), expected.sums.data(), sums.size() * sizeof(float)), 0)
            << c.pool << " " << dim;
      }
    }
}

TEST(Rows, GradientsOfSeveralLookupsAreSummedTogether) {
  std::mt19937 random(8);
  constexpr int64_t dim = 9;
  const std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(3);
  for (int64_t examples : {0, 1, 300}) {
    const std::vector<test::Operand> ids = {randomIds(random, examples, 5, false), randomIds(random, examples, 0, true),
                                            randomIds(random, examples, 7, false)};
    const JointKeys made(ids, examples);
    // In another order than the keys', and the last list twice; the first list's keys alone come last.
    const struct {
      size_t list;
      const char *pool;
      int64_t begin, behind;
    } lookups[] = {{2, "none", 4, 0}, {1, "mean", 0, 3}, {2, "sum", 0, 0}, {0, "mean", 2, 1}};
    const auto count = std::ssize(made.keys.back().keys);
    std::vector<test::Operand> inputs = {made.keys.back()};
    std::vector<int64_t> begins;
    std::string pools;
    SumInOrder expected(count, dim);
    std::vector<double> exact(count * dim);
    for (const auto &lookup : lookups) {
      std::vector<int64_t> listOf, lengths;
      lists(ids[lookup.list], lookup.pool, listOf, lengths);
      const bool single = lookup.pool == std::string("none"), mean = lookup.pool == std::string("mean");
      const int64_t perExample = single ? 7 * dim : dim, stride = lookup.begin + perExample + lookup.behind;
      const std::vector<float> wide = randomFloats(random, examples * stride);
      std::vector<float> dy;
      for (int64_t e = 0; e < examples; ++e)
        dy.insert(dy.end(), wide.begin() + e * stride + lookup.begin,
                  wide.begin() + e * stride + lookup.begin + perExample);
      expected.add(made.places[lookup.list], listOf, lengths, dy, mean);
      const auto *place = reinterpret_cast<const int64_t *>(made.places[lookup.list].bytes.data());
      for (size_t i = 0; i < listOf.size(); ++i)
        for (int64_t d = 0; d < dim; ++d)
          exact[place[i] * dim + d] += dy[listOf[i] * dim + d] / (mean ? static_cast<double>(lengths[listOf[i]]) : 1.0);
      inputs.push_back(made.places[lookup.list]);
      inputs.push_back(operand(f32({-1, stride}), wide));
      begins.push_back(lookup.begin);
      pools += (pools.empty() ? "" : " ") + std::string(lookup.pool);
    }
    for (Scheduler *helper : {static_cast<Scheduler *>(nullptr), scheduler.get()}) {
      LibraryRun run{.examples = examples, .scheduler = helper};
      const Status status =
          run.run("lookup_grad", inputs, f32({dim}),
                  {{"pools", text(pools)}, {"dim", integer(dim)}, {"begins", integers(begins)}}, ValueKind::ROWS);
      ASSERT_TRUE(status.ok()) << status.message();
      ASSERT_EQ(std::vector<uint64_t>(run.result.keys, run.result.keys + run.result.count), made.keys.back().keys);
      if (!expected.sums.empty())
        EXPECT_EQ(std::memcmp(run.result.data, expected.sums.data(), expected.sums.size() * sizeof(float)), 0);
      for (size_t i = 0; i < exact.size(); ++i)
        ASSERT_NEAR(run.result.f32()[i], exact[i], 1e-4);
    }
  }
}
