// Ways to read rows from a disk at random, each past the system's cache: with so many threads that wait for one read
// each, with one thread and a queue of the kernel's, and by RocksDB.
#ifndef HETER_BENCH_DISK_PEERS_H
#define HETER_BENCH_DISK_PEERS_H

#include <cstdint>
#include <string>

namespace heter::bench {

constexpr size_t blockBytes = 4096;
constexpr size_t rowBytes = 80;

/// Reads in a while.
struct ReadRate {
  double perSecond = 0;
  double cpuMicros = 0; ///< Of the whole process, a read.
};

/// Each ends the program with a message if anything fails.

/// Writes `bytes` (a multiple of 1 MiB) of noise to `path`.
void fillFile(const std::string &path, int64_t bytes);
/// Blocks of `path`, for `seconds`.
ReadRate readBlocks(const std::string &path, int threads, double seconds);
/// The same by one thread that keeps `depth` reads under way.
ReadRate readQueued(const std::string &path, int depth, double seconds);

/// A database of `rows` rows in folder `path`, without compression.
void fillDatabase(const std::string &path, int64_t rows);
/// Batches of `keys` keys that are there, by MultiGet without a cache of blocks.
ReadRate readDatabase(const std::string &path, int64_t rows, int threads, int keys, double seconds);
bool haveDatabase();

} // namespace heter::bench

#endif // HETER_BENCH_DISK_PEERS_H
