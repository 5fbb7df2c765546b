// Interleaved timings: what is compared runs turn by turn, so that a disturbance of the machine meets both, and the
// ratio of each round counts, not the ratio of sums.
#ifndef HETER_BENCH_TABLE_TIMING_H
#define HETER_BENCH_TABLE_TIMING_H

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace heter::bench {

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Resident bytes of this process.
size_t residentBytes();

/// The value below which `part` of the samples lie. REQUIRES: there are samples.
double quantile(std::vector<double> samples, double part);

struct Contender {
  std::string name;
  std::function<void(int round)> run; ///< `keys` keys each time.
};

/// Runs the contenders in turn, `rounds` times after a first one that does not count, and prints the speed of each and
/// how the first compares with each other one: median, tenth and ninetieth percentile of the rounds' ratios.
void compare(const std::vector<Contender> &contenders, size_t keys, int rounds);

} // namespace heter::bench

#endif // HETER_BENCH_TABLE_TIMING_H
