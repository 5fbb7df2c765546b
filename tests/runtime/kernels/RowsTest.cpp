// Keys and lookups against maps and loops in double precision.
#include "tests/runtime/kernels/RowsTesting.h"

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

TEST(Rows, LookupPoolsRowsOfKeysBesideOtherValues) {
  std::mt19937 random(1);
  for (const LookupCase &c : lookupCases)
    for (int64_t examples : {0, 1, 17, 100}) {
      const test::Operand ids = randomIds(random, examples, 5, c.ragged);
      constexpr int64_t dim = 3, denseWidth = 2;
      const FoundKeys keys = keysOf(ids, examples);
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
  const FoundKeys keys = keysOf(ids, examples);
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
