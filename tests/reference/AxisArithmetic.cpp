// Operations along an axis: reductions, softmax, normalization, and losses of classes.
#include "tests/reference/Attributes.h"
#include "tests/reference/Operations.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

namespace heter::reference {

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

Tensor reduce(mlir::Operation *op, const Tensor &input, llvm::StringRef how) {
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

Tensor maxGradient(mlir::Operation *op, const Tensor &gradient, const Tensor &input, const Tensor &output) {
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

Tensor argmax(mlir::Operation *op, const Tensor &input) {
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

Tensor layerNorm(mlir::Operation *op, const Tensor &input, const Tensor &scale, const Tensor &shift) {
  return alongAxis(input, nullptr, static_cast<int64_t>(input.shape.size()) - 1, [&](auto &line, const auto &) {
    normalizeLine(line, number(op, "epsilon"));
    for (size_t i = 0; i < line.size(); ++i)
      line[i] = line[i] * scale.numbers[i] + shift.numbers[i];
  });
}

Tensor layerNormGradient(mlir::Operation *op, const Tensor &gradient, const Tensor &input, const Tensor &scale) {
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

Tensor softmax(mlir::Operation *op, const Tensor &input) {
  return alongAxis(input, nullptr, integer(op, "axis"), [](auto &line, const auto &) { softmaxLine(line); });
}

Tensor softmaxGradient(mlir::Operation *op, const Tensor &gradient, const Tensor &output) {
  return alongAxis(gradient, &output, integer(op, "axis"), [](auto &line, const auto &y) {
    double product = dot(line, y);
    for (size_t i = 0; i < line.size(); ++i)
      line[i] = y[i] * (line[i] - product);
  });
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

/// The class that label `i` names, or nothing if it is none of so many.
static std::optional<int64_t> classOf(const Tensor &label, int64_t i, int64_t classes) {
  if (label.integers.empty() && !(std::abs(label.numbers[i]) < static_cast<double>(classes)))
    return std::nullopt;
  const int64_t named = label.integers.empty() ? std::lround(label.numbers[i]) : label.integers[i];
  return named >= 0 && named < classes ? std::optional(named) : std::nullopt;
}

Tensor softmaxCrossEntropy(const Tensor &logits, const Tensor &label) {
  Tensor result = makeTensor(label.shape);
  int64_t classes = logits.shape.back();
  for (int64_t i = 0; i < result.count(); ++i) {
    const double *x = &logits.numbers[i * classes];
    double largest = *std::max_element(x, x + classes), sum = 0;
    for (int64_t k = 0; k < classes; ++k)
      sum += std::exp(x[k] - largest);
    const std::optional<int64_t> named = classOf(label, i, classes);
    result.numbers[i] = named ? largest + std::log(sum) - x[*named] : std::nan("");
  }
  return result;
}

Tensor softmaxCrossEntropyGradient(const Tensor &gradient, const Tensor &logits, const Tensor &label) {
  int64_t row = 0;
  return alongAxis(logits, nullptr, static_cast<int64_t>(logits.shape.size()) - 1, [&](auto &line, const auto &) {
    softmaxLine(line);
    const std::optional<int64_t> named = classOf(label, row, static_cast<int64_t>(line.size()));
    if (named)
      line[*named] -= 1.0;
    for (double &value : line)
      value = named ? value * gradient.numbers[row] : std::nan("");
    ++row;
  });
}

} // namespace heter::reference
