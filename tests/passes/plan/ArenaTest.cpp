// The arena planner on random graphs: whatever the order in which ready nodes run, no node overwrites a value that is
// alive, and no edge is there that others imply.
#include "passes/Plan/Arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace heter {
namespace {

int below(std::mt19937_64 &random, int bound) { return static_cast<int>(random() % static_cast<uint64_t>(bound)); }

/// Values of two segments, a few of them lasting, read by up to three later nodes each.
ArenaGraph randomGraph(uint64_t seed) {
  std::mt19937_64 random(seed);
  ArenaGraph graph;
  graph.aligned = {true, false};
  int nodes = 2 + below(random, 40);
  for (int n = 0; n < nodes; ++n) {
    ArenaNode node;
    int inputs = graph.values.empty() ? 0 : below(random, 4);
    for (int i = 0; i < inputs; ++i) {
      // Mostly recent values, as in a layered network, at times an old one, as in its backward half.
      int count = static_cast<int>(graph.values.size());
      int value = below(random, 3) ? std::max(0, count - 1 - below(random, 5)) : below(random, count);
      node.inputs.push_back(value);
    }
    int outputs = below(random, 3);
    for (int i = 0; i < outputs; ++i) {
      ArenaValue value;
      value.segment = below(random, 8) == 0 ? -1 : below(random, 2);
      value.bytes = below(random, 10) == 0 ? 0 : 1 + below(random, 300);
      value.lasting = below(random, 12) == 0;
      value.optional = below(random, 12) == 0;
      if (!node.inputs.empty() && below(random, 2)) // as large as an input
        value = graph.values[node.inputs.front()];
      node.outputs.push_back(static_cast<int>(graph.values.size()));
      graph.values.push_back(value);
    }
    for (int input : node.inputs)
      if (below(random, 2) && std::count(node.inputs.begin(), node.inputs.end(), input) == 1)
        node.overwritable.push_back(input);
    graph.nodes.push_back(node);
  }
  return graph;
}

std::vector<int> makers(const ArenaGraph &graph) {
  std::vector<int> result(graph.values.size(), -1);
  for (size_t n = 0; n < graph.nodes.size(); ++n)
    for (int value : graph.nodes[n].outputs)
      result[value] = static_cast<int>(n);
  return result;
}

bool overlap(const ArenaValue &a, const ArenaValue &b) {
  return a.segment >= 0 && a.segment == b.segment && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

/// Runs the nodes in a random order that respects inputs and `after`. Nodes overlap in time: each starts and ends at
/// its own moment. Fails if a node starts to write where a live value lies.
void runRandomly(const ArenaGraph &graph, std::mt19937_64 &random) {
  std::vector<int> maker = makers(graph), readers(graph.values.size(), 0);
  for (const ArenaNode &node : graph.nodes)
    for (int value : node.inputs)
      ++readers[value];
  std::vector<int> state(graph.nodes.size(), 0); // 0 waiting, 1 running, 2 ended
  std::vector<bool> alive(graph.values.size(), false);
  for (size_t ended = 0; ended < graph.nodes.size();) {
    std::vector<int> choices;
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      const ArenaNode &node = graph.nodes[n];
      bool ready = state[n] == 0 &&
                   std::all_of(node.inputs.begin(), node.inputs.end(),
                               [&](int value) { return maker[value] < 0 || state[maker[value]] == 2; }) &&
                   std::all_of(node.after.begin(), node.after.end(), [&](int before) { return state[before] == 2; });
      if (ready || state[n] == 1)
        choices.push_back(static_cast<int>(n));
    }
    ASSERT_FALSE(choices.empty()) << "the edges form a cycle";
    int n = choices[below(random, static_cast<int>(choices.size()))];
    const ArenaNode &node = graph.nodes[n];
    if (state[n]++ == 0) {
      for (int value : node.outputs) {
        for (size_t other = 0; other < graph.values.size(); ++other) {
          // What it overwrites lies in the very place of its output, and nobody else is to read it any more.
          const ArenaValue &old = graph.values[other];
          if (static_cast<int>(other) == node.overwritten && readers[other] == 1 && !old.lasting &&
              old.offset == graph.values[value].offset && old.bytes == graph.values[value].bytes)
            continue;
          ASSERT_FALSE(alive[other] && overlap(graph.values[value], old))
              << "node " << n << " writes value " << value << " over value " << other;
        }
        alive[value] = graph.values[value].bytes > 0;
      }
      continue;
    }
    ++ended;
    for (int value : node.inputs)
      if (--readers[value] == 0 && !graph.values[value].lasting)
        alive[value] = false;
    for (int value : node.outputs)
      if (readers[value] == 0 && !graph.values[value].lasting)
        alive[value] = false;
  }
}

TEST(Arena, NothingAliveIsOverwrittenInAnyOrder) {
  std::mt19937_64 random(1);
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    ArenaGraph graph = randomGraph(seed);
    planArena(graph);
    for (int run = 0; run < 5; ++run)
      ASSERT_NO_FATAL_FAILURE(runRandomly(graph, random));
  }
}

TEST(Arena, ValuesStayInTheirSegments) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    ArenaGraph graph = randomGraph(seed);
    planArena(graph);
    for (const ArenaValue &value : graph.values) {
      if (value.segment < 0)
        continue;
      EXPECT_LE(value.offset + value.bytes, graph.segmentBytes[value.segment]);
      if (graph.aligned[value.segment]) {
        EXPECT_EQ(value.offset % kArenaAlignment, 0);
      }
    }
  }
}

