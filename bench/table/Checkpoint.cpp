// checkpoint-bench: saving and loading a table of rows of dim 9 with Adagrad, beside writing and reading the same bytes
// plainly (direct I/O, from front to back), and training while a save is written; and saving a table that has room in
// memory for a tenth of its rows. Turn by turn, in a folder of its own within DIR that it removes.
//
//   checkpoint-bench [--rows N] [--dir DIR] [--rounds N] [--only files|training|tiers] [--json FILE]
#include "runtime/table/Checkpoint.h"
#include "bench/table/Kernels.h"
#include "bench/table/PlainFiles.h"
#include "bench/table/Timing.h"
#include "runtime/base/FileSystem.h"
#include "runtime/base/Hash.h"
#include "runtime/base/ParallelFor.h"
#include "runtime/package/Package_types.h"
#include "runtime/table/ParameterStore.h"
#include "runtime/table/SparseTable.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

using namespace heter::bench;
using namespace heter::runtime;

namespace {
constexpr int64_t dim = 9;
constexpr size_t batchKeys = 13312;
constexpr uint64_t rowMemory = 12 + 2 * dim * sizeof(float);

/// Of a table that keeps all rows in memory, or `inMemory` of them.
package::PackageInfo makeModel(uint64_t inMemory = 0) {
  package::Part part;
  part.dim = dim;
  part.init.kind = "uniform";
  part.init.scale = 0.01;
  part.optimizer.name = "adagrad";
  part.optimizer.callee = "adagrad";
  part.optimizer.slots = {"accumulator"};
  part.optimizer.slotInit = {0.1};
  package::Table table;
  table.name = "emb";
  table.parts = {part};
  if (inMemory > 0) {
    package::Rule memory, below;
    memory.kind = "memory";
    memory.numbers["bytes"] = static_cast<double>(inMemory * rowMemory);
    below.kind = "ssd";
    table.policy = {memory, below};
  }
  package::PackageInfo info;
  info.model = "bench";
  info.tables = {table};
  return info;
}

std::unique_ptr<ParameterStore> makeStore(Scheduler &scheduler, const package::PackageInfo &info,
                                          const TierPlace &tier = {}) {
  StoreOptions options;
  options.tier = tier;
  options.background = [&scheduler](std::function<void()> task) { scheduler.postBlocking(std::move(task)); };
  options.besideTraining = [&scheduler, pace = std::make_shared<Pace>()](int64_t count, const auto &body) {
    unhurriedFor(scheduler, *pace, count, body);
  };
  options.parallelFor = [&scheduler](int64_t count, const auto &body) { parallelFor(scheduler, count, body); };
  auto store = ParameterStore::create(info, [](const std::string &) { return KernelFunction(adagradKernel); }, options);
  check(store.status());
  return std::move(*store);
}

uint64_t keyOf(uint64_t i) { return mixKey(i * 2 + 1); }

/// One training step: two micro-batches of uniform keys are pulled and pushed at once, then the step is closed.
class Trainer {
public:
  Trainer(ParameterStore &store, Scheduler &scheduler, uint64_t rows)
      : store_(store), scheduler_(scheduler), rows_(rows), step_(store.version()) {}
  void step() {
    parallelFor(scheduler_, 2, [&](int64_t part) {
      Half &half = halves_[part];
      half.keys.clear();
      while (half.keys.size() < batchKeys) {
        for (size_t i = half.keys.size(); i < batchKeys; ++i)
          half.keys.push_back(keyOf(mixKey(half.random++ * 2 + static_cast<uint64_t>(part)) % rows_));
        std::sort(half.keys.begin(), half.keys.end());
        half.keys.erase(std::unique(half.keys.begin(), half.keys.end()), half.keys.end());
      }
      half.values.resize(batchKeys * dim);
      check(store_.pullRows(0, half.keys, half.values.data()));
      check(store_.stagePush({0, step_, static_cast<int32_t>(part), 0}, 512, PushRows{0, half.keys, half.values}));
    });
    const int32_t microBatches[] = {0, 1};
    check(store_.closeStep(step_++, microBatches, 1024));
  }
  int64_t steps() const { return step_; }

private:
  struct Half {
    std::vector<uint64_t> keys;
    std::vector<float> values;
    uint64_t random = 0;
  };
  ParameterStore &store_;
  Scheduler &scheduler_;
  const uint64_t rows_;
  int64_t step_;
  Half halves_[2];
};

void fill(ParameterStore &store, Scheduler &scheduler, uint64_t rows) {
  constexpr uint64_t piece = 65536;
  parallelFor(scheduler, static_cast<int64_t>((rows + piece - 1) / piece), [&](int64_t p) {
    std::vector<uint64_t> keys;
    for (uint64_t i = static_cast<uint64_t>(p) * piece; i < std::min(rows, static_cast<uint64_t>(p + 1) * piece); ++i)
      keys.push_back(keyOf(i));
    const std::vector<float> gradients(keys.size() * dim, 0.5F);
    const RowGradients push{keys, gradients};
    store.table(0).update(0, {&push, 1}, 1);
  });
}

//===--- Measurements ---------------------------------------------------------------------------------------------===//

/// Of each figure, a sample a round.
using Rounds = std::map<std::string, std::vector<double>>;

/// Of the calling thread (CLOCK_THREAD_CPUTIME_ID) or the process.
double cpuSeconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double median(const std::vector<double> &samples) { return quantile(samples, 0.5); }

std::unique_ptr<Scheduler> makeScheduler() {
  return makeThreadedScheduler(static_cast<int>(std::thread::hardware_concurrency()));
}

double saveTo(FileSystem &files, ParameterStore &store, const std::string &dir) {
  const double start = seconds();
  ShardWriter writer(files, store);
  check(saveCheckpoint(files, writer, store, dir).status());
  return seconds() - start;
}

/// Seconds that loading a save took, into a new store.
double load(FileSystem &files, Scheduler &scheduler, const std::string &dir, int64_t rows) {
  auto loaded = makeStore(scheduler, makeModel());
  const double start = seconds();
  check(loadInto(files, *loaded, dir).status());
  const double elapsed = seconds() - start;
  if (rows >= 0 && loaded->rowCount(0) != rows)
    stop("not all rows were loaded");
  return elapsed;
}

class Bench {
public:
  Bench(uint64_t rows, std::string dir, Rounds &figures) : rows_(rows), dir_(std::move(dir)), figures_(figures) {
    fill(*store_, *scheduler_, rows_);
  }

