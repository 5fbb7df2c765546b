// The parts of runtime-bench. Each prints its table and returns its rows for the JSON file.
#ifndef HETER_BENCH_RUNTIME_PARTS_H
#define HETER_BENCH_RUNTIME_PARTS_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace heter::bench {

/// What was measured of one thing beside its peer, round by round.
struct Row {
  std::string name, unit, peer;
  std::vector<double> values, peerValues, ratios; ///< Values in `unit`; a ratio is above 1 where ours is better.
  int64_t allocationsAFrame = -1;                 ///< -1: not counted.
};

/// Calls of operator new in this process so far.
int64_t allocationCount();

/// Runs both in turn, `rounds` times after a first one that does not count. Each returns how much it did, in `unit` a
/// second once divided by the time it took.
Row measure(const std::string &name, const std::string &unit, const std::string &peer, int rounds, double work,
            const std::function<void()> &ours, const std::function<void()> &theirs);

/// A chain and a fan-out of 1,000 nodes that bump a counter, on `threads` threads, beside tbb::flow::graph.
std::vector<Row> executorRows(int rounds, int threads);

/// On one thread: lines of `dataFile` to the inputs of the package in `packageFolder`, beside a memchr scan; and the
/// text out of a gzip archive of the same lines, beside zlib.
std::vector<Row> readerRows(int rounds, const std::string &packageFolder, const std::string &dataFile);

} // namespace heter::bench

#endif // HETER_BENCH_RUNTIME_PARTS_H
