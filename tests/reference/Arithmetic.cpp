// The arithmetic of single nn operations in double precision, each straight from its definition.
#include "tests/reference/Arithmetic.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <xxhash.h>

using namespace heter::reference;

using Shape = std::vector<int64_t>;

//===----------------------------------------------------------------------===//
// Attributes and indices
//===----------------------------------------------------------------------===//

static int64_t integer(mlir::Operation *op, llvm::StringRef name) {
  return op->getAttrOfType<mlir::IntegerAttr>(name).getInt();
}

static double number(mlir::Operation *op, llvm::StringRef name) {
  return op->getAttrOfType<mlir::FloatAttr>(name).getValueAsDouble();
}

static Shape integers(mlir::Operation *op, llvm::StringRef name) {
  return Shape(op->getAttrOfType<mlir::DenseI64ArrayAttr>(name).asArrayRef());
}

static std::string text(mlir::Operation *op, llvm::StringRef name) {
  return op->getAttrOfType<mlir::StringAttr>(name).getValue().str();
}

static bool flag(mlir::Operation *op, llvm::StringRef name) {
  auto attribute = op->getAttrOfType<mlir::BoolAttr>(name);
  return attribute && attribute.getValue();
}

/// How an operation pools: "none", "sum" or "mean", read off the attribute's printed form.
static std::string pool(mlir::Operation *op) {
  mlir::Attribute attribute = op->getAttr("pool");
  if (!attribute)
    return "none";
  std::string printed;
  llvm::raw_string_ostream(printed) << attribute;
  for (const char *word : {"sum", "mean"})
    if (printed.find(word) != std::string::npos)
      return word;
  return "none";
}

/// The shape of `type` with the number of examples as its dynamic dimension.
static Shape shapeOf(mlir::Type type, int64_t examples) {
  Shape shape(mlir::cast<mlir::RankedTensorType>(type).getShape());
  for (int64_t &size : shape)
    size = mlir::ShapedType::isDynamic(size) ? examples : size;
  return shape;
}

static int64_t product(Shape::const_iterator begin, Shape::const_iterator end) {
  return std::accumulate(begin, end, int64_t{1}, std::multiplies<>());
}

/// The index along each dimension of element `flat`.
static Shape unflatten(int64_t flat, const Shape &shape) {
  Shape index(shape.size());
  for (size_t i = shape.size(); i-- > 0; flat /= shape[i])
    index[i] = flat % shape[i];
  return index;
}

static int64_t flatten(const Shape &index, const Shape &shape) {
  int64_t flat = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    flat = flat * shape[i] + index[i];
  return flat;
}

/// A tensor seen as [outer, size, inner] around one dimension.
struct Around {
  int64_t outer, size, inner;
  Around(const Shape &shape, int64_t axis)
      : outer(product(shape.begin(), shape.begin() + axis)), size(shape[axis]),
        inner(product(shape.begin() + axis + 1, shape.end())) {}
};

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
// Shape
//===----------------------------------------------------------------------===//

static Tensor constant(mlir::Operation *op) {
  auto elements = mlir::cast<mlir::DenseElementsAttr>(op->getAttr("value"));
  Tensor result{Shape(elements.getType().getShape()), {}, {}};
  if (elements.getElementType().isF32())
    for (llvm::APFloat value : elements.getValues<llvm::APFloat>())
      result.numbers.push_back(value.convertToFloat());
  else
    for (const llvm::APInt &value : elements.getValues<llvm::APInt>())
      result.integers.push_back(value.getBitWidth() == 1 ? value.getZExtValue() : value.getSExtValue());
  return result;
}

static Tensor broadcast(mlir::Operation *op, const Tensor &input, int64_t examples) {
  Tensor result = makeTensor(shapeOf(op->getResult(0).getType(), examples));
  Shape dims = integers(op, "dims");
  for (int64_t i = 0; i < result.count(); ++i) {
    Shape to = unflatten(i, result.shape), from(dims.size());
    for (size_t d = 0; d < dims.size(); ++d)
      from[d] = input.shape[d] == 1 ? 0 : to[dims[d]];
    result.numbers[i] = input.numbers[flatten(from, input.shape)];
  }
  return result;
}

