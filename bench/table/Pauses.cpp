// Small batches, of a table that does not grow and while it does.
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

/// Reads the clock for 20 us, or for as long as an interruption takes it beyond.
static void readClock() {
  const double end = seconds() + 20e-6;
  while (seconds() < end)
    continue;
}

/// Samples of a push and a pull of small batches, and beside each pair of what the machine makes of work that no table
/// can do without: reads of as many rows at places known beforehand, arithmetic, a loop that reads the clock.
struct Samples {
  std::vector<double> pushes;
  std::vector<double> pulls;
  std::vector<double> reads;
  std::vector<double> arithmetic;
  std::vector<double> clock;

  void report(const std::string &key, const char *pushed, Figures &figures) const {
    reportPauses(key + ".push", pushed, pushes, figures);
    reportPauses(key + ".pull", "pull", pulls, figures);
    reportPauses(key + ".reads", "reads of rows at known places", reads, figures);
    reportPauses(key + ".arithmetic", "arithmetic without memory", arithmetic, figures);
    reportPauses(key + ".clock", "reading the clock for 20 us", clock, figures);
  }
};

/// Pushes the keys from `first` on, twice each, so that new ones are admitted, between pulls of keys that are there.
static Samples takeSamples(SparseTable &table, const PlainRows &plain, uint64_t first, uint64_t count,
                           const std::vector<float> &gradients) {
  Samples samples;
  for (std::vector<double> *each :
       {&samples.pushes, &samples.pulls, &samples.reads, &samples.arithmetic, &samples.clock})
    each->reserve(count / smallBatch * 2 + 2);
  std::vector<uint64_t> keys(smallBatch);
  std::vector<uint64_t> old(smallBatch);
  std::vector<uint32_t> places(smallBatch);
  std::vector<float> out(smallBatch * dim);
  std::mt19937_64 random(3);
  for (uint64_t i = 0; i < count; i += smallBatch) {
    for (uint64_t j = 0; j < smallBatch; ++j)
      keys[j] = keyOf(first + i + j);
    for (int twice = 0; twice < 2; ++twice) {
      samples.pushes.push_back(timed([&] { push(table, keys, gradients.data()); }));
      for (uint64_t &key : old)
        key = keyOf(random() % (first > 0 ? first + i : count));
      samples.pulls.push_back(timed([&] { table.pull(0, old, out.data()); }));
      for (uint32_t &place : places)
        place = static_cast<uint32_t>(random() % plain.rows());
      samples.reads.push_back(timed([&] { plain.read(places, out.data(), false); }));
      samples.arithmetic.push_back(timed(calibrate));
      samples.clock.push_back(timed(readClock));
    }
  }
  return samples;
}

void measurePauses(SparseTable &table, uint64_t rows, const std::vector<float> &gradients, Figures &figures) {
  const PlainRows plain(rows);
  const Disturbance disturbance;
  std::printf("batches of %zu keys of a table of %.1f M rows that does not grow: what the machine takes\n", smallBatch,
              static_cast<double>(rows) / 1e6);
  takeSamples(table, plain, 0, rows / smallBatch * smallBatch, gradients)
      .report("still", "push of keys that are there", figures);
  const long faults = pageFaults();
  const Samples growing = takeSamples(table, plain, rows, rows, gradients);
  const long met = pageFaults() - faults;
  std::printf("the same while it doubles; %ld page faults of the calling thread\n", met);
  figures.set("pauses.faults", static_cast<double>(met));
  growing.report("pauses", "push of new keys", figures);
  disturbance.report("pauses", figures);
}

} // namespace heter::bench
