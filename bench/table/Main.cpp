// table-bench: speed, memory and pauses of a SparseTable, rows of dim 9 with Adagrad, with statistics and admission by
// count, uniform keys. Prints ratios of interleaved rounds.
//
//   table-bench [--rows N] [--only memory|pulls|pushes|pauses]    with 10 million rows
//   table-bench --build N [--dim D]   builds a table of N rows without optimizer state or statistics, pulls from it
#include "bench/table/Peers.h"
#include "bench/table/Timing.h"
#include "runtime/base/Hash.h"
#include "runtime/table/OptimizerCall.h"
#include "runtime/table/SparseTable.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <string_view>
#include <thread>

using namespace heter::bench;
using namespace heter::runtime;

namespace {
constexpr size_t batchKeys = 13312;
constexpr size_t smallBatch = 512;
constexpr size_t batchesPerRound = 40;
constexpr int rounds = 15;

const KernelArgument &at(void *const *args, int i) { return *static_cast<const KernelArgument *>(args[i]); }

// What the compiler makes of adagrad: (value, sum, gradient) -> (value, sum).
void adagradKernel(void *const *args) {
  const float *__restrict value = at(args, 0).aligned;
  const float *__restrict sum = at(args, 1).aligned;
  const float *__restrict gradient = at(args, 2).aligned;
  float *__restrict newValue = at(args, 3).aligned;
  float *__restrict newSum = at(args, 4).aligned;
  for (int64_t i = 0; i < at(args, 0).size; ++i) {
    const float g = gradient[i];
    newSum[i] = sum[i] + g * g;
    newValue[i] = value[i] - learningRate * g / (std::sqrt(newSum[i]) + epsilon);
  }
}

void sgdKernel(void *const *args) {
  const float *__restrict value = at(args, 0).aligned;
  const float *__restrict gradient = at(args, 1).aligned;
  float *__restrict newValue = at(args, 2).aligned;
  for (int64_t i = 0; i < at(args, 0).size; ++i)
    newValue[i] = value[i] - learningRate * gradient[i];
}

TableSpec makeSpec(int64_t dim, bool full) {
  TableSpec spec;
  spec.name = "emb";
  PartSpec part;
  part.dim = dim;
  part.seedName = "emb";
  part.init = {InitializerSpec::Kind::Uniform, 0.01F};
  part.stateFloats = full ? 2 * dim : dim;
  part.wantsAdmission = full;
  part.optimizer.name = full ? "adagrad" : "sgd";
  part.optimizer.kernel = full ? adagradKernel : sgdKernel;
  if (full) {
    part.optimizer.slots = {"sum"};
    part.optimizer.slotInit = {0.1F};
    spec.policy.admission = RowPolicy::Admission::Count;
    spec.policy.admissionLimit = 2;
    spec.policy.scored = true;
    spec.policy.showWeight = 0.1F;
    spec.policy.clickWeight = 1;
    spec.policy.decay = 0.98F;
    spec.policy.unseenPeriods = 30;
    spec.policy.period = 100000;
  }
  spec.parts.push_back(std::move(part));
  spec.layOut();
  return spec;
}

/// The i-th key of the benchmark.
uint64_t keyOf(uint64_t i) { return mixKey(i * 2 + 1); }

/// Batches of keys that a table has, in pushes each once, in pulls some twice.
struct Queries {
  std::vector<uint64_t> keys;
  std::vector<uint32_t> numbers; ///< The keys' i.
  std::span<const uint64_t> batch(size_t number) const {
    return std::span(keys).subspan(number % batchesPerRound * batchKeys, batchKeys);
  }
};

Queries makeQueries(uint64_t rows, bool duplicates) {
  std::mt19937_64 random(duplicates ? 1 : 2);
  Queries queries;
  std::vector<bool> used(rows);
  for (size_t b = 0; b < batchesPerRound; ++b) {
    const size_t begin = queries.numbers.size();
    while (queries.numbers.size() < begin + batchKeys) {
      const size_t have = queries.numbers.size() - begin;
      if (duplicates && have > 0 && random() % 10 == 0) {
        queries.numbers.push_back(queries.numbers[begin + random() % have]);
        continue;
      }
      const auto i = static_cast<uint32_t>(random() % rows);
      if (!duplicates && used[i])
        continue;
      used[i] = true;
      queries.numbers.push_back(i);
    }
    for (size_t i = begin; i < queries.numbers.size(); ++i)
      used[queries.numbers[i]] = false;
  }
  for (uint32_t i : queries.numbers)
    queries.keys.push_back(keyOf(i));
  return queries;
}

void push(SparseTable &table, std::span<const uint64_t> keys, const float *gradients) {
  const auto floats = keys.size() * static_cast<size_t>(table.spec().parts[0].dim);
  const RowGradients gradient{keys, {gradients, floats}};
  table.update(0, {&gradient, 1}, 1.0F);
}

/// Pushes new keys, twice each so that they are admitted.
void grow(SparseTable &table, uint64_t from, uint64_t to, const std::vector<float> &gradients) {
  std::vector<uint64_t> keys;
  for (uint64_t i = from; i < to; i += smallBatch) {
    keys.clear();
    for (uint64_t j = i; j < std::min(to, i + smallBatch); ++j)
      keys.push_back(keyOf(j));
    push(table, keys, gradients.data());
    push(table, keys, gradients.data());
  }
}

void reportMemory(SparseTable &table, uint64_t rows, const std::vector<float> &gradients) {
  const size_t base = residentBytes();
  const auto own = static_cast<double>(table.spec().rowFloats * 4 + 2); // and two bytes of when it was seen
  double worst = 0;
  std::printf("bytes a row beyond its floats and statistics, by resident memory\n  rows (M):");
  uint64_t have = 0;
  const uint64_t step = rows / 40;
  for (uint64_t size = rows / 10; size <= rows; size += step) {
    grow(table, have, size, gradients);
    have = size;
    const double beyond = static_cast<double>(residentBytes() - base) / static_cast<double>(size) - own;
    worst = std::max(worst, beyond);
    if (size % (rows / 10) == 0)
      std::printf(" %.1f: %.1f", static_cast<double>(size) / 1e6, beyond);
  }
  std::printf("\n  worst %.1f\n", worst);
  std::fflush(stdout);
}

/// Two threads, half of the calls each.
template <typename Call> void onTwoThreads(Call call) {
  std::thread other([&] { call(1); });
  call(0);
  other.join();
}

void comparePulls(SparseTable &table, CuckooMap *cuckoo, const PlainRows &plain, const Queries &queries) {
  std::vector<float> out(batchKeys * dim);
  std::vector<Contender> contenders = {{"pull, one thread", [&](int) {
                                          for (size_t b = 0; b < batchesPerRound; ++b)
                                            table.pull(0, queries.batch(b), out.data());
                                        }}};
  if (cuckoo)
    contenders.push_back({"libcuckoo find_fn", [&](int) {
                            for (size_t b = 0; b < batchesPerRound; ++b)
                              cuckoo->pull(queries.batch(b), out.data());
                          }});
  contenders.push_back({"reads of the rows' lines at known places", [&](int) {
                          for (size_t b = 0; b < batchesPerRound; ++b)
                            plain.read(std::span(queries.numbers).subspan(b * batchKeys, batchKeys), out.data());
                        }});
  contenders.push_back({"pull, two threads", [&](int) {
                          onTwoThreads([&](size_t thread) {
                            std::vector<float> own(batchKeys * dim);
                            for (size_t b = thread; b < batchesPerRound; b += 2)
                              table.pull(0, queries.batch(b), own.data());
                          });
                        }});
  compare(contenders, batchKeys * batchesPerRound, rounds);
}

void comparePushes(SparseTable &table, CuckooMap *cuckoo, const Queries &queries, const std::vector<float> &gradients) {
  std::vector<Contender> contenders = {{"push with Adagrad, one thread", [&](int) {
                                          for (size_t b = 0; b < batchesPerRound; ++b)
                                            push(table, queries.batch(b), gradients.data());
                                        }}};
  if (cuckoo)
    contenders.push_back({"libcuckoo update_fn, the same arithmetic", [&](int) {
                            for (size_t b = 0; b < batchesPerRound; ++b)
                              cuckoo->push(queries.batch(b), gradients.data());
                          }});
  contenders.push_back({"push, two threads, a batch each", [&](int) {
                          onTwoThreads([&](size_t thread) {
                            for (size_t b = thread; b < batchesPerRound; b += 2)
                              push(table, queries.batch(b), gradients.data());
                          });
                        }});
  contenders.push_back({"push, two threads, one batch in pieces", [&](int) {
                          for (size_t b = 0; b < batchesPerRound; ++b) {
                            const RowGradients gradient{queries.batch(b), {gradients.data(), batchKeys * dim}};
                            const PartGradients part{0, {&gradient, 1}};
                            const SparseTable::Update update(table, {&part, 1}, 1.0F, {});
                            onTwoThreads([&](int thread) {
                              for (int piece = thread; piece < SparseTable::Update::pieces; piece += 2)
                                update.run(piece);
                            });
                          }
                        }});
  compare(contenders, batchKeys * batchesPerRound, rounds);
}

void printPauses(const char *what, const std::vector<double> &samples) {
  const double median = quantile(samples, 0.5);
  const double tail = quantile(samples, 0.999);
  std::printf("  %-44s median %.0f us, p99 %.0f us, p99.9 %.0f us, most %.0f us; p99.9 / median %.1f\n", what,
              median * 1e6, quantile(samples, 0.99) * 1e6, tail * 1e6, quantile(samples, 1) * 1e6, tail / median);
}

/// Small batches, pushes of new keys and pulls of old ones in turn, until the table has twice its rows.
void reportPauses(SparseTable &table, uint64_t rows, const std::vector<float> &gradients) {
  std::vector<double> pushes;
  std::vector<double> pulls;
  std::vector<uint64_t> keys(smallBatch);
  std::vector<float> out(smallBatch * dim);
  std::mt19937_64 random(3);
  for (uint64_t i = rows; i < 2 * rows; i += smallBatch) {
    for (uint64_t j = 0; j < smallBatch; ++j)
      keys[j] = keyOf(i + j);
    for (int twice = 0; twice < 2; ++twice) { // new, then admitted
      const double start = seconds();
      push(table, keys, gradients.data());
      pushes.push_back(seconds() - start);
    }
    for (uint64_t &key : keys)
      key = keyOf(random() % i);
    const double start = seconds();
    table.pull(0, keys, out.data());
    pulls.push_back(seconds() - start);
  }
  std::printf("batches of %zu keys while the table doubles from %.1f M rows\n", smallBatch,
              static_cast<double>(rows) / 1e6);
  printPauses("push of new keys", pushes);
  printPauses("pull", pulls);
}

/// A thread that runs tasks, as a server's pool does.
class Background {
public:
  BackgroundRunner runner() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      wake_.notify_one();
    };
  }
  ~Background() {
    runner()({});
    thread_.join();
  }

