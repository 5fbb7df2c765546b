// disk-bench: how many rows a second can be read from a disk at random, past the system's cache: blocks of 4 KB by
// threads and by io_uring, rows of 80 bytes by RocksDB. Medians of interleaved rounds.
//
//   disk-bench DIR [--mib N] [--rounds N] [--seconds S]   in a new folder DIR/disk-bench, which it removes; 1024 MiB,
//                                                         3 rounds of 1 s
#include "bench/disk/Peers.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

using namespace heter::bench;

namespace {
struct Way {
  std::string name;
  std::function<ReadRate()> read;
  std::vector<ReadRate> rounds;
};

ReadRate median(std::vector<ReadRate> rates) {
  std::sort(rates.begin(), rates.end(), [](const ReadRate &a, const ReadRate &b) { return a.perSecond < b.perSecond; });
  return rates[rates.size() / 2];
}

int usage() {
  std::fprintf(stderr, "usage: disk-bench DIR [--mib N] [--rounds N] [--seconds S]\n");
  return 2;
}
} // namespace

int main(int argc, char **argv) {
  if (argc < 2 || argc % 2 != 0)
    return usage();
  int64_t mib = 1024;
  int rounds = 3;
  double seconds = 1;
  for (int i = 2; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--mib")
      mib = std::atoll(argv[i + 1]);
    else if (flag == "--rounds")
      rounds = std::atoi(argv[i + 1]);
    else if (flag == "--seconds")
      seconds = std::atof(argv[i + 1]);
    else
      return usage();
  }
  if (mib < 1 || rounds < 1 || seconds <= 0)
    return usage();

  const std::filesystem::path folder = std::filesystem::path(argv[1]) / "disk-bench";
  std::error_code error;
  if (!std::filesystem::create_directory(folder, error)) {
    std::fprintf(stderr, "disk-bench: %s: %s\n", folder.c_str(), error ? error.message().c_str() : "is there already");
    return 1;
  }
  const std::string file = folder / "blocks";
  const std::string database = folder / "rocksdb";
  const int64_t bytes = mib << 20;
  const int64_t rows = bytes / static_cast<int64_t>(rowBytes);
  fillFile(file, bytes);
  std::vector<Way> ways;
  for (const int threads : {1, 16, 64})
    ways.push_back(
        {"blocks, " + std::to_string(threads) + " threads", [=] { return readBlocks(file, threads, seconds); }, {}});
  for (const int depth : {16, 64})
    ways.push_back(
        {"blocks, io_uring, depth " + std::to_string(depth), [=] { return readQueued(file, depth, seconds); }, {}});
  if (haveDatabase()) {
    fillDatabase(database, rows);
    for (const int threads : {1, 16, 64})
      ways.push_back({"RocksDB, " + std::to_string(threads) + " threads",
                      [=] { return readDatabase(database, rows, threads, 64, seconds); },
                      {}});
  }
  for (int round = 0; round < rounds; ++round)
    for (Way &way : ways)
      way.rounds.push_back(way.read());
  for (const Way &way : ways) {
    const ReadRate rate = median(way.rounds);
    std::printf("%-28s %9.0f a second, %5.1f us of cpu each\n", way.name.c_str(), rate.perSecond, rate.cpuMicros);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
