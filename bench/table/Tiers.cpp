// A table that memory has room for a tenth of: what it serves of rows on disk beside what the disk gives, and what
// batches that only hit feel of it.
#include "bench/table/Sections.h"

#include "runtime/base/FileSystem.h"
#include "runtime/table/RowTier.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>

using namespace heter::runtime;

namespace heter::bench {
namespace {

constexpr int callers = 4;         ///< Threads that wait for rows on disk: as many as a scheduler has for files.
constexpr size_t readsAtOnce = 64; ///< Of a caller, where the disk alone is measured: about what a batch lacks.
constexpr size_t hotKeys = 20000;  ///< All in memory once they are warm.
constexpr int rounds = 7;
constexpr double roundSeconds = 2;

[[noreturn]] void fail(const std::string &what) {
  std::fprintf(stderr, "table-bench: %s\n", what.c_str());
  std::exit(1);
}
void require(const Status &status) {
  if (!status.ok())
    fail(status.message());
}

/// Keys with the frequencies of Zipf's law; key i is the i-th most frequent one. Drawn anew for each batch: draws that
/// came again would find their rows on disk as they had left together.
class ZipfKeys {
public:
  ZipfKeys(uint64_t keys, double exponent) : below_(keys), firstOf_(guides + 1) {
    double sum = 0;
    for (uint64_t i = 0; i < keys; ++i)
      below_[i] = sum += std::pow(static_cast<double>(i + 1), -exponent);
    for (size_t guide = 0; guide <= guides; ++guide)
      firstOf_[guide] = static_cast<uint32_t>(
          std::upper_bound(below_.begin(), below_.end() - 1, sum * static_cast<double>(guide) / guides) -
          below_.begin());
  }

  class Draws {
  public:
    Draws(const ZipfKeys &keys, uint64_t seed) : keys_(keys), random_(seed), batch_(smallBatch) {}
    std::span<const uint64_t> next() {
      for (uint64_t &key : batch_)
        key = keyOf(keys_.draw(std::generate_canonical<double, 53>(random_)));
      return batch_;
    }

  private:
    const ZipfKeys &keys_;
    std::mt19937_64 random_;
    std::vector<uint64_t> batch_;
  };

private:
  static constexpr size_t guides = size_t{1} << 20;
  uint64_t draw(double part) const {
    const auto guide = static_cast<size_t>(part * guides);
    return static_cast<uint64_t>(
        std::upper_bound(below_.begin() + firstOf_[guide], below_.begin() + firstOf_[guide + 1], part * below_.back()) -
        below_.begin());
  }

