// Lookups and their gradients against maps and loops in double precision.
#include "LibraryRun.h"

#include "runtime/base/Random.h"
#include "runtime/base/Scheduler.h"
#include "runtime/kernels/Packed.h"

#include <cstring>
#include <gmock/gmock.h>
#include <map>

using namespace heter::runtime;
using namespace heter::runtime::test;
using package::Packing;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

namespace {

/// Ids with many repeats; ragged ids have lists of 0 to 6.
test::Operand randomIds(std::mt19937 &random, int64_t examples, int64_t width, bool ragged) {
  std::vector<int64_t> ids;
  std::vector<int64_t> offsets = {0};
  for (int64_t e = 0; e < examples; ++e) {
    for (int64_t i = 0, n = ragged ? random() % 7 : width; i < n; ++i)
      ids.push_back(static_cast<int64_t>(random() % 20) * 0x123456789abcdLL - 5);
    offsets.push_back(static_cast<int64_t>(ids.size()));
  }
  test::Operand made = operand(ragged ? i64({}) : i64({-1, width}), ids);
  if (ragged) {
    made.kind = ValueKind::RAGGED;
    made.offsets = offsets;
  }
  return made;
}

struct Case {
  bool ragged;
  const char *pool;
};
const Case cases[] = {{false, "none"}, {false, "sum"}, {false, "mean"}, {true, "sum"}, {true, "mean"}};

/// The list that each id position belongs to, and each list's length.
void lists(const test::Operand &ids, const std::string &pool, std::vector<int64_t> &listOf,
           std::vector<int64_t> &lengths) {
  int64_t count = static_cast<int64_t>(ids.bytes.size()) / 8;
  if (ids.kind == ValueKind::RAGGED) {
    lengths.assign(ids.offsets.size() - 1, 0);
    for (size_t e = 0; e + 1 < ids.offsets.size(); ++e)
      for (int64_t i = ids.offsets[e]; i < ids.offsets[e + 1]; ++i) {
        listOf.push_back(static_cast<int64_t>(e));
        ++lengths[e];
      }
    return;
  }
  int64_t length = pool == "none" ? 1 : ids.type.shape.back();
  for (int64_t i = 0; i < count; ++i)
    listOf.push_back(i / length);
  lengths.assign(count / length, length);
}

/// What unique_keys makes of ids.
struct Keys {
  test::Operand keys, places;
};

Keys keysOf(const test::Operand &ids, int64_t examples) {
  Keys made{operand<float>(f32({0}), {}), ids};
  made.keys.kind = ValueKind::ROWS;
  UniqueKeys index;
  index.build(allIds(viewOf(ids, examples)), reinterpret_cast<int64_t *>(made.places.bytes.data()));
  made.keys.keys.assign(index.keys().begin(), index.keys().end());
  return made;
}

} // namespace

TEST(Rows, KeyIndexKeepsTheOrderOfFirstOccurrence) {
  UniqueKeys index;
  std::vector<int64_t> ids = {5, -1, 5, 0, -1, 7}, places(6);
  index.build(ids, places.data());
  EXPECT_THAT(index.keys(), ElementsAre(5, UINT64_MAX, 0, 7));
  EXPECT_EQ(places, (std::vector<int64_t>{0, 1, 0, 2, 1, 3}));
  index.build({}, nullptr);
  EXPECT_TRUE(index.keys().empty());
}

TEST(Rows, KeyIndexForgetsTheKeysBefore) {
  std::mt19937_64 random(5);
  for (uint32_t first : {1U, UINT32_MAX - 3000}) { // numbers run out
    UniqueKeys index(first);
    for (int64_t count : {1000, 0, 5, 3000, 3000, 700, 9000, 9000}) {
      std::vector<int64_t> ids(count), places(count);
      for (int64_t &id : ids) // few, some of them equal but for their highest bits
        id = static_cast<int64_t>(random() % 2000 << (random() % 3 * 27));
      std::map<int64_t, int64_t> placeOf;
      std::vector<uint64_t> keys;
      index.build(ids, places.data());
      for (int64_t i = 0; i < count; ++i) {
        if (placeOf.try_emplace(ids[i], std::ssize(keys)).second)
          keys.push_back(static_cast<uint64_t>(ids[i]));
        ASSERT_EQ(places[i], placeOf.at(ids[i]));
      }
      EXPECT_THAT(index.keys(), ElementsAreArray(keys));
    }
  }
}

