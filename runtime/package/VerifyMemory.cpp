// Checks a graph's memory plan: where two values share bytes of a segment, the earlier one's users end before the later
// one's producer starts, by data or by `after`, whatever the order in which ready nodes run; only the producer itself
// may be a user, where it says that it writes over that input.
#include "runtime/package/Package.h"
#include "runtime/package/VerifyGraph.h"

#include <algorithm>
#include <map>

namespace heter::runtime {
namespace {

class MemoryVerifier {
public:
  explicit MemoryVerifier(const package::Graph &graph) : graph_(graph) {}

  Status verify() {
    collect();
    for (const auto &[segment, values] : bySegment_)
      for (size_t i = 0; i < values.size(); ++i)
        for (size_t j = i + 1; j < values.size(); ++j)
          if (overlap(values[i], values[j]) && !ordered(values[i], values[j]) && !ordered(values[j], values[i]))
            return Status::dataLoss("values " + named(values[i]) + " and " + named(values[j]) +
                                    " share memory, but nothing keeps their users apart");
    return {};
  }

private:
  void collect() {
    size_t count = graph_.nodes.size();
    producer_.assign(graph_.values.size(), -1);
    users_.assign(graph_.values.size(), {});
    before_.assign(count, std::vector<bool>(count));
    for (size_t n = 0; n < count; ++n) {
      const package::Node &node = graph_.nodes[n];
      for (int32_t v : node.inputs) {
        users_[v].push_back(static_cast<int>(n));
        addBefore(n, producer_[v]);
      }
      for (int32_t earlier : node.after)
        addBefore(n, earlier);
      for (int32_t v : node.outputs)
        producer_[v] = static_cast<int>(n);
    }
    results_.assign(graph_.values.size(), false);
    for (int32_t v : graph_.results)
      results_[v] = true;
    for (size_t v = 0; v < graph_.values.size(); ++v)
      if (graph_.values[v].segment >= 0 && graph_.values[v].bytes > 0 && producer_[v] >= 0)
        bySegment_[graph_.values[v].segment].push_back(static_cast<int>(v));
  }

  void addBefore(size_t node, int earlier) {
    if (earlier < 0)
      return;
    before_[node][earlier] = true;
    for (size_t i = 0; i < before_[earlier].size(); ++i)
      if (before_[earlier][i])
        before_[node][i] = true;
  }

  bool overlap(int a, int b) const {
    const package::Value &x = graph_.values[a], &y = graph_.values[b];
    return x.offset < y.offset + y.bytes && y.offset < x.offset + x.bytes;
  }

  /// Whether everything that touches `first` ends before `second` is made.
  bool ordered(int first, int second) const {
    if (results_[first])
      return false;
    const std::vector<bool> &before = before_[producer_[second]];
    if (!before[producer_[first]])
      return false;
    const int producer = producer_[second];
    for (int user : users_[first])
      if (!before[user] && !(user == producer && overwrittenValue(graph_.nodes[producer]) == first))
        return false;
    return true;
  }

  std::string named(int v) const { return std::to_string(v) + " `" + graph_.values[v].name + "`"; }

  const package::Graph &graph_;
  std::vector<int> producer_;
  std::vector<std::vector<int>> users_;
  std::vector<std::vector<bool>> before_;
  std::vector<bool> results_;
  std::map<int, std::vector<int>> bySegment_;
};

} // namespace

int32_t overwrittenValue(const package::Node &node) {
  const auto found = node.attributes.find("overwrites");
  return found == node.attributes.end() ? -1 : node.inputs[static_cast<size_t>(found->second.integer)];
}

std::vector<int64_t> mostLiveBytes(const package::Graph &graph) {
  using package::NodeKind;
  const size_t count = graph.nodes.size();
  std::vector<size_t> begin(graph.values.size(), count), last(graph.values.size(), 0);
  for (size_t n = 0; n < count; ++n) {
    const package::Node &node = graph.nodes[n];
    const bool keeps =
        node.kind == NodeKind::SEND || node.kind == NodeKind::PUSH_ROWS || node.kind == NodeKind::PUSH_DENSE;
    for (int32_t v : node.outputs)
      begin[v] = last[v] = n;
    for (int32_t v : node.inputs)
      last[v] = keeps ? count : std::max(last[v], n);
  }
  for (int32_t v : graph.results)
    last[v] = count;
  for (size_t n = 0; n < count; ++n)
    if (const int32_t v = overwrittenValue(graph.nodes[n]); v >= 0)
      last[v] = n - 1;
  std::vector<int64_t> most(graph.segments.size(), 0);
  for (size_t n = 0; n < count; ++n) {
    std::vector<int64_t> alive(graph.segments.size(), 0);
    for (size_t v = 0; v < graph.values.size(); ++v)
      if (graph.values[v].segment >= 0 && begin[v] <= n && n <= last[v])
        alive[graph.values[v].segment] += graph.values[v].bytes;
    for (size_t s = 0; s < most.size(); ++s)
      most[s] = std::max(most[s], alive[s]);
  }
  return most;
}

Status verifyMemory(const package::Graph &graph) { return MemoryVerifier(graph).verify(); }

} // namespace heter::runtime