  std::vector<double> below_;     ///< The sum of the frequencies of a key and those before it.
  std::vector<uint32_t> firstOf_; ///< Where to look for each of `guides` parts of the whole sum.
};

/// A thread that pulls.
struct Caller {
  ZipfKeys::Draws keys;
  std::vector<float> out = std::vector<float>(smallBatch * dim);
};
using Callers = std::vector<Caller>;

/// Runs `call` on each of `threads` threads, again and again for a round's time; gives how long that was.
double runFor(int threads, const std::function<void(int thread)> &call) {
  const double begin = seconds();
  std::vector<std::thread> running;
  for (int thread = 0; thread < threads; ++thread)
    running.emplace_back([&, thread] {
      while (seconds() - begin < roundSeconds)
        call(thread);
    });
  for (std::thread &thread : running)
    thread.join();
  return seconds() - begin;
}

/// Pulls a batch whole, waiting for what is on disk.
void pullNext(SparseTable &table, Caller &caller) {
  DiskRows onDisk(table.tier());
  table.pull(0, caller.keys.next(), caller.out.data(), onDisk);
  require(table.finishPull(0, onDisk, caller.out.data()));
}

void fill(SparseTable &table, uint64_t rows) {
  std::vector<uint32_t> order(rows); // frequent keys do not lie together
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(6));
  const std::vector<float> state(static_cast<size_t>(table.spec().rowFloats), 0.1F);
  std::vector<RowImage> images;
  for (uint64_t i = 0; i < rows; ++i) {
    images.push_back({keyOf(order[i]), true, state});
    if (images.size() == batchKeys || i + 1 == rows) {
      table.putRows(images);
      images.clear();
    }
  }
  require(table.tierStatus());
}

/// Blocks of a file of its own, read by as many threads with as many reads under way.
class PlainBlocks {
public:
  PlainBlocks(FileSystem &files, const std::string &folder, uint64_t bytes) {
    StatusOr<std::unique_ptr<BlockFile>> file = files.createScratchFile(folder, "plain");
    require(file.status());
    file_ = std::move(*file);
    constexpr size_t piece = size_t{1} << 20;
    const BlockMemory memory = allocateBlocks(piece);
    std::memset(memory.get(), 1, piece);
    for (uint64_t at = 0; at + piece <= bytes; at += piece)
      require(file_->write(at, {memory.get(), piece}));
    blocks_ = bytes / piece * piece / BlockFile::alignment;
    for (int caller = 0; caller < callers; ++caller)
      memory_.push_back(allocateBlocks(readsAtOnce * BlockFile::alignment));
  }
  /// Blocks a second.
  double measure() {
    std::atomic<uint64_t> reads = 0;
    const double took = runFor(callers, [&](int thread) { reads += readSome(thread); });
    return static_cast<double>(reads) / took;
  }
  /// Of one of the callers; gives how many blocks it read.
  uint64_t readSome(int thread) {
    thread_local std::mt19937_64 random(std::random_device{}());
    std::array<BlockFile::Read, readsAtOnce> some;
    for (size_t i = 0; i < readsAtOnce; ++i)
      some[i] = {random() % blocks_ * BlockFile::alignment,
                 {memory_[static_cast<size_t>(thread)].get() + i * BlockFile::alignment, BlockFile::alignment}};
    require(file_->read(some));
    return readsAtOnce;
  }

private:
  uint64_t blocks_ = 0;
  std::unique_ptr<BlockFile> file_;
  std::vector<BlockMemory> memory_;
};

void reportRatio(const char *what, const std::string &key, const std::vector<double> &ratios, Figures &figures) {
  std::printf("  %s: %.2f (p10 %.2f, p90 %.2f)\n", what, quantile(ratios, 0.5), quantile(ratios, 0.1),
              quantile(ratios, 0.9));
  figures.set(key, quantile(ratios, 0.5));
  figures.set(key + ".p10", quantile(ratios, 0.1));
  figures.set(key + ".p90", quantile(ratios, 0.9));
}

void compareMisses(SparseTable &table, Callers &pulling, PlainBlocks &plain, Figures &figures) {
  std::vector<double> disk, served, ratios;
  const Disturbance disturbance;
  const TierFigures first = table.tierFigures();
  for (int round = 0; round < rounds; ++round) {
    disk.push_back(plain.measure());
    const int64_t before = table.tierFigures().keysOnDisk;
    const double took = runFor(callers, [&](int thread) { pullNext(table, pulling[static_cast<size_t>(thread)]); });
    served.push_back(static_cast<double>(table.tierFigures().keysOnDisk - before) / took);
    ratios.push_back(served.back() / disk.back());
  }
  const TierFigures last = table.tierFigures();
  const auto misses = static_cast<double>(last.keysOnDisk - first.keysOnDisk);
  const double hits = 1 - misses / static_cast<double>(last.keysPulled - first.keysPulled);
  const double written = static_cast<double>(last.bytesWritten - first.bytesWritten) / misses;
  std::printf("  the disk alone %.0f blocks a second; misses served %.0f a second; %.1f %% of the keys hit; %.0f bytes "
              "written a miss\n",
              quantile(disk, 0.5), quantile(served, 0.5), hits * 100, written);
  figures.set("tiers.disk_blocks_per_second", quantile(disk, 0.5));
  figures.set("tiers.misses_per_second", quantile(served, 0.5));
  figures.set("tiers.hit_rate", hits);
  figures.set("tiers.bytes_written_a_miss", written);
  reportRatio("misses over blocks", "tiers.misses_over_blocks", ratios, figures);
  disturbance.report("tiers", figures);
}

/// The 99th percentile of pulls of hot keys, while another thread does something else again and again.
double hitPause(SparseTable &table, const std::function<void()> &other, size_t &samplesThatMiss) {
  std::vector<double> samples;
  std::vector<float> out(smallBatch * dim);
  std::vector<uint64_t> hot(smallBatch);
  std::mt19937_64 random(7);
  runFor(2, [&](int thread) {
    if (thread == 1)
      return other();
    for (uint64_t &key : hot)
      key = keyOf(random() % hotKeys);
    DiskRows onDisk(table.tier());
    const double begin = seconds();
    table.pull(0, hot, out.data(), onDisk);
    const double took = seconds() - begin;
    if (onDisk.empty())
      return samples.push_back(took);
    ++samplesThatMiss;
    require(table.finishPull(0, onDisk, out.data()));
  });
  return quantile(samples, 0.99);
}

void comparePauses(SparseTable &tiered, SparseTable &inMemory, Caller &other, PlainBlocks &plain, Figures &figures) {
  std::vector<double> pauses, memoryPauses, diskPauses, ratios, diskRatios;
  size_t missed = 0;
  for (int round = 0; round < rounds; ++round) {
    memoryPauses.push_back(hitPause(inMemory, [&] { pullNext(inMemory, other); }, missed));
    pauses.push_back(hitPause(tiered, [&] { pullNext(tiered, other); }, missed));
    diskPauses.push_back(hitPause(inMemory, [&] { plain.readSome(0); }, missed));
    ratios.push_back(pauses.back() / memoryPauses.back());
    diskRatios.push_back(diskPauses.back() / memoryPauses.back());
  }
  std::printf(
      "  p99 of pulls that hit, while another thread's miss: %.0f us; all in memory %.0f us, while another thread "
      "reads plain blocks %.0f us; %zu pulls of hot keys missed\n",
      quantile(pauses, 0.5) * 1e6, quantile(memoryPauses, 0.5) * 1e6, quantile(diskPauses, 0.5) * 1e6, missed);
  figures.set("tiers.hit_p99_seconds", quantile(pauses, 0.5));
  figures.set("tiers.hit_p99_seconds_in_memory", quantile(memoryPauses, 0.5));
  figures.set("tiers.hit_p99_seconds_beside_blocks", quantile(diskPauses, 0.5));
  reportRatio("p99 over all in memory", "tiers.hit_p99_over_memory", ratios, figures);
  reportRatio("of the table in memory, while another thread reads plain blocks", "tiers.memory_p99_beside_blocks",
              diskRatios, figures);
}

TableSpec specOfTier(uint64_t rows) {
  TableSpec spec = makeSpec(dim, true);
  spec.policy = {};
  spec.parts[0].wantsAdmission = false;
  spec.layOut();
  if (rows > 0) {
    spec.policy.tiered = true;
    spec.policy.memoryBytes = static_cast<int64_t>(rows) * spec.rowMemory(false);
  }
  return spec;
}
} // namespace

