// Rounds, ratios, quantiles and what /proc says.
#include "bench/table/Timing.h"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

namespace heter::bench {

size_t residentBytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

long pageFaults() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

double quantile(std::vector<double> samples, double part) {
  std::sort(samples.begin(), samples.end());
  return samples[std::min(samples.size() - 1, static_cast<size_t>(static_cast<double>(samples.size()) * part))];
}

bool Figures::write(const std::string &path) const {
  std::ofstream file(path);
  file << "{";
  for (size_t i = 0; i < figures_.size(); ++i)
    file << (i ? ",\n  \"" : "\n  \"") << figures_[i].first << "\": " << figures_[i].second;
  file << "\n}\n";
  file.close();
  return static_cast<bool>(file);
}

Disturbance::Disturbance() : start_(now()) {}

Disturbance::Times Disturbance::now() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  double user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softIrq = 0, steal = 0;
  file >> cpu >> user >> nice >> system >> idle >> wait >> irq >> softIrq >> steal;
  const auto perSecond = static_cast<double>(sysconf(_SC_CLK_TCK));
  rusage own{};
  getrusage(RUSAGE_SELF, &own);
  const auto inSeconds = [](const timeval &t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  const double busy = (user + nice + system + irq + softIrq) / perSecond;
  return {seconds(), busy - inSeconds(own.ru_utime) - inSeconds(own.ru_stime), steal / perSecond};
}

void Disturbance::report(const std::string &name, Figures &figures) const {
  const Times end = now();
  const double wall = end.wall - start_.wall;
  const double others = std::max(0.0, (end.others - start_.others) / wall);
  const double stolen = (end.stolen - start_.stolen) / wall;
  std::printf("  meanwhile other processes took %.2f cores, the hypervisor %.2f\n", others, stolen);
  std::fflush(stdout);
  figures.set(name + ".others_cores", others);
  figures.set(name + ".stolen_cores", stolen);
}

void compare(const std::vector<Contender> &contenders, size_t keys, int rounds, Figures &figures) {
  std::vector<std::vector<double>> times(contenders.size());
  int turn = 0;
  for (int round = 0; round <= rounds; ++round)
    for (size_t i = 0; i < contenders.size(); ++i) {
      contenders[i].run(turn++); // so that all find near what they left themselves, page tables above all
      const double start = seconds();
      contenders[i].run(turn++);
      if (round > 0)
        times[i].push_back(seconds() - start);
    }
  for (size_t i = 0; i < contenders.size(); ++i) {
    const Contender &contender = contenders[i];
    const double speed = static_cast<double>(keys) / quantile(times[i], 0.5);
    std::printf("  %-48s %7.2f M rows/s", contender.name.c_str(), speed / 1e6);
    figures.set(contender.key + ".rows_per_second", speed);
    if (contender.against != i) {
      std::vector<double> ratios;
      for (size_t r = 0; r < times[i].size(); ++r)
        ratios.push_back(contender.faster ? times[contender.against][r] / times[i][r]
                                          : times[i][r] / times[contender.against][r]);
      std::printf("   ratio %.2f (p10 %.2f, p90 %.2f)", quantile(ratios, 0.5), quantile(ratios, 0.1),
                  quantile(ratios, 0.9));
      figures.set(contenders[contender.against].key + (contender.faster ? ".under_" : ".over_") + contender.key,
                  quantile(ratios, 0.5));
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

} // namespace heter::bench
