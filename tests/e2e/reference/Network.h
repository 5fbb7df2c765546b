// The CTR-DNN in double precision: 26 embeddings of 9 and 13 numbers through linear layers of 400, 400, 400 and 1 with
// ReLU between them, mean sigmoid cross-entropy, Adagrad on embeddings and Adam on the rest. Forward and backward are
// written out by hand.
#ifndef HETER_TESTS_E2E_REFERENCE_NETWORK_H
#define HETER_TESTS_E2E_REFERENCE_NETWORK_H

#include "CriteoLines.h"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace reference {

constexpr int embeddingDim = 9;

/// Philox4x32-10 of Salmon, Moraes, Dror and Shaw (SC 2011).
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// The initial value of one element: uniform in [-scale, scale) from 24 bits, computed in single precision. The key is
/// seed xor XXH64(name), the counter is the row and the column's quarter.
double initialValue(uint64_t seed, std::string_view name, uint64_t row, uint64_t column, float scale);

/// A dense parameter and its Adam state.
struct Parameter {
  std::string name;
  std::vector<double> value;
  std::vector<double> gradient;
  std::vector<double> m;
  std::vector<double> u;
};

/// weight[in][out] and bias[out].
struct Layer {
  int in;
  int out;
  Parameter weight;
  Parameter bias;
};

class Network {
public:
  Network(uint64_t seed, std::vector<int> widths);

  /// The mean loss of a batch, without changing anything.
  double loss(std::span<const Example> batch);
  /// The mean loss of a batch, and the gradients of it in every layer and row.
  double lossAndGradients(std::span<const Example> batch);
  /// One training step: the loss before the update.
  double step(std::span<const Example> batch);
  /// The logit of each example.
  std::vector<double> logits(std::span<const Example> batch);

  std::vector<Layer> &layers() { return layers_; }
  std::array<double, embeddingDim> &embedding(uint64_t id);
  /// Gradients of the last lossAndGradients, by id.
  const std::map<uint64_t, std::array<double, embeddingDim>> &embeddingGradients() const { return rowGradients_; }

private:
  struct Row {
    std::array<double, embeddingDim> value;
    std::array<double, embeddingDim> sum; ///< Of squared gradients.
  };

  Row &row(uint64_t id);
  double forward(std::span<const Example> batch);
  void backward(std::span<const Example> batch);
  void updateDense(Parameter &parameter);

  uint64_t seed_;
  std::vector<Layer> layers_;
  std::unordered_map<uint64_t, Row> rows_;
  std::vector<std::vector<double>>
      activations_; ///< [layer] of batch x width: the input of each layer, then the logits.
  std::map<uint64_t, std::array<double, embeddingDim>> rowGradients_;
  int64_t steps_ = 0;
};

/// Area under the ROC curve, ties counted half; 0.5 if one class is missing.
double areaUnderCurve(std::span<const double> scores, std::span<const Example> examples);

} // namespace reference

#endif // HETER_TESTS_E2E_REFERENCE_NETWORK_H
