// Forward, backward and updates of the reference network.
#include "Network.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace reference {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = c[0] * uint64_t{0xD2511F53};
    const uint64_t b = c[2] * uint64_t{0xCD9E8D57};
    c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(a)};
    k = {k[0] + 0x9E3779B9, k[1] + 0xBB67AE85};
  }
  return c;
}

double initialValue(uint64_t seed, std::string_view name, uint64_t row, uint64_t column, float scale) {
  const uint64_t key = seed ^ hashText(name, 0);
  const uint64_t quarter = column / 4;
  const std::array<uint32_t, 4> words = philox({static_cast<uint32_t>(row), static_cast<uint32_t>(row >> 32),
                                                static_cast<uint32_t>(quarter), static_cast<uint32_t>(quarter >> 32)},
                                               {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
  const float unit = static_cast<float>(words[column % 4] >> 8) / 16777216.0F;
  return (2.0F * unit - 1.0F) * scale;
}

static Parameter makeParameter(uint64_t seed, const std::string &name, int elements, float scale) {
  Parameter parameter{name, {}, {}, {}, {}};
  for (int i = 0; i < elements; ++i)
    parameter.value.push_back(initialValue(seed, name, 0, static_cast<uint64_t>(i), scale));
  parameter.gradient.resize(parameter.value.size());
  parameter.m.resize(parameter.value.size());
  parameter.u.resize(parameter.value.size());
  return parameter;
}

Network::Network(uint64_t seed, std::vector<int> widths) : seed_(seed) {
  int in = denseCount + idCount * embeddingDim;
  for (size_t i = 0; i <= widths.size(); ++i) {
    const bool last = i == widths.size();
    const int out = last ? 1 : widths[i];
    const std::string name = last ? "logit" : "deep." + std::to_string(i);
    const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(in)));
    layers_.push_back({in, out, makeParameter(seed, name + ".weight", in * out, scale),
                       makeParameter(seed, name + ".bias", out, scale)});
    in = out;
  }
  activations_.resize(layers_.size() + 1);
}

Network::Row &Network::row(uint64_t id) {
  const auto [it, isNew] = rows_.try_emplace(id);
  if (isNew)
    for (size_t d = 0; d < embeddingDim; ++d) {
      it->second.value[d] = initialValue(seed_, "emb", id, d, 0.01F);
      it->second.sum[d] = 0;
    }
  return it->second;
}

std::array<double, embeddingDim> &Network::embedding(uint64_t id) { return row(id).value; }

static double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
static double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

double Network::forward(std::span<const Example> batch) {
  std::vector<double> &input = activations_[0];
  input.clear();
  for (const Example &example : batch) {
    input.insert(input.end(), example.dense.begin(), example.dense.end());
    for (uint64_t id : example.ids) {
      const std::array<double, embeddingDim> &value = row(id).value;
      input.insert(input.end(), value.begin(), value.end());
    }
  }
  for (size_t l = 0; l < layers_.size(); ++l) {
    const Layer &layer = layers_[l];
    const auto in = static_cast<size_t>(layer.in);
    const auto out = static_cast<size_t>(layer.out);
    std::vector<double> &y = activations_[l + 1];
    y.resize(batch.size() * out);
    for (size_t b = 0; b < batch.size(); ++b) {
      double *to = &y[b * out];
      std::copy(layer.bias.value.begin(), layer.bias.value.end(), to);
      for (size_t i = 0; i < in; ++i) {
        const double x = activations_[l][b * in + i];
        const double *weight = &layer.weight.value[i * out];
        for (size_t j = 0; j < out; ++j)
          to[j] += x * weight[j];
      }
      if (l + 1 < layers_.size())
        for (size_t j = 0; j < out; ++j)
          to[j] = std::max(to[j], 0.0);
    }
  }
  double sum = 0;
  for (size_t b = 0; b < batch.size(); ++b) {
    const double logit = activations_.back()[b];
    sum += softplus(logit) - logit * batch[b].label;
  }
  return sum / static_cast<double>(batch.size());
}

double Network::loss(std::span<const Example> batch) { return forward(batch); }

