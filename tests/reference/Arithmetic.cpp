// The arithmetic of single nn operations in double precision, each straight from its definition: here those of single
// elements, random numbers and tables, and which is which.
#include "tests/reference/Arithmetic.h"

#include "tests/reference/Attributes.h"
#include "tests/reference/Operations.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <xxhash.h>

using namespace heter::reference;

//===----------------------------------------------------------------------===//
// Random numbers
//===----------------------------------------------------------------------===//

/// Word 0 of Philox4x32-10 (Salmon et al., SC 2011).
static uint32_t philoxWord(std::array<uint32_t, 4> counter, uint64_t key) {
  auto low = static_cast<uint32_t>(key), high = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round, low += 0x9E3779B9, high += 0xBB67AE85) {
    uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ low, static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ high, static_cast<uint32_t>(a)};
  }
  return counter[0];
}

static Tensor dropout(mlir::Operation *op, const Tensor &input, const Environment &environment) {
  double rate = number(op, "rate");
  std::string path = text(op, "path");
  uint64_t key = environment.seed ^ XXH64(path.data(), path.size(), 0);
  Tensor result = input;
  int64_t each = input.count() / std::max<int64_t>(input.shape[0], 1);
  for (int64_t i = 0; i < input.count(); ++i) {
    auto example = static_cast<uint64_t>(environment.firstExample + i / each),
         element = static_cast<uint64_t>(i % each);
    uint32_t word = philoxWord({static_cast<uint32_t>(example), static_cast<uint32_t>(example >> 32),
                                static_cast<uint32_t>(element), static_cast<uint32_t>(element >> 32)},
                               key);
    bool keep = static_cast<float>(word >> 8) * 0x1p-24f >= static_cast<float>(rate);
    result.numbers[i] = keep ? input.numbers[i] / (1.0 - rate) : 0.0;
  }
  return result;
}

