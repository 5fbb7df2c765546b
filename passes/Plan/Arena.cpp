// Best-fit planning in node order. A value whose users stand earlier in the order leaves a hole; who takes it starts
// after those users.
#include "passes/Plan/Arena.h"

#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <string>

namespace heter {

namespace {

/// Whether a test of the tests wants this edge left out: edges are numbered as a process plans them.
bool dropsEdge() {
  [[maybe_unused]] static std::atomic<int> planned{0};
  return HETER_MUTATION("reuse-edge/" + std::to_string(planned++));
}

/// Sets of nodes, one bit each.
class NodeSet {
public:
  explicit NodeSet(size_t size) : words_((size + 63) / 64) {}
  bool contains(int node) const { return words_[node / 64] >> (node % 64) & 1; }
  void insert(int node) { words_[node / 64] |= uint64_t(1) << (node % 64); }
  void insertAll(const NodeSet &other) {
    for (size_t i = 0; i < words_.size(); ++i)
      words_[i] |= other.words_[i];
  }

private:
  std::vector<uint64_t> words_;
};

class ArenaPlanner {
public:
  explicit ArenaPlanner(ArenaGraph &graph)
      : graph_(graph), maker_(graph.values.size(), -1), users_(graph.values.size()),
        before_(graph.nodes.size(), NodeSet(graph.nodes.size())), placed_(graph.aligned.size()) {}

  void run() {
    graph_.segmentBytes.assign(graph_.aligned.size(), 0);
    for (int node = 0; node < static_cast<int>(graph_.nodes.size()); ++node) {
      for (int value : graph_.nodes[node].inputs)
        users_[value].push_back(node);
      for (int value : graph_.nodes[node].outputs)
        maker_[value] = node;
    }
    for (int node = 0; node < static_cast<int>(graph_.nodes.size()); ++node)
      planNode(node);
  }

private:
  void planNode(int node) {
    for (int value : graph_.nodes[node].inputs)
      if (maker_[value] >= 0)
        waitFor(node, maker_[value]);
    std::vector<int> waits;
    for (int value : graph_.nodes[node].outputs)
      if (graph_.values[value].segment >= 0)
        place(node, value, waits);
    // Later nodes first: what follows from them needs no edge.
    std::sort(waits.rbegin(), waits.rend());
    for (int earlier : waits) {
      if (before_[node].contains(earlier))
        continue;
      if (!dropsEdge())
        graph_.nodes[node].after.push_back(earlier);
      waitFor(node, earlier);
    }
    std::sort(graph_.nodes[node].after.begin(), graph_.nodes[node].after.end());
  }

  void waitFor(int node, int earlier) {
    before_[node].insert(earlier);
    before_[node].insertAll(before_[earlier]);
  }

  /// The last node that touches `value`, in the order of the nodes.
  int lastUse(int value) const { return users_[value].empty() ? maker_[value] : users_[value].back(); }

  /// Gives `value` an offset and adds to `waits` the nodes that touch what lay there.
  void place(int node, int value, std::vector<int> &waits) {
    ArenaValue &own = graph_.values[value];
    if (own.bytes == 0)
      return;
    if (graph_.aligned[own.segment])
      own.bytes = (own.bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    own.offset = findHole(node, own.segment, own.bytes);
    int64_t end = own.offset + own.bytes;
    graph_.segmentBytes[own.segment] = std::max(graph_.segmentBytes[own.segment], end);
    for (int other : placed_[own.segment]) {
      const ArenaValue &old = graph_.values[other];
      if (old.offset >= end || own.offset >= old.offset + old.bytes)
        continue;
      waits.push_back(maker_[other]);
      waits.insert(waits.end(), users_[other].begin(), users_[other].end());
    }
    placed_[own.segment].push_back(value);
  }

  /// The smallest hole between the values that are alive at `node`, or the end of them.
  int64_t findHole(int node, int segment, int64_t bytes) const {
    std::map<int64_t, int64_t> alive; // offset -> end
    for (int other : placed_[segment]) {
      const ArenaValue &value = graph_.values[other];
      if (value.lasting || lastUse(other) >= node || maker_[other] == node)
        alive[value.offset] = value.offset + value.bytes;
    }
    int64_t best = -1, bestSize = 0, end = 0;
    for (auto [from, to] : alive) {
      int64_t size = from - end;
      if (size >= bytes && (best < 0 || size < bestSize)) {
        best = end;
        bestSize = size;
      }
      end = std::max(end, to);
    }
    // The hole behind the last value may have an end as well: that of the segment so far.
    int64_t size = graph_.segmentBytes[segment] - end;
    if (size >= bytes && (best < 0 || size < bestSize))
      best = end;
    return best >= 0 ? best : end;
  }

  ArenaGraph &graph_;
  std::vector<int> maker_;
  std::vector<std::vector<int>> users_;
  std::vector<NodeSet> before_;
  std::vector<std::vector<int>> placed_; ///< for each segment, the values with an offset
};

} // namespace

void planArena(ArenaGraph &graph) { ArenaPlanner(graph).run(); }

} // namespace heter