  double save() { return saveTo(*files_, *store_, dir_); }

  void files() {
    const double saved = save();
    const size_t bytes = bytesIn(*files_, dir_);
    const auto names = files_->list(dir_);
    const auto rowsFile =
        std::find_if(names->begin(), names->end(), [](const auto &n) { return n.ends_with(".rows"); });
    std::shared_ptr<void> kept;
    std::this_thread::sleep_for(std::chrono::seconds(memoryIsTakenBack));
    const double readFresh = readIntoFreshMemory(dir_ + "/" + *rowsFile, bytes, scheduler_->concurrency(), kept);
    dropFromCache(*files_, dir_);
    const double loaded = load(*files_, *scheduler_, dir_, static_cast<int64_t>(rows_));
    std::this_thread::sleep_for(std::chrono::seconds(memoryIsTakenBack));
    dropFromCache(*files_, dir_);
    const double loadedFresh = numberFromFreshProcess("--load", dir_);
    dropFromCache(*files_, dir_);
    haveMemoryReady(bytes + bytes / 4, memoryIsTakenBack);
    const double loadedWarm = numberFromFreshProcess("--load", dir_);
    kept = nullptr;
    removeAll(*files_, dir_);
    const double written = writePlainly(dir_ + "/plain", bytes);
    const double read = readPlainly(dir_ + "/plain");
    removeAll(*files_, dir_);
    const double writtenHuge = writePlainly(dir_ + "/plain", bytes, Pages::Huge);
    const double readHuge = readPlainly(dir_ + "/plain", Pages::Huge);
    removeAll(*files_, dir_);
    const auto rate = [bytes](double took) { return static_cast<double>(bytes) / 1e6 / took; };
    std::printf("save %.0f MB/s, plain write %.0f MB/s: %.2f\nplain read %.0f MB/s, into fresh memory %.0f MB/s; load "
                "%.0f MB/s: %.2f, %.2f; in a fresh process %.0f MB/s: %.2f, %.2f; there with memory at hand %.0f MB/s: "
                "%.2f\n",
                rate(saved), rate(written), written / saved, rate(read), rate(readFresh), rate(loaded), read / loaded,
                readFresh / loaded, rate(loadedFresh), read / loadedFresh, readFresh / loadedFresh, rate(loadedWarm),
                read / loadedWarm);
    std::printf("from and to huge pages: plain write %.0f MB/s, save over it %.2f; plain read %.0f MB/s, loads over it "
                "%.2f, %.2f, %.2f\n",
                rate(writtenHuge), writtenHuge / saved, rate(readHuge), readHuge / loaded, readHuge / loadedFresh,
                readHuge / loadedWarm);
    std::fflush(stdout);
    figures_["plain_write_from_huge_pages_seconds"].push_back(writtenHuge);
    figures_["plain_read_to_huge_pages_seconds"].push_back(readHuge);
    figures_["bytes"].push_back(static_cast<double>(bytes));
    figures_["save_seconds"].push_back(saved);
    figures_["plain_write_seconds"].push_back(written);
    figures_["save_over_plain"].push_back(written / saved);
    figures_["load_seconds"].push_back(loaded);
    figures_["load_in_fresh_process_seconds"].push_back(loadedFresh);
    figures_["load_with_memory_at_hand_seconds"].push_back(loadedWarm);
    figures_["plain_read_seconds"].push_back(read);
    figures_["load_over_plain"].push_back(read / loaded);
    figures_["load_in_fresh_process_over_plain"].push_back(read / loadedFresh);
    figures_["load_with_memory_at_hand_over_plain"].push_back(read / loadedWarm);
    figures_["plain_read_into_fresh_memory_seconds"].push_back(readFresh);
    figures_["load_over_plain_into_fresh_memory"].push_back(readFresh / loaded);
    figures_["load_in_fresh_process_over_plain_into_fresh_memory"].push_back(readFresh / loadedFresh);
  }

