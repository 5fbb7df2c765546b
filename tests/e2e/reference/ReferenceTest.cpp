// The reference itself: its generator against published vectors, its gradients against central differences.
#include "Network.h"

#include <gtest/gtest.h>

#include <cmath>

namespace reference {
namespace {

std::string someLine(int n) {
  std::string line = n % 3 == 0 ? "1" : "0";
  for (int i = 0; i < denseCount; ++i)
    line += "\t" + (i == n % 5 ? std::string() : std::to_string((n * 7 + i * 3) % 40 - 2));
  for (int i = 0; i < idCount; ++i)
    line += "\t" + (i == n % 4 ? std::string() : "v" + std::to_string((n + i * 11) % 6));
  return line;
}

std::vector<Example> someExamples(int count) {
  std::vector<Example> examples;
  for (int n = 0; n < count; ++n)
    examples.push_back(parseLine(someLine(n)));
  return examples;
}

// kat_vectors of the authors' Random123 library.
TEST(Reference, philoxGivesThePublishedNumbers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Reference, linesAreReadAsTheFormatSays) {
  std::string line = "1\t\t-2\t5";
  for (int i = 4; i < 40; ++i)
    line += "\t";
  const Example example = parseLine(line);
  EXPECT_EQ(example.label, 1);
  EXPECT_EQ(example.dense[0], 0);
  EXPECT_EQ(example.dense[1], 0);
  EXPECT_EQ(example.dense[2], std::log1p(5.0));
  EXPECT_EQ(example.ids[0], hashText("", hashText("col[14]", 0)));
  EXPECT_NE(example.ids[0], example.ids[1]);
  EXPECT_EQ(hashText("", 0), 0xef46db3751d8e999ULL); // XXH64's published value
  EXPECT_THROW(parseLine("1\t2"), std::runtime_error);
}

TEST(Reference, gradientsAreThoseOfTheLoss) {
  Network network(1, {6, 5});
  const std::vector<Example> batch = someExamples(7);
  network.lossAndGradients(batch);
  const auto rows = network.embeddingGradients();
  const auto expectGradient = [&](double &value, double gradient) {
    const double kept = value;
    const double h = 1e-6;
    value = kept + h;
    const double above = network.loss(batch);
    value = kept - h;
    const double below = network.loss(batch);
    value = kept;
    EXPECT_NEAR((above - below) / (2 * h), gradient, 1e-8);
  };
  for (Layer &layer : network.layers()) {
    for (size_t i = 0; i < layer.weight.value.size(); i += 13)
      expectGradient(layer.weight.value[i], layer.weight.gradient[i]);
    for (size_t i = 0; i < layer.bias.value.size(); ++i)
      expectGradient(layer.bias.value[i], layer.bias.gradient[i]);
  }
  for (const auto &[id, gradient] : rows)
    for (size_t d = 0; d < embeddingDim; d += 4)
      expectGradient(network.embedding(id)[d], gradient[d]);
}

TEST(Reference, learns) {
  Network network(1, {16});
  const std::vector<Example> batch = someExamples(30);
  const double first = network.step(batch);
  for (int i = 0; i < 200; ++i)
    network.step(batch);
  EXPECT_LT(network.loss(batch), first / 2);
  EXPECT_GT(areaUnderCurve(network.logits(batch), batch), 0.95);
}

TEST(Reference, areaUnderCurveCountsTiesHalf) {
  std::vector<Example> examples(4);
  examples[0].label = examples[2].label = 1;
  EXPECT_EQ(areaUnderCurve(std::vector<double>{1, 1, 1, 1}, examples), 0.5);
  EXPECT_EQ(areaUnderCurve(std::vector<double>{3, 1, 2, 0}, examples), 1.0);
  EXPECT_EQ(areaUnderCurve(std::vector<double>{1, 2, 2, 0}, examples), 0.625);
}

} // namespace
} // namespace reference
