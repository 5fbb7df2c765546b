// checkpoint-bench: saving and loading a table of rows of dim 9 with Adagrad, beside writing and reading the same bytes
// plainly (direct I/O, from front to back), and training while a save is written. Turn by turn, in one folder.
//
//   checkpoint-bench [--rows N] [--dir DIR] [--rounds N] [--only files|training] [--json FILE]
#include "runtime/table/Checkpoint.h"
#include "bench/table/Kernels.h"
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
#include <fcntl.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using namespace heter::bench;
using namespace heter::runtime;

namespace {
constexpr int64_t dim = 9;
constexpr size_t batchKeys = 13312;
constexpr size_t ioBytes = size_t{4} << 20;

[[noreturn]] void stop(const std::string &why) {
  std::fprintf(stderr, "checkpoint-bench: %s\n", why.c_str());
  std::exit(1);
}
void check(const Status &status) {
  if (!status.ok())
    stop(status.message());
}

package::PackageInfo makeModel() {
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
  package::PackageInfo info;
  info.model = "bench";
  info.tables = {table};
  return info;
}

std::unique_ptr<ParameterStore> makeStore(Scheduler &scheduler, const package::PackageInfo &info) {
  StoreOptions options;
  options.background = [&scheduler](std::function<void()> task) { scheduler.postBlocking(std::move(task)); };
  options.besideTraining = [&scheduler](int64_t count, const auto &body) { unhurriedFor(scheduler, count, body); };
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

//===--- Files ----------------------------------------------------------------------------------------------------===//

struct Aligned {
  char *bytes = static_cast<char *>(std::aligned_alloc(4096, ioBytes));
  ~Aligned() { std::free(bytes); }
};

int openDirect(const std::string &path, int flags) {
  const int file = ::open(path.c_str(), flags | O_DIRECT, 0666);
  if (file < 0)
    stop("cannot open " + path + " for direct I/O");
  return file;
}

double writePlainly(const std::string &path, size_t bytes) {
  const Aligned buffer;
  std::fill_n(buffer.bytes, ioBytes, 'x');
  const double start = seconds();
  const int file = openDirect(path, O_WRONLY | O_CREAT | O_TRUNC);
  for (size_t done = 0; done < bytes; done += ioBytes)
    if (::write(file, buffer.bytes, ioBytes) != static_cast<ssize_t>(ioBytes))
      stop("cannot write " + path);
  if (::fsync(file) != 0)
    stop("cannot sync " + path);
  ::close(file);
  return seconds() - start;
}

double readPlainly(const std::string &path) {
  const Aligned buffer;
  const double start = seconds();
  const int file = openDirect(path, O_RDONLY);
  while (::read(file, buffer.bytes, ioBytes) > 0) {
  }
  ::close(file);
  return seconds() - start;
}

/// The same into memory of its own size that nobody has used yet, as a table's is that is loaded. Keeps it, so that who
/// is measured next gets none that the system has just made ready.
double readIntoFreshMemory(const std::string &path, size_t bytes, std::shared_ptr<void> &keep) {
  const size_t size = (bytes + ioBytes - 1) / ioBytes * ioBytes + ioBytes;
  const double start = seconds();
  void *memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    stop("no memory");
  ::madvise(memory, size, MADV_HUGEPAGE);
  const int file = openDirect(path, O_RDONLY);
  size_t at = 0;
  for (ssize_t got = 1; got > 0; at += static_cast<size_t>(std::max<ssize_t>(got, 0)))
    got = ::read(file, static_cast<char *>(memory) + at, ioBytes);
  ::close(file);
  const double elapsed = seconds() - start;
  keep = {memory, [size](void *p) { ::munmap(p, size); }};
  return elapsed;
}

void dropFromCache(FileSystem &files, const std::string &dir) {
  const auto names = files.list(dir);
  check(names.status());
  for (const std::string &name : *names) {
    const int file = ::open((dir + "/" + name).c_str(), O_RDONLY);
    ::fsync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
  }
}

size_t bytesIn(FileSystem &files, const std::string &dir) {
  size_t bytes = 0;
  const auto names = files.list(dir);
  check(names.status());
  for (const std::string &name : *names)
    bytes += static_cast<size_t>(*files.fileSize(dir + "/" + name));
  return bytes;
}

void removeAll(FileSystem &files, const std::string &dir) {
  const auto names = files.list(dir);
  check(names.status());
  for (const std::string &name : *names)
    check(files.remove(dir + "/" + name));
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

class Bench {
public:
  Bench(uint64_t rows, std::string dir, Rounds &figures) : rows_(rows), dir_(std::move(dir)), figures_(figures) {
    check(files_->createDirectories(dir_));
    fill(*store_, *scheduler_, rows_);
  }

  double save() {
    const double start = seconds();
    ShardWriter writer(*files_, *store_);
    check(saveCheckpoint(*files_, writer, *store_, dir_).status());
    return seconds() - start;
  }

  void files() {
    const double saved = save();
    const size_t bytes = bytesIn(*files_, dir_);
    const double megabytes = static_cast<double>(bytes) / 1e6;
    std::shared_ptr<void> kept;
    const auto names = files_->list(dir_);
    const auto rowsFile =
        std::find_if(names->begin(), names->end(), [](const auto &n) { return n.ends_with(".rows"); });
    const double readFresh = readIntoFreshMemory(dir_ + "/" + *rowsFile, bytes, kept);
    dropFromCache(*files_, dir_);
    auto loaded = makeStore(*scheduler_, info_);
    const double start = seconds();
    check(loadInto(*files_, *loaded, dir_).status());
    const double loading = seconds() - start;
    if (loaded->rowCount(0) != static_cast<int64_t>(rows_))
      stop("not all rows were loaded");
    loaded = nullptr;
    kept = nullptr;
    removeAll(*files_, dir_);
    const double written = writePlainly(dir_ + "/plain", bytes);
    const double read = readPlainly(dir_ + "/plain");
    removeAll(*files_, dir_);
    std::printf("save %.0f MB/s, plain write %.0f MB/s: %.2f; load %.0f MB/s, plain read %.0f MB/s: %.2f, into fresh "
                "memory %.0f MB/s: %.2f\n",
                megabytes / saved, megabytes / written, written / saved, megabytes / loading, megabytes / read,
                read / loading, megabytes / readFresh, readFresh / loading);
    figures_["bytes"].push_back(static_cast<double>(bytes));
    figures_["save_seconds"].push_back(saved);
    figures_["plain_write_seconds"].push_back(written);
    figures_["save_over_plain"].push_back(written / saved);
    figures_["load_seconds"].push_back(loading);
    figures_["plain_read_seconds"].push_back(read);
    figures_["load_over_plain"].push_back(read / loading);
    figures_["plain_read_into_fresh_memory_seconds"].push_back(readFresh);
    figures_["load_over_plain_into_fresh_memory"].push_back(readFresh / loading);
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
  const uint64_t rows_;
  const std::string dir_;
  Rounds &figures_;
  const package::PackageInfo info_ = makeModel();
  const std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
  const std::unique_ptr<Scheduler> scheduler_ =
      makeThreadedScheduler(static_cast<int>(std::thread::hardware_concurrency()));
  const std::unique_ptr<ParameterStore> store_ = makeStore(*scheduler_, info_);
};

void writeMedians(const std::string &path, uint64_t rows, const Rounds &rounds) {
  Figures figures;
  figures.set("rows", static_cast<double>(rows));
  for (const auto &[name, samples] : rounds)
    figures.set(name, median(samples));
  if (!figures.write(path))
    stop("cannot write " + path);
}
} // namespace

int main(int argc, char **argv) {
  uint64_t rows = 10000000;
  int rounds = 3;
  std::string dir = "checkpoint-bench.dir";
  std::string json;
  std::string_view only;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--rows")
      rows = static_cast<uint64_t>(std::atoll(argv[i + 1]));
    else if (flag == "--rounds")
      rounds = std::atoi(argv[i + 1]);
    else if (flag == "--dir")
      dir = argv[i + 1];
    else if (flag == "--json")
      json = argv[i + 1];
    else if (flag == "--only")
      only = argv[i + 1];
    else
      stop("there is no " + std::string(flag));
  }
  Rounds figures;
  Bench bench(rows, dir, figures);
  for (int round = 0; round < rounds; ++round) {
    if (only.empty() || only == "files")
      bench.files();
    if (only.empty() || only == "training")
      bench.training();
  }
  ::rmdir(dir.c_str());
  if (!json.empty())
    writeMedians(json, rows, figures);
  return 0;
}