  void training() {
    Trainer trainer(*store_, *scheduler_, rows_);
    const double cpuBefore = cpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
    const double alone = save();
    const double cpuAlone = cpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - cpuBefore;
    removeAll(*files_, dir_);
    const double period = std::max(alone, 1.0);
    const auto rate = [&](const auto &ended) {
      const double start = seconds();
      const int64_t first = trainer.steps();
      double longest = 0;
      while (!ended()) {
        const double before = seconds();
        trainer.step();
        longest = std::max(longest, seconds() - before);
      }
      figures_["longest_step_seconds"].push_back(longest);
      return static_cast<double>(trainer.steps() - first) / (seconds() - start);
    };
    const auto undisturbed = [&] { return rate([&, until = seconds() + period] { return seconds() > until; }); };
    undisturbed(); // warm
    const double before = undisturbed();
    std::atomic<bool> saved{false};
    double duration = 0, cpu = 0;
    ShardWriter writer(*files_, *store_);
    const double start = seconds();
    writer.mark();
    const double instant = seconds() - start;
    std::thread saver([&] {
      check(saveCheckpoint(*files_, writer, *store_, dir_).status());
      duration = seconds() - start;
      cpu = cpuSeconds(CLOCK_THREAD_CPUTIME_ID);
      saved = true;
    });
    const double amid = rate([&] { return saved.load(); });
    saver.join();
    removeAll(*files_, dir_);
    const double after = undisturbed();
    const double without = (before + after) / 2;
    std::printf("steps/s %.1f, while saving %.1f: %.2f; save %.2f s, alone %.2f s: %.2f; processor time %.2f s, alone "
                "%.2f s; instant %.1f ms\n",
                without, amid, amid / without, duration, alone, duration / alone, cpu, cpuAlone, instant * 1e3);
    figures_["steps_per_second"].push_back(without);
    figures_["steps_per_second_while_saving"].push_back(amid);
    figures_["training_while_saving"].push_back(amid / without);
    figures_["save_while_training_seconds"].push_back(duration);
    figures_["save_alone_seconds"].push_back(alone);
    figures_["save_while_training_cpu_seconds"].push_back(cpu);
    figures_["save_alone_cpu_seconds"].push_back(cpuAlone);
    figures_["duration_over_alone"].push_back(duration / alone);
    figures_["instant_seconds"].push_back(instant);
  }

private:
  static constexpr int memoryIsTakenBack = 4; ///< Seconds after which a host has taken back what was freed here.

