// The tiny model's data, runs and saved models.
#include "tests/runtime/role/TinyRun.h"

#include "runtime/base/Random.h"
#include "runtime/table/Checkpoint.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>

namespace heter::runtime::test {

TinyData::TinyData(int lines) {
  std::string pattern = (std::filesystem::temp_directory_path() / "heter-role-XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
  std::ofstream out(file());
  auto key = philoxKey(7, "tiny data");
  for (int line = 0; line < lines; ++line) {
    auto words = philox4x32({static_cast<uint32_t>(line), 0, 0, 0}, key);
    auto ids = philox4x32({static_cast<uint32_t>(line), 1, 0, 0}, key);
    float x = uniformFloat(words[0]), y = uniformFloat(words[1]), z = uniformFloat(words[2]);
    float score = 3 * x - 2 * y + (ids[0] % 7 < 3 ? 1.0f : -1.0f);
    bool click = uniformFloat(words[3]) < 1 / (1 + std::exp(-score));
    out << click << '\t' << x << '\t' << y << '\t' << z;
    for (uint32_t id : ids)
      out << '\t' << 'k' << id % 7 << (id % 3 == 0 ? id % 211 : 0);
    out << '\n';
  }
}

TinyData::~TinyData() { std::filesystem::remove_all(folder_); }

RunOptions tinyOptions(const TinyData &data) {
  RunOptions options;
  options.dataFiles = {data.file()};
  options.batchSize = 8;
  return options;
}

Outcome simulate(const Package &package, const RunOptions &options, Simulation simulation) {
  SimulatedScheduler scheduler(simulation.seed);
  auto files = makePosixFileSystem();
  RunHooks hooks;
  Outcome outcome;
  hooks.predictions = [&](const std::string &lines) {
    outcome.predictions += lines;
    return Status();
  };
  InProcessRun run(
      {package, simulation.kernels, simulation.files ? *simulation.files : *files, scheduler, options, hooks},
      simulation.weather, /*watch=*/true);
  if (simulation.before)
    simulation.before(run, scheduler);
  run.start([&](StatusOr<RunResult> result) {
    outcome.result = std::move(result);
    outcome.end = scheduler.now();
  });
  scheduler.runUntilIdle();
  run.shutdown();
  scheduler.runUntilIdle();
  outcome.trace = scheduler.traceHash();
  return outcome;
}

Outcome simulate(const Package &package, const RunOptions &options, uint64_t seed, Duration longestDelay) {
  Simulation simulation{.seed = seed};
  if (longestDelay > Duration::zero())
    simulation.weather = MemoryNetwork::randomDelay(seed, longestDelay);
  return simulate(package, options, std::move(simulation));
}

StatusOr<RunResult> runThreaded(const Package &package, const RunOptions &options, int threads, Duration longestDelay,
                                const RunHooks &hooks) {
  auto kernels = tinyKernels();
  auto files = makePosixFileSystem();
  std::promise<StatusOr<RunResult>> promise;
  std::optional<InProcessRun> run;
  std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(threads);
  MemoryNetwork::Weather weather;
  if (longestDelay > Duration::zero())
    weather = MemoryNetwork::randomDelay(1, longestDelay);
  run.emplace(RunInputs{package, kernels, *files, *scheduler, options, hooks}, weather);
  run->start([&](StatusOr<RunResult> result) { promise.set_value(std::move(result)); });
  StatusOr<RunResult> result = promise.get_future().get();
  run->shutdown();
  scheduler.reset();
  return result;
}

std::vector<double> losses(const StatusOr<RunResult> &result) {
  std::vector<double> values;
  if (result.ok())
    for (const StepLoss &step : result->losses)
      values.push_back(step.loss);
  return values;
}

namespace {

class TextFile final : public OutputFile {
public:
  Status append(std::span<const char> bytes) override {
    text.append(bytes.data(), bytes.size());
    return Status();
  }
  Status sync() override { return Status(); }
  Status close() override { return Status(); }
  std::string text;
};

} // namespace

std::string dump(const std::string &folder) {
  TextFile out;
  Status status = dumpCheckpoint(*makePosixFileSystem(), folder, out);
  return status.ok() ? out.text : "error: " + status.message();
}

} // namespace heter::runtime::test
