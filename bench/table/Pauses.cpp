// Small batches while a table grows.
#include "bench/table/Sections.h"

#include <cstdio>
#include <random>

using namespace heter::runtime;

namespace heter::bench {

void reportPauses(const std::string &key, const char *what, const std::vector<double> &samples, Figures &figures) {
  const double median = quantile(samples, 0.5);
  const double tail = quantile(samples, 0.999);
  std::printf("  %-32s median %.0f us, p99 %.0f us, p99.9 %.0f us, most %.0f us; p99.9 / median %.1f of %zu\n", what,
              median * 1e6, quantile(samples, 0.99) * 1e6, tail * 1e6, quantile(samples, 1) * 1e6, tail / median,
              samples.size());
  figures.set(key + ".median_seconds", median);
  figures.set(key + ".p999_seconds", tail);
  figures.set(key + ".p999_over_median", tail / median);
}

template <typename Call> static double timed(Call call) {
  const double start = seconds();
  call();
  return seconds() - start;
}

/// Some 50 us of arithmetic.
static void calibrate() {
  static volatile uint64_t sink;
  uint64_t number = sink;
  for (int i = 0; i < 12000; ++i)
    number = mixKey(number);
  sink = number;
}

void measurePauses(SparseTable &table, uint64_t rows, const std::vector<float> &gradients, Figures &figures) {
  std::vector<double> pushes;
  std::vector<double> pulls;
  std::vector<double> arithmetic;
  for (std::vector<double> *samples : {&pushes, &pulls, &arithmetic})
    samples->reserve(rows / smallBatch * 2 + 2);
  std::vector<uint64_t> keys(smallBatch);
  std::vector<uint64_t> old(smallBatch);
  std::vector<float> out(smallBatch * dim);
  std::mt19937_64 random(3);
  const Disturbance disturbance;
  const long faults = pageFaults();
  for (uint64_t i = rows; i < 2 * rows; i += smallBatch) {
    for (uint64_t j = 0; j < smallBatch; ++j)
      keys[j] = keyOf(i + j);
    for (int twice = 0; twice < 2; ++twice) { // new, then admitted
      pushes.push_back(timed([&] { push(table, keys, gradients.data()); }));
      for (uint64_t &key : old)
        key = keyOf(random() % i);
      pulls.push_back(timed([&] { table.pull(0, old, out.data()); }));
      arithmetic.push_back(timed(calibrate));
    }
  }
  std::printf("batches of %zu keys while the table doubles from %.1f M rows; %ld page faults of the calling thread\n",
              smallBatch, static_cast<double>(rows) / 1e6, pageFaults() - faults);
  figures.set("pauses.faults", static_cast<double>(pageFaults() - faults));
  reportPauses("pauses.push", "push of new keys", pushes, figures);
  reportPauses("pauses.pull", "pull", pulls, figures);
  reportPauses("pauses.arithmetic", "arithmetic without memory", arithmetic, figures);
  disturbance.report("pauses", figures);
}

} // namespace heter::bench