  const uint64_t rows_;
  const std::string dir_;
  Rounds &figures_;
  const package::PackageInfo info_ = makeModel();
  const std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
  const std::unique_ptr<Scheduler> scheduler_ = makeScheduler();
  const std::unique_ptr<ParameterStore> store_ = makeStore(*scheduler_, info_);
};

/// Saves of a table of ten times its budget, beside reading and writing as many bytes plainly.
void measureTiers(uint64_t rows, int rounds, const std::string &dir, Rounds &figures) {
  const std::unique_ptr<FileSystem> files = makePosixFileSystem();
  const std::unique_ptr<Scheduler> scheduler = makeScheduler();
  const auto store = makeStore(*scheduler, makeModel(rows / 10), {.files = files.get(), .folder = dir});
  check(store->tierStatus());
  fill(*store, *scheduler, rows);
  check(store->tierStatus());
  const std::string saves = dir + "/saves";
  check(files->createDirectories(saves));
  for (int round = 0; round < rounds; ++round) {
    const auto blocks = [&] { return static_cast<double>(store->table(0).tierFigures().blocksRead); };
    const double before = blocks();
    const double cpuBefore = cpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
    const double saved = saveTo(*files, *store, saves);
    const double cpu = cpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - cpuBefore;
    const double blocksRead = blocks() - before;
    const size_t bytes = bytesIn(*files, saves);
    removeAll(*files, saves);
    const double written = writePlainly(saves + "/plain", bytes);
    const double read = readPlainly(saves + "/plain");
    removeAll(*files, saves);
    const double onDisk = static_cast<double>(store->table(0).tierFigures().rowsOnDisk);
    std::printf(
        "a table of ten times its budget, %.1f M rows on disk: save %.0f MB/s, processor time %.2f s, %.3f blocks "
        "read a row; plain write %.0f MB/s and read %.0f MB/s: %.2f of both\n",
        onDisk / 1e6, static_cast<double>(bytes) / 1e6 / saved, cpu, blocksRead / onDisk,
        static_cast<double>(bytes) / 1e6 / written, static_cast<double>(bytes) / 1e6 / read, (written + read) / saved);
    std::fflush(stdout);
    figures["tier_save_seconds"].push_back(saved);
    figures["tier_save_cpu_seconds"].push_back(cpu);
    figures["tier_save_blocks_read_a_row"].push_back(blocksRead / onDisk);
    figures["tier_save_over_plain_write_and_read"].push_back((written + read) / saved);
  }
}

void writeMedians(const std::string &path, uint64_t rows, const Rounds &rounds) {
  Figures figures;
  figures.set("rows", static_cast<double>(rows));
  for (const auto &[name, samples] : rounds)
    figures.set(name, median(samples));
  if (!figures.write(path))
    stop("cannot write " + path);
}

struct Options {
  uint64_t rows = 10000000;
  int rounds = 3;
  std::string dir = ".";
  std::string json;
  std::string only;
  std::string load; ///< A folder whose save is loaded, and nothing else: what this program asks of itself.
};

Options parse(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 == argc)
      stop(std::string(flag) + " wants a value");
    const std::string value = argv[i + 1];
    if (flag == "--rows")
      options.rows = std::strtoull(value.c_str(), nullptr, 10);
    else if (flag == "--rounds")
      options.rounds = std::atoi(value.c_str());
    else if (flag == "--dir")
      options.dir = value;
    else if (flag == "--json")
      options.json = value;
    else if (flag == "--only" && (value == "files" || value == "training" || value == "tiers"))
      options.only = value;
    else if (flag == "--load")
      options.load = value;
    else
      stop("there is no " + std::string(flag) + " " + value);
  }
  if (options.rows == 0 || options.rounds < 1)
    stop("--rows and --rounds are at least 1");
  return options;
}

int run(const Options &options, const std::string &dir) {
  Rounds figures;
  const auto wants = [&](std::string_view section) { return options.only.empty() || options.only == section; };
  if (wants("files") || wants("training")) {
    Bench bench(options.rows, dir, figures);
    for (int round = 0; round < options.rounds; ++round) {
      if (wants("files"))
        bench.files();
      if (wants("training"))
        bench.training();
    }
  }
  if (wants("tiers"))
    measureTiers(options.rows, options.rounds, dir, figures);
  if (!options.json.empty())
    writeMedians(options.json, options.rows, figures);
  return 0;
}
} // namespace

int main(int argc, char **argv) {
  const Options options = parse(argc, argv);
  if (!options.load.empty()) {
    std::printf("%.6f\n", load(*makePosixFileSystem(), *makeScheduler(), options.load, -1));
    return 0;
  }
  return runInOwnFolder(options.dir, [&](const std::string &dir) { return run(options, dir); });
}