TEST(Rows, LookupPoolsRowsOfKeysBesideOtherValues) {
  std::mt19937 random(1);
  for (const Case &c : cases)
    for (int64_t examples : {0, 1, 17, 100}) {
      const test::Operand ids = randomIds(random, examples, 5, c.ragged);
      constexpr int64_t dim = 3, denseWidth = 2;
      const Keys keys = keysOf(ids, examples);
      test::Operand rows = operand(f32({dim}), randomFloats(random, static_cast<int64_t>(keys.keys.keys.size()) * dim));
      rows.kind = ValueKind::ROWS;
      rows.keys = keys.keys.keys;
      const test::Operand dense = operand(f32({-1, denseWidth}), randomFloats(random, examples * denseWidth));
      std::map<uint64_t, const float *> rowOf;
      for (size_t i = 0; i < rows.keys.size(); ++i)
        rowOf[rows.keys[i]] = reinterpret_cast<const float *>(rows.bytes.data()) + i * dim;
      std::vector<int64_t> listOf, lengths;
      lists(ids, c.pool, listOf, lengths);
      std::vector<double> looked(lengths.size() * dim);
      const auto *id = reinterpret_cast<const uint64_t *>(ids.bytes.data());
      for (size_t i = 0; i < listOf.size(); ++i)
        for (int64_t d = 0; d < dim; ++d)
          looked[listOf[i] * dim + d] +=
              rowOf.at(id[i])[d] / (c.pool == std::string("mean") ? double(lengths[listOf[i]]) : 1.0);
      const int64_t looks = c.pool == std::string("none") ? 5 * dim : dim, width = denseWidth + looks;
      LibraryRun run{.examples = examples};
      const Status status = run.run("lookup", {dense, rows, keys.places}, f32({-1, width}), {{"pools", text(c.pool)}});
      ASSERT_TRUE(status.ok()) << status.message();
      const auto *given = reinterpret_cast<const float *>(dense.bytes.data());
      for (int64_t e = 0; e < examples; ++e)
        for (int64_t j = 0; j < width; ++j)
          ASSERT_NEAR(run.elements<float>()[e * width + j],
                      j < denseWidth ? given[e * denseWidth + j] : looked[e * looks + j - denseWidth], 1e-5)
              << c.pool << " " << c.ragged << " " << e << " " << j;
    }
}

TEST(Rows, LookupPacksWhatItWouldGive) {
  std::mt19937 random(3);
  constexpr int64_t examples = 75, dim = 9, width = 45; // neither a multiple of 32
  const test::Operand ids = randomIds(random, examples, 5, false);
  const Keys keys = keysOf(ids, examples);
  test::Operand rows = operand(f32({dim}), randomFloats(random, static_cast<int64_t>(keys.keys.keys.size()) * dim));
  rows.kind = ValueKind::ROWS;
  rows.keys = keys.keys.keys;
  LibraryRun matrix{.examples = examples}, packed{.examples = examples};
  ASSERT_TRUE(matrix.run("lookup", {rows, keys.places}, f32({-1, width}), {{"pools", text("none")}}).ok());
  for (Packing::type packing : {Packing::LEFT, Packing::LEFT_TRANSPOSED}) {
    package::TensorType type = typeOf(ElementType::BF16, {-1, width});
    type.packing = packing;
    ASSERT_TRUE(packed.run("lookup", {rows, keys.places}, type, {{"pools", text("none")}}).ok());
    std::vector<uint16_t> expected(roundToPacked(examples) * roundToPacked(width));
    PackedOutputs to{};
    to[packing] = expected.data();
    packMatrix({}, matrix.elements<float>().data(), examples, width, to, nullptr);
    EXPECT_EQ(packed.elements<uint16_t>(), expected);
  }
}

