// Rounds, ratios and quantiles.
#include "bench/table/Timing.h"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <unistd.h>

namespace heter::bench {

size_t residentBytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

double quantile(std::vector<double> samples, double part) {
  std::sort(samples.begin(), samples.end());
  return samples[std::min(samples.size() - 1, static_cast<size_t>(static_cast<double>(samples.size()) * part))];
}

void compare(const std::vector<Contender> &contenders, size_t keys, int rounds) {
  std::vector<std::vector<double>> times(contenders.size());
  for (int round = 0; round <= rounds; ++round)
    for (size_t i = 0; i < contenders.size(); ++i) {
      const double start = seconds();
      contenders[i].run(round);
      if (round > 0)
        times[i].push_back(seconds() - start);
    }
  for (size_t i = 0; i < contenders.size(); ++i) {
    std::printf("  %-44s %7.2f M rows/s", contenders[i].name.c_str(),
                static_cast<double>(keys) / quantile(times[i], 0.5) / 1e6);
    if (i > 0) {
      std::vector<double> ratios;
      for (size_t r = 0; r < times[i].size(); ++r)
        ratios.push_back(times[i][r] / times[0][r]);
      std::printf("   ratio %.2f (p10 %.2f, p90 %.2f)", quantile(ratios, 0.5), quantile(ratios, 0.1),
                  quantile(ratios, 0.9));
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

} // namespace heter::bench
