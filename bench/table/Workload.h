// What table-bench does to tables: their spec, keys and batches, and a thread for what a table leaves to others.
#ifndef HETER_BENCH_TABLE_WORKLOAD_H
#define HETER_BENCH_TABLE_WORKLOAD_H

#include "runtime/base/Hash.h"
#include "runtime/table/SparseTable.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace heter::bench {

inline constexpr size_t batchKeys = 13312;
inline constexpr size_t smallBatch = 512;
inline constexpr size_t batchesPerTurn = 40;
inline constexpr size_t batches = 18 * batchesPerTurn; ///< As many keys as the table has by default.

/// A table of one part. `full`: with Adagrad, statistics and admission by count; else SGD alone.
runtime::TableSpec makeSpec(int64_t dim, bool full);

/// The i-th key of the benchmark.
inline uint64_t keyOf(uint64_t i) { return runtime::mixKey(i * 2 + 1); }

/// Batches of keys that a table has, in pushes each once, in pulls some twice.
struct Queries {
  std::vector<uint64_t> keys;
  std::vector<uint32_t> numbers; ///< The keys' i.
  /// No two turns in succession have the same batches: what one leaves in the caches is not what the next reads.
  std::span<const uint64_t> batch(int turn, size_t b) const {
    return std::span(keys).subspan(begin(turn, b), batchKeys);
  }
  std::span<const uint32_t> numbersOf(int turn, size_t b) const {
    return std::span(numbers).subspan(begin(turn, b), batchKeys);
  }
  static size_t begin(int turn, size_t b) {
    return (static_cast<size_t>(turn) * batchesPerTurn + b) % batches * batchKeys;
  }
};

Queries makeQueries(uint64_t rows, bool duplicates);

void push(runtime::SparseTable &table, std::span<const uint64_t> keys, const float *gradients);
/// Pushes new keys, twice each so that they are admitted.
void grow(runtime::SparseTable &table, uint64_t from, uint64_t to, const std::vector<float> &gradients);

/// A thread that runs tasks, as a server's pool does.
class Background {
public:
  runtime::BackgroundRunner runner() {
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

} // namespace heter::bench

#endif // HETER_BENCH_TABLE_WORKLOAD_H
