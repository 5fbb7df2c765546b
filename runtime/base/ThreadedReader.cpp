// Reads by threads: the reads of a call are claimed one by one by its thread and by helpers.
#include "runtime/base/BlockReader.h"

#include "runtime/base/ThreadAnnotations.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>
#include <vector>

namespace heter::runtime {
namespace {

constexpr size_t helperCount = 31;

/// One call of read.
struct Batch {
  Batch(int descriptor, std::span<const BlockFile::Read> reads, const std::string &name)
      : descriptor(descriptor), reads(reads), name(name) {}

  void work() {
    for (size_t i; !failed && (i = next.fetch_add(1)) < reads.size();)
      if (Status status = readBlock(descriptor, reads[i], name); !status.ok() && !failed.exchange(true))
        firstFailure = std::move(status);
  }

  const int descriptor;
  const std::span<const BlockFile::Read> reads;
  const std::string &name;
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  Status firstFailure;
  size_t wanted = 0; ///< Helpers that may still come, and those at work; guarded by the reader's lock.
  size_t helping = 0;
};

class ThreadedReader final : public BlockReader {
public:
  ~ThreadedReader() override {
    {
      MutexLock lock(mutex_);
      stop_ = true;
      changed_.notifyAll();
    }
    for (std::thread &helper : helpers_)
      helper.join();
  }

  Status read(int descriptor, std::span<const BlockFile::Read> reads, const std::string &name) override {
    Batch batch(descriptor, reads, name);
    if (reads.size() > 1)
      ask(batch);
    batch.work();
    MutexLock lock(mutex_);
    batch.wanted = 0;
    std::erase(waiting_, &batch);
    while (batch.helping > 0)
      changed_.wait(mutex_);
    return batch.firstFailure;
  }

private:
  void ask(Batch &batch) {
    MutexLock lock(mutex_);
    batch.wanted = std::min(batch.reads.size() - 1, helperCount);
    waiting_.push_back(&batch);
    while (helpers_.size() < batch.wanted)
      helpers_.emplace_back([this] { help(); });
    changed_.notifyAll();
  }

  void help() {
    MutexLock lock(mutex_);
    while (!stop_) {
      if (waiting_.empty()) {
        changed_.wait(mutex_);
        continue;
      }
      Batch &batch = *waiting_.front();
      if (--batch.wanted == 0)
        waiting_.pop_front();
      ++batch.helping;
      mutex_.unlock();
      batch.work();
      mutex_.lock();
      if (--batch.helping == 0)
        changed_.notifyAll();
    }
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<Batch *> waiting_ HETER_GUARDED_BY(mutex_); ///< Those that more helpers may come to.
  std::vector<std::thread> helpers_;                     ///< Grows under the lock.
  bool stop_ HETER_GUARDED_BY(mutex_) = false;
};

} // namespace

std::unique_ptr<BlockReader> makeThreadedReader() { return std::make_unique<ThreadedReader>(); }

} // namespace heter::runtime