private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !tasks_.empty(); });
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      if (!task)
        return;
      task();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::thread thread_{[this] { run(); }};
};

void runAll(uint64_t rows, std::string_view only) {
  const TableSpec spec = makeSpec(dim, true);
  Background background;
  const auto holder = std::make_unique<SparseTable>(spec, 42, 0, virtualShards, background.runner());
  SparseTable &table = *holder;
  const auto wanted = [&](std::string_view what) { return only.empty() || only == what; };
  std::vector<float> gradients(batchKeys * dim);
  for (size_t i = 0; i < gradients.size(); ++i)
    gradients[i] = 0.01F * static_cast<float>(i % 17);
  reportMemory(table, rows, gradients);
  if (wanted("pulls") || wanted("pushes")) {
    std::vector<uint64_t> keys;
    for (uint64_t i = 0; i < rows; ++i)
      keys.push_back(keyOf(i));
    const std::unique_ptr<CuckooMap> cuckoo = CuckooMap::create(keys);
    if (!cuckoo)
      std::printf("libcuckoo is not compared: install libcuckoo-dev and configure again\n");
    const PlainRows plain(rows);
    std::printf("batches of %zu keys, %d rounds; ratio: their time over the first one's\n", batchKeys, rounds);
    if (wanted("pulls"))
      comparePulls(table, cuckoo.get(), plain, makeQueries(rows, true));
    if (wanted("pushes"))
      comparePushes(table, cuckoo.get(), makeQueries(rows, false), gradients);
  }
  if (wanted("pauses"))
    reportPauses(table, rows, gradients);
}

