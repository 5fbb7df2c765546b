// Values get their offsets one after another, each the lowest or the tightest place that is free while it lives; which
// values come first decides how well all fit, so several orders are tried, and the best is improved by bringing those
// that end highest forward. Who takes the place of values that ended before starts after their users. A node that may
// write over an input that ends there does so: both are one value to the planner. What some runs do without lies at the
// segment's end, which those need not have.
#include "passes/Plan/Arena.h"

#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <span>
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

/// A value of one segment and the nodes from the first to the last at which it lives.
struct Lifetime {
  int value;
  int begin, end;
  int64_t bytes;
  bool meets(const Lifetime &other) const { return begin <= other.end && other.begin <= end; }
};

/// Finds places for the values of one segment.
class SegmentPlanner {
public:
  explicit SegmentPlanner(std::vector<Lifetime> values) : values_(std::move(values)), offsets_(values_.size()) {
    for (const Lifetime &at : values_) {
      int64_t alive = 0;
      for (const Lifetime &value : values_)
        if (value.begin <= at.begin && at.begin <= value.end)
          alive += value.bytes;
      bound_ = std::max(bound_, alive);
    }
  }

  /// The segment's bytes; offset() then has the places.
  int64_t run() {
    const auto area = [](const Lifetime &v) { return v.bytes * (v.end - v.begin + 1); };
    tryBy([](const Lifetime &v) { return -v.begin; });
    tryBy([](const Lifetime &v) { return v.bytes; });
    tryBy([](const Lifetime &v) { return v.end - v.begin; });
    tryBy(area);
    improve();
    return bestSize_;
  }

  const std::vector<Lifetime> &values() const { return values_; }
  int64_t offset(size_t i) const { return best_[i]; }

private:
  /// Places those with the greatest key first.
  template <typename Key> void tryBy(Key key) {
    std::vector<size_t> order(values_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(values_[a]) > key(values_[b]); });
    for (bool tightest : {true, false})
      attempt(order, tightest);
  }

  bool isBest() const { return bestSize_ == bound_; }

  bool attempt(const std::vector<size_t> &order, bool tightest) {
    if (isBest())
      return false;
    int64_t size = 0;
    for (size_t placed = 0; placed < order.size(); ++placed) {
      const size_t i = order[placed];
      offsets_[i] = place(i, {order.data(), placed}, tightest);
      size = std::max(size, offsets_[i] + values_[i].bytes);
    }
    if (bestSize_ >= 0 && size > bestSize_)
      return false;
    const bool better = bestSize_ < 0 || size < bestSize_;
    bestSize_ = size;
    best_ = offsets_;
    bestOrder_ = order;
    return better;
  }

  /// The lowest or the tightest gap between those of `placed` that live when value `i` does, or their end.
  int64_t place(size_t i, std::span<const size_t> placed, bool tightest) {
    taken_.clear();
    for (size_t other : placed)
      if (values_[i].meets(values_[other]))
        taken_.emplace_back(offsets_[other], offsets_[other] + values_[other].bytes);
    std::sort(taken_.begin(), taken_.end());
    int64_t best = -1, bestGap = 0, end = 0;
    for (auto [from, to] : taken_) {
      const int64_t gap = from - end;
      if (gap >= values_[i].bytes && (best < 0 || (tightest && gap < bestGap))) {
        best = end;
        bestGap = gap;
      }
      end = std::max(end, to);
    }
    return best >= 0 ? best : end;
  }

  /// Brings the value that ends highest forward, again and again, by a fixed sequence of steps.
  void improve() {
    constexpr int mostTries = 400;
    uint32_t state = 1;
    for (int tried = 0; tried < mostTries && !isBest() && !values_.empty(); ++tried) {
      std::vector<size_t> order = bestOrder_;
      const auto highest = std::max_element(order.begin(), order.end(), [&](size_t a, size_t b) {
        return best_[a] + values_[a].bytes < best_[b] + values_[b].bytes;
      });
      state = state * 1664525 + 1013904223;
      const auto to = order.begin() + static_cast<ptrdiff_t>((state >> 8) % (highest - order.begin() + 1));
      std::rotate(to, highest, highest + 1);
      state = state * 1664525 + 1013904223;
      std::swap(order[(state >> 8) % order.size()], order[(state >> 20) % order.size()]);
      attempt(order, (state >> 4) % 2 == 0);
    }
  }

  std::vector<Lifetime> values_;
  std::vector<int64_t> offsets_, best_;
  std::vector<size_t> bestOrder_;
  std::vector<std::pair<int64_t, int64_t>> taken_;
  int64_t bound_ = 0; ///< No plan can do with less.
  int64_t bestSize_ = -1;
};