TEST(Rows, LookupGradSumsByKey) {
  std::mt19937 random(2);
  for (const Case &c : cases)
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
      const Keys keys = keysOf(ids, examples);
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
  for (const Case &c : cases)
    for (int64_t dim : {1, 9, 18, 64}) {
      const test::Operand ids = randomIds(random, examples, 5, c.ragged);
      std::vector<int64_t> listOf, lengths;
      lists(ids, c.pool, listOf, lengths);
      std::vector<float> dy = randomFloats(random, std::ssize(lengths) * dim);
      const Keys keys = keysOf(ids, examples);
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

/// unique_keys of several lists of ids, as a frame would call it.
struct JointKeys {
  std::vector<test::Operand> keys, places;

  JointKeys(const std::vector<test::Operand> &ids, int64_t examples) : places(ids) {
    GraphBuilder b;
    std::vector<int32_t> inputs, outputs;
    std::vector<TensorView> from, to;
    for (const test::Operand &list : ids) {
      inputs.push_back(b.bound("ids", list.type, list.kind));
      from.push_back(viewOf(list, examples));
    }
    for (size_t i = 0; i < ids.size(); ++i)
      outputs.push_back(b.bound("keys", f32({0}), ValueKind::ROWS));
    to.resize(ids.size());
    for (test::Operand &list : places) {
      outputs.push_back(b.bound("places", list.type, list.kind));
      to.push_back(viewOf(list, examples));
    }
    b.library("unique_keys", inputs, outputs, {});
    StatusOr<LibraryFunction> function = prepareLibraryCall(b.graph, b.graph.nodes[0]);
    EXPECT_TRUE(function.ok()) << function.status().message();
    Workspace workspace;
    EXPECT_TRUE((*function)({from, to, examples, 0, 0, workspace, nullptr}).ok());
    for (size_t i = 0; i < ids.size(); ++i) {
      keys.push_back(operand<float>(f32({0}), {}));
      keys.back().kind = ValueKind::ROWS;
      keys.back().keys.assign(to[i].keys, to[i].keys + to[i].count);
      const std::span<const int64_t> found = allIds(to[ids.size() + i]);
      EXPECT_EQ(found.size() * sizeof(int64_t), places[i].bytes.size());
      std::copy(found.begin(), found.end(), reinterpret_cast<int64_t *>(places[i].bytes.data()));
    }
  }
};

TEST(Rows, KeysOfSeveralListsAreFoundTogether) {
  std::mt19937 random(7);
  for (int64_t examples : {0, 1, 40}) {
    const std::vector<test::Operand> ids = {randomIds(random, examples, 3, false), randomIds(random, examples, 0, true),
                                            randomIds(random, examples, 4, false),
                                            randomIds(random, examples, 0, true)};
    const JointKeys made(ids, examples);
    std::vector<uint64_t> keys;
    std::map<uint64_t, int64_t> placeOf;
    for (size_t list = 0; list < ids.size(); ++list) {
      const auto *id = reinterpret_cast<const uint64_t *>(ids[list].bytes.data());
      const auto *place = reinterpret_cast<const int64_t *>(made.places[list].bytes.data());
      for (size_t i = 0; i < ids[list].bytes.size() / sizeof(int64_t); ++i) {
        if (placeOf.try_emplace(id[i], std::ssize(keys)).second)
          keys.push_back(id[i]);
        ASSERT_EQ(place[i], placeOf.at(id[i])) << list << " " << i;
      }
      EXPECT_EQ(made.keys[list].keys, keys) << "those of the lists up to " << list;
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

TEST(Rows, AddRowsMergesKeys) {
  test::Operand a = operand<float>(f32({2}), {1, 2, 3, 4}), b = operand<float>(f32({2}), {10, 20, 30, 40});
  a.kind = b.kind = ValueKind::ROWS;
  a.keys = {7, 3};
  b.keys = {9, 7};
  LibraryRun run;
  ASSERT_TRUE(run.run("add_rows", {a, b}, f32({2}), {}, ValueKind::ROWS).ok());
  EXPECT_EQ(std::vector<uint64_t>(run.result.keys, run.result.keys + 3), (std::vector<uint64_t>{7, 3, 9}));
  EXPECT_EQ(std::vector<float>(run.result.f32(), run.result.f32() + 6), (std::vector<float>{31, 42, 3, 4, 10, 20}));
}

TEST(Rows, LookupsRefuseWhatDoesNotFit) {
  LibraryRun run;
  test::Operand keys = operand<float>(f32({0}), {}), rows = operand<float>(f32({4}), {1, 2, 3, 4});
  keys.kind = rows.kind = ValueKind::ROWS;
  keys.keys = rows.keys = {7};
  const auto places = operand<int64_t>(i64({-1, 5}), {0, 0, 0, 0, 0});
  auto refusedGrad = [&](std::vector<int64_t> dy, const char *pool, int64_t begin) {
    return run
        .run("lookup_grad", {keys, places, operand<float>(f32(std::move(dy)), {})}, f32({4}),
             {{"pools", text(pool)}, {"dim", integer(4)}, {"begins", integers({begin})}}, ValueKind::ROWS)
        .message();
  };
  EXPECT_THAT(refusedGrad({-1, 4}, "none", 0), HasSubstr("does not fit the ids"));
  EXPECT_THAT(refusedGrad({-1, 22}, "none", 3), HasSubstr("does not fit the ids"));
  EXPECT_THAT(refusedGrad({-1, 22}, "none", -1), HasSubstr("does not fit the ids"));
  EXPECT_THAT(refusedGrad({-1, 5, 4}, "max", 0), HasSubstr("pool `max`"));
  EXPECT_THAT(refusedGrad({-1, 5, 4}, "", 0), HasSubstr("not a pool and a beginning for each gradient"));
  EXPECT_THAT(refusedGrad({-1, 5, 4}, "none sum", 0), HasSubstr("not a gradient for each pool and beginning"));
  const auto dy = operand(f32({-1, 20}), std::vector<float>(20));
  const auto refusedPairs = [&](const std::vector<test::Operand> &inputs, std::vector<int64_t> begins) {
    return run
        .run("lookup_grad", inputs, f32({4}),
             {{"pools", text("none none")}, {"dim", integer(4)}, {"begins", integers(std::move(begins))}},
             ValueKind::ROWS)
        .message();
  };
  EXPECT_THAT(refusedPairs({keys, places, dy, places, dy}, {0}), HasSubstr("a pool and a beginning for each"));
  EXPECT_THAT(refusedPairs({keys, places, dy, places, dy}, {0, 0, 0}), HasSubstr("a gradient for each pool"));
  EXPECT_THAT(refusedPairs({keys, places, dy, places}, {0, 0}), HasSubstr("pairs of places and a gradient"));
  EXPECT_THAT(refusedPairs({keys, places, dy, operand<int64_t>(i64({-1, 5}), {0, 0, 9, 0, 0}), dy}, {0, 0}),
              HasSubstr("place 9 is none of 1 rows"));
  EXPECT_THAT(run.run("unique_keys", {places, places}, f32({0}), {}, ValueKind::ROWS).message(),
              HasSubstr("rows of dim 0 and places for each"));
  auto refused = [&](const std::vector<test::Operand> &inputs, std::vector<int64_t> shape, const char *pools) {
    return run.run("lookup", inputs, f32(std::move(shape)), {{"pools", text(pools)}}).message();
  };
  EXPECT_THAT(refused({rows, places}, {-1, 19}, "none"), HasSubstr("does not fit the 20 floats"));
  EXPECT_THAT(refused({rows, places}, {-1, 20}, ""), HasSubstr("a pool"));
  EXPECT_THAT(refused({rows}, {-1, 20}, "none"), HasSubstr("want the places"));
  EXPECT_THAT(refused({places}, {-1, 5}, "none"), HasSubstr("neither rows nor f32"));
  const auto wrong = operand<int64_t>(i64({-1, 5}), {0, 0, 1, 0, 0});
  EXPECT_THAT(refused({rows, wrong}, {-1, 20}, "none"), HasSubstr("place 1 is none of 1 rows"));
  EXPECT_THAT(refused({rows, operand<int64_t>(i64({-1, 5}), {0, 0, 0, 0, -1})}, {-1, 20}, "none"),
              HasSubstr("place -1 is none of 1 rows"));
  const auto wrongGrad = [&](const test::Operand &of, const char *pool) {
    return run
        .run("lookup_grad", {keys, of, operand(f32({-1, 20}), std::vector<float>(20))}, f32({4}),
             {{"pools", text(pool)}, {"dim", integer(4)}, {"begins", integers({0})}}, ValueKind::ROWS)
        .message();
  };
  EXPECT_THAT(wrongGrad(wrong, "none"), HasSubstr("place 1 is none of 1 rows"));
  EXPECT_THAT(wrongGrad(operand<int64_t>(i64({-1, 5}), {-1, 0, 0, 0, 0}), "sum"),
              HasSubstr("place -1 is none of 1 rows"));
  test::Operand ragged = operand<int64_t>(i64({}), {0, 0, 0, 2});
  ragged.kind = ValueKind::RAGGED;
  ragged.offsets = {0, 4};
  EXPECT_THAT(wrongGrad(ragged, "mean"), HasSubstr("place 2 is none of 1 rows"));
  EXPECT_THAT(refused({rows, ragged}, {-1, 4}, "sum"), HasSubstr("place 2 is none of 1 rows"));
}
