// The tiny model's kernels and packages:
//   s = sum of emb rows of slots (2 floats);  logit = s0 + s1 + dense . w;  p = sigmoid(logit)
//   loss = mean cross entropy;  gradients are sums over the micro-batch: p - y an example
#include "tests/runtime/role/TinyModel.h"

#include "runtime/package/Package_constants.h"
#include "tests/runtime/role/TinyGraphs.h"

#include <algorithm>
#include <cmath>

namespace heter::runtime::test {
namespace {

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

} // namespace heter::runtime::test
