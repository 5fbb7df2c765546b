// bound-bench: the work that training a click model cannot do without, and nothing else: the table's pull and update of
// each batch's distinct keys, the matrix products on operands that lie as they want them, and Adam streaming over the
// dense values. No text is read while it runs, nothing is packed, no bias, activation or loss computed.
//
//   bound-bench PACKAGE DATA ALL_IDS --widths A,B,.. --precision f32|bf16 --batch-size N --threads N [--warm-up
//   SECONDS]
//
// PACKAGE is one for bf16 in either case, whose kernels multiply packed matrices. DATA's keys are read into memory,
// rows are made for those of ALL_IDS. It prints a line of JSON once it is warm, and answers each line of standard
// input, a number of seconds, by working so long at least and printing how many examples that were.
#include "bench/OrThrow.h"
#include "bench/bound/Products.h"
#include "bench/table/Timing.h"
#include "runtime/base/Hash.h"
#include "runtime/base/ParallelFor.h"
#include "runtime/data/LineReader.h"
#include "runtime/data/RowProgram.h"
#include "runtime/package/KernelObject.h"
#include "runtime/package/Package.h"
#include "runtime/table/SparseTable.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <future>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <sys/resource.h>

namespace heter::bench {

using namespace heter::runtime;

namespace {

/// The distinct keys of each batch, in the order of the table's ranges.
std::vector<std::vector<uint64_t>> readKeys(FileSystem &files, const Package &package, const std::string &path,
                                            int64_t batchSize) {
  RowProgram program = orThrow(RowProgram::compile(package.info.data.at(0), package.info.inputs));
  LineReader lines(files, {path});
  std::string_view line;
  RowError error;
  std::vector<std::vector<uint64_t>> result;
  Batch batch;
  const auto finish = [&] {
    std::vector<uint64_t> keys;
    for (const BatchTensor &tensor : batch.tensors)
      keys.insert(keys.end(), tensor.integers.begin(), tensor.integers.end());
    std::sort(keys.begin(), keys.end(), [](uint64_t a, uint64_t b) { return mixKey(a) < mixKey(b); });
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    result.push_back(std::move(keys));
    program.begin(batch);
  };
  program.begin(batch);
  while (orThrow(lines.next(line))) {
    if (!program.append(line, batch, error))
      throw std::runtime_error(lines.position() + ": " + error.message);
    if (batch.examples == batchSize)
      finish();
  }
  if (result.empty())
    finish();
  return result;
}

/// Adam over `elements` values, as one loop over memory.
class StreamingAdam {
public:
  explicit StreamingAdam(int64_t elements)
      : value_(elements, 0.1F), first_(elements, 0.01F), second_(elements, 0.01F), gradient_(elements, 0.001F) {}

  void run(Scheduler &scheduler) {
    constexpr int64_t piece = 1 << 16;
    const auto count = static_cast<int64_t>(value_.size());
    parallelFor(scheduler, (count + piece - 1) / piece,
                [&](int64_t i) { update(i * piece, std::min(count, (i + 1) * piece)); });
  }

private:
  void update(int64_t begin, int64_t end) {
    float *__restrict value = value_.data(), *__restrict first = first_.data(), *__restrict second = second_.data();
    const float *__restrict gradient = gradient_.data();
    for (int64_t i = begin; i < end; ++i) {
      const float g = gradient[i];
      first[i] = 0.9F * first[i] + 0.1F * g;
      second[i] = 0.999F * second[i] + 0.001F * g * g;
      value[i] -= 1e-3F * first[i] / (std::sqrt(second[i]) + 1e-8F);
    }
  }

  std::vector<float> value_, first_, second_, gradient_;
};

struct Arguments {
  std::vector<std::string> words;
  std::map<std::string, std::string> flags;

