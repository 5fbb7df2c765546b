// What the tests of lookups and of their gradients share: lists of ids, and the keys that are found in them.
#ifndef HETER_TESTS_RUNTIME_KERNELS_ROWSTESTING_H
#define HETER_TESTS_RUNTIME_KERNELS_ROWSTESTING_H

#include "runtime/kernels/Rows.h"
#include "tests/runtime/kernels/LibraryRun.h"

#include <random>
#include <string>
#include <vector>

namespace heter::runtime::test {

/// Ids with many repeats; ragged ids have lists of 0 to 6.
inline Operand randomIds(std::mt19937 &random, int64_t examples, int64_t width, bool ragged) {
  std::vector<int64_t> ids;
  std::vector<int64_t> offsets = {0};
  for (int64_t e = 0; e < examples; ++e) {
    for (int64_t i = 0, n = ragged ? random() % 7 : width; i < n; ++i)
      ids.push_back(static_cast<int64_t>(random() % 20) * 0x123456789abcdLL - 5);
    offsets.push_back(static_cast<int64_t>(ids.size()));
  }
  Operand made = operand(ragged ? i64({}) : i64({-1, width}), ids);
  if (ragged) {
    made.kind = ValueKind::RAGGED;
    made.offsets = offsets;
  }
  return made;
}

/// A kind of ids, and a pool that fits them.
struct LookupCase {
  bool ragged;
  const char *pool;
};
inline constexpr LookupCase lookupCases[] = {
    {false, "none"}, {false, "sum"}, {false, "mean"}, {true, "sum"}, {true, "mean"}};

/// The list that each id position belongs to, and each list's length.
inline void lists(const Operand &ids, const std::string &pool, std::vector<int64_t> &listOf,
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
struct FoundKeys {
  Operand keys, places;
};

inline FoundKeys keysOf(const Operand &ids, int64_t examples) {
  FoundKeys made{operand<float>(f32({0}), {}), ids};
  made.keys.kind = ValueKind::ROWS;
  UniqueKeys index;
  index.build(allIds(viewOf(ids, examples)), reinterpret_cast<int64_t *>(made.places.bytes.data()));
  made.keys.keys.assign(index.keys().begin(), index.keys().end());
  return made;
}

/// unique_keys of several lists of ids, as a frame would call it.
struct JointKeys {
  std::vector<Operand> keys, places;

  JointKeys(const std::vector<Operand> &ids, int64_t examples) : places(ids) {
    GraphBuilder b;
    std::vector<int32_t> inputs, outputs;
    std::vector<TensorView> from, to;
    for (const Operand &list : ids) {
      inputs.push_back(b.bound("ids", list.type, list.kind));
      from.push_back(viewOf(list, examples));
    }
    for (size_t i = 0; i < ids.size(); ++i)
      outputs.push_back(b.bound("keys", f32({0}), ValueKind::ROWS));
    to.resize(ids.size());
    for (Operand &list : places) {
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

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_KERNELS_ROWSTESTING_H