void measureTiers(uint64_t rows, const std::string &folder, Figures &figures) {
  const std::unique_ptr<FileSystem> files = makePosixFileSystem();
  const TableSpec spec = specOfTier(rows / 10), memorySpec = specOfTier(0);
  const ZipfKeys keys(rows, 1.05);
  Callers pulling;
  for (int caller = 0; caller < callers; ++caller)
    pulling.push_back({ZipfKeys::Draws(keys, static_cast<uint64_t>(caller))});
  PlainBlocks plain(*files, folder, rows * 100);
  Background background, memoryBackground;
  const size_t base = residentBytes();
  const auto tiered = std::make_unique<SparseTable>(spec, 42, 0, virtualShards, background.runner(),
                                                    TierPlace{.files = files.get(), .folder = folder});
  require(tiered->tierStatus());
  const double begin = seconds();
  fill(*tiered, rows);
  const TierFigures filled = tiered->tierFigures();
  const double beyond = static_cast<double>(residentBytes() - base) - static_cast<double>(spec.policy.memoryBytes);
  const double aRow = beyond / static_cast<double>(filled.rowsOnDisk);
  std::printf(
      "a table of %.1f M rows with memory for a tenth, batches of %zu keys, Zipf 1.05, %d threads\n"
      "  filled in %.1f s; %.1f M rows in memory, %.1f M on disk, for each of which %.1f bytes of memory beyond the "
      "budget\n",
      static_cast<double>(rows) / 1e6, smallBatch, callers, seconds() - begin,
      static_cast<double>(filled.rowsInMemory) / 1e6, static_cast<double>(filled.rowsOnDisk) / 1e6, aRow);
  figures.set("tiers.bytes_beyond_a_row_on_disk", aRow);
  std::fflush(stdout);
  for (int i = 0; i < 5; ++i)
    runFor(callers, [&](int thread) { pullNext(*tiered, pulling[static_cast<size_t>(thread)]); });
  compareMisses(*tiered, pulling, plain, figures);
  std::fflush(stdout);
  const auto inMemory = std::make_unique<SparseTable>(memorySpec, 42, 0, virtualShards, memoryBackground.runner());
  inMemory->reserve(static_cast<int64_t>(rows));
  fill(*inMemory, rows);
  comparePauses(*tiered, *inMemory, pulling[0], plain, figures);
}

} // namespace heter::bench