class ArenaPlanner {
public:
  explicit ArenaPlanner(ArenaGraph &graph)
      : graph_(graph), maker_(graph.values.size(), -1), users_(graph.values.size()), next_(graph.values.size(), -1),
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
      chooseOverwritten(node);
    for (size_t segment = 0; segment < graph_.aligned.size(); ++segment)
      placeSegment(static_cast<int>(segment));
    for (int node = 0; node < static_cast<int>(graph_.nodes.size()); ++node)
      planNode(node);
  }

private:
  void chooseOverwritten(int number) {
    ArenaNode &node = graph_.nodes[number];
    node.overwritten = -1;
    if (node.outputs.size() != 1)
      return;
    const int output = node.outputs[0];
    const ArenaValue &own = graph_.values[output];
    for (int input : node.overwritable) {
      const ArenaValue &value = graph_.values[input];
      if (own.segment < 0 || own.bytes == 0 || own.optional || value.optional || value.segment != own.segment ||
          value.bytes != own.bytes || value.lasting || maker_[input] < 0 || next_[input] >= 0 ||
          users_[input].back() != number)
        continue;
      next_[input] = output;
      node.overwritten = input;
      return;
    }
  }

  /// The value that takes the place of `value` last.
  int lastInPlace(int value) const {
    while (next_[value] >= 0)
      value = next_[value];
    return value;
  }

  bool overwritesInput(int value) const { return maker_[value] >= 0 && graph_.nodes[maker_[value]].overwritten >= 0; }

  void placeSegment(int segment) {
    std::vector<Lifetime> lifetimes;
    for (int value = 0; value < static_cast<int>(graph_.values.size()); ++value) {
      ArenaValue &own = graph_.values[value];
      if (own.segment != segment || own.bytes == 0)
        continue;
      if (graph_.aligned[segment])
        own.bytes = (own.bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
      if (!overwritesInput(value))
        lifetimes.push_back({value, maker_[value], lastUse(lastInPlace(value)), own.bytes});
    }
    const auto optional = std::stable_partition(lifetimes.begin(), lifetimes.end(), [&](const Lifetime &lifetime) {
      return !graph_.values[lifetime.value].optional;
    });
    SegmentPlanner always({lifetimes.begin(), optional}), all(lifetimes);
    int64_t end = std::max<int64_t>(always.run(), 0), behind = end;
    for (auto at = optional; at != lifetimes.end(); ++at)
      behind += at->bytes;
    const int64_t together = optional == lifetimes.end() ? end : all.run();
    const bool apart = behind <= together + together / 20;
    graph_.segmentBytes[segment] = apart ? behind : together;
    setOffsets(apart ? always : all);
    if (apart)
      for (auto at = optional; at != lifetimes.end(); end += at++->bytes)
        graph_.values[at->value].offset = end;
  }

  void setOffsets(const SegmentPlanner &planner) {
    for (size_t i = 0; i < planner.values().size(); ++i)
      for (int value = planner.values()[i].value; value >= 0; value = next_[value])
        graph_.values[value].offset = planner.offset(i);
  }

  void planNode(int node) {
    for (int value : graph_.nodes[node].inputs)
      if (maker_[value] >= 0)
        waitFor(node, maker_[value]);
    std::vector<int> waits;
    for (int value : graph_.nodes[node].outputs)
      if (graph_.values[value].segment >= 0 && graph_.values[value].bytes > 0)
        findWaits(value, waits);
    // Later nodes first: what follows from them needs no edge.
    std::sort(waits.rbegin(), waits.rend());
    for (int earlier : waits) {
      if (earlier == node || before_[node].contains(earlier)) // The node itself where it overwrites its input.
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

  /// The last node that touches `value`, in the order of the nodes; behind them all if it lasts.
  int lastUse(int value) const {
    if (graph_.values[value].lasting)
      return static_cast<int>(graph_.nodes.size());
    return users_[value].empty() ? maker_[value] : users_[value].back();
  }

  /// Adds to `waits` the nodes that touch what lay where `value` lies.
  void findWaits(int value, std::vector<int> &waits) {
    const ArenaValue &own = graph_.values[value];
    for (int other : placed_[own.segment]) {
      const ArenaValue &old = graph_.values[other];
      if (old.offset >= own.offset + own.bytes || own.offset >= old.offset + old.bytes)
        continue;
      waits.push_back(maker_[other]);
      waits.insert(waits.end(), users_[other].begin(), users_[other].end());
    }
    placed_[own.segment].push_back(value);
  }

  ArenaGraph &graph_;
  std::vector<int> maker_;
  std::vector<std::vector<int>> users_;
  std::vector<int> next_; ///< the value that is written over a value by its last user, or -1
  std::vector<NodeSet> before_;
  std::vector<std::vector<int>> placed_; ///< for each segment, the values of the nodes so far
};

} // namespace

void planArena(ArenaGraph &graph) { ArenaPlanner(graph).run(); }

} // namespace heter
