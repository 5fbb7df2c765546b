// The arena planner: where each value of a graph lies in memory that values share when they are never alive together,
// whatever the order in which the graph's nodes run.
#ifndef HETER_PASSES_PLAN_ARENA_H
#define HETER_PASSES_PLAN_ARENA_H

#include <cstdint>
#include <vector>

namespace heter {

/// Offsets in segments of constant size are multiples of this. Others are multiplied by B rounded up to as many.
inline constexpr int64_t kArenaAlignment = 64;

struct ArenaValue {
  int segment = -1;      ///< -1: not in the arena
  int64_t bytes = 0;     ///< a unit
  bool lasting = false;  ///< lives until the whole graph has ended
  bool optional = false; ///< some runs do without it, so it lies behind all others if that costs little
  int64_t offset = 0;    ///< planned
};

struct ArenaNode {
  std::vector<int> inputs;  ///< values that it reads until it has ended
  std::vector<int> outputs; ///< values that it makes from its start on
  std::vector<int> after;   ///< planned: nodes that must end before it starts, besides the makers of its inputs
  /// Inputs in whose place the node can write its only output, the best first.
  std::vector<int> overwritable = {};
  int overwritten = -1; ///< planned: the one of them that it overwrites
};

/// A graph: nodes in an order in which they can run.
struct ArenaGraph {
  std::vector<ArenaValue> values;
  std::vector<ArenaNode> nodes;
  std::vector<bool> aligned;         ///< for each segment, whether offsets and sizes are rounded to kArenaAlignment
  std::vector<int64_t> segmentBytes; ///< planned
};

/// Plans `graph`. Afterwards two values of a segment that overlap are ordered: the maker and all users of one are
/// predecessors, over inputs and `after`, of the maker of the other, except that the latter may itself be the last user
/// of a value as large as its output, in whose very place it writes. Edges of `after` that follow from others are left
/// out. Segments are mostly as small as the largest sum of bytes that are alive at once. The plan is a function of the
/// graph alone.
void planArena(ArenaGraph &graph);

} // namespace heter

#endif // HETER_PASSES_PLAN_ARENA_H
