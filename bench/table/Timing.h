// Interleaved timings: what is compared runs turn by turn, so that a disturbance of the machine meets both, and the
// ratio of each round counts, not the ratio of sums. And what else the machine did meanwhile.
#ifndef HETER_BENCH_TABLE_TIMING_H
#define HETER_BENCH_TABLE_TIMING_H

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace heter::bench {

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Resident bytes of this process.
size_t residentBytes();

/// Page faults of this thread so far.
long pageFaults();

/// The value below which `part` of the samples lie. REQUIRES: there are samples.
double quantile(std::vector<double> samples, double part);

/// What was measured, by name; written as one flat JSON object.
class Figures {
public:
  void set(std::string name, double value) { figures_.emplace_back(std::move(name), value); }
  /// False if the file cannot be written.
  bool write(const std::string &path) const;

private:
  std::vector<std::pair<std::string, double>> figures_;
};

/// What took the machine from this process since it was made.
class Disturbance {
public:
  Disturbance();
  /// Prints and keeps, by `name`: the cores that other processes, and the hypervisor, took on average.
  void report(const std::string &name, Figures &figures) const;

private:
  struct Times {
    double wall;
    double others;
    double stolen;
  };
  static Times now();
  Times start_;
};

struct Contender {
  std::string key; ///< Its name among the figures.
  std::string name;
  std::function<void(int turn)> run; ///< `keys` keys each time; no two calls have the same turn.
  size_t against = 0;                ///< The contender that it is held against ..
  bool faster = false;               ///< .. by how much faster it is; else by how much slower.
};

/// Runs the contenders in turn, twice each and the second time timed, `rounds` times after a first one that does not
/// count, and prints the speed of each and how it compares with another: median, tenth and ninetieth percentile of the
/// rounds' ratios.
void compare(const std::vector<Contender> &contenders, size_t keys, int rounds, Figures &figures);

} // namespace heter::bench

#endif // HETER_BENCH_TABLE_TIMING_H
