// The tiny model's graphs and kernels:
//   s = sum of emb rows of slots (2 floats);  logit = s0 + s1 + dense . w;  p = sigmoid(logit)
//   loss = mean cross entropy;  gradients are sums over the micro-batch: p - y an example
#include "tests/runtime/role/TinyModel.h"

#include "runtime/base/Random.h"
#include "runtime/package/Package_constants.h"
#include "runtime/table/Checkpoint.h"
#include "tests/runtime/support/GraphBuilder.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

namespace heter::runtime::test {
namespace {

constexpr int64_t denseSize = 3;
constexpr int64_t slotCount = 4;
constexpr int64_t rowDim = 2;

// (s [B,2], dense [B,3], w [3], y [B]) -> (p [B], loss [], dlogit [B])
void forward(void *const *args) {
  const float *s = memref(args, 0).data(), *dense = memref(args, 1).data(), *w = memref(args, 2).data(),
              *y = memref(args, 3).data();
  int64_t examples = memref(args, 3).size(0);
  float loss = 0;
  for (int64_t b = 0; b < examples; ++b) {
    float logit = s[b * rowDim] + s[b * rowDim + 1];
    for (int64_t j = 0; j < denseSize; ++j)
      logit += dense[b * denseSize + j] * w[j];
    float p = 1 / (1 + std::exp(-logit));
    memref(args, 4).data()[b] = p;
    memref(args, 6).data()[b] = p - y[b];
    loss -= y[b] * std::log(p) + (1 - y[b]) * std::log(1 - p);
  }
  *memref(args, 5).data() = loss / static_cast<float>(examples);
}

// (s [B,2], dense [B,3], w [3]) -> (p [B])
void predictKernel(void *const *args) {
  const float *s = memref(args, 0).data(), *dense = memref(args, 1).data(), *w = memref(args, 2).data();
  for (int64_t b = 0; b < memref(args, 3).size(0); ++b) {
    float logit = s[b * rowDim] + s[b * rowDim + 1];
    for (int64_t j = 0; j < denseSize; ++j)
      logit += dense[b * denseSize + j] * w[j];
    memref(args, 3).data()[b] = 1 / (1 + std::exp(-logit));
  }
}

// (dlogit [B], dense [B,3]) -> (dw [3], ds [B,2])
void backward(void *const *args) {
  const float *dlogit = memref(args, 0).data(), *dense = memref(args, 1).data();
  float *dw = memref(args, 2).data(), *ds = memref(args, 3).data();
  std::fill_n(dw, denseSize, 0.0f);
  for (int64_t b = 0; b < memref(args, 0).size(0); ++b) {
    for (int64_t j = 0; j < denseSize; ++j)
      dw[j] += dlogit[b] * dense[b * denseSize + j];
    ds[b * rowDim] = ds[b * rowDim + 1] = dlogit[b];
  }
}

// (value, sum, gradient) -> (value, sum)
void adagrad(void *const *args) {
  for (int64_t i = 0; i < memref(args, 0).size(0); ++i) {
    float g = memref(args, 2).data()[i];
    float sum = memref(args, 1).data()[i] + g * g;
    memref(args, 4).data()[i] = sum;
    memref(args, 3).data()[i] = memref(args, 0).data()[i] - 0.1f * g / (std::sqrt(sum) + 1e-10f);
  }
}

package::Optimizer adagradOptimizer() {
  package::Optimizer optimizer;
  optimizer.name = "adagrad";
  optimizer.callee = "adagrad";
  optimizer.slots = {"sum"};
  optimizer.slotInit = {0};
  return optimizer;
}

package::Initializer uniform(double scale) {
  package::Initializer init;
  init.kind = "uniform";
  init.scale = scale;
  return init;
}

package::Input input(const std::string &name, package::TensorType type, bool label = false) {
  package::Input input;
  input.name = name;
  input.kind = ValueKind::TENSOR;
  input.type = std::move(type);
  input.label = label;
  return input;
}

package::DataExpression columns(std::vector<double> numbers) {
  package::DataExpression expression;
  expression.op = "column";
  expression.numbers = std::move(numbers);
  return expression;
}

package::Binding bind(const std::string &input, package::DataExpression expression) {
  package::Binding binding;
  binding.input = input;
  binding.expression = std::move(expression);
  return binding;
}

package::Channel channel(const std::string &name, bool toGpu, std::vector<package::TensorType> types) {
  package::Channel channel;
  channel.name = name;
  channel.sender = toGpu ? "cpu-trainer" : "heter-trainer.gpu";
  channel.receiver = toGpu ? "heter-trainer.gpu" : "cpu-trainer";
  channel.depth = toGpu ? 1 : 2;
  for (auto &type : types) {
    package::ChannelValue value;
    value.kind = ValueKind::TENSOR;
    value.type = type;
    channel.values.push_back(value);
  }
  return channel;
}

const package::TensorType batchOf(int64_t size) { return f32({-1, size}); }

/// Builds one graph of a role; the value numbers of its parts.
struct TinyGraph : GraphBuilder {
  int dense = -1, slots = -1, keys = -1, places = -1, click = -1, s = -1, w = -1, p = -1, loss = -1, dlogit = -1,
      dw = -1, ds = -1;