static Tensor concat(mlir::Operation *op, const std::vector<Value> &operands) {
  int64_t axis = integer(op, "axis");
  Shape shape = std::get<Tensor>(operands[0]).shape;
  shape[axis] = 0;
  for (const Value &operand : operands)
    shape[axis] += std::get<Tensor>(operand).shape[axis];
  Tensor result = makeTensor(shape);
  Around all(shape, axis);
  int64_t begin = 0;
  for (const Value &operand : operands) {
    const auto &input = std::get<Tensor>(operand);
    Around one(input.shape, axis);
    for (int64_t i = 0; i < one.outer; ++i)
      std::copy_n(&input.numbers[i * one.size * one.inner], one.size * one.inner,
                  &result.numbers[(i * all.size + begin) * all.inner]);
    begin += one.size;
  }
  return result;
}

/// Elements [begin, begin + size) along an axis, zeros outside the input: both nn.slice and nn.pad.
static Tensor window(const Tensor &input, int64_t axis, int64_t begin, int64_t size) {
  Shape shape = input.shape;
  shape[axis] = size;
  Tensor result = makeTensor(shape);
  for (int64_t i = 0; i < result.count(); ++i) {
    Shape index = unflatten(i, shape);
    index[axis] += begin;
    if (index[axis] >= 0 && index[axis] < input.shape[axis])
      result.numbers[i] = input.numbers[flatten(index, input.shape)];
  }
  return result;
}

static Tensor transpose(const Tensor &input) {
  Shape shape = input.shape;
  std::swap(shape.back(), shape[shape.size() - 2]);
  Tensor result = makeTensor(shape);
  for (int64_t i = 0; i < result.count(); ++i) {
    Shape index = unflatten(i, shape);
    std::swap(index.back(), index[shape.size() - 2]);
    result.numbers[i] = input.numbers[flatten(index, input.shape)];
  }
  return result;
}

/// Calls `visit(i, k)` for each element i of `squares` whose column is less than its row; k counts them.
static void forEachLower(const Shape &squares, const std::function<void(int64_t, int64_t)> &visit) {
  int64_t size = squares.back(), lower = 0;
  for (int64_t i = 0; i < product(squares.begin(), squares.end()); ++i)
    if (i % size < i / size % size)
      visit(i, lower++);
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// Row-major [m, k] times [k, n], both perhaps transposed in memory.
static void multiply(const double *a, const double *b, double *c, int64_t m, int64_t k, int64_t n, bool ta, bool tb) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < n; ++j)
        c[i * n + j] += (ta ? a[l * m + i] : a[i * k + l]) * (tb ? b[j * k + l] : b[l * n + j]);
}

static Tensor matmul(const Tensor &a, const Tensor &b, bool ta, bool tb) {
  size_t rank = a.shape.size();
  bool batched = rank == 3 && b.shape.size() == 3;
  int64_t batch = batched ? a.shape[0] : 1;
  int64_t rows = batched ? a.shape[1] : product(a.shape.begin(), a.shape.end() - 1);
  int64_t m = ta ? a.shape.back() : rows, k = ta ? rows : a.shape.back();
  int64_t n = tb ? b.shape[b.shape.size() - 2] : b.shape.back();
  Shape shape(a.shape.begin(), a.shape.end() - 2);
  shape.insert(shape.end(), {rank > 2 && !batched ? a.shape[rank - 2] : m, n});
  Tensor result = makeTensor(shape);
  for (int64_t i = 0; i < batch; ++i)
    multiply(&a.numbers[i * m * k], &b.numbers[i * k * n], &result.numbers[i * m * n], m, k, n, ta, tb);
  return result;
}