static Tensor hashNumbers(mlir::Operation *op, Tensor input) {
  std::string space = text(op, "space");
  uint64_t salt = XXH64(space.data(), space.size(), 0);
  for (int64_t &value : input.integers) {
    std::string digits = std::to_string(value);
    value = static_cast<int64_t>(XXH64(digits.data(), digits.size(), salt));
  }
  return input;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Calls `visit(bag, key, weight)` for each id of a lookup: without pooling every id is a bag of its own.
static void forEachId(mlir::Operation *op, const Value &ids,
                      const std::function<void(int64_t, int64_t, double)> &visit) {
  std::string how = pool(op);
  if (const auto *ragged = std::get_if<Ragged>(&ids)) {
    for (size_t bag = 0; bag + 1 < ragged->offsets.size(); ++bag)
      for (int64_t i = ragged->offsets[bag]; i < ragged->offsets[bag + 1]; ++i)
        visit(bag, ragged->elements.integers[i],
              how == "mean" ? 1.0 / static_cast<double>(ragged->offsets[bag + 1] - ragged->offsets[bag]) : 1.0);
    return;
  }
  const auto &tensor = std::get<Tensor>(ids);
  int64_t each = how == "none" ? 1 : tensor.shape.back();
  for (size_t i = 0; i < tensor.integers.size(); ++i)
    visit(static_cast<int64_t>(i) / each, tensor.integers[i], how == "mean" ? 1.0 / static_cast<double>(each) : 1.0);
}

Tensor heter::reference::lookup(mlir::Operation *op, const Value &ids, const Rows &rows) {
  const auto *ragged = std::get_if<Ragged>(&ids);
  int64_t examples = ragged ? static_cast<int64_t>(ragged->offsets.size()) - 1 : std::get<Tensor>(ids).shape.front();
  Tensor result = makeTensor(shapeOf(op->getResult(0).getType(), examples));
  int64_t dim = result.shape.back();
  forEachId(op, ids, [&](int64_t bag, int64_t key, double weight) {
    auto row = rows.find(key);
    for (int64_t i = 0; row != rows.end() && i < dim; ++i)
      result.numbers[bag * dim + i] += weight * row->second[i];
  });
  return result;
}

static Rows lookupGradient(mlir::Operation *op, const Value &ids, const Tensor &gradient) {
  Rows rows;
  int64_t dim = gradient.shape.back();
  forEachId(op, ids, [&](int64_t bag, int64_t key, double weight) {
    std::vector<double> &row = rows[key];
    row.resize(dim);
    for (int64_t i = 0; i < dim; ++i)
      row[i] += weight * gradient.numbers[bag * dim + i];
  });
  return rows;
}

static Rows addRows(Rows a, const Rows &b) {
  for (const auto &[key, row] : b) {
    std::vector<double> &sum = a[key];
    sum.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i)
      sum[i] += row[i];
  }
  return a;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// The elementwise function of one operand called `name`, or null.
static double (*unaryFunction(llvm::StringRef name))(double) {
  return llvm::StringSwitch<double (*)(double)>(name)
      .Case("neg", [](double x) { return -x; })
      .Case("floor", [](double x) { return std::floor(x); })
      .Case("relu", [](double x) { return x > 0 ? x : 0.0; })
      .Case("sigmoid", sigmoid)
      .Case("tanh", [](double x) { return std::tanh(x); })
      .Case("exp", [](double x) { return std::exp(x); })
      .Case("log", [](double x) { return std::log(x); })
      .Case("square", [](double x) { return x * x; })
      .Case("sqrt", [](double x) { return std::sqrt(x); })
      .Default(nullptr);
}

/// The elementwise function of two operands called `name`, or null.
static double (*binaryFunction(llvm::StringRef name))(double, double) {
  return llvm::StringSwitch<double (*)(double, double)>(name)
      .Case("add", [](double a, double b) { return a + b; })
      .Case("sub", [](double a, double b) { return a - b; })
      .Case("mul", [](double a, double b) { return a * b; })
      .Case("div", [](double a, double b) { return a / b; })
      .Case("maximum", [](double a, double b) { return std::max(a, b); })
      .Case("minimum", [](double a, double b) { return std::min(a, b); })
      .Case("relu_grad", [](double dy, double y) { return y > 0 ? dy : 0.0; })
      .Case("sigmoid_cross_entropy",
            [](double x, double z) { return std::max(x, 0.0) - x * z + std::log1p(std::exp(-std::abs(x))); })
      .Default(nullptr);
}

static Tensor logLoss(mlir::Operation *op, Tensor p, const Tensor &label) {
  double epsilon = number(op, "epsilon");
  for (int64_t i = 0; i < p.count(); ++i) {
    double z = label.numbers[i];
    p.numbers[i] = -z * std::log(p.numbers[i] + epsilon) - (1 - z) * std::log(1 - p.numbers[i] + epsilon);
  }
  return p;
}

//===----------------------------------------------------------------------===//
// Dispatch
//===----------------------------------------------------------------------===//

static Tensor reshaped(mlir::Operation *op, Tensor input, int64_t examples) {
  input.shape = shapeOf(op->getResult(0).getType(), examples);
  return input;
}

static Tensor cast(const Tensor &input) {
  return makeTensor(input.shape, std::vector<double>(input.integers.begin(), input.integers.end()));
}

/// Which way two elements compare, read off the attribute's printed form.
static Tensor compare(mlir::Operation *op, const Tensor &a, const Tensor &b) {
  std::string printed;
  llvm::raw_string_ostream(printed) << op->getAttr("comparison");
  auto holds = [&](auto x, auto y) {
    return printed.find("gt") != std::string::npos   ? x > y
           : printed.find("lt") != std::string::npos ? x < y
           : printed.find("ge") != std::string::npos ? x >= y
           : printed.find("le") != std::string::npos ? x <= y
           : printed.find("eq") != std::string::npos ? x == y
                                                     : x != y;
  };
  std::vector<int64_t> truths;
  for (size_t i = 0; i < a.numbers.size(); ++i)
    truths.push_back(holds(a.numbers[i], b.numbers[i]));
  for (size_t i = 0; i < a.integers.size(); ++i)
    truths.push_back(holds(a.integers[i], b.integers[i]));
  return makeIntegers(a.shape, std::move(truths));
}

/// The operations of tensors that are more than a formula of single elements; a null shape of the result otherwise.
static bool calculateTensor(mlir::Operation *op, const std::vector<Value> &operands, const Environment &environment,
                            Tensor &result) {
  llvm::StringRef name = op->getName().stripDialect();
  auto in = [&](size_t i) -> const Tensor & { return std::get<Tensor>(operands[i]); };
  int64_t examples = environment.examples;
  llvm::StringMap<std::function<Tensor()>> table;
  table["constant"] = [&] { return constant(op); };
  table["broadcast"] = [&] { return broadcast(op, in(0), examples); };
  table["concat"] = [&] { return concat(op, operands); };
  table["reshape"] = [&] { return reshaped(op, in(0), examples); };
  table["slice"] = [&] {
    return window(in(0), integer(op, "axis"), integer(op, "begin"), integer(op, "end") - integer(op, "begin"));
  };
  table["pad"] = [&] {
    int64_t axis = integer(op, "axis"), low = integer(op, "low");
    return window(in(0), axis, -low, low + in(0).shape[axis] + integer(op, "high"));
  };
  table["linear"] = [&] { return linear(operands); };
  table["transpose"] = [&] { return transpose(in(0)); };
  table["lower_triangle"] = [&] { return lowerTriangle(op, in(0), examples); };
  table["lower_triangle_grad"] = [&] { return lowerTriangleGradient(op, in(0), examples); };
  table["matmul"] = [&] { return matmul(in(0), in(1), flag(op, "transpose_a"), flag(op, "transpose_b")); };
  for (llvm::StringRef how : {"sum", "mean", "max"})
    table["reduce_" + how.str()] = [&, how] { return reduce(op, in(0), how); };
  table["max_grad"] = [&] { return maxGradient(op, in(0), in(1), in(2)); };
  table["argmax"] = [&] { return argmax(op, in(0)); };
  table["hash"] = [&] { return hashNumbers(op, in(0)); };
  table["compare"] = [&] { return compare(op, in(0), in(1)); };
  table["cast"] = [&] { return cast(in(0)); };
  table["softmax"] = [&] { return softmax(op, in(0)); };
  table["softmax_grad"] = [&] { return softmaxGradient(op, in(0), in(1)); };
  table["dropout"] = table["dropout_grad"] = [&] { return dropout(op, in(0), environment); };
  table["layer_norm"] = [&] { return layerNorm(op, in(0), in(1), in(2)); };
  table["layer_norm_grad"] = [&] { return layerNormGradient(op, in(0), in(1), in(2)); };
  table["log_loss"] = [&] { return logLoss(op, in(0), in(1)); };
  table["softmax_cross_entropy"] = [&] { return softmaxCrossEntropy(in(0), in(1)); };
  table["softmax_cross_entropy_grad"] = [&] { return softmaxCrossEntropyGradient(in(0), in(1), in(2)); };
  auto it = table.find(name);
  if (it == table.end())
    return false;
  result = it->second();
  return true;
}

Value heter::reference::calculate(mlir::Operation *op, const std::vector<Value> &operands,
                                  const Environment &environment) {
  llvm::StringRef name = op->getName().stripDialect();
  if (op->getName().getDialectNamespace() != "nn")
    throw std::runtime_error("the reference does not know " + op->getName().getStringRef().str());
  if (name == "lookup_grad")
    return lookupGradient(op, operands[0], std::get<Tensor>(operands[1]));
  if (name == "add_rows")
    return addRows(std::get<Rows>(operands[0]), std::get<Rows>(operands[1]));
  Tensor result;
  if (auto *unary = unaryFunction(name)) {
    result = std::get<Tensor>(operands[0]);
    for (double &value : result.numbers)
      value = unary(value);
  } else if (auto *binary = binaryFunction(name)) {
    result = std::get<Tensor>(operands[0]);
    for (size_t i = 0; i < result.numbers.size(); ++i)
      result.numbers[i] = binary(result.numbers[i], std::get<Tensor>(operands[1]).numbers[i]);
  } else if (!calculateTensor(op, operands, environment, result)) {
    throw std::runtime_error("the reference does not know " + op->getName().getStringRef().str());
  }
  return result;
}
