// table-bench: speed, memory and pauses of a SparseTable, rows of dim 9 with Adagrad, with statistics and admission by
// count, uniform keys. Prints ratios of interleaved rounds.
//
//   table-bench [--rows N] [--only memory|pulls|pushes|pauses|tiers] [--dir DIR] [--json FILE]
//                                                   with 10 million rows; files of the tier below memory lie in
//                                                   DIR, /var/tmp by default
//   table-bench --build N [--dim D] [--json FILE]   builds a table of N rows without optimizer state or statistics, and
//                                                   pulls from it
#include "bench/table/Sections.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>

using namespace heter::bench;
using namespace heter::runtime;

namespace {
void reportMemory(SparseTable &table, uint64_t rows, const std::vector<float> &gradients, Figures &figures) {
  const size_t base = residentBytes();
  const auto own = static_cast<double>(table.spec().rowFloats * 4 + 2); // and two bytes of when it was seen
  double worst = 0;
  int sizes = 0;
  std::printf("bytes a row beyond its floats and statistics, by resident memory\n  rows (M):");
  uint64_t have = 0;
  const uint64_t step = rows / 40;
  for (uint64_t size = rows / 10; size <= rows; size += step) {
    grow(table, have, size, gradients);
    have = size;
    ++sizes;
    const double beyond = static_cast<double>(residentBytes() - base) / static_cast<double>(size) - own;
    worst = std::max(worst, beyond);
    if (size % (rows / 10) == 0)
      std::printf(" %.1f: %.1f", static_cast<double>(size) / 1e6, beyond);
  }
  std::printf("\n  at most %.1f, of %d sizes\n", worst, sizes);
  figures.set("memory.most_bytes_beyond", worst);
  std::fflush(stdout);
}

void runInMemory(uint64_t rows, std::string_view only, Figures &figures) {
  const TableSpec spec = makeSpec(dim, true);
  Background background;
  const auto holder = std::make_unique<SparseTable>(spec, 42, 0, virtualShards, background.runner());
  SparseTable &table = *holder;
  const auto wanted = [&](std::string_view what) { return only.empty() || only == what; };
  std::vector<float> gradients(batchKeys * dim);
  for (size_t i = 0; i < gradients.size(); ++i)
    gradients[i] = 0.01F * static_cast<float>(i % 17);
  reportMemory(table, rows, gradients, figures);
  if (wanted("pulls") || wanted("pushes")) {
    std::vector<uint64_t> keys;
    for (uint64_t i = 0; i < rows; ++i)
      keys.push_back(keyOf(i));
    const std::unique_ptr<CuckooMap> cuckoo = CuckooMap::create(keys);
    if (!cuckoo)
      std::printf("libcuckoo is not compared: install libcuckoo-dev and configure again\n");
    const PlainRows plain(rows);
    std::printf("batches of %zu keys; ratio: their time over the first one's, of two threads their speed over one's\n",
                batchKeys);
    if (wanted("pulls"))
      comparePulls(table, cuckoo.get(), plain, makeQueries(rows, true), figures);
    if (wanted("pushes"))
      comparePushes(table, cuckoo.get(), makeQueries(rows, false), gradients, figures);
  }
  if (wanted("pauses"))
    measurePauses(table, rows, gradients, figures);
}

void runAll(uint64_t rows, std::string_view only, const std::string &folder, Figures &figures) {
  if (only != "tiers")
    runInMemory(rows, only, figures);
  if (only.empty() || only == "tiers")
    measureTiers(rows, folder, figures);
}

void runBuild(uint64_t rows, int64_t dim, Figures &figures) {
  const TableSpec spec = makeSpec(dim, false);
  Background background;
  const auto holder = std::make_unique<SparseTable>(spec, 42, 0, virtualShards, background.runner());
  SparseTable &table = *holder;
  const size_t base = residentBytes();
  const std::vector<float> gradients(batchKeys * static_cast<size_t>(dim), 0.01F);
  std::vector<uint64_t> keys(batchKeys);
  std::vector<double> pushes;
  const Disturbance disturbance;
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
  reportPauses("build.push", "push of 13,312 new keys", pushes, figures);
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
  const double pulled = static_cast<double>(batchKeys) / quantile(pulls, 0.5);
  std::printf("  pull: %.2f M rows/s\n", pulled / 1e6);
  figures.set("build.rows", have);
  figures.set("build.seconds", built);
  figures.set("build.bytes_a_row", bytes / have);
  figures.set("build.pull_rows_per_second", pulled);
  reportPauses("build.pull", "pull of 13,312 keys", pulls, figures);
  disturbance.report("build", figures);
}

constexpr const char *usage =
    "usage: table-bench [--rows N] [--only memory|pulls|pushes|pauses|tiers] [--dir DIR] [--json FILE]\n"
    "       table-bench --build N [--dim D] [--json FILE]\n";

struct Options {
  uint64_t rows = 10000000;
  uint64_t build = 0; ///< Rows; 0: the other sections are measured.
  uint64_t buildDim = 8;
  std::string only;
  std::string folder = "/var/tmp";
  std::string json;
};

bool isSection(std::string_view name) {
  return name == "memory" || name == "pulls" || name == "pushes" || name == "pauses" || name == "tiers";
}

/// False if a flag is unknown, or its value is missing or no good.
bool parse(std::span<char *const> arguments, Options &options) {
  for (size_t i = 0; i < arguments.size(); i += 2) {
    const std::string_view flag = arguments[i];
    if (i + 1 == arguments.size())
      return false;
    const std::string_view value = arguments[i + 1];
    const auto number = [&](uint64_t &to) {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), to);
      return error == std::errc() && end == value.data() + value.size() && to > 0;
    };
    const bool good = flag == "--only"    ? isSection(options.only = value)
                      : flag == "--dir"   ? !(options.folder = value).empty()
                      : flag == "--json"  ? !(options.json = value).empty()
                      : flag == "--rows"  ? number(options.rows)
                      : flag == "--build" ? number(options.build)
                      : flag == "--dim"   ? number(options.buildDim)
                                          : false;
    if (!good)
      return false;
  }
  return true;
}
} // namespace

int main(int argc, char **argv) {
  Options options;
  if (!parse(std::span<char *const>(argv, static_cast<size_t>(argc)).subspan(1), options)) {
    std::fputs(usage, stderr);
    return 1;
  }
  Figures figures;
  if (options.build > 0)
    runBuild(options.build, static_cast<int64_t>(options.buildDim), figures);
  else
    runAll(options.rows, options.only, options.folder, figures);
  if (options.json.empty() || figures.write(options.json))
    return 0;
  std::fprintf(stderr, "table-bench: cannot write %s\n", options.json.c_str());
  return 1;
}
