// Lookups and their gradients against maps and loops in double precision.
#include "LibraryRun.h"

#include "runtime/base/Random.h"

#include <gmock/gmock.h>
#include <map>

using namespace heter::runtime;
using namespace heter::runtime::test;
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

} // namespace

TEST(Rows, KeyIndexKeepsTheOrderOfFirstOccurrence) {
  UniqueKeys index;
  std::vector<int64_t> ids = {5, -1, 5, 0, -1, 7};
  index.build(ids);
  EXPECT_EQ(index.keys(), (std::vector<uint64_t>{5, UINT64_MAX, 0, 7}));
  EXPECT_EQ(index.places(), (std::vector<int32_t>{0, 1, 0, 2, 1, 3}));
  index.build({});
  EXPECT_TRUE(index.keys().empty());
}

TEST(Rows, LookupPoolsRowsOfKeys) {
  std::mt19937 random(1);
  for (const Case &c : cases)
    for (int64_t examples : {0, 1, 17}) {
      test::Operand ids = randomIds(random, examples, 5, c.ragged);
      TensorView view = viewOf(ids, examples);
      UniqueKeys index;
      index.build(allIds(view));
      constexpr int64_t dim = 3;
      std::vector<float> rows = randomFloats(random, static_cast<int64_t>(index.keys().size()) * dim);
      std::map<int64_t, const float *> rowOf;
      for (size_t i = 0; i < index.keys().size(); ++i)
        rowOf[static_cast<int64_t>(index.keys()[i])] = &rows[i * dim];
      std::vector<int64_t> listOf, lengths;
      lists(ids, c.pool, listOf, lengths);
      std::vector<double> expected(lengths.size() * dim);
      for (size_t i = 0; i < listOf.size(); ++i)
        for (int64_t d = 0; d < dim; ++d)
          expected[listOf[i] * dim + d] +=
              rowOf.at(view.i64()[i])[d] / (c.pool == std::string("mean") ? double(lengths[listOf[i]]) : 1.0);
      std::vector<float> out(expected.size(), NAN);
      scatterPulledRows(view, index, rows.data(), dim, parsePool(c.pool), out.data());
      for (size_t i = 0; i < out.size(); ++i)
        ASSERT_NEAR(out[i], expected[i], 1e-5) << c.pool << " " << c.ragged;
    }
}

TEST(Rows, LookupGradSumsByKey) {
  std::mt19937 random(2);
  for (const Case &c : cases)
    for (int64_t examples : {0, 1, 23}) {
      constexpr int64_t dim = 4, width = 5;
      test::Operand ids = randomIds(random, examples, width, c.ragged);
      std::vector<int64_t> listOf, lengths;
      lists(ids, c.pool, listOf, lengths);
      std::vector<float> dy = randomFloats(random, static_cast<int64_t>(lengths.size()) * dim);
      const auto *id = reinterpret_cast<const int64_t *>(ids.bytes.data());
      std::map<uint64_t, std::vector<double>> expected;
      std::vector<uint64_t> order;
      for (size_t i = 0; i < listOf.size(); ++i) {
        auto [sum, fresh] = expected.try_emplace(static_cast<uint64_t>(id[i]), std::vector<double>(dim));
        if (fresh)
          order.push_back(sum->first);
        for (int64_t d = 0; d < dim; ++d)
          sum->second[d] +=
              dy[listOf[i] * dim + d] / (c.pool == std::string("mean") ? double(lengths[listOf[i]]) : 1.0);
      }
      LibraryRun run{.examples = examples};
      bool none = c.pool == std::string("none");
      Status status = run.run("lookup_grad", {ids, operand(none ? f32({-1, width, dim}) : f32({-1, dim}), dy)},
                              f32({dim}), {{"pool", text(c.pool)}, {"dim", integer(dim)}}, ValueKind::ROWS);
      ASSERT_TRUE(status.ok()) << status.message();
      ASSERT_EQ(std::vector<uint64_t>(run.result.keys, run.result.keys + run.result.count), order);
      for (int64_t r = 0; r < run.result.count; ++r)
        for (int64_t d = 0; d < dim; ++d)
          ASSERT_NEAR(run.result.f32()[r * dim + d], expected[order[r]][d], 1e-5);
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

TEST(Rows, LookupGradRefusesWhatDoesNotFit) {
  LibraryRun run;
  auto refused = [&](std::vector<int64_t> dy, const char *pool) {
    return run
        .run("lookup_grad", {operand<int64_t>(i64({-1, 5}), {}), operand<float>(f32(std::move(dy)), {})}, f32({4}),
             {{"pool", text(pool)}, {"dim", integer(4)}}, ValueKind::ROWS)
        .message();
  };
  EXPECT_THAT(refused({-1, 4}, "none"), HasSubstr("does not fit the ids"));
  EXPECT_THAT(refused({-1, 5, 4}, "sum"), HasSubstr("does not fit the ids"));
  EXPECT_THAT(refused({-1, 5, 4}, "max"), HasSubstr("pool `max`"));
}