  Arguments(int count, char **texts) {
    for (int i = 1; i < count; ++i) {
      const std::string text = texts[i];
      if (text.starts_with("--") && i + 1 < count)
        flags[text] = texts[++i];
      else
        words.push_back(text);
    }
  }
  std::string get(const std::string &flag) const {
    const auto found = flags.find(flag);
    if (found == flags.end())
      throw std::runtime_error("there is no " + flag);
    return found->second;
  }
};

/// A step, and all that it works on.
class Step {
public:
  Step(Scheduler &scheduler, FileSystem &files, const Arguments &arguments)
      : scheduler_(scheduler), threads_(std::stoi(arguments.get("--threads"))),
        batchSize_(std::stoll(arguments.get("--batch-size"))),
        package_(orThrow(readPackage(files, arguments.words.at(0)))),
        kernels_(orThrow(openKernelObject(files, arguments.words[0]))),
        schema_(orThrow(
            StoreSchema::create(package_.info, [this](const std::string &name) { return kernels_->find(name); }))),
        table_(schema_.tables.at(0), 1, 0, virtualShards) {
    for (const std::vector<uint64_t> &keys : readKeys(files, package_, arguments.words.at(2), 4096))
      push(keys);
    batches_ = readKeys(files, package_, arguments.words.at(1), batchSize_);
    makeProducts(arguments.get("--widths"), arguments.get("--precision") == "bf16");
    chooseWays();
  }

  int64_t batchSize() const { return batchSize_; }
  const std::string &choices() const { return choices_; }

  void run() {
    const std::vector<uint64_t> &keys = batches_[next_++ % batches_.size()];
    pull(keys);
    for (Product &product : products_) {
      const double start = seconds();
      product.ways[product.way]->run();
      if (choosing_)
        product.times.push_back(seconds() - start);
    }
    push(keys);
    adam_->run(scheduler_);
  }

private:
  int64_t dim() const { return schema_.tables[0].parts[0].dim; }

  void pull(const std::vector<uint64_t> &keys) {
    rows_.resize(std::max(rows_.size(), keys.size() * static_cast<size_t>(dim())));
    parallelFor(scheduler_, threads_, [&](int64_t i) {
      const size_t begin = keys.size() * static_cast<size_t>(i) / static_cast<size_t>(threads_),
                   end = keys.size() * static_cast<size_t>(i + 1) / static_cast<size_t>(threads_);
      table_.pull(0, std::span(keys).subspan(begin, end - begin), rows_.data() + begin * static_cast<size_t>(dim()));
    });
  }

  void push(const std::vector<uint64_t> &keys) {
    gradients_.resize(std::max(gradients_.size(), keys.size() * static_cast<size_t>(dim())), 0.001F);
    const RowGradients gradients{keys, std::span(gradients_).first(keys.size() * static_cast<size_t>(dim()))};
    const PartGradients part{0, std::span(&gradients, 1)};
    const SparseTable::Update update(table_, std::span(&part, 1), 1, {});
    parallelFor(scheduler_, SparseTable::Update::pieces, [&](int64_t i) { update.run(static_cast<int>(i)); });
  }

  void makeProducts(const std::string &widths, bool bf16) {
    std::vector<int64_t> sizes = {inputWidth()};
    std::istringstream texts(widths + ",1");
    for (std::string text; std::getline(texts, text, ',');)
      sizes.push_back(std::stoll(text));
    const ProductKind kind{scheduler_, TileKernels::of(kernels_.get()), threads_, bf16};
    int64_t elements = 0;
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      const int64_t in = sizes[i], out = sizes[i + 1];
      elements += in * out + out;
      add(kind, {batchSize_, out, in}, /*wide=*/false); // forward
      add(kind, {batchSize_, in, out}, /*wide=*/false); // the input's gradient
      add(kind, {in, out, batchSize_}, /*wide=*/true);  // the weight's gradient
    }
    adam_.emplace(elements);
  }

  void add(const ProductKind &kind, const Extents &extents, bool wide) {
    products_.push_back({extents, waysOf(kind, extents, wide)});
  }