  void readBatch(bool labelled = true) {
    input("dense", dense = placed("dense", batchOf(denseSize)));
    input("slots", slots = placed("slots", i64({-1, slotCount})));
    if (labelled)
      input("click", click = placed("click", f32({-1})));
  }
  void lookUp() {
    s = placed("s", batchOf(rowDim));
    library("unique_keys", {slots},
            {keys = bound("keys", f32({0}), ValueKind::ROWS), places = placed("places", i64({-1, slotCount}))});
    const int pulled = bound("pulled", f32({rowDim}), ValueKind::ROWS);
    node(NodeKind::PULL_ROWS, "emb", "", {keys}, {pulled}, {{"table", text("emb")}, {"part", text("")}});
    library("lookup", {pulled, places}, {s}, {{"pools", text("sum")}});
  }
  void compute(bool training, Space::type space) {
    p = placed("p", f32({-1}), space);
    loss = placed("loss", f32({}), space);
    dlogit = placed("dlogit", f32({-1}), space);
    kernel("forward", {s, dense, w, click}, {p, loss, dlogit});
    if (!training)
      return;
    dw = placed("dw", f32({denseSize}), space);
    ds = placed("ds", batchOf(rowDim), space);
    kernel("backward", {dlogit, dense}, {dw, ds});
  }
  void pullW() {
    w = bound("w", f32({denseSize}));
    node(NodeKind::PULL_DENSE, "w", "", {}, {w}, {{"parameter", text("w")}});
  }
  void pushW() { node(NodeKind::PUSH_DENSE, "w", "", {dw}, {}, {{"parameter", text("w")}}); }
  void pushRows() {
    int rows = bound("rows", f32({rowDim}), ValueKind::ROWS);
    library("lookup_grad", {keys, places, ds}, {rows},
            {{"pool", text("sum")}, {"dim", integer(rowDim)}, {"begin", integer(0)}});
    node(NodeKind::PUSH_ROWS, "emb", "", {rows}, {}, {{"table", text("emb")}, {"part", text("")}});
  }
  void computePrediction(Space::type space) {
    p = placed("p", f32({-1}), space);
    kernel("predict", {s, dense, w}, {p});
  }
  void report() {
    node(NodeKind::REPORT, "loss", "", {loss}, {}, {{"metric", text("loss")}, {"name", text("loss")}});
    node(NodeKind::REPORT, "auc", "", {p, click}, {}, {{"metric", text("auc")}, {"name", text("auc")}});
  }
  /// Copies `from` to the device; gives the copy.
  int toDevice(int from) {
    int copied = placed(graph.values[static_cast<size_t>(from)].name + ".device",
                        graph.values[static_cast<size_t>(from)].type, Space::DEVICE);
    copy(from, copied);
    return copied;
  }
  /// Copies what a loss, or a prediction (without `newClick`), is computed of to the device.
  void allToDevice(int newS, int newDense, int newClick = -1) {
    s = toDevice(newS);
    dense = toDevice(newDense);
    if (newClick >= 0)
      click = toDevice(newClick);
    w = toDevice(w);
  }
  int toHost(int from) {
    int copied =
        placed(graph.values[static_cast<size_t>(from)].name + ".host", graph.values[static_cast<size_t>(from)].type);
    copy(from, copied);
    return copied;
  }
  void send(const std::string &channel, std::vector<int> values) {
    node(NodeKind::SEND, "send", "", values, {}, {{"channel", text(channel)}});
  }
  void receive(const std::string &channel, std::vector<int> values) {
    node(NodeKind::RECV, "receive", "", {}, values, {{"channel", text(channel)}});
  }
};

package::Graph wholeGraph(bool training) {
  TinyGraph g;
  g.readBatch();
  g.lookUp();
  g.pullW();
  g.compute(training, Space::HOST);
  if (training) {
    g.pushRows();
    g.pushW();
  }
  g.report();
  return g.graph;
}

package::Graph sparseGraph(bool training) {
  TinyGraph g;
  g.readBatch();
  g.lookUp();
  g.send(training ? "c0" : "c2", {g.s, g.dense, g.click});
  g.p = g.placed("p", f32({-1}));
  g.loss = g.bound("loss", f32({}));
  std::vector<int> values{g.p, g.loss};
  if (training)
    values.push_back(g.ds = g.placed("ds", batchOf(rowDim)));
  g.receive(training ? "c1" : "c3", values);
  if (training)
    g.pushRows();
  g.report();
  return g.graph;
}

package::Graph denseGraph(bool training) {
  TinyGraph g;
  int s = g.bound("s", batchOf(rowDim)), dense = g.placed("dense", batchOf(denseSize)),
      click = g.bound("click", f32({-1}));
  g.receive(training ? "c0" : "c2", {s, dense, click});
  g.pullW();
  g.allToDevice(s, dense, click);
  g.compute(training, Space::DEVICE);
  std::vector<int> values{g.toHost(g.p), g.toHost(g.loss)};
  if (training) {
    values.push_back(g.toHost(g.ds));
    g.dw = g.toHost(g.dw);
    g.pushW();
  }
  g.send(training ? "c1" : "c3", values);
  return g.graph;
}

/// Where heter-trainers look rows up, the cpu-trainer sends ids.
package::Graph readingGraph(bool training) {
  TinyGraph g;
  g.readBatch();
  g.send(training ? "c0" : "c2", {g.slots, g.dense, g.click});
  g.receive(training ? "c1" : "c3", {g.p = g.placed("p", f32({-1})), g.loss = g.bound("loss", f32({}))});
  g.report();
  return g.graph;
}

package::Graph lookingUpGraph(bool training) {
  TinyGraph g;
  int dense = g.placed("dense", batchOf(denseSize)), click = g.bound("click", f32({-1}));
  g.slots = g.bound("slots", i64({-1, slotCount}));
  g.receive(training ? "c0" : "c2", {g.slots, dense, click});
  g.lookUp();
  g.pullW();
  g.allToDevice(g.s, dense, click);
  g.compute(training, Space::DEVICE);
  std::vector<int> values{g.toHost(g.p), g.toHost(g.loss)};
  if (training) {
    g.ds = g.toHost(g.ds);
    g.dw = g.toHost(g.dw);
    g.pushRows();
    g.pushW();
  }
  g.send(training ? "c1" : "c3", values);
  return g.graph;
}

package::Graph readingPrediction() {
  TinyGraph g;
  g.readBatch(/*labelled=*/false);
  g.send("c4", {g.slots, g.dense});
  g.receive("c5", {g.p = g.placed("p", f32({-1}))});
  g.predict("p", g.p);
  return g.graph;
}

package::Graph lookingUpPrediction() {
  TinyGraph g;
  int dense = g.placed("dense", batchOf(denseSize));
  g.slots = g.bound("slots", i64({-1, slotCount}));
  g.receive("c4", {g.slots, dense});
  g.lookUp();
  g.pullW();
  g.allToDevice(g.s, dense);
  g.computePrediction(Space::DEVICE);
  g.send("c5", {g.toHost(g.p)});
  return g.graph;
}

package::Graph wholePrediction() {
  TinyGraph g;
  g.readBatch(/*labelled=*/false);
  g.lookUp();
  g.pullW();
  g.computePrediction(Space::HOST);
  g.predict("p", g.p);
  return g.graph;
}

package::Graph sparsePrediction() {
  TinyGraph g;
  g.readBatch(/*labelled=*/false);
  g.lookUp();
  g.send("c4", {g.s, g.dense});
  g.receive("c5", {g.p = g.placed("p", f32({-1}))});
  g.predict("p", g.p);
  return g.graph;
}

package::Graph densePrediction() {
  TinyGraph g;
  int s = g.bound("s", batchOf(rowDim)), dense = g.placed("dense", batchOf(denseSize));
  g.receive("c4", {s, dense});
  g.pullW();
  g.allToDevice(s, dense);
  g.computePrediction(Space::DEVICE);
  g.send("c5", {g.toHost(g.p)});
  return g.graph;
}

package::RoleProgram program(const std::string &role, const std::string &deviceClass,
                             package::Graph (*graph)(bool training), package::Graph (*prediction)()) {
  package::RoleProgram program;
  program.role = role;
  program.deviceClass = deviceClass;
  if (graph) {
    program.train = graph(true);
    program.infer = graph(false);
    program.predict = prediction();
  }
  return program;
}

package::PackageInfo tinyInfo(const std::string &mode) {
  package::PackageInfo info;
  info.version = package::g_Package_constants.FORMAT_VERSION;
  info.model = "tiny";
  info.mode = mode;
  info.seed = 1;
  info.inputs = {input("dense", f32({denseSize})), input("slots", i64({slotCount})), input("click", f32({}), true)};
  package::Part part;
  part.dim = rowDim;
  part.init = uniform(0.1);
  part.optimizer = adagradOptimizer();
  package::Table table;
  table.name = "emb";
  table.parts = {part};
  info.tables = {table};
  package::Parameter w;
  w.name = "w";
  w.shape = {denseSize};
  w.init = uniform(0.5);
  w.optimizer = adagradOptimizer();
  info.parameters = {w};
  package::DataSource data;
  data.name = "clicks";
  data.format = "tsv";
  package::DataExpression hash;
  hash.op = "hash";
  hash.arguments = {columns({4, 5, 6, 7})};
  data.bindings = {bind("dense", columns({1, 2, 3})), bind("slots", hash), bind("click", columns({0}))};
  info.data = {data};
  return info;
}

} // namespace

Package tinyPackage(const std::string &mode, LooksUp looksUp) {
  Package package;
  package.info = tinyInfo(mode);
  if (mode == "local") {
    package.programs = {program("local", "cpu", wholeGraph, wholePrediction)};
  } else if (mode == "ps") {
    package.programs = {program("cpu-trainer", "cpu", wholeGraph, wholePrediction),
                        program("server", "cpu", nullptr, nullptr)};
  } else {
    const bool heter = looksUp == LooksUp::HeterTrainer;
    package.programs = {heter ? program("cpu-trainer", "cpu", readingGraph, readingPrediction)
                              : program("cpu-trainer", "cpu", sparseGraph, sparsePrediction),
                        heter ? program("heter-trainer.gpu", "gpu", lookingUpGraph, lookingUpPrediction)
                              : program("heter-trainer.gpu", "gpu", denseGraph, densePrediction),
                        program("server", "cpu", nullptr, nullptr)};
    const package::TensorType lookedUp = heter ? i64({-1, slotCount}) : batchOf(rowDim);
    auto forward = {lookedUp, batchOf(denseSize), f32({-1})};
    std::vector<package::TensorType> back = {f32({-1}), f32({})};
    package.info.inferChannels = {channel("c2", true, forward), channel("c3", false, back)};
    if (!heter)
      back.push_back(batchOf(rowDim));
    package.info.trainChannels = {channel("c0", true, forward), channel("c1", false, back)};
    package.info.predictChannels = {channel("c4", true, {lookedUp, batchOf(denseSize)}),
                                    channel("c5", false, {f32({-1})})};
  }
  for (const package::RoleProgram &program : package.programs)
    package.info.roles.push_back(program.role);
  package.hash = programHash(package.info, package.programs);
  return package;
}

FunctionKernels tinyKernels() {
  FunctionKernels kernels;
  kernels.functions = {{"forward", forward}, {"predict", predictKernel}, {"backward", backward}, {"adagrad", adagrad}};
  return kernels;
}

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