static Tensor linear(const std::vector<Value> &operands) {
  Tensor result = matmul(std::get<Tensor>(operands[0]), std::get<Tensor>(operands[1]), false, false);
  if (operands.size() == 3) {
    const auto &bias = std::get<Tensor>(operands[2]);
    for (int64_t i = 0; i < result.count(); ++i)
      result.numbers[i] += bias.numbers[i % bias.count()];
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Reductions, softmax, normalization
//===----------------------------------------------------------------------===//

/// For each element of the input the element of the reduced tensor that it goes to.
static std::vector<int64_t> reductionTargets(const Shape &shape, const Shape &axes, Shape &reduced) {
  auto gone = [&](size_t d) { return std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) != axes.end(); };
  reduced.clear();
  for (size_t d = 0; d < shape.size(); ++d)
    if (!gone(d))
      reduced.push_back(shape[d]);
  std::vector<int64_t> targets(product(shape.begin(), shape.end()));
  for (size_t i = 0; i < targets.size(); ++i) {
    Shape index = unflatten(static_cast<int64_t>(i), shape), kept;
    for (size_t d = 0; d < shape.size(); ++d)
      if (!gone(d))
        kept.push_back(index[d]);
    targets[i] = flatten(kept, reduced);
  }
  return targets;
}

static Tensor reduce(mlir::Operation *op, const Tensor &input, llvm::StringRef how) {
  Shape shape;
  std::vector<int64_t> targets = reductionTargets(input.shape, integers(op, "axes"), shape);
  Tensor result = makeTensor(shape);
  if (how == "max")
    std::fill(result.numbers.begin(), result.numbers.end(), -INFINITY);
  for (size_t i = 0; i < targets.size(); ++i) {
    double &to = result.numbers[targets[i]];
    to = how == "max" ? std::max(to, input.numbers[i]) : to + input.numbers[i];
  }
  if (how == "mean")
    for (double &value : result.numbers)
      value /= static_cast<double>(input.count() / result.count());
  return result;
}

static Tensor maxGradient(mlir::Operation *op, const Tensor &gradient, const Tensor &input, const Tensor &output) {
  Shape shape;
  std::vector<int64_t> targets = reductionTargets(input.shape, integers(op, "axes"), shape);
  std::vector<double> ties(output.count());
  Tensor result = makeTensor(input.shape);
  for (size_t i = 0; i < targets.size(); ++i)
    ties[targets[i]] += input.numbers[i] == output.numbers[targets[i]];
  for (size_t i = 0; i < targets.size(); ++i)
    if (input.numbers[i] == output.numbers[targets[i]])
      result.numbers[i] = gradient.numbers[targets[i]] / ties[targets[i]];
  return result;
}

static Tensor argmax(mlir::Operation *op, const Tensor &input) {
  int64_t axis = integer(op, "axis");
  Around view(input.shape, axis);
  Tensor result;
  result.shape = input.shape;
  result.shape.erase(result.shape.begin() + axis);
  for (int64_t i = 0; i < view.outer; ++i)
    for (int64_t j = 0; j < view.inner; ++j) {
      int64_t best = 0;
      for (int64_t k = 1; k < view.size; ++k)
        if (input.numbers[(i * view.size + k) * view.inner + j] >
            input.numbers[(i * view.size + best) * view.inner + j])
          best = k;
      result.integers.push_back(best);
    }
  return result;
}

/// Calls `change(line)` with each line along an axis of `first` (and of `second`, of the same shape, after it), then
/// writes the line back to `first`.
static Tensor alongAxis(Tensor first, const Tensor *second, int64_t axis,
                        const std::function<void(std::vector<double> &, const std::vector<double> &)> &change) {
  Around view(first.shape, axis);
  std::vector<double> line(view.size), other(view.size);
  for (int64_t i = 0; i < view.outer; ++i)
    for (int64_t j = 0; j < view.inner; ++j) {
      auto at = [&](int64_t k) { return (i * view.size + k) * view.inner + j; };
      for (int64_t k = 0; k < view.size; ++k) {
        line[k] = first.numbers[at(k)];
        other[k] = second ? second->numbers[at(k)] : 0.0;
      }
      change(line, other);
      for (int64_t k = 0; k < view.size; ++k)
        first.numbers[at(k)] = line[k];
    }
  return first;
}

static void softmaxLine(std::vector<double> &line) {
  double largest = *std::max_element(line.begin(), line.end()), sum = 0;
  for (double &value : line)
    sum += value = std::exp(value - largest);
  for (double &value : line)
    value /= sum;
}

static double dot(const std::vector<double> &a, const std::vector<double> &b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// Subtracts the mean, divides by sqrt(variance + epsilon); returns 1 / sqrt(variance + epsilon).
static double normalizeLine(std::vector<double> &line, double epsilon) {
  auto size = static_cast<double>(line.size());
  double mean = std::accumulate(line.begin(), line.end(), 0.0) / size;
  for (double &value : line)
    value -= mean;
  double factor = 1.0 / std::sqrt(dot(line, line) / size + epsilon);
  for (double &value : line)
    value *= factor;
  return factor;
}

static Tensor layerNorm(mlir::Operation *op, const Tensor &input, const Tensor &scale, const Tensor &shift) {
  return alongAxis(input, nullptr, static_cast<int64_t>(input.shape.size()) - 1, [&](auto &line, const auto &) {
    normalizeLine(line, number(op, "epsilon"));
    for (size_t i = 0; i < line.size(); ++i)
      line[i] = line[i] * scale.numbers[i] + shift.numbers[i];
  });
}

static Tensor layerNormGradient(mlir::Operation *op, const Tensor &gradient, const Tensor &input, const Tensor &scale) {
  return alongAxis(gradient, &input, static_cast<int64_t>(input.shape.size()) - 1,
                   [&](std::vector<double> &line, std::vector<double> x) {
                     double factor = normalizeLine(x, number(op, "epsilon"));
                     auto size = static_cast<double>(line.size());
                     for (size_t i = 0; i < line.size(); ++i)
                       line[i] *= scale.numbers[i];
                     double sum = std::accumulate(line.begin(), line.end(), 0.0), product = dot(line, x);
                     for (size_t i = 0; i < line.size(); ++i)
                       line[i] = factor * (line[i] - sum / size - x[i] * product / size);
                   });
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

static int64_t classOf(const Tensor &label, int64_t i) {
  return label.integers.empty() ? std::lround(label.numbers[i]) : label.integers[i];
}

static Tensor softmaxCrossEntropy(const Tensor &logits, const Tensor &label) {
  Tensor result = makeTensor(label.shape);
  int64_t classes = logits.shape.back();
  for (int64_t i = 0; i < result.count(); ++i) {
    const double *x = &logits.numbers[i * classes];
    double largest = *std::max_element(x, x + classes), sum = 0;
    for (int64_t k = 0; k < classes; ++k)
      sum += std::exp(x[k] - largest);
    result.numbers[i] = largest + std::log(sum) - x[classOf(label, i)];
  }
  return result;
}

static Tensor softmaxCrossEntropyGradient(const Tensor &gradient, const Tensor &logits, const Tensor &label) {
  int64_t row = 0;
  return alongAxis(logits, nullptr, static_cast<int64_t>(logits.shape.size()) - 1, [&](auto &line, const auto &) {
    softmaxLine(line);
    line[classOf(label, row)] -= 1.0;
    for (double &value : line)
      value *= gradient.numbers[row];
    ++row;
  });
}

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

static Tensor softmaxGradient(mlir::Operation *op, const Tensor &gradient, const Tensor &output) {
  return alongAxis(gradient, &output, integer(op, "axis"), [](auto &line, const auto &y) {
    double product = dot(line, y);
    for (size_t i = 0; i < line.size(); ++i)
      line[i] = y[i] * (line[i] - product);
  });
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
  table["lower_triangle"] = [&] {
    Tensor triangle = makeTensor(shapeOf(op->getResult(0).getType(), examples));
    forEachLower(in(0).shape, [&](int64_t square, int64_t lower) { triangle.numbers[lower] = in(0).numbers[square]; });
    return triangle;
  };
  table["lower_triangle_grad"] = [&] {
    Tensor square = makeTensor(shapeOf(op->getResult(0).getType(), examples));
    forEachLower(square.shape, [&](int64_t to, int64_t lower) { square.numbers[to] = in(0).numbers[lower]; });
    return square;
  };
  table["matmul"] = [&] { return matmul(in(0), in(1), flag(op, "transpose_a"), flag(op, "transpose_b")); };
  for (llvm::StringRef how : {"sum", "mean", "max"})
    table["reduce_" + how.str()] = [&, how] { return reduce(op, in(0), how); };
  table["max_grad"] = [&] { return maxGradient(op, in(0), in(1), in(2)); };
  table["argmax"] = [&] { return argmax(op, in(0)); };
  table["hash"] = [&] { return hashNumbers(op, in(0)); };
  table["compare"] = [&] { return compare(op, in(0), in(1)); };
  table["cast"] = [&] { return cast(in(0)); };
  table["softmax"] = [&] {
    return alongAxis(in(0), nullptr, integer(op, "axis"), [](auto &line, const auto &) { softmaxLine(line); });
  };
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