  /// Each product in the way that took least time in steps like those that will be measured: what a step streams past
  /// the caches is a part of it.
  void chooseWays() {
    constexpr int steps = 9;
    choosing_ = true;
    size_t mostWays = 1;
    for (const Product &product : products_)
      mostWays = std::max(mostWays, product.ways.size());
    std::vector<std::vector<double>> best(products_.size());
    for (size_t way = 0; way < mostWays; ++way) {
      for (Product &product : products_) {
        product.way = std::min(way, product.ways.size() - 1);
        product.times.clear();
      }
      for (int i = 0; i < steps; ++i)
        run();
      for (size_t i = 0; i < products_.size(); ++i)
        best[i].push_back(quantile(products_[i].times, 0.5));
    }
    for (size_t i = 0; i < products_.size(); ++i) {
      Product &product = products_[i];
      const auto fastest =
          std::min_element(best[i].begin(), best[i].begin() + static_cast<ptrdiff_t>(product.ways.size()));
      product.way = static_cast<size_t>(fastest - best[i].begin());
      product.ways[0] = std::move(product.ways[product.way]);
      product.ways.resize(1);
      product.way = 0;
      product.times = {};
      const Extents &extents = product.extents;
      choices_ += (choices_.empty() ? "" : ", ") + std::to_string(extents.rows) + "x" +
                  std::to_string(extents.columns) + "x" + std::to_string(extents.depth) + " " +
                  product.ways[0]->name() + " " + std::to_string(std::lround(1e6 * *fastest)) + " us";
    }
    choosing_ = false;
  }

  /// Of the first layer: the dense values and a row an id.
  int64_t inputWidth() const {
    RowProgram program = orThrow(RowProgram::compile(package_.info.data.at(0), package_.info.inputs));
    int64_t width = 0;
    for (const package::Input &input : package_.info.inputs) {
      int64_t values = 1;
      for (int64_t extent : input.type.shape)
        values *= std::max<int64_t>(extent, 1);
      if (input.type.element == package::ElementType::I64)
        width += values * dim();
      else if (!input.label)
        width += values;
    }
    return width;
  }

  Scheduler &scheduler_;
  const int threads_;
  const int64_t batchSize_;
  const Package package_;
  const std::unique_ptr<KernelObject> kernels_;
  const StoreSchema schema_;
  SparseTable table_;
  std::vector<std::vector<uint64_t>> batches_;
  size_t next_ = 0;
  std::vector<float> rows_, gradients_;
  struct Product {
    Extents extents;
    std::vector<std::unique_ptr<BoundProduct>> ways;
    size_t way = 0;
    std::vector<double> times = {}; ///< Of its runs while a way is chosen.
  };
  std::vector<Product> products_;
  bool choosing_ = false;
  std::string choices_;
  std::optional<StreamingAdam> adam_;
};

double cpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/// Steps for so long at least; gives their number.
int64_t work(Step &step, double duration) {
  const double start = seconds();
  int64_t steps = 0;
  while (steps == 0 || seconds() - start < duration) {
    step.run();
    ++steps;
  }
  return steps;
}

/// Runs `body` as a task and waits for it; what it throws is thrown here.
void asTask(Scheduler &scheduler, const std::function<void()> &body) {
  std::promise<void> ended;
  scheduler.post([&] {
    try {
      body();
      ended.set_value();
    } catch (...) {
      ended.set_exception(std::current_exception());
    }
  });
  ended.get_future().get();
}

void serve(const Arguments &arguments) {
  auto files = makePosixFileSystem();
  auto scheduler = makeThreadedScheduler(std::stoi(arguments.get("--threads")));
  std::unique_ptr<Step> step;
  asTask(*scheduler, [&] {
    step = std::make_unique<Step>(*scheduler, *files, arguments);
    work(*step, arguments.flags.contains("--warm-up") ? std::stod(arguments.get("--warm-up")) : 0);
  });
  std::printf("{\"version\": \"bound\", \"products\": \"%s\"}\n", step->choices().c_str());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);)
    asTask(*scheduler, [&] {
      const double start = seconds(), cpu = cpuSeconds();
      const int64_t steps = work(*step, std::stod(line));
      std::printf("{\"examples\": %lld, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
                  static_cast<long long>(steps * step->batchSize()), seconds() - start, cpuSeconds() - cpu);
      std::fflush(stdout);
    });
}

} // namespace
} // namespace heter::bench

int main(int count, char **texts) {
  try {
    const heter::bench::Arguments arguments(count, texts);
    if (arguments.words.size() != 3)
      throw std::runtime_error(
          "usage: bound-bench PACKAGE DATA ALL_IDS --widths A,B,.. --precision f32|bf16 --batch-size N "
          "--threads N [--warm-up SECONDS]");
    heter::bench::serve(arguments);
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "bound-bench: %s\n", error.what());
    return 1;
  }
}
