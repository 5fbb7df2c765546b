// runtime-bench: measures parts of the runtime beside peers that do the same, in turns, and writes a table and JSON.
//   runtime-bench executor [--rounds N] [--threads N] [--json FILE]
//   runtime-bench reader PACKAGE DATA [--rounds N] [--json FILE]
#include "bench/runtime/Parts.h"
#include "bench/table/Timing.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <new>

static std::atomic<int64_t> allocations = 0;

// Not inlined, or the compiler sees malloc's memory given to delete.
[[gnu::noinline]] void *operator new(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void *memory = std::malloc(bytes ? bytes : 1))
    return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void *memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace heter::bench {

int64_t allocationCount() { return allocations; }

Row measure(const std::string &name, const std::string &unit, const std::string &peer, int rounds, double work,
            const std::function<void()> &ours, const std::function<void()> &theirs) {
  const auto rate = [work](const std::function<void()> &run) {
    const double start = seconds();
    run();
    return work / (seconds() - start);
  };
  Row row{name, unit, peer, {}, {}, {}};
  for (int round = -1; round < rounds; ++round) {
    const bool first = round % 2 == 0;
    double mine = first ? rate(ours) : 0;
    const double other = rate(theirs);
    if (!first)
      mine = rate(ours);
    if (round < 0)
      continue;
    row.values.push_back(mine);
    row.peerValues.push_back(other);
    row.ratios.push_back(mine / other);
  }
  return row;
}

namespace {

struct Arguments {
  std::vector<std::string> words;
  int rounds = 15, threads = 2;
  std::string json;
};

Arguments parse(int count, char **texts) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string text = texts[i];
    if (!text.starts_with("--")) {
      arguments.words.push_back(text);
      continue;
    }
    const std::string value = i + 1 < count ? texts[++i] : "";
    if (text == "--rounds")
      arguments.rounds = std::max(std::atoi(value.c_str()), 1);
    else if (text == "--threads")
      arguments.threads = std::max(std::atoi(value.c_str()), 1);
    else if (text == "--json")
      arguments.json = value;
    else
      throw std::runtime_error("unknown flag " + text);
  }
  return arguments;
}

void print(const std::vector<Row> &rows) {
  for (const Row &row : rows) {
    std::printf("%-34s %9.1f %-10s %s %9.1f   ratio %.2f (%.2f-%.2f)", row.name.c_str(), quantile(row.values, 0.5),
                row.unit.c_str(), row.peer.c_str(), quantile(row.peerValues, 0.5), quantile(row.ratios, 0.5),
                quantile(row.ratios, 0.1), quantile(row.ratios, 0.9));
    if (row.allocationsAFrame >= 0)
      std::printf("   %lld allocations a frame", static_cast<long long>(row.allocationsAFrame));
    std::printf("\n");
  }
}

std::string listOf(const std::vector<double> &values) {
  std::string text;
  for (double value : values)
    text += (text.empty() ? "[" : ", ") + std::to_string(value);
  return text + "]";
}

void writeJson(const std::vector<Row> &rows, const std::string &path) {
  std::ofstream out(path);
  out << "[";
  for (const Row &row : rows)
    out << (&row == &rows.front() ? "" : ", ") << "{\"name\": \"" << row.name << "\", \"unit\": \"" << row.unit
        << "\", \"peer\": \"" << row.peer << "\", \"values\": " << listOf(row.values)
        << ", \"peer_values\": " << listOf(row.peerValues) << ", \"ratios\": " << listOf(row.ratios)
        << ", \"allocations_a_frame\": " << row.allocationsAFrame << "}";
  out << "]\n";
}

int run(const Arguments &arguments) {
  const std::vector<std::string> &words = arguments.words;
  std::vector<Row> rows;
  if (words.size() == 1 && words[0] == "executor") {
    rows = executorRows(arguments.rounds, arguments.threads);
  } else if (words.size() == 3 && words[0] == "reader") {
    rows = readerRows(arguments.rounds, words[1], words[2]);
  } else {
    std::fprintf(stderr,
                 "usage: runtime-bench executor | reader PACKAGE DATA  [--rounds N] [--threads N] [--json FILE]\n");
    return 1;
  }
  print(rows);
  if (!arguments.json.empty())
    writeJson(rows, arguments.json);
  return 0;
}

} // namespace
} // namespace heter::bench

int main(int count, char **texts) {
  try {
    return heter::bench::run(heter::bench::parse(count, texts));
  } catch (const std::exception &error) {
    std::fprintf(stderr, "runtime-bench: %s\n", error.what());
    return 1;
  }
}