void runBuild(uint64_t rows, int64_t dim) {
  const TableSpec spec = makeSpec(dim, false);
  Background background;
  const auto holder = std::make_unique<SparseTable>(spec, 42, 0, virtualShards, background.runner());
  SparseTable &table = *holder;
  const size_t base = residentBytes();
  const std::vector<float> gradients(batchKeys * static_cast<size_t>(dim), 0.01F);
  std::vector<uint64_t> keys(batchKeys);
  std::vector<double> pushes;
  const double start = seconds();
  for (uint64_t i = 0; i < rows; i += keys.size()) {
    for (uint64_t j = 0; j < keys.size(); ++j)
      keys[j] = keyOf(i + j);
    const double begin = seconds();
    push(table, keys, gradients.data());
    pushes.push_back(seconds() - begin);
  }
  const double built = seconds() - start;
  const auto have = static_cast<double>(table.rowCount());
  const auto bytes = static_cast<double>(residentBytes() - base);
  std::printf(
      "%.1f M rows of dim %ld without state built in %.1f s: %.2f M rows/s; %.2f GB, %.1f bytes a row, of which "
      "%ld are values\n",
      have / 1e6, dim, built, have / built / 1e6, bytes / 1e9, bytes / have, dim * 4);
  printPauses("push of 13,312 new keys", pushes);
  std::vector<double> pulls;
  std::vector<float> out(keys.size() * static_cast<size_t>(dim));
  std::mt19937_64 random(4);
  for (int b = 0; b < 1000; ++b) {
    for (uint64_t &key : keys)
      key = keyOf(random() % rows);
    const double begin = seconds();
    table.pull(0, keys, out.data());
    pulls.push_back(seconds() - begin);
  }
  std::printf("  pull: %.2f M rows/s\n", static_cast<double>(batchKeys) / quantile(pulls, 0.5) / 1e6);
  printPauses("pull of 13,312 keys", pulls);
}
} // namespace

int main(int argc, char **argv) {
  uint64_t rows = 10000000;
  uint64_t build = 0;
  int64_t buildDim = 8;
  std::string_view only;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--only") {
      only = argv[i + 1];
      continue;
    }
    const auto value = static_cast<uint64_t>(std::atoll(argv[i + 1]));
    if (flag == "--dim")
      buildDim = static_cast<int64_t>(value);
    else
      (flag == "--build" ? build : rows) = value;
  }
  if (build > 0)
    runBuild(build, buildDim);
  else
    runAll(rows, only);
  return 0;
}