std::vector<double> Network::logits(std::span<const Example> batch) {
  forward(batch);
  return activations_.back();
}

void Network::backward(std::span<const Example> batch) {
  std::vector<double> gradient(batch.size());
  for (size_t b = 0; b < batch.size(); ++b)
    gradient[b] = (sigmoid(activations_.back()[b]) - batch[b].label) / static_cast<double>(batch.size());
  for (size_t l = layers_.size(); l-- > 0;) {
    Layer &layer = layers_[l];
    const auto in = static_cast<size_t>(layer.in);
    const auto out = static_cast<size_t>(layer.out);
    std::fill(layer.weight.gradient.begin(), layer.weight.gradient.end(), 0.0);
    std::fill(layer.bias.gradient.begin(), layer.bias.gradient.end(), 0.0);
    std::vector<double> below(batch.size() * in);
    for (size_t b = 0; b < batch.size(); ++b) {
      const double *dy = &gradient[b * out];
      for (size_t j = 0; j < out; ++j)
        layer.bias.gradient[j] += dy[j];
      for (size_t i = 0; i < in; ++i) {
        const double x = activations_[l][b * in + i];
        const double *weight = &layer.weight.value[i * out];
        double *dw = &layer.weight.gradient[i * out];
        double sum = 0;
        for (size_t j = 0; j < out; ++j) {
          dw[j] += x * dy[j];
          sum += weight[j] * dy[j];
        }
        below[b * in + i] = l > 0 && x <= 0 ? 0 : sum; // x is the ReLU's output
      }
    }
    gradient = std::move(below);
  }
  rowGradients_.clear();
  for (size_t b = 0; b < batch.size(); ++b)
    for (size_t i = 0; i < idCount; ++i) {
      std::array<double, embeddingDim> &sum = rowGradients_[batch[b].ids[i]];
      const size_t at = b * static_cast<size_t>(layers_[0].in) + denseCount + i * embeddingDim;
      for (size_t d = 0; d < embeddingDim; ++d)
        sum[d] += gradient[at + d];
    }
}

double Network::lossAndGradients(std::span<const Example> batch) {
  const double loss = forward(batch);
  backward(batch);
  return loss;
}

void Network::updateDense(Parameter &parameter) {
  const auto steps = static_cast<double>(steps_);
  const double correction1 = 1 - std::pow(0.9, steps);
  const double correction2 = 1 - std::pow(0.999, steps);
  for (size_t i = 0; i < parameter.value.size(); ++i) {
    const double g = parameter.gradient[i];
    parameter.m[i] = 0.9 * parameter.m[i] + 0.1 * g;
    parameter.u[i] = 0.999 * parameter.u[i] + 0.001 * g * g;
    parameter.value[i] -= 1e-3 * (parameter.m[i] / correction1) / (std::sqrt(parameter.u[i] / correction2) + 1e-8);
  }
}

double Network::step(std::span<const Example> batch) {
  const double loss = lossAndGradients(batch);
  ++steps_;
  for (Layer &layer : layers_) {
    updateDense(layer.weight);
    updateDense(layer.bias);
  }
  for (const auto &[id, gradient] : rowGradients_) {
    Row &updated = row(id);
    for (size_t d = 0; d < embeddingDim; ++d) {
      updated.sum[d] += gradient[d] * gradient[d];
      updated.value[d] -= 0.05 * gradient[d] / (std::sqrt(updated.sum[d]) + 1e-10);
    }
  }
  return loss;
}

double areaUnderCurve(std::span<const double> scores, std::span<const Example> examples) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  double wins = 0;
  double negatives = 0;
  double positives = 0;
  for (size_t first = 0; first < order.size();) {
    size_t end = first;
    double tiedPositives = 0;
    while (end < order.size() && scores[order[end]] == scores[order[first]])
      tiedPositives += examples[order[end++]].label;
    const double tiedNegatives = static_cast<double>(end - first) - tiedPositives;
    wins += tiedPositives * (negatives + tiedNegatives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
    first = end;
  }
  return positives > 0 && negatives > 0 ? wins / (positives * negatives) : 0.5;
}

} // namespace reference
