// Which nodes a plan lets wait for which: for everything that the graph says, and for nothing twice.
#include "tests/runtime/support/GraphBuilder.h"
#include "tests/runtime/support/TestKernels.h"

#include "runtime/graph/Plan.h"

#include <gtest/gtest.h>
#include <random>
#include <set>

using namespace heter::runtime;
using namespace heter::runtime::test;

namespace {

using Earlier = std::vector<std::set<int>>; ///< Of each node, those that have ended when it starts.

std::unique_ptr<GraphPlan> planOf(const package::Graph &graph) {
  auto made = makePlan(graph, simpleKernels());
  EXPECT_TRUE(made.ok()) << made.status().message();
  return made.ok() ? std::move(*made) : nullptr;
}

void waitFor(Earlier &earlier, size_t node, int before) {
  earlier[node].insert(before);
  earlier[node].insert(earlier[static_cast<size_t>(before)].begin(), earlier[static_cast<size_t>(before)].end());
}

Earlier earlierOf(const package::Graph &graph) {
  Earlier earlier(graph.nodes.size());
  std::map<int, int> producer;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (int before : graph.nodes[n].after)
      waitFor(earlier, n, before);
    for (int v : graph.nodes[n].inputs)
      waitFor(earlier, n, producer.at(v));
    for (int v : graph.nodes[n].outputs)
      producer[v] = static_cast<int>(n);
  }
  return earlier;
}

Earlier earlierOf(const GraphPlan &plan) {
  Earlier earlier(plan.steps.size());
  for (size_t n = 0; n < plan.steps.size(); ++n) // Those before it have theirs already.
    for (int i = plan.steps[n].firstSuccessor; i < plan.steps[n].endSuccessor; ++i)
      waitFor(earlier, static_cast<size_t>(plan.successors[static_cast<size_t>(i)]), static_cast<int>(n));
  return earlier;
}

/// Sums of earlier values that also wait for other nodes.
package::Graph randomGraph(unsigned seed) {
  std::mt19937 random(seed);
  GraphBuilder b;
  std::vector<int> values = {b.placed("x", f32({-1}))};
  b.input("x", values[0]);
  for (int n = 1; n < 60; ++n) {
    const auto some = [&](size_t count) { return static_cast<int>(random() % count); };
    const int left = values[static_cast<size_t>(some(values.size()))], right = values[values.size() - 1];
    values.push_back(b.placed("v", f32({-1})));
    b.kernel("add", {left, n % 3 ? left : right}, {values.back()}, {some(static_cast<size_t>(n))});
  }
  return b.graph;
}

} // namespace

TEST(Plan, NodesWaitForAllThatTheGraphSays) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const package::Graph graph = randomGraph(seed);
    const auto plan = planOf(graph);
    EXPECT_EQ(earlierOf(*plan), earlierOf(graph)) << seed;
    std::vector<int> counted(graph.nodes.size());
    for (int successor : plan->successors)
      ++counted[static_cast<size_t>(successor)];
    std::vector<int> roots, joins;
    for (size_t n = 0; n < counted.size(); ++n) {
      EXPECT_EQ(plan->steps[n].predecessors, counted[n]);
      if (counted[n] != 1)
        (counted[n] == 0 ? roots : joins).push_back(static_cast<int>(n));
    }
    EXPECT_EQ(plan->roots, roots);
    EXPECT_EQ(plan->joins, joins);
  }
}

TEST(Plan, ChainsThatReadOneValueCountNothingDown) {
  GraphBuilder b;
  const int x = b.bound("x", f32({-1}));
  b.input("x", x);
  for (int i = 0; i < 10; ++i)
    b.kernel("double", {x}, {b.placed("y", f32({-1}))}, {i});
  const auto plan = planOf(b.graph);
  EXPECT_TRUE(plan->joins.empty());
  EXPECT_EQ(plan->successors.size(), 10u);
}

TEST(Plan, KernelsWithMemoryInPlaceAreOnlyCalled) {
  GraphBuilder b;
  const int x = b.bound("x", f32({-1})), placed = b.placed("placed", f32({-1})), own = b.bound("own", f32({-1})),
            device = b.placed("device", f32({-1}), Space::DEVICE), there = b.placed("there", f32({-1}), Space::DEVICE);
  b.input("x", x);
  const int direct = b.kernel("double", {x}, {placed}), allocates = b.kernel("double", {x}, {own});
  b.copy(x, device);
  const int launched = b.kernel("double", {device}, {there});
  const auto plan = planOf(b.graph);
  EXPECT_TRUE(plan->steps[static_cast<size_t>(direct)].direct);
  EXPECT_FALSE(plan->steps[static_cast<size_t>(allocates)].direct);
  EXPECT_FALSE(plan->steps[static_cast<size_t>(launched)].direct);
}