/// Whether `from` leads to `to` without the edge between them.
bool impliedWithout(const ArenaGraph &graph, const std::vector<int> &maker, int from, int to) {
  std::vector<bool> reached(graph.nodes.size(), false);
  reached[from] = true;
  for (int n = from + 1; n <= to; ++n) {
    for (int before : graph.nodes[n].after)
      reached[n] = reached[n] || (reached[before] && !(n == to && before == from));
    for (int value : graph.nodes[n].inputs)
      reached[n] = reached[n] || (maker[value] >= 0 && reached[maker[value]]);
  }
  return reached[to];
}

TEST(Arena, NoEdgeFollowsFromOthers) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    ArenaGraph graph = randomGraph(seed);
    planArena(graph);
    std::vector<int> maker = makers(graph);
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      ASSERT_TRUE(std::is_sorted(graph.nodes[n].after.begin(), graph.nodes[n].after.end()));
      for (int before : graph.nodes[n].after)
        ASSERT_FALSE(impliedWithout(graph, maker, before, static_cast<int>(n))) << before << " -> " << n;
    }
  }
}

/// Where each node writes over what it reads, one place is enough; another reader of the first value comes before.
TEST(Arena, AChainInPlaceNeedsOnePlace) {
  ArenaGraph graph;
  graph.aligned = {false};
  graph.values = {{0, 100, false, 0}, {0, 100, false, 0}, {0, 100, false, 0}, {0, 90, false, 0}};
  graph.nodes = {{{}, {0}, {}}, {{0}, {}, {}}, {{0}, {1}, {}, {0}}, {{1}, {2}, {}, {1}}, {{2}, {3}, {}, {2}}};
  planArena(graph);
  EXPECT_EQ(graph.segmentBytes[0], 190);
  EXPECT_EQ(graph.nodes[2].overwritten, 0);
  EXPECT_EQ(graph.nodes[3].overwritten, 1);
  EXPECT_EQ(graph.nodes[4].overwritten, -1) << "its output is smaller";
  EXPECT_EQ(graph.nodes[2].after, std::vector<int>{1});
  EXPECT_TRUE(graph.nodes[3].after.empty());
}

TEST(Arena, WhatLastsOrIsReadLaterIsNotOverwritten) {
  ArenaGraph graph;
  graph.aligned = {false};
  graph.values = {{0, 100, true, 0}, {0, 100, false, 0}, {0, 100, false, 0}};
  graph.nodes = {{{}, {0}, {}}, {{0}, {1}, {}, {0}}, {{1}, {2}, {}, {1}}, {{1}, {}, {}}};
  planArena(graph);
  EXPECT_EQ(graph.segmentBytes[0], 300);
  for (const ArenaNode &node : graph.nodes)
    EXPECT_EQ(node.overwritten, -1);
}

/// value -> value -> ...: two places are enough.
TEST(Arena, AChainNeedsTwoPlaces) {
  ArenaGraph graph;
  graph.aligned = {false};
  for (int n = 0; n < 10; ++n) {
    graph.values.push_back({0, 100, false, 0});
    graph.nodes.push_back({n ? std::vector<int>{n - 1} : std::vector<int>{}, {n}, {}});
  }
  planArena(graph);
  EXPECT_EQ(graph.segmentBytes[0], 200);
  for (const ArenaNode &node : graph.nodes)
    EXPECT_TRUE(node.after.empty()); // the chain itself orders everything
}

/// A value of the bytes at each node, read by the next; the optional ones last.
ArenaGraph chainOf(const std::vector<std::pair<int64_t, bool>> &values) {
  ArenaGraph graph;
  graph.aligned = {false};
  for (const auto &[bytes, optional] : values) {
    ArenaValue value;
    value.segment = 0;
    value.bytes = bytes;
    value.optional = value.lasting = optional;
    ArenaNode node;
    node.outputs = {static_cast<int>(graph.values.size())};
    if (!graph.values.empty())
      node.inputs = {node.outputs[0] - 1};
    graph.values.push_back(value);
    graph.nodes.push_back(node);
  }
  return graph;
}

TEST(Arena, WhatSomeRunsDoWithoutLiesBehindAllElse) {
  ArenaGraph graph = chainOf({{100, false}, {1000, true}, {60, false}, {2000, true}, {50, false}});
  planArena(graph);
  EXPECT_EQ(graph.segmentBytes, std::vector<int64_t>{3100});
  EXPECT_EQ(graph.values[1].offset, 100);
  EXPECT_EQ(graph.values[3].offset, 1100);
  for (int other : {0, 2, 4})
    EXPECT_LE(graph.values[other].offset + graph.values[other].bytes, 100);
}

TEST(Arena, WhatSomeRunsDoWithoutSharesWhereThatSavesMuch) {
  ArenaGraph graph = chainOf({{100, false}, {100, false}, {50, false}, {100, true}});
  planArena(graph);
  EXPECT_EQ(graph.segmentBytes, std::vector<int64_t>{200});
}

TEST(Arena, LastingValuesKeepTheirMemory) {
  ArenaGraph graph;
  graph.aligned = {false};
  graph.values = {{0, 100, true, 0}, {0, 100, false, 0}, {0, 100, false, 0}};
  graph.nodes = {{{}, {0}, {}}, {{0}, {1}, {}}, {{1}, {2}, {}}};
  planArena(graph);
  EXPECT_EQ(graph.segmentBytes[0], 300);
}

} // namespace
} // namespace heter
